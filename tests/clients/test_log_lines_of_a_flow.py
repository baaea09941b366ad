"""Every line that is said between a flow's birth and its end knows which flow it is about."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import msgspec
import pytest

from luna.core.flow import Flow
from luna.core.stage import RequestStage
from luna.model.ambient import FLOW
from luna.state.discretion import DiscreetFormatter, Discretion
from tests.support.house import ADMIN_KEY, Running, running_luna

KEY = {"authorization": f"Bearer {ADMIN_KEY}"}
BASH = {"type": "function", "function": {"name": "Bash", "parameters": {"type": "object", "properties": {}}}}
BROKEN_CALL = '[[say:<tool_call>{"name": "Nothing", "arguments": {}}</tool_call>]]'
ODD = logging.getLogger("luna.somebody.else")


@pytest.fixture(autouse=True)
def everything_is_said() -> Iterator[None]:
    logger = logging.getLogger("luna")
    before = logger.level
    logger.setLevel(logging.DEBUG)
    yield
    logger.setLevel(before)


async def ask(luna: Running, prompt: str, **more: object) -> str:
    body = {"model": "qwen3.7-plus", "stream": True, "messages": [{"role": "user", "content": prompt}], **more}
    answer = await luna.request("POST", "/v1/chat/completions", msgspec.json.encode(body))
    await luna.settled()
    return dict(answer.headers)[b"x-luna-flow"].decode()


async def lines(luna: Running, query: str = "") -> list[dict[str, Any]]:
    answer = await luna.request("GET", f"/api/logs?limit=500{query}", headers=KEY)
    found: list[dict[str, Any]] = msgspec.json.decode(answer.content)
    return found


@pytest.mark.parametrize(
    ("prompt", "more"),
    [
        ("Hello!", {}),
        ("[[fault:internal]]", {}),
        ("[[fault:rate-limited]]", {}),
        ("[[fault:cut]]", {}),
        (BROKEN_CALL, {"tools": [BASH]}),
        ("Hello!", {"messages": "none"}),
    ],
    ids=["answered", "internal", "rate-limited", "cut", "asked-again", "refused"],
)
async def test_all_lines_between_its_birth_and_its_end(tmp_path: Path, prompt: str, more: dict[str, object]) -> None:
    async with running_luna(tmp_path, environ={"LUNA_RECORD": "all"}) as luna:
        before = await lines(luna)
        flow = await ask(luna, prompt, **more)
        known = {line["id"] for line in before}
        said = [line for line in await lines(luna) if line["id"] not in known]
        assert said and [line for line in said if line.get("flow") != flow] == []
        assert {line["id"] for line in await lines(luna, f"&flow={flow}")} == {line["id"] for line in said}
        seen = await luna.request("GET", f"/api/flows/{flow}", headers=KEY)
        assert seen.status == 200, "the id of a line leads to the flow's page"


async def test_a_line_that_does_not_name_its_flow_is_its_flows_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a stage that knows nothing of it, of a task that the flow began, and of a thread that works for it."""

    async def aside() -> None:
        ODD.warning("said in a task")

    async def request(self: RequestStage, flow: Flow) -> None:
        ODD.warning("said in a stage")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(aside)
        await anyio.to_thread.run_sync(ODD.warning, "said in a thread")

    async with running_luna(tmp_path) as luna:
        stage = luna.house.config.cell.current.pipelines["chat"].requests[0][1]
        monkeypatch.setattr(type(stage), "request", request)
        ODD.warning("said by nobody")
        flow = await ask(luna, "Hello!")
        ODD.warning("said afterwards")
        by_words = {line["message"]: line.get("flow", "") for line in await lines(luna)}
    for place in ("stage", "task", "thread"):
        assert by_words[f"said in a {place}"] == flow
    assert not by_words["said by nobody"] and not by_words["said afterwards"]


def test_the_console_names_the_flow_once() -> None:
    formatter = DiscreetFormatter(Discretion(), "%(name)s: %(message)s")

    def shown(message: str, flow: str = "") -> str:
        about = {"flow": flow} if flow else {}
        record = logging.makeLogRecord({"name": "luna.x", "msg": message, **about})
        return formatter.format(record)

    assert shown("It is so.") == "luna.x: It is so."
    assert shown("It is so.", "flow_1") == "luna.x: It is so. [flow_1]"
    assert shown("flow flow_1: it is so", "flow_1") == "luna.x: flow flow_1: it is so"
    named = FLOW.set("flow_2")
    try:
        assert shown("It is so.") == "luna.x: It is so. [flow_2]"
    finally:
        FLOW.reset(named)
