"""What a continued conversation sends to Qwen, against what sending it whole each time would.

Run with `python -m tests.bench.bench_continuation`. An agent with its tools works for 60 turns, through the stages of
the chat pipeline, with a scripted upstream; then the same again with sessions switched off.
"""

import tempfile
from pathlib import Path
from typing import Any

import anyio
import msgspec

from luna.model.preferences import Preferences, SessionPreferences
from luna.state.store import Store
from luna.tools import markup
from tests.support.conversing import Conversing, Sent
from tests.support.qwen_desk import COMPLETIONS, NEW
from tests.support.toolsets import AGENT

TURNS = 60
SHARE = 0.05
SYSTEM = (
    "You are a coding agent. Today is 2026-11-22. " + "Be careful with the user's files, and say what you do. " * 300
)
RESULT = "def compute(values):\n    return sum(value * 2 for value in values)  # doubled\n" * 40


def say(sent: Sent) -> str:
    """A few words and a call, each time another."""
    call = markup.call("Read", f'{{"file_path":"/src/module_{sent.number}.py","limit":{sent.number}}}')
    return f"Let me look at module {sent.number}.\n{markup.calls([call])}"


async def main() -> None:
    """Print the figures."""
    continued, whole = await work(enabled=True), await work(enabled=False)
    share = sum(continued) / sum(whole)
    print(f"an agent with {len(AGENT)} tools, {TURNS} turns")
    print(f"{'turn':>6}{'continued':>14}{'sent whole':>14}")
    for turn in (1, 2, 10, 30, TURNS):
        print(f"{turn:6}{continued[turn - 1]:14,}{whole[turn - 1]:14,}")
    print(f"{'all':>6}{sum(continued):14,}{sum(whole):14,} bytes")
    print(f"continued sends {share:.1%} of what sending it whole does{'' if share < SHARE else f', over {SHARE:.0%}'}")


async def work(*, enabled: bool) -> list[int]:
    """The bytes that go to Qwen in each turn."""
    with tempfile.TemporaryDirectory() as directory:
        async with Store.opened(Path(directory)) as store:
            desk = Conversing(Path(directory), store)
            desk.upstream.say = say
            desk.preferences.replace(Preferences(session=SessionPreferences(enabled=enabled)))
            body: dict[str, Any] = {
                "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "Refactor it all."}],
                "tools": [
                    {"type": "function", "function": msgspec.to_builtins(tool) | {"strict": False}} for tool in AGENT
                ],
            }
            for turn in range(TURNS):
                answered = await desk.ask(body)
                message = answered.message
                (call,) = message["tool_calls"]
                result = {"role": "tool", "tool_call_id": call["id"], "content": f"# module {turn}\n{RESULT}"}
                body["messages"] += [message, result]
            chats = {sent.chat for sent in desk.heard}
            assert len(chats) == (1 if enabled else TURNS)
            made = [len(request.body) for request in desk.backend.to(NEW)]
            turns = [len(request.body) for request in desk.backend.to(COMPLETIONS)]
            extra = made if len(made) == TURNS else [*made, *[0] * (TURNS - len(made))]
            return [a + b for a, b in zip(turns, extra, strict=True)]


if __name__ == "__main__":
    anyio.run(main)
