"""A flow that is over is gone: nothing of it waits for the garbage collector, however it ended.

What refers to itself stays until enough has gathered for the collector to look, and what was in use while it looked
stays twenty times as long. With long prompts, or streams of minutes, that is memory that grows for an hour.
"""

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import msgspec

from luna.core.flow import Outcome
from tests.gauntlet.arena import Arena, arena
from tests.gauntlet.speech import WAYS, Way
from tests.support.lookalike import read_to_end

FAULTS = ("rate-limit", "internal", "content-filter", "half-frame", "cut", "hang-up")
"""After the second, luna tries once more."""
CALL = (
    "<ml_tool_calls><ml_tool_call><ml_tool_name>look</ml_tool_name><ml_parameters><at>it</at></ml_parameters>"
    "</ml_tool_call></ml_tool_calls>"
)
UNKNOWN = CALL.replace("look", "leap")
CUT = CALL.partition("it")[0]
TOOL = {
    "name": "look",
    "description": "Looks.",
    "parameters": {"type": "object", "properties": {"at": {"type": "string"}}},
}


@contextmanager
def uncollected() -> Iterator[Counter[str]]:
    """What of luna's own, by its kind, only the collector could have freed."""
    found = Counter[str]()
    gc.collect()
    gc.disable()
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        kinds = (f"{type(one).__module__}.{type(one).__qualname__}" for one in gc.garbage)
        found.update(kind for kind in kinds if kind.startswith("luna.") and not kind.startswith("luna.demo."))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


async def ask_all(luna: Arena, prompt: str) -> list[str]:
    """What each way of asking was told: its words, or the error."""
    told: list[str] = []

    async def one(way: Way) -> None:
        got = await luna.ask(way, f"{prompt} {way}")
        told.append(got.error or got.text)

    luna.fresh_accounts()
    async with anyio.create_task_group() as tasks:
        for way in WAYS:
            tasks.start_soon(one, way)
    return told


async def test_of_what_was_answered_nothing_is_garbage(tmp_path: Path) -> None:
    async with arena(tmp_path) as luna:
        with uncollected() as found:
            assert await ask_all(luna, "[[think:Let me see.]][[say:hello]]") == ["hello"] * len(WAYS)
            await luna.quiet()
        assert found == {}


async def test_of_what_failed_nothing_is_garbage(tmp_path: Path) -> None:
    async with arena(tmp_path) as luna:
        with uncollected() as found:
            for fault in FAULTS:
                assert all(await ask_all(luna, f"[[fault:{fault}]][[count:20]]"))
            await luna.quiet()
        assert found == {}


async def test_of_those_who_left_nothing_is_garbage(tmp_path: Path) -> None:
    async with arena(tmp_path) as luna:

        async def leave(way: Way) -> None:
            async with await anyio.connect_tcp("127.0.0.1", luna.port) as connection:
                await connection.send(way.request("[[count:2000]][[pace:5]]", account=luna.accounts[way]))
                if way.stream:
                    await connection.receive()
                else:
                    await _spoken(luna, 1)

        luna.fresh_accounts()
        with uncollected() as found:
            for way in WAYS:
                await leave(way)
            await luna.quiet()
        assert found == {}


async def test_of_what_was_cancelled_nothing_is_garbage(tmp_path: Path) -> None:
    async with arena(tmp_path) as luna:

        async def ask(way: Way) -> None:
            async with await anyio.connect_tcp("127.0.0.1", luna.port) as connection:
                await connection.send(way.request("[[count:2000]][[pace:5]]", account=luna.accounts[way]))
                await read_to_end(connection)

        luna.fresh_accounts()
        with uncollected() as found:
            async with anyio.create_task_group() as tasks:
                for way in WAYS:
                    tasks.start_soon(ask, way)
                await _spoken(luna, len(WAYS))
                for flow in luna.luna.house.live:
                    flow.cancel(Outcome.CANCELLED)
            await luna.quiet()
        assert found == {}


async def test_of_tool_calls_nothing_is_garbage(tmp_path: Path) -> None:
    """Whole ones, one to a tool that there is not, which is asked for again, and one that breaks off."""
    way = WAYS[0]
    async with arena(tmp_path) as luna:
        with uncollected() as found:
            for number, call in enumerate((CALL, UNKNOWN, CUT)):
                said = msgspec.json.decode(way.body(f"[[say:{call}]] {number}"))
                body = msgspec.json.encode(said | {"tools": [{"type": "function", "function": TOOL}]})
                answer = await luna.exchange(way.head(len(body), account=luna.accounts[way]) + body)
                assert answer.startswith(b"HTTP/1.1 200 ")
                assert b'"finish_reason":"tool_calls"' in answer or call is not CALL
            await luna.quiet()
        assert found == {}


async def _spoken(luna: Arena, flows: int) -> None:
    """Wait until so many have begun to be answered."""
    with anyio.fail_after(30):
        while sum(flow.events > 1 for flow in luna.luna.house.live) < flows:
            await anyio.sleep(0.005)
