"""Responses that go on from one another, and are fetched and deleted by their ids."""

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
from luna.core.stage import BuildContext, Reask, ResponseStage, Stage, Transducer
from luna.model import values
from luna.model.ambient import Ids, ManualClock
from luna.model.chat import Message, Text, Thought, ToolCall, ToolResult
from luna.model.dialect import ClientRequest, Parsed, Reply
from luna.model.errors import Kind, LunaError
from luna.model.events import Finish, StreamEvent, TextDelta, ThinkDelta, ToolClose, ToolDelta, ToolOpen, Usage
from luna.protocols.registry import dialect_for
from luna.stages.limit import Limit
from luna.stages.protocol_decode import ProtocolDecode
from luna.stages.protocol_encode import ProtocolEncode
from luna.stages.responses_recall import ResponsesRecall
from luna.stages.responses_remember import ResponsesRemember
from luna.stages.responses_stored import ResponsesStored
from luna.state.responses import Responses
from tests.support.events import OPENED
from tests.support.machine import MemoryLine, Scripted, Step, pipeline_of
from tests.support.responses_sdk import ask, final_of, stream_of

ANSWER: tuple[Step, ...] = ((OPENED, ThinkDelta("Hm."), TextDelta("Hi")), (TextDelta("!"), Usage(9, 3), Finish("stop")))
CALL: tuple[Step, ...] = (
    (OPENED, ToolOpen(0, "call_1", "vault__get"), ToolDelta(0, "{}"), ToolClose(0)),
    Finish("tool_calls"),
)
TOOLS = [{"type": "namespace", "name": "vault", "tools": [{"type": "function", "name": "get"}]}]
USER = Message("user", [Text("Hello")])


def built(kind: type[Stage], options: Mapping[str, object] | None = None) -> Stage:
    wanted = msgspec.convert(options or {}, kind.Options, dec_hook=values.decode)
    return kind(wanted, BuildContext(Prompts({}), "test"))


class Luna:
    """As much of luna as remembers responses."""

    def __init__(self) -> None:
        self.responses = Responses()
        self._services = Services()
        self._services.provide(Responses, self.responses)
        self._born = 0

    async def answered(
        self, body: Mapping[str, Any], *steps: Step, between: tuple[Stage, ...] = (), strict: bool = False
    ) -> tuple[Flow, MemoryLine]:
        """POST, with `input` "Hello" unless the body says otherwise."""
        stages = [
            built(ProtocolDecode, {"strict": strict}),
            built(ResponsesRecall),
            Scripted(*steps),
            *between,
            built(Limit),
            built(ResponsesRemember),
            built(ProtocolEncode),
        ]
        asked = {"model": "qwen3-max", "input": "Hello", **body}
        headers = (("content-type", "application/json"),)
        return await self._run(ClientRequest("POST", "/v1/responses", "", headers, msgspec.json.encode(asked)), *stages)

    async def stored(self, method: str, response: str, query: str = "") -> Reply:
        """GET or DELETE."""
        client = ClientRequest(method, f"/v1/responses/{response}", query, (), b"")
        _, line = await self._run(client, built(ResponsesStored))
        return Reply(line.status, line.body)

    async def _run(self, client: ClientRequest, *stages: Stage) -> tuple[Flow, MemoryLine]:
        route = Route("test", Matcher(), pipeline_of(*stages))
        dialect = dialect_for(client.method, client.path)
        try:
            parsed: Parsed | LunaError = dialect.parse(client)
        except LunaError as error:
            parsed = error
        self._born += 1
        flow = Flow(
            client=client,
            dialect=dialect,
            parsed=parsed,
            snapshot=Snapshot(1, "0" * 64, 0.0, (route,), {"test": route.pipeline}, (), Prompts({})),
            route=route,
            services=self._services,
            clock=ManualClock(),
            ids=Ids(b"test%d" % self._born),
        )
        line = MemoryLine()
        await Engine(LiveFlows()).run(flow, line)
        return flow, line


@pytest.fixture
def luna() -> Luna:
    return Luna()


