"""`tools.contract`: the client's tools, calls and results on their way to a chat that knows only text."""

import pytest

from luna.core.flow import Flow
from luna.core.prompts import Prompt, Prompts
from luna.core.stage import BuildContext, StageOptions
from luna.model.chat import Attachment, ChatRequest, Message, Text, Thought, Tool, ToolCall, ToolChoice, ToolResult
from luna.model.errors import Kind, LunaError, OptionError
from luna.qwen.conversation import continuation, flatten, since_the_answer
from luna.stages.tools_contract import ToolsContract, ToolsContractOptions
from luna.tools.contract import PROMPTS
from tests.support.machine import CONTEXT, Decode, Encode, Scripted, flow_of
from tests.support.spoken import context

STAGE = ToolsContract(ToolsContractOptions(), context())
SEARCH = Tool("search", "Search the web.", {"type": "object", "properties": {"query": {"type": "string"}}})
CALLED = [
    Message("user", [Text("hi")]),
    Message("assistant", [Thought("hm"), ToolCall("c1", "search", '{"query":"golang"}')]),
    Message("tool", [ToolResult("c1", [Text("3 hits"), Attachment("image", url="https://x/y.png")])]),
]
NOTHING: list[Tool] = []


def passed(
    messages: list[Message],
    tools: list[Tool] = NOTHING,
    choice: ToolChoice | None = None,
    stage: ToolsContract = STAGE,
) -> ChatRequest:
    """The request after the stage."""
    flow: Flow = flow_of(Decode(StageOptions(), CONTEXT), stage, Scripted(), Encode())
    flow.chat = ChatRequest(
        model="m", messages=messages, tools=tools, tool_choice=choice if choice is not None else ToolChoice()
    )
    stage.request(flow)
    return flow.chat


def whole(chat: ChatRequest) -> str:
    """All words of a request."""
    return "\n".join(message.text for message in chat.messages)


def test_a_message_with_a_tool_gets_the_contract_and_the_tools_stay_for_the_way_back() -> None:
    chat = passed([Message("user", [Text("hi")])], [SEARCH])
    assert [message.role for message in chat.messages] == ["system", "user"]
    assert "## search" in chat.messages[0].text and "<ml_tool_calls>" in chat.messages[0].text
    assert chat.tools == [SEARCH]
    assert chat.bridged


def test_without_tools_a_message_stays_as_it_is() -> None:
    messages = [Message("system", [Text("s")]), Message("user", [Text("hi"), Attachment("image", url="u")])]
    assert passed(messages).messages == messages


def test_when_the_client_forbids_calls_there_is_no_contract() -> None:
    messages = [Message("user", [Text("hi")])]
    chat = passed(messages, [SEARCH], ToolChoice("none"))
    assert chat.messages == messages
    assert chat.tools == [SEARCH]


@pytest.mark.parametrize(("tools", "mode"), [([SEARCH], "none"), ([], "auto")])
def test_when_no_call_may_be_made_the_past_is_rewritten_and_the_model_told(tools: list[Tool], mode: str) -> None:
    chat = passed(CALLED, tools, ToolChoice("none") if mode == "none" else ToolChoice())
    assert "search" in whole(chat) and "3 hits" in whole(chat)
    assert "## search" not in whole(chat) and "[Tools:" not in whole(chat)
    assert whole(chat).endswith("[No tool can be called in this turn. Answer in words.]")


def test_after_it_no_part_needs_a_transport_that_knows_tools() -> None:
    chat = passed(CALLED, [SEARCH])
    kinds = {type(part) for message in chat.messages for part in message.parts}
    assert kinds == {Text, Thought, Attachment}


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (ToolChoice("required"), "This reply must call at least one of these tools."),
        (ToolChoice("specific", "search"), "This reply must call search."),
        (ToolChoice("auto", parallel=False), "Make at most one call per reply."),
    ],
)
def test_what_the_client_chose_is_the_last_thing_that_is_said(choice: ToolChoice, said: str) -> None:
    assert passed(CALLED, [SEARCH], choice).messages[-1].text.endswith(f"\n{said}")


