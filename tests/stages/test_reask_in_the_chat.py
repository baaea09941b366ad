"""A useless answer is asked for again in the same chat, as its next turn, with the same account."""

from pathlib import Path

import pytest

from luna.core.engine import Engine
from luna.core.flow import Flow
from luna.core.live import LiveFlows
from luna.model.chat import ChatRequest, Limits, ToolChoice
from luna.model.events import StreamEvent, Usage
from luna.stages.limit import Limit, LimitOptions
from luna.stages.tools_contract import ToolsContract, ToolsContractOptions
from luna.stages.tools_intercept import ToolsIntercept, ToolsInterceptOptions
from luna.stages.tools_verify import ToolsVerify, ToolsVerifyOptions
from luna.tools import markup
from tests.support.machine import Decode, Encode, MemoryLine, PlainEncoder, flow_of
from tests.support.play import a_chat
from tests.support.qwen_desk import COMPLETIONS, QwenDesk
from tests.support.scripted import FINISHED, STALL, Says, answer, created, data, delta, stream
from tests.support.sifting import tool
from tests.support.spoken import context

BAD = markup.calls([markup.call("count", '{"number":"many"}')])
GOOD = markup.calls([markup.call("count", '{"number":3}')])


class _Given(Decode):
    def __init__(self, chat: ChatRequest) -> None:
        super().__init__(self.Options(), context())
        self.chat = chat

    def request(self, flow: Flow) -> None:
        flow.chat = self.chat


def flow_at(desk: QwenDesk, chat: ChatRequest) -> Flow:
    spoken = context()
    stages = (
        _Given(chat),
        ToolsContract(ToolsContractOptions(), spoken),
        desk.schedule,
        desk.stage,
        ToolsIntercept(ToolsInterceptOptions(), spoken),
        ToolsVerify(ToolsVerifyOptions(), spoken),
        Limit(LimitOptions(), spoken),
        Encode(),
    )
    return flow_of(*stages, services=desk.services)


def asked(choice: ToolChoice | None = None) -> ChatRequest:
    chat = a_chat("How many?", model="qwen3.6-plus")
    chat.tools = [tool("count", "number", number="integer")]
    chat.tool_choice = choice or chat.tool_choice
    return chat


async def test_the_question_is_the_next_turn_of_the_chat(tmp_path: Path) -> None:
    desk = QwenDesk(tmp_path)
    desk.backend.on("POST", COMPLETIONS, answer(BAD), answer(GOOD))
    line = MemoryLine()
    await Engine(LiveFlows()).run(flow_at(desk, asked()), line)
    assert line.body == b"<opened><notice><tool.open><tool.delta><tool.close><finish>."
    assert desk.calls() == ["new", "completions", "completions"]
    assert desk.sent(0)["chat_id"] == desk.sent(1)["chat_id"] == "chat-1"
    assert desk.sent(1)["parent_id"] == "resp-1"
    assert desk.text(1).startswith("[Your last reply could not be used:\n- The call of `count` is invalid: `number`")
    assert "How many?" not in desk.text(1)
    desk.clean()


async def test_what_is_still_being_generated_is_stopped_before_the_question(tmp_path: Path) -> None:
    desk = QwenDesk(tmp_path)
    endless = stream(created(), data(delta(f"{BAD}\n{GOOD}\n{GOOD} and more")))
    desk.backend.on("POST", COMPLETIONS, Says((*endless.steps, STALL), endless.status, endless.headers), answer(GOOD))
    line = MemoryLine()
    await Engine(LiveFlows()).run(flow_at(desk, asked(ToolChoice(parallel=False))), line)
    assert desk.calls() == ["new", "completions", "stop", "completions"]
    assert line.body.endswith(b"<finish>.")
    desk.clean()


class _Counting(PlainEncoder):
    def __init__(self) -> None:
        self.usage: list[Usage] = []

    def feed(self, event: StreamEvent) -> bytes:
        if isinstance(event, Usage):
            self.usage.append(event)
        return super().feed(event)


def costing(text: str, taken: int, given: int, reasoning: int = 0) -> Says:
    usage = {
        "input_tokens": taken,
        "output_tokens": given,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "prompt_tokens_details": {"cached_tokens": taken // 2},
    }
    return stream(data(created(), delta(text, usage=usage), FINISHED))


async def counted(desk: QwenDesk, flow: Flow) -> list[Usage]:
    encoder = _Counting()
    flow.dialect.encoder = lambda head: encoder  # type: ignore[method-assign]
    line = MemoryLine()
    await Engine(LiveFlows()).run(flow, line)
    assert line.ended
    desk.clean()
    return encoder.usage


async def test_output_of_answers_that_were_given_up_counts_and_their_prompts_do_not(tmp_path: Path) -> None:
    desk = QwenDesk(tmp_path)
    first, second, third = costing(BAD, 100, 40, 9), costing(BAD, 150, 30), costing(GOOD, 190, 20, 5)
    desk.backend.on("POST", COMPLETIONS, first, second, third)
    usage = await counted(desk, flow_at(desk, asked()))
    assert usage[-1] == Usage(input=190, output=90, reasoning=14, cached=95)


@pytest.mark.parametrize("limits", [Limits(stop=("ENOUGH",)), Limits(max_tokens=4)])
async def test_it_counts_too_where_luna_ends_the_answer_itself(tmp_path: Path, limits: Limits) -> None:
    desk = QwenDesk(tmp_path)
    long = data(created(), delta("one two", usage={"input_tokens": 190, "output_tokens": 2}))
    more = data(delta(" three four five ENOUGH six", usage={"input_tokens": 190, "output_tokens": 20}))
    desk.backend.on("POST", COMPLETIONS, costing(BAD, 100, 40), stream(long, more, FINISHED))
    chat = asked()
    chat.limits = limits
    assert (await counted(desk, flow_at(desk, chat)))[-1] == Usage(input=190, output=60)


async def test_it_counts_too_where_the_answer_ends_with_its_call(tmp_path: Path) -> None:
    desk = QwenDesk(tmp_path)
    one = data(created(), delta(f"{GOOD}\n{GOOD}", usage={"input_tokens": 190, "output_tokens": 20}))
    desk.backend.on("POST", COMPLETIONS, costing(BAD, 100, 40), stream(one, STALL))
    usage = await counted(desk, flow_at(desk, asked(ToolChoice(parallel=False))))
    assert usage[-1] == Usage(input=190, output=60)
