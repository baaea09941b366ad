"""LunaProxy's cases of reading calls out of a complete answer, and of what is left as text.

Every case is read whole and in pieces of several sizes. Cases of its list of known faults are here too: luna must do
better, and the ids say what better means.
"""

from typing import Any

import pytest

from luna.model.chat import Tool
from tests.support.attempts import play
from tests.support.play import a_chat
from tests.support.sifting import Sifted, sifted_alike, tool

TOOLS = [
    tool("search", "query", query="string", limit="integer", exact="boolean", filter="object"),
    tool("read_file", "path", path="string"),
    tool("write", "path", path="string", content="string"),
]


def ml(name: str, inside: str) -> str:
    return (
        f"<ml_tool_call>\n<ml_tool_name>{name}</ml_tool_name>\n<ml_parameters>\n{inside}\n</ml_parameters>\n"
        "</ml_tool_call>"
    )


def wrapped(*calls: str) -> str:
    return "<ml_tool_calls>\n" + "\n".join(calls) + "\n</ml_tool_calls>"


def read(text: str) -> Sifted:
    return sifted_alike(text, TOOLS)


GOLANG = "<query><![CDATA[golang]]></query>"
SEARCH: tuple[str, Any] = ("search", {"query": "golang"})
HERMES = '{"name": "search", "arguments": {"query": "golang"}}'
LEGACY = (
    "<tool_calls><tool_call><tool_name>search</tool_name><parameters><query>golang</query></parameters></tool_call>"
    "</tool_calls>"
)


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        pytest.param(wrapped(ml("search", GOLANG)), [SEARCH], id="one-call-with-its-value-in-cdata"),
        pytest.param(
            wrapped(ml("read_file", "<path>/src/main.go</path>")),
            [("read_file", {"path": "/src/main.go"})],
            id="a-path-without-cdata-is-a-string",
        ),
        pytest.param(
            wrapped(ml("search", GOLANG), ml("read_file", "<path>a.txt</path>")),
            [SEARCH, ("read_file", {"path": "a.txt"})],
            id="two-calls-in-one-wrapper-stay-in-order",
        ),
        pytest.param(
            '<tool_use><name>search</name><arguments>{"query": "golang"}</arguments></tool_use>',
            [SEARCH],
            id="tool-use-with-arguments-in-json",
        ),
        pytest.param(LEGACY, [SEARCH], id="tags-without-the-prefix"),
        pytest.param("It rains. No tool is needed.", [], id="plain-text-holds-no-call"),
        pytest.param("", [], id="an-empty-answer-holds-no-call"),
        pytest.param(
            wrapped(ml("search", GOLANG + '<limit>10</limit><exact>true</exact><filter>{"type":"article"}</filter>')),
            [("search", {"query": "golang", "limit": 10, "exact": True, "filter": {"type": "article"}})],
            id="numbers-booleans-and-objects-get-the-types-of-the-schema",
        ),
    ],
)
def test_calls_are_read(text: str, calls: list[tuple[str, Any]]) -> None:
    found = read(text)
    assert found.calls == calls
    assert found.notices == []


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        # LunaProxy typed values by their looks.
        pytest.param(
            wrapped(ml("write", "<path>42</path><content><![CDATA[true]]></content>")),
            [("write", {"path": "42", "content": "true"})],
            id="a-string-that-looks-like-a-number-stays-a-string",
        ),
        pytest.param(
            wrapped(ml("write", "<path>p</path><content><![CDATA[a]]><![CDATA[b]]></content>")),
            [("write", {"path": "p", "content": "ab"})],
            id="cdata-split-over-two-sections-is-one-value",
        ),
        # Of these it read nothing, or the wrong thing.
        pytest.param(ml("search", GOLANG), [SEARCH], id="a-call-without-its-wrapper"),
        pytest.param(
            wrapped(ml("search", GOLANG)).removesuffix("\n</ml_tool_calls>"), [SEARCH], id="a-wrapper-left-open"
        ),
        pytest.param(f"<tool_call>\n{HERMES}\n</tool_call>", [SEARCH], id="json-in-a-tool-call-tag"),
        pytest.param(
            wrapped(ml("search", GOLANG)).upper().replace("GOLANG", "golang"), [SEARCH], id="tags-in-upper-case"
        ),
        pytest.param(
            wrapped(ml("search", GOLANG).replace("<ml_tool_call>", '<ml_tool_call id="7">')),
            [SEARCH],
            id="attributes-on-a-tag",
        ),
        pytest.param(wrapped(ml("search", '{"query": "golang"}')), [SEARCH], id="json-in-place-of-parameters"),
        pytest.param(
            wrapped(ml("search", "<query>a &lt; b</query>")),
            [("search", {"query": "a < b"})],
            id="references-outside-cdata-are-resolved",
        ),
        pytest.param(wrapped(ml("Search", GOLANG)), [SEARCH], id="a-name-in-other-letters-finds-its-tool"),
        pytest.param(
            wrapped(ml("search", "<query>first</query><query>second</query>")),
            [("search", {"query": "first"})],
            id="of-a-parameter-given-twice-the-first-counts",
        ),
    ],
)
def test_unlike_lunaproxy_calls_are_read(text: str, calls: list[tuple[str, Any]]) -> None:
    assert read(text).calls == calls