@pytest.mark.parametrize("stream", [False, True])
async def test_what_the_client_got_is_what_can_be_fetched(luna: Luna, stream: bool) -> None:
    flow, line = await luna.answered({"stream": stream}, *ANSWER)
    told = final_of(line.body) if stream else ask(Reply(line.status, line.body))
    fetched = ask(await luna.stored("GET", flow.answer_id))
    assert fetched.id == told.id == flow.answer_id
    assert fetched.output_text == told.output_text == "Hi!"
    assert fetched.usage == told.usage
    assert [item.id for item in fetched.output] == [item.id for item in told.output]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_request_goes_on_from_a_response(luna: Luna, stream: bool) -> None:
    first, _ = await luna.answered({"instructions": "Be brief.", "stream": stream}, *ANSWER)
    second, _ = await luna.answered(
        {"input": "And?", "instructions": "Be long.", "previous_response_id": first.answer_id}, *ANSWER
    )
    answer = Message("assistant", [Thought("Hm."), Text("Hi!")])
    told = [Message("system", [Text("Be long.")]), USER, answer, Message("user", [Text("And?")])]
    assert second.chat.messages == told, "instructions hold for one request"
    third, _ = await luna.answered({"input": "So?", "previous_response_id": second.answer_id}, *ANSWER)
    assert third.chat.messages == [*told[1:], answer, Message("user", [Text("So?")])]
    again, _ = await luna.answered({"input": "Or?", "previous_response_id": first.answer_id}, *ANSWER)
    assert again.chat.messages == [USER, answer, Message("user", [Text("Or?")])], "a response can be gone on from twice"


async def test_a_call_is_answered_by_its_result_alone(luna: Luna) -> None:
    first, _ = await luna.answered({"tools": TOOLS}, *CALL)
    result = {"type": "function_call_output", "call_id": "call_1", "output": "secret"}
    second, _ = await luna.answered(
        {"input": [result], "tools": TOOLS, "previous_response_id": first.answer_id}, *ANSWER
    )
    assert second.chat.messages == [
        USER,
        Message("assistant", [ToolCall("call_1", "vault__get", "{}")]),
        Message("tool", [ToolResult("call_1", [Text("secret")], "vault__get")]),
    ]


SEARCH = {"type": "tool_search", "execution": "client", "parameters": {"type": "object"}}
SEARCHED: tuple[Step, ...] = (
    (OPENED, ToolOpen(0, "call_s", "tool_search"), ToolDelta(0, '{"query":"secrets"}'), ToolClose(0)),
    Finish("tool_calls"),
)


@pytest.mark.parametrize("stream", [False, True])
async def test_tools_that_a_search_has_loaded_last_as_long_as_the_conversation(luna: Luna, stream: bool) -> None:
    first, _ = await luna.answered({"tools": [SEARCH], "stream": stream}, *SEARCHED)
    loaded = {"type": "tool_search_output", "call_id": "call_s", "execution": "client", "tools": TOOLS}
    second, _ = await luna.answered(
        {"input": [loaded], "tools": [SEARCH], "previous_response_id": first.answer_id, "stream": stream}, *CALL
    )
    assert [tool.name for tool in second.chat.tools] == ["tool_search", "vault__get"]
    result = {"type": "function_call_output", "call_id": "call_1", "output": "secret"}
    third, line = await luna.answered(
        {"input": [result], "tools": [SEARCH], "previous_response_id": second.answer_id}, *CALL
    )
    assert [tool.name for tool in third.chat.tools] == ["tool_search", "vault__get"]
    (call,) = ask(Reply(line.status, line.body)).output
    assert (getattr(call, "name", ""), getattr(call, "namespace", "")) == ("get", "vault")
    assert third.chat.messages == [
        USER,
        Message("assistant", [ToolCall("call_s", "tool_search", '{"query":"secrets"}')]),
        Message("tool", [ToolResult("call_s", [Text("Loaded tool: vault__get")], "tool_search")]),
        Message("assistant", [ToolCall("call_1", "vault__get", "{}")]),
        Message("tool", [ToolResult("call_1", [Text("secret")], "vault__get")]),
    ]


async def test_references_to_items_are_followed(luna: Luna) -> None:
    _, line = await luna.answered({"tools": TOOLS}, *CALL)
    [call] = ask(Reply(line.status, line.body)).output
    items = [
        {"role": "user", "content": "Hello"},
        {"type": "item_reference", "id": call.id},
        {"type": "item_reference", "id": "rs_unheard_0"},
        {"type": "item_reference", "id": "nonsense"},
        {"type": "function_call_output", "call_id": "call_1", "output": "secret"},
    ]
    second, line = await luna.answered({"input": items, "tools": TOOLS}, *ANSWER)
    assert [message.role for message in second.chat.messages] == ["user", "assistant", "tool"]
    assert second.chat.messages[1].parts == [ToolCall("call_1", "vault__get", "{}")]
    assert line.headers["x-luna-ignored"] == "input[2].item_reference,input[3].item_reference"


async def test_references_that_lead_nowhere_can_be_refused(luna: Luna) -> None:
    items = [{"role": "user", "content": "Hello"}, {"type": "item_reference", "id": "rs_unheard_0"}]
    _, line = await luna.answered({"input": items}, *ANSWER, strict=True)
    assert line.status == 400
    _, line = await luna.answered({"input": items[1:]}, *ANSWER)
    assert (line.status, msgspec.json.decode(line.body)["error"]["param"]) == (400, "input")