def test_two_system_messages_around_the_user_are_kept_and_the_contract_is_given_once() -> None:
    messages = [Message("system", [Text("ONE")]), Message("user", [Text("HI")]), Message("system", [Text("TWO")])]
    sent = flatten(passed(messages, [SEARCH]).messages, lambda **said: "|".join(said.values()))
    assert sent.index("ONE") < sent.index("# How to call a tool") < sent.index("TWO") < sent.index("HI")
    assert sent.count("# How to call a tool") == 1


def test_a_chat_that_goes_on_gets_the_results_and_the_reminder() -> None:
    sent = continuation(since_the_answer(passed(CALLED, [SEARCH]).messages))
    assert sent.startswith('<ml_tool_result id="c1" name="search" attached="image"><![CDATA[3 hits]]></ml_tool_result>')
    assert "[Tools: search." in sent and "# How to call a tool" not in sent


PROSE_XML = (
    "You can use tools. Format:\n<read_file>\n<path>File path here</path>\n</read_file>\n"
    "<attempt_completion><result>{{ x }} $& </result></attempt_completion>"
)
EDIT_BLOCK = "a.py\n<<<<<<< SEARCH\nx = 1\n=======\nx = 2\n>>>>>>> REPLACE\n"


@pytest.mark.parametrize("said", [PROSE_XML, EDIT_BLOCK, "<ml_tool_calls>", "```sh\ncat a\n```"])
def test_a_client_with_tools_of_its_own_in_prose_is_left_alone(said: str) -> None:
    messages = [
        Message("system", [Text(said)]),
        Message("user", [Text(said)]),
        Message("assistant", [Text(said)]),
        Message("user", [Text(said)]),
    ]
    written = passed(messages).messages
    assert all(a is b for a, b in zip(written, messages, strict=True))


def test_a_patch_in_an_argument_is_not_touched() -> None:
    patch = "*** Begin Patch\n*** Update File: a.c\n@@\n-if (a<b && c]]>d)\n+if (a > b)\n*** End Patch\n"
    call = ToolCall("c", "apply_patch", '{"input":' + '"' + patch.replace("\n", "\\n") + '"}')
    text = whole(passed([Message("assistant", [call])], []))
    assert patch in text.replace("]]]]><![CDATA[>", "]]>")


def test_the_request_that_was_decoded_is_not_changed_under_whoever_keeps_it() -> None:
    messages = list(CALLED)
    before = [list(message.parts) for message in messages]
    chat = passed(messages, [SEARCH])
    assert chat.messages is not messages
    assert [message.parts for message in messages] == before


def test_a_tool_nested_beyond_reason_is_refused() -> None:
    schema: dict[str, object] = {}
    for _ in range(3000):
        schema = {"items": schema}
    with pytest.raises(LunaError) as refused:
        passed([Message("user", [Text("hi")])], [Tool("deep", "", schema)])
    assert refused.value.kind is Kind.BAD_REQUEST


def test_another_folder_of_prompts_speaks_in_its_own_words() -> None:
    own = {name: Prompt(f"own/{name}", f"({name})") for name in PROMPTS}
    prompts = Prompts({prompt.name: prompt for prompt in own.values()})
    stage = ToolsContract(ToolsContractOptions(prompts="own"), BuildContext(prompts, "test"))
    assert whole(passed([Message("user", [Text("hi")])], [SEARCH], stage=stage)) == "(contract)\nhi\n\n(reminder)"


def test_a_missing_prompt_is_an_error_of_the_option() -> None:
    with pytest.raises(OptionError, match="there is no prompt 'none/contract'") as refused:
        ToolsContract(ToolsContractOptions(prompts="none"), context())
    assert refused.value.field == "prompts"


def test_a_prompt_that_uses_an_unknown_variable_is_an_error_of_the_option() -> None:
    prompts = Prompts({f"tools/{name}": Prompt(name, "{{ nonsense }}") for name in PROMPTS})
    with pytest.raises(OptionError, match=r"uses \{\{ nonsense \}\}"):
        ToolsContract(ToolsContractOptions(), BuildContext(prompts, "test"))