def test_unlike_lunaproxy_a_call_without_a_name_or_to_no_tool_is_refused_and_not_delivered() -> None:
    for text in (wrapped(ml("", GOLANG)), wrapped(ml("no_such_tool_at_all", GOLANG))):
        found = read(text)
        assert (found.calls, found.text) == ([], "")
        assert [kind for kind, _ in found.notices] == ["tool-invalid"]


def test_a_parameter_name_with_a_hyphen_or_a_dot_is_read() -> None:
    tools = [Tool("grep", parameters={"type": "object", "properties": {"file-type": {}, "a.b": {}, "-n": {}}})]
    inside = "<file-type>py</file-type><a.b>1</a.b>" + '<ml_parameter name="-n">true</ml_parameter>'
    assert sifted_alike(wrapped(ml("grep", inside)), tools).calls == [
        ("grep", {"file-type": "py", "a.b": 1, "-n": True})
    ]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        pytest.param(
            "I will look.\n" + wrapped(ml("search", "<query>secret words</query>")),
            "I will look.\n",
            id="prose-before-a-block-stays-and-the-block-goes",
        ),
        pytest.param(
            'Hello<tool_use><name>search</name><arguments>{"query":"x"}</arguments></tool_use>',
            "Hello",
            id="a-tool-use-block-goes",
        ),
        pytest.param(f"Before {LEGACY} After", "Before  After", id="text-around-a-block-stays-to-the-blank"),
        pytest.param(
            "Text[function_calls][call:test]{}[/call][/function_calls]", "Text", id="a-block-in-brackets-goes"
        ),
        pytest.param("content</ml_tool_calls>", "content", id="a-closing-tag-that-is-left-over-goes"),
        pytest.param("", "", id="nothing-stays-nothing"),
        pytest.param("</ml_tool_calls>", "", id="a-lone-closing-tag-goes"),
        pytest.param("<ml_tool_name>", "", id="a-lone-name-tag-goes"),
        pytest.param("Hello world", "Hello world", id="plain-text-stays"),
    ],
)
def test_what_stays_as_text(text: str, left: str) -> None:
    assert read(text).text == left


@pytest.mark.parametrize(
    "text",
    [
        # LunaProxy deleted what looked like a leak: sentences of the author's, and CDATA that was no call's.
        pytest.param("<![CDATA[test]]>", id="cdata-outside-of-a-call"),
        pytest.param("The tool resources exhausted. Continue answering.", id="a-sentence-about-exhausted-tools"),
        pytest.param(
            "Function pow is not found in math.h; I do not have a tool for it.", id="a-sentence-about-functions"
        ),
        pytest.param("Write `<ml_tool_calls>` to begin a call.", id="the-markup-quoted-in-code"),
        pytest.param("<function foo> and <tools> and <web_search>", id="tags-that-begin-like-a-call"),
    ],
)
def test_unlike_lunaproxy_text_stays_that_only_looks_like_a_leak(text: str) -> None:
    found = read(text)
    assert (found.text, found.calls) == (text, [])


# What LunaProxy meant to hide by deleting: an answer that consists of it is made again, and nobody sees the first.
async def test_unlike_lunaproxy_an_answer_that_is_only_a_complaint_is_made_again() -> None:
    chat = a_chat("Find Go.")
    chat.tools = [*TOOLS]
    result = await play(chat, "I'm sorry, I don't have any tools here.", wrapped(ml("search", GOLANG)))
    assert (result.text, result.calls) == ("", [("search", '{"query":"golang"}')])
