"""What the contract shows the model is what the way back understands: a call that was written reads as that call."""

from collections.abc import Iterable
from itertools import count
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luna.model.chat import Tool, ToolChoice
from luna.model.events import StreamEvent, TextDelta, ToolDelta, ToolOpen
from luna.tools import markup
from luna.tools.contract import contract
from luna.tools.numbering import Numbering
from luna.tools.schema import Toolbox
from luna.tools.sieve import Sieve
from tests.support.spoken import speaker
from tests.support.toolsets import AGENT

HARD = (
    'if (a < b && c]]>d) {\n\treturn "</content></ml_parameters></ml_tool_call></ml_tool_calls>";\r\n}'
    " // `x` &amp; <b>\n"
)
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("Bash", {"command": "cat <<'EOF'\n42\nEOF", "timeout": 600000, "run_in_background": False}),
    ("Write", {"file_path": "/a/b.c", "content": HARD}),
    ("Write", {"file_path": "42", "content": ""}),
    ("Write", {"file_path": "true", "content": "null"}),
    ("Write", {"file_path": " /a b ", "content": '{"a": [1, 2]}'}),
    ("Edit", {"file_path": "/x", "old_string": "]]", "new_string": "]]>", "replace_all": True}),
    ("Grep", {"pattern": "a<b", "-n": True, "-A": 3, "-C": 0, "output_mode": "content"}),
    ("TodoWrite", {"todos": [{"content": "a < b", "status": "pending", "activeForm": "]]>"}]}),
    ("read_files", {"files": [{"path": "/x", "start_line": None, "end_line": 3}, {"path": "</files>"}]}),
    ("apply_patch", {"input": "*** Begin Patch\n-a<b\n+a>b\n*** End Patch"}),
    ("mcp__tracker__search_issues", {"query": "007", "labels": None, "per_page": 5, "filters": []}),
    ("browser_action", {"action": "click", "coordinate": [10, 20]}),
    ("ToolSearch", {"query": "select:NotebookEdit", "max_results": 5}),
]


def called(events: Iterable[StreamEvent]) -> list[tuple[str, Any]]:
    """The calls among events, their arguments decoded."""
    found: list[tuple[str, list[str]]] = []
    for event in events:
        match event:
            case ToolOpen():
                found.append((event.name, []))
            case ToolDelta():
                found[-1][1].append(event.json)
            case _:
                pass
    return [(name, msgspec.json.decode("".join(pieces))) for name, pieces in found]


def sifted(text: str, tools: list[Tool], size: int) -> list[StreamEvent]:
    """What the way back makes of an answer that comes in pieces."""
    numbers = count()
    sieve = Sieve(Toolbox(tools), Numbering(lambda: f"call_{next(numbers)}"))
    events: list[StreamEvent] = []
    for start in range(0, len(text), size):
        events += sieve.feed(text[start : start + size])
    return [*events, *sieve.finish()]


def written(calls: Iterable[tuple[str, Any]], *, ids: bool = False) -> str:
    """Calls in the markup; with ids as the past shows them, which a model may imitate."""
    return markup.calls(
        markup.call(name, msgspec.json.encode(arguments).decode(), id=f"call_{n}" if ids else "")
        for n, (name, arguments) in enumerate(calls)
    )


@pytest.mark.parametrize("ids", [False, True], ids=["as the contract says", "with the ids of the past"])
@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize(("name", "arguments"), CALLS)
def test_a_call_comes_back_as_it_was(name: str, arguments: dict[str, Any], size: int, ids: bool) -> None:
    events = sifted("Let me see.\n" + written([(name, arguments)], ids=ids), AGENT, size)
    assert called(events) == [(name, arguments)]
    assert "".join(event.text for event in events if isinstance(event, TextDelta)).strip() == "Let me see."


def test_calls_made_together_come_back_in_order() -> None:
    assert called(sifted(written(CALLS), AGENT, 5)) == CALLS


def test_the_contracts_own_example_is_a_call_that_is_understood() -> None:
    words = contract([], ToolChoice(), speaker())
    example = words[words.index("<ml_tool_calls>") : words.index("</ml_tool_calls>") + len("</ml_tool_calls>")]
    kinds = {"text": "string", "limit": "integer", "exact": "boolean", "folders": "array"}
    tool = Tool("example_search", "", {"properties": {name: {"type": kind} for name, kind in kinds.items()}})
    [(name, arguments)] = called(sifted(example, [tool], 3))
    assert name == "example_search"
    assert arguments == {"text": 'if (a < b) return "x";', "limit": 3, "exact": True, "folders": ["src", "docs"]}


WORDS = st.text(st.characters(exclude_categories=["Cs", "Co"]), max_size=20) | st.lists(
    st.sampled_from(["]]>", "]", "<![CDATA[", "</content>", "<b>", "&lt;", "\n", "\r\n", " ", "```", '"', "a"])
).map("".join)


@settings(max_examples=60)
@given(content=WORDS, path=WORDS, size=st.integers(1, 9))
def test_any_text_comes_back_as_it_was(content: str, path: str, size: int) -> None:
    arguments = {"file_path": path, "content": content}
    assert called(sifted(written([("Write", arguments)]), AGENT, size)) == [("Write", arguments)]


ODD_NAMES = ["name", "input", "arguments", "parameters", "tool_name", "invoke", "call", "ml_tool_name", "ML_parameters"]
ODD_NAMES += ["xmlns", "XML", "$ref", "-n", "a.b", "a-b", "a b", "2nd", "größe", 'q"<&>', "id", "function"]


@pytest.mark.parametrize("size", [1, 10_000])
@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_parameter_may_have_any_name(name: str, size: int) -> None:
    tool = Tool("odd", "", {"properties": {name: {"type": "string"}, "other": {"type": "integer"}}})
    arguments = {name: HARD, "other": 1}
    assert called(sifted(written([("odd", arguments)]), [tool], size)) == [("odd", arguments)]


@pytest.mark.parametrize("name", ["odd", "a.b", "mcp__x__y", "a-b", "a b", "tool_name", "a & <b>", "größe"])
def test_a_tool_may_have_any_name(name: str) -> None:
    tool = Tool(name, "", {"properties": {"p": {"type": "string"}}})
    assert called(sifted(written([(name, {"p": "x"})]), [tool], 3)) == [(name, {"p": "x"})]
