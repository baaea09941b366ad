"""LunaProxy's cases of telling the model about tools: what the model reads, and where it stands.

Each name says what holds in luna. `unlike_lunaproxy` marks where luna does something else on purpose; the comment says
why.
"""

from typing import Any

import pytest

from luna.model.chat import ChatRequest, Message, Text, Tool, ToolChoice
from luna.qwen.conversation import flatten
from luna.stages.tools_contract import ToolsContract, ToolsContractOptions
from luna.tools.contract import describe
from tests.support.machine import CONTEXT, Decode, Encode, Scripted, flow_of
from tests.support.spoken import context, shipped

SEARCH = Tool(
    "search",
    "Searches the web.",
    {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
)
STAGE = ToolsContract(ToolsContractOptions(), context())


def said(role: Any, text: str) -> Message:
    return Message(role, [Text(text)])


def told(*messages: Message, tools: tuple[Tool, ...] = (SEARCH,), choice: ToolChoice | None = None) -> ChatRequest:
    """The request after `tools.contract`."""
    flow = flow_of(Decode(Decode.Options(), CONTEXT), STAGE, Scripted(), Encode())
    flow.chat = ChatRequest(
        model="m",
        messages=list(messages),
        tools=list(tools),
        tool_choice=choice if choice is not None else ToolChoice(),
    )
    STAGE.request(flow)
    return flow.chat


def upstream(chat: ChatRequest) -> str:
    """The one text that Qwen gets."""
    prompt = shipped().require("conversation", option="", variables=("system", "turns", "current"))
    return flatten(chat.messages, prompt.render)


class TestInjection:
    def test_a_tool_puts_a_contract_with_its_name_and_the_markup_before_the_users_message(self) -> None:
        chat = told(said("user", "Find Go."))
        assert [tool.name for tool in chat.tools] == ["search"]
        assert [message.role for message in chat.messages] == ["system", "user"]
        contract = chat.messages[0].text
        assert contract.startswith("# Tools")
        assert "## search" in contract
        assert "<ml_tool_calls>" in contract

    def test_without_tools_nothing_is_added(self) -> None:
        messages = [said("user", "Find Go.")]
        chat = told(*messages, tools=())
        assert (chat.tools, chat.messages) == ([], messages)

    def test_with_choice_none_the_tools_stay_known_and_the_model_hears_nothing_of_them(self) -> None:
        messages = [said("user", "Find Go.")]
        chat = told(*messages, choice=ToolChoice("none"))
        assert [tool.name for tool in chat.tools] == ["search"]
        assert chat.messages == messages

    # LunaProxy moved a later system message to the front. luna leaves each where the client put it and has the contract
    # follow the leading ones: an upstream chat that is continued has them already. The text that Qwen gets has one
    # system part, as there.
    def test_unlike_lunaproxy_system_messages_stay_in_their_places_and_reach_qwen_as_one_part(self) -> None:
        chat = told(said("system", "First rule."), said("user", "Find Go."), said("system", "Second rule."))
        assert [message.role for message in chat.messages] == ["system", "system", "user", "system"]
        assert chat.messages[0].text == "First rule."
        assert chat.messages[1].text.startswith("# Tools")
        text = upstream(chat)
        places = [text.index(part) for part in ("First rule.", "# Tools", "Second rule.", "Find Go.")]
        assert places == sorted(places)
        assert all(text.count(part) == 1 for part in ("First rule.", "# Tools", "Second rule.", "Find Go."))

    # LunaProxy put its reminder in front of the last message, whoever spoke, tool results included. luna puts it behind
    # the user's words, in a part of its own: the client's words are not touched, and what is read last is kept to best.
    def test_unlike_lunaproxy_the_reminder_follows_the_users_words_and_is_no_part_of_them(self) -> None:
        words, reminder = told(said("user", "Find Go.")).messages[-1].parts
        assert words == Text("Find Go.")
        assert isinstance(reminder, Text)
        assert reminder.text.startswith("\n[Tools: search.")


class TestDescription:
    def test_a_tool_is_told_with_its_name_its_purpose_and_its_parameters(self) -> None:
        written = describe(SEARCH)
        assert written.startswith("## search\nSearches the web.\n")
        assert "query: string" in written

    # LunaProxy wrote `No description`, which tells a model nothing that silence does not.
    def test_unlike_lunaproxy_a_tool_without_a_description_is_told_without_one(self) -> None:
        written = describe(Tool("now", parameters={"type": "object"}))
        assert written.splitlines()[0] == "## now"
        assert "description" not in written.lower()

    # LunaProxy filled its templates with a function that gave `$&` and its like a meaning.
    @pytest.mark.parametrize("marks", ["costs $& and $' and $` and $$", "{{ tools }} {{tool_names}}"])
    def test_unlike_lunaproxy_marks_of_templates_in_a_description_are_only_text(self, marks: str) -> None:
        contract = told(said("user", "Hi"), tools=(Tool("pay", marks, {}),)).messages[0].text
        assert marks in contract