async def test_a_response_that_nobody_remembers(luna: Luna) -> None:
    flow, line = await luna.answered({"previous_response_id": "resp_gone"}, *ANSWER)
    assert flow.outcome is Outcome.FAILED
    with pytest.raises(openai.NotFoundError, match="remembers no response 'resp_gone'") as caught:
        ask(Reply(line.status, line.body))
    assert caught.value.param == "previous_response_id"


async def test_what_shall_not_be_stored_is_not(luna: Luna) -> None:
    flow, _ = await luna.answered({"store": False}, *ANSWER)
    with pytest.raises(openai.NotFoundError):
        ask(await luna.stored("GET", flow.answer_id))
    assert repr(luna.responses) == "<Responses 0 kept, 0 bytes>"


async def test_an_answer_that_broke_is_not_remembered(luna: Luna) -> None:
    broken = LunaError(Kind.UPSTREAM_BROKEN, "Cut.")
    flow, line = await luna.answered({"stream": True}, (OPENED, TextDelta("Hi")), broken)
    *_, error, failed = stream_of(line.body)
    assert error.type == "error"
    assert failed.type == "response.failed"
    assert failed.response.id == flow.answer_id
    assert (await luna.stored("GET", flow.answer_id)).status == 404


async def test_an_answer_cut_short_is_remembered_as_it_is(luna: Luna) -> None:
    flow, line = await luna.answered({"max_output_tokens": 1}, (OPENED, TextDelta("a b c d e f g")), Finish("stop"))
    told = ask(Reply(line.status, line.body))
    assert (told.status, told.incomplete_details and told.incomplete_details.reason) == (
        "incomplete",
        "max_output_tokens",
    )
    assert ask(await luna.stored("GET", flow.answer_id)) == told


async def test_a_response_is_deleted_once(luna: Luna) -> None:
    flow, _ = await luna.answered({}, *ANSWER)
    reply = await luna.stored("DELETE", flow.answer_id)
    assert msgspec.json.decode(reply.body) == {"id": flow.answer_id, "object": "response", "deleted": True}
    assert (await luna.stored("DELETE", flow.answer_id)).status == 404
    assert (await luna.stored("GET", flow.answer_id)).status == 404


async def test_a_finished_answer_is_not_streamed_again(luna: Luna) -> None:
    flow, _ = await luna.answered({}, *ANSWER)
    reply = await luna.stored("GET", flow.answer_id, "stream=true")
    assert (reply.status, msgspec.json.decode(reply.body)["error"]["param"]) == (400, "stream")
    assert (await luna.stored("GET", flow.answer_id, "stream=false")).status == 200


@pytest.mark.parametrize("path", ["", "resp_1/input_items", "resp_1/cancel"])
async def test_there_is_nothing_below_a_response(luna: Luna, path: str) -> None:
    assert (await luna.stored("GET", path)).status == 404


class AskAgain(ResponseStage):
    """Is not content with the first answer."""

    use = "ask-again"

    def __init__(self) -> None:
        self.asked = 0

    def transducer(self, flow: Flow) -> Transducer:
        return self

    def feed(self, event: StreamEvent) -> tuple[StreamEvent, ...]:
        if isinstance(event, Finish) and not self.asked:
            self.asked += 1
            raise Reask("Again.", "test")
        return (event,)

    def flush(self) -> tuple[StreamEvent, ...]:
        return ()


async def test_what_went_out_before_the_model_was_asked_again_is_part_of_the_answer(luna: Luna) -> None:
    flow, line = await luna.answered({"stream": True}, *ANSWER, between=(AskAgain(),))
    told = final_of(line.body)
    assert told.output_text == "Hi!Hi!"
    assert [item.id for item in ask(await luna.stored("GET", flow.answer_id)).output] == [i.id for i in told.output]
    second, _ = await luna.answered({"input": "And?", "previous_response_id": flow.answer_id}, *ANSWER)
    assert [message.role for message in second.chat.messages] == ["user", "assistant", "user"]


async def test_other_protocols_pass_as_they_are(luna: Luna) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
    client = ClientRequest("POST", "/v1/chat/completions", "", (), msgspec.json.encode(body))
    stages = [built(ProtocolDecode), built(ResponsesRecall), Scripted(*ANSWER), built(ResponsesRemember)]
    _, line = await luna._run(client, *stages, built(ProtocolEncode))
    assert line.status == 200
    assert repr(luna.responses) == "<Responses 0 kept, 0 bytes>"
