"""What goes on in the luna that a browser test visits: flows that are over, flows that last, and very many of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import msgspec

from luna.state.run import RunRecord, folded, lines
from luna.state.store.tables import runs
from tests.support.house import Running

BASH = {"type": "function", "function": {"name": "Bash", "parameters": {"type": "object", "properties": {}}}}
CALL = '[[say:<tool_call>{"name": "Bash", "arguments": {}}</tool_call>]]'
SLOW = "[[pace:100]] [[count:3000]]"
"""Lasts longer than any test."""
FAILS = "[[fault:internal]] please"
PATIENCE = 60
"""Seconds for which a test waits for what is sure to come, on a machine that has other work too."""


async def chat(luna: Running, prompt: str, **more: object) -> str:
    """Ask a model; the flow's id."""
    body = {"model": "qwen3.7-plus", "stream": True, "messages": [{"role": "user", "content": prompt}], **more}
    response = await luna.request("POST", "/v1/chat/completions", msgspec.json.encode(body))
    return dict(response.headers)[b"x-luna-flow"].decode()


@asynccontextmanager
async def going_on(luna: Running, prompt: str = SLOW) -> AsyncIterator[None]:
    """A flow that goes on as long as the block runs."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(chat, luna, prompt)
        with anyio.fail_after(PATIENCE):
            while not any(run.status == "streaming" for run in luna.house.state.runs.active()):
                await anyio.sleep(0.01)
        yield
        tasks.cancel_scope.cancel()


async def many_flows(luna: Running, count: int) -> None:
    """Flows of the last hours, a second apart, straight into the store."""
    store = luna.house.state.store
    newest = luna.house.state.runs._clock.wall()
    records = [
        RunRecord(
            id=f"flow_{number:06}",
            created_at=newest - number,
            status="failed" if number % 50 == 0 else "completed",
            error_kind=("rate-limited", "timeout", "captcha")[number % 3] if number % 50 == 0 else "",
            model="qwen3-max" if number % 3 else "qwen-plus",
            target="qwen3-max",
            account_id=f"account-{number % 4}",
            session_id=f"sess_{number // 7}",
            agent="claude-code",
            preview=f"Task {number}: mend the thing that broke in module {number % 97}",
            preview_folded=folded(f"Task {number}: mend the thing that broke in module {number % 97}"),
            tools=lines(["Bash", "Read"][: number % 3]),
            queue_ms=1.0,
            first_event_ms=float(300 + number % 900),
            duration_ms=float(1000 + number % 9000),
            input_tokens=1000,
            output_tokens=200 + number % 100,
            bytes_in=4096,
            route="chat",
            protocol="openai-chat",
        )
        for number in range(count)
    ]
    store.write(store.upsert(runs), [msgspec.structs.asdict(record) for record in records])
    await store.commit()
