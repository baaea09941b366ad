"""`null` for a parameter that may be left out and may not be null is a parameter that was left out."""

from typing import Any

import pytest

from luna.model.chat import Tool
from luna.model.events import ToolDelta
from luna.tools.json_text import encode
from luna.tools.schema_check import problems
from tests.support.sifting import a_sieve, pieces_of, sifted, sifted_alike, tool

EDITS = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"old": {"type": "string"}, "all": {"type": "boolean"}, "note": {"type": ["string", "null"]}},
        "required": ["old"],
    },
}
GREP = tool(
    "grep",
    "pattern",
    pattern="string",
    path="string",
    limit="integer",
    exact="boolean",
    globs={"type": "array", "items": {"type": "string"}},
    options="object",
    mode={"enum": ["files", "lines"]},
    either=("string", "integer"),
    word={"enum": ["null", "x"]},
    loose=("string", "null"),
    any={},
    old={"type": "integer", "nullable": True},
    edits=EDITS,
)
OPTIONAL = ("path", "limit", "exact", "globs", "options", "mode", "either", "edits")
HEAD = "<ml_tool_calls><ml_tool_call><ml_tool_name>grep</ml_tool_name><ml_parameters>"
TAIL = "</ml_parameters></ml_tool_call></ml_tool_calls>"


def element(name: str, written: str) -> str:
    return f"<{name}>{written}</{name}>"


def grep(inside: str) -> dict[str, Any]:
    """The arguments that a call in the contract's markup amounts to."""
    found = sifted_alike(f"{HEAD}{inside}{TAIL}", [GREP])
    assert found.notices == []
    ((_, arguments),) = found.calls
    assert isinstance(arguments, dict)
    return arguments


@pytest.mark.parametrize("name", OPTIONAL)
@pytest.mark.parametrize("null", ["null", "\nnull\n", " null "])
def test_it_is_left_out_of_a_call_in_the_markup(name: str, null: str) -> None:
    assert grep(element("pattern", "x") + element(name, null)) == {"pattern": "x"}
    assert grep(element(name, null) + element("pattern", "x")) == {"pattern": "x"}


@pytest.mark.parametrize("name", OPTIONAL)
def test_it_is_left_out_of_a_call_in_json(name: str) -> None:
    arguments = {"pattern": "x", name: None}
    for written in (
        f"<tool_call>{encode({'name': 'grep', 'arguments': arguments})}</tool_call>",
        f"[function_calls][call:grep]{encode(arguments)}[/call][/function_calls]",
    ):
        assert sifted_alike(written, [GREP]).calls == [("grep", {"pattern": "x"})]


def test_all_of_them_at_once_leave_a_call_that_fits_its_schema() -> None:
    arguments = grep(element("pattern", "x") + "".join(element(name, "null") for name in OPTIONAL))
    assert problems(arguments, GREP.parameters, "The call") == []


@pytest.mark.parametrize("name", ["loose", "any", "old"])
def test_where_it_may_be_null_it_is_null(name: str) -> None:
    assert grep(element("pattern", "x") + element(name, "null")) == {"pattern": "x", name: None}


def test_what_is_required_is_never_left_out() -> None:
    assert grep(element("pattern", "null")) == {"pattern": "null"}
    needed = tool("grep", "limit", limit="integer")
    assert sifted(f"{HEAD}<limit>null</limit>{TAIL}", tools=[needed]).calls == [("grep", {"limit": None})]


def test_a_text_that_says_null_is_text() -> None:
    quoted = element("path", "<![CDATA[null]]>") + element("either", "<![CDATA[null]]>")
    assert grep(element("pattern", "x") + quoted) == {"pattern": "x", "path": "null", "either": "null"}
    assert grep(element("pattern", "x") + element("path", "null.txt")) == {"pattern": "x", "path": "null.txt"}
    assert grep(element("pattern", "x") + element("word", "null")) == {"pattern": "x", "word": "null"}
    written = f"<tool_call>{encode({'name': 'grep', 'arguments': {'pattern': 'x', 'path': 'null'}})}</tool_call>"
    assert sifted_alike(written, [GREP]).calls == [("grep", {"pattern": "x", "path": "null"})]


def test_members_of_objects_in_lists_are_left_out_too() -> None:
    edits = [{"old": "a", "all": None, "note": None}]
    assert grep(element("pattern", "x") + element("edits", encode(edits)))["edits"] == [{"old": "a", "note": None}]
    nodes = "<item><old>a</old><all>null</all></item><item><old>b</old></item>"
    assert grep(element("pattern", "x") + element("edits", nodes))["edits"] == [{"old": "a"}, {"old": "b"}]


def test_one_that_comes_again_with_a_value_has_that_value() -> None:
    assert grep(element("path", "null") + element("pattern", "x") + element("path", "src")) == {
        "pattern": "x",
        "path": "src",
    }


def test_members_that_no_schema_knows_stay_as_they_are() -> None:
    assert grep(element("pattern", "x") + element("unheard", "null")) == {"pattern": "x", "unheard": None}


def test_a_string_that_may_be_left_out_flows_as_soon_as_it_is_no_null() -> None:
    sieve = a_sieve([GREP])
    came = [
        "".join(event.json for event in sieve.feed(piece) if isinstance(event, ToolDelta))
        for piece in (HEAD, "<pattern>x</pattern>", "<path>", "n", "ul", "l.", "txt", "</path>")
    ]
    assert came == ["", '{"pattern":"x', '"', "", "", ',"path":"null.', "txt", ""]


def test_a_cut_in_the_middle_of_it_says_nothing_of_it() -> None:
    sieve = a_sieve([GREP])
    events = [event for piece in pieces_of(f"{HEAD}<pattern>x</pattern><path>nul", 3) for event in sieve.feed(piece)]
    assert "".join(event.json for event in events if isinstance(event, ToolDelta)) == '{"pattern":"x"'


def test_a_tool_whose_schema_says_nothing_of_types_gets_what_was_written() -> None:
    loose = Tool("grep", parameters={"type": "object"})
    assert sifted(f"{HEAD}<path>null</path>{TAIL}", tools=[loose]).calls == [("grep", {"path": None})]
