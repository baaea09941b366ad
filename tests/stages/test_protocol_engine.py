"""The protocol's stages at work in the engine: from the client's bytes to the client's bytes."""

from collections.abc import Mapping
from typing import Any

import msgspec
import openai
import pytest

from luna.core.engine import Engine
from luna.core.flow import Flow, Outcome
from luna.core.live import LiveFlows
from luna.core.prompts import Prompts
from luna.core.routing import Matcher
from luna.core.services import Services
from luna.core.snapshot import Route, Snapshot
from luna.core.stage import BuildContext, Stage
from luna.model import values
from luna.model.ambient import Ids, ManualClock
from luna.model.dialect import Parsed, Reply
from luna.model.errors import Kind, LunaError
from luna.model.events import Finish, TextDelta, ToolClose, ToolDelta, ToolOpen, Usage
from luna.protocols.registry import dialect_for
from luna.stages.limit import Limit
from luna.stages.protocol_decode import ProtocolDecode
from luna.stages.protocol_encode import ProtocolEncode
from tests.support.events import OPENED
from tests.support.machine import MemoryLine, Scripted, Step, pipeline_of
from tests.support.play import a_client
from tests.support.sdk import ask, stream_of

ANSWER: tuple[Step, ...] = (
    (OPENED, TextDelta("Hel")),
    TextDelta("lo END of it"),
    (Usage(9, 3), Finish("stop")),
)


def built(kind: type[Stage], options: Mapping[str, object]) -> Stage:
    return kind(msgspec.convert(options, kind.Options, dec_hook=values.decode), BuildContext(Prompts({}), "test"))


async def answered(body: object, *steps: Step) -> tuple[Flow, MemoryLine]:
    stages = [built(ProtocolDecode, {}), Scripted(*steps), built(Limit, {}), built(ProtocolEncode, {})]
    route = Route("test", Matcher(), pipeline_of(*stages))
    client = a_client(body)
    dialect = dialect_for(client.method, client.path)
    try:
        parsed: Parsed | LunaError = dialect.parse(client)
    except LunaError as error:
        parsed = error
    flow = Flow(
        client=client,
        dialect=dialect,
        parsed=parsed,
        snapshot=Snapshot(1, "0" * 64, 0.0, (route,), {"test": route.pipeline}, (), Prompts({})),
        route=route,
        services=Services(),
        clock=ManualClock(),
        ids=Ids(b"test"),
    )
    line = MemoryLine()
    await Engine(LiveFlows()).run(flow, line)
    return flow, line


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "qwen3-max", "messages": [{"role": "user", "content": "Hello"}], **fields}


async def test_a_stream_and_a_document() -> None:
    flow, line = await answered(body(stream=True, seed=1), *ANSWER)
    assert (line.status, line.headers["content-type"]) == (200, "text/event-stream")
    assert line.headers["x-luna-ignored"] == "seed"
    chunks = list(stream_of(line.body))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Hello END of it"
    assert {chunk.id for chunk in chunks} == {flow.answer_id}

    flow, line = await answered(body(), *ANSWER)
    assert line.headers["content-type"] == "application/json"
    whole = ask(Reply(line.status, line.body))
    assert (whole.id, whole.choices[0].message.content) == (flow.answer_id, "Hello END of it")
    assert whole.usage is not None
    assert whole.usage.total_tokens == 12


async def test_a_stop_sequence_ends_the_flow_and_closes_the_upstream() -> None:
    flow, line = await answered(body(stream=True, stop="END"), *ANSWER[:2], 3600.0)
    chunks = list(stream_of(line.body))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Hello "
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert flow.outcome is Outcome.COMPLETED
    assert isinstance(flow.route.pipeline.far_end[1], Scripted)
    assert flow.route.pipeline.far_end[1].closed_early == 1


async def test_tool_calls_reach_the_client_in_both_forms() -> None:
    steps: tuple[Step, ...] = (
        (OPENED, ToolOpen(0, "call_1", "Read")),
        (ToolDelta(0, '{"p": 1}'), ToolClose(0), Finish("tool_calls")),
    )
    tools = [{"type": "function", "function": {"name": "Read"}}]
    _, line = await answered(body(tools=tools), *steps)
    choice = ask(Reply(line.status, line.body)).choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls is not None
    assert choice.message.tool_calls[0].to_dict() == {
        "id": "call_1",
        "type": "function",
        "function": {"name": "Read", "arguments": '{"p": 1}'},
    }
    _, line = await answered(body(tools=tools, stream=True), *steps)
    assert [chunk.choices[0].finish_reason for chunk in stream_of(line.body)][-1] == "tool_calls"


async def test_an_unreadable_body_gets_a_status() -> None:
    flow, line = await answered(b'{"model": "qwen3-max", "messages": "Hello"}', *ANSWER)
    assert (line.status, line.headers["x-luna-error"]) == (400, "bad-request")
    with pytest.raises(openai.BadRequestError, match=r"messages: .*\[flow flow_\w+, stage protocol.decode\]") as caught:
        ask(Reply(line.status, line.body))
    assert caught.value.param == "messages"
    assert flow.outcome is Outcome.FAILED


async def test_an_error_before_the_answer_gets_a_status_and_one_within_comes_in_band() -> None:
    trouble = LunaError(Kind.RATE_LIMITED, "Too fast.", retry_after=2)
    _, line = await answered(body(stream=True), trouble)
    assert (line.status, line.headers["retry-after"]) == (429, "2")
    _, line = await answered(body(stream=True, stop="END"), (OPENED, TextDelta("Hello E")), trouble)
    assert line.status == 200
    said: list[str] = []
    with pytest.raises(openai.APIError, match="Too fast"):
        said.extend(chunk.choices[0].delta.content or "" for chunk in stream_of(line.body))
    assert "".join(said) == "Hello E"
    assert line.body.endswith(b"data: [DONE]\n\n")
