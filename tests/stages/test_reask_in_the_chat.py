"""A useless answer is asked for again in the same chat, as its next turn, with the same account."""

from pathlib import Path

from luna.core.engine import Engine
from luna.core.flow import Flow
from luna.core.live import LiveFlows
from luna.model.chat import ChatRequest, ToolChoice
from luna.stages.tools_contract import ToolsContract, ToolsContractOptions
from luna.stages.tools_intercept import ToolsIntercept, ToolsInterceptOptions
from luna.stages.tools_verify import ToolsVerify, ToolsVerifyOptions
from luna.tools import markup
from tests.support.machine import Decode, Encode, MemoryLine, flow_of
from tests.support.play import a_chat
from tests.support.qwen_desk import COMPLETIONS, QwenDesk
from tests.support.scripted import STALL, Says, answer, created, data, delta, stream
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
