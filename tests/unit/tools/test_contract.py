"""The contract and the reminder: what they say, where they stand, and that nothing in them can be forged."""

from xml.etree import ElementTree

import pytest

from luna.model.chat import Message, Text, Tool, ToolChoice
from luna.model.errors import Kind, LunaError
from luna.tools.contract import PROMPTS, contract, describe, instruct, remind, reminder
from tests.support.spoken import speaker

SAY = speaker()
SEARCH = Tool(
    "search",
    "Search the web.",
    {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
)
GREP = Tool("Grep", "", {"type": "object", "properties": {"-n": {"type": "boolean"}, "xmlns": {"type": "string"}}})
AUTO = ToolChoice()


def plain(prompt: str, /, **variables: str) -> str:
    """A speaker that repeats what it is told."""
    assert set(variables) == set(PROMPTS[prompt])
    return "\n".join((f"[{prompt}]", *variables.values()))


def user(text: str) -> Message:
    return Message("user", [Text(text)])


def system(text: str) -> Message:
    return Message("system", [Text(text)])


def test_the_tool_and_the_markup_stand_in_a_system_message() -> None:
    messages = instruct([user("hi")], [SEARCH], AUTO, SAY)
    assert [message.role for message in messages] == ["system", "user"]
    assert all(word in messages[0].text for word in ("search", "Search the web.", "query", "<ml_tool_calls>"))


def test_system_messages_around_the_user_stay_where_they_are_and_the_contract_follows_the_leading_ones() -> None:
    before, after = system("be brief"), system("42 tokens left")
    messages = instruct([before, user("hi"), after], [SEARCH], AUTO, SAY)
    assert [message.role for message in messages] == ["system", "system", "user", "system"]
    assert messages[0] is before and messages[3] is after
    assert "## search" in messages[1].text


def test_the_reminder_with_the_tools_name_ends_the_last_turn() -> None:
    messages = instruct([user("one"), Message("assistant", [Text("two")]), user("three")], [SEARCH], AUTO, SAY)
    assert messages[1] == user("one")
    assert messages[3].parts[0] == Text("three")
    assert messages[3].text.startswith("three\n\n[Tools: search.")
    assert "<ml_tool_calls>" in messages[3].text


def test_after_a_turn_that_the_assistant_has_begun_the_reminder_is_a_turn_of_its_own() -> None:
    begun = Message("assistant", [Text("The answer is")])
    asked = user("hi")
    messages = instruct([asked, begun], [SEARCH], AUTO, SAY)
    assert (messages[1], messages[2]) == (asked, begun)
    assert messages[3].role == "user"
    assert messages[3].text.startswith("[Tools:")


def test_without_a_turn_of_the_users_the_reminder_follows_the_contract() -> None:
    messages = instruct([system("be brief")], [SEARCH], AUTO, SAY)
    assert [message.text.count("[Tools:") for message in messages] == [0, 1]


def test_nothing_to_say_and_nowhere_to_say_it() -> None:
    turns = [user("hi")]
    assert remind(turns, "") == turns
    assert remind([], "words") == []


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (ToolChoice("auto"), "[reminder]"),
        (ToolChoice("required"), "[reminder]|[required]"),
        (ToolChoice("specific", "search"), "[reminder]|[specific]"),
        (ToolChoice("auto", parallel=False), "[reminder]|[single]"),
        (ToolChoice("required", parallel=False), "[reminder]|[single]|[required]"),
        (ToolChoice("specific", "search", parallel=False), "[reminder]|[single]|[specific]"),
    ],
)
def test_what_a_choice_adds_to_the_reminder(choice: ToolChoice, said: str) -> None:
    lines = reminder([SEARCH], choice, plain).split("\n")
    assert "|".join(line for line in lines if line.startswith("[")) == said


def test_a_choice_of_one_tool_names_it() -> None:
    assert "This reply must call search." in reminder([SEARCH, GREP], ToolChoice("specific", "search"), SAY)


def test_the_contract_does_not_depend_on_this_turns_choice() -> None:
    """So that a chat which has it once need not be told again."""
    choices = [ToolChoice("auto"), ToolChoice("required"), ToolChoice("specific", "search")]
    assert len({contract([SEARCH], choice, SAY) for choice in choices}) == 1


def test_one_call_at_a_time_is_said_instead_of_several() -> None:
    several, single = (contract([SEARCH], ToolChoice(parallel=parallel), plain) for parallel in (True, False))
    assert "[several]" in several and "[single]" not in several
    assert "[single]" in single and "[several]" not in single


def test_the_example_is_markup_with_a_value_of_every_kind() -> None:
    words = contract([SEARCH], AUTO, SAY)
    example = words[words.index("<ml_tool_calls>") : words.index("</ml_tool_calls>") + len("</ml_tool_calls>")]
    call = ElementTree.fromstring(example)[0]
    values = {child.tag: child.text for child in call.find("ml_parameters") or []}
    assert values == {
        "text": 'if (a < b) return "x";',
        "limit": "3",
        "exact": "true",
        "folders": '["src","docs"]',
    }
    assert call.findtext("ml_tool_name") not in ("search", "Grep")


def test_names_that_cannot_be_tags_are_explained_only_where_there_are_any() -> None:
    assert '<ml_parameter name="-n">' in contract([SEARCH, GREP], AUTO, SAY)
    assert "<ml_parameter " not in contract([SEARCH], AUTO, SAY)


def test_names_that_cannot_be_tags_are_the_ones_in_quotes() -> None:
    assert describe(GREP) == '## Grep\nParameters: {\n  "-n"?: boolean\n  "xmlns"?: string\n}'


def test_a_tool_without_description_has_none() -> None:
    assert describe(Tool("now")) == "## now\nParameters: {}"


def test_what_looks_like_a_template_in_a_description_is_only_text() -> None:
    odd = "Costs $& and $1 and $$; {{ example }} {{tools}} {{ nothing }} \\1 %s"
    words = contract([Tool("odd", odd, {"properties": {"p": {"description": odd}}})], AUTO, SAY)
    assert words.count(odd) == 2


def test_tools_may_have_any_name() -> None:
    assert "Tools: a]b, {{ form }}. " in reminder([Tool("a]b"), Tool("{{ form }}")], AUTO, SAY)


def test_a_schema_nested_beyond_reason_is_refused() -> None:
    schema: dict[str, object] = {}
    for _ in range(3000):
        schema = {"items": schema}
    with pytest.raises(LunaError) as refused:
        describe(Tool("deep", "", schema))
    assert refused.value.kind is Kind.BAD_REQUEST
    assert "deep" in refused.value.message


def test_rules_are_short() -> None:
    assert len(contract([], AUTO, SAY)) < 1600
    assert len(reminder([SEARCH], AUTO, SAY)) < 400
