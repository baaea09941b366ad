"""What the tool contract costs: tokens before and after compression, and the time to write it.

Run with `python -m tests.bench.bench_contract`. Token counts are luna's estimate, the same on both sides.
"""

import time
from collections.abc import Callable, Sequence

import msgspec

from luna.model.chat import Tool, ToolChoice
from luna.protocols.tokens import estimate
from luna.tools.compress import compact
from luna.tools.contract import Say, contract, reminder
from tests.support.spoken import speaker
from tests.support.toolsets import AGENT


def as_json(tool: Tool) -> str:
    """The parameters as the client wrote them, without white space."""
    return msgspec.json.encode(tool.parameters).decode()


def both(tools: Sequence[Tool], say: Say) -> None:
    """What one request costs."""
    contract(tools, ToolChoice(), say)
    reminder(tools, ToolChoice(), say)


def microseconds(work: Callable[[], object], rounds: int) -> float:
    """The time of one round, the best of five tries."""
    best = float("inf")
    for _ in range(5):
        begun = time.perf_counter()
        for _ in range(rounds):
            work()
        best = min(best, (time.perf_counter() - begun) / rounds)
    return best * 1e6


def main() -> None:
    """Print the figures."""
    say = speaker()
    print(f"{'tool':36}{'schema':>8}{'compact':>9}{'saved':>8}")
    before = after = 0
    for tool in AGENT:
        raw, small = estimate(as_json(tool)), estimate(compact(tool.parameters))
        before, after = before + raw, after + small
        print(f"{tool.name:36}{raw:8}{small:9}{1 - small / raw:8.0%}")
    print(f"{f'{len(AGENT)} tools':36}{before:8}{after:9}{1 - after / before:8.0%}")
    words = estimate(contract([], ToolChoice(), say))
    described = sum(estimate(tool.name) + estimate(tool.description) for tool in AGENT)
    said = estimate(reminder(AGENT, ToolChoice(), say))
    print(f"\ncontract: {words} tokens of rules, {described} of names and descriptions, {after} of parameters")
    print(f"reminder: {said} tokens in each turn")
    first = microseconds(lambda: [compact(tool.parameters) for tool in AGENT], 20)
    again = microseconds(lambda: both(AGENT, say), 200)
    print(f"to write the parameters: {first:.0f} µs; contract and reminder with known tools: {again:.0f} µs")


if __name__ == "__main__":
    main()
