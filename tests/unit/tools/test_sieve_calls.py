"""Calls are understood in whatever form models write them."""

from typing import Any

import pytest

from luna.tools import markup
from luna.tools.json_text import encode
from tests.support.sifting import events_of, notices_in, sifted_alike, tool

GOLANG = {"query": "golang"}
SEARCH = [("search", GOLANG)]
TEXTUAL = {"name": "search", "arguments": encode(GOLANG)}
NAME = "<ml_tool_name>search</ml_tool_name>"
QUERY = "<query><![CDATA[golang]]></query>"
SPACE = "minimax:"


def ml(*inside: str, name: str = "search") -> str:
    """One call in the contract's tags."""
    parameters = "\n".join(inside)
    return (
        f"<ml_tool_call>\n<ml_tool_name>{name}</ml_tool_name>\n<ml_parameters>\n{parameters}\n</ml_parameters>\n"
        "</ml_tool_call>"
    )


def wrapped(*calls: str) -> str:
    return "<ml_tool_calls>\n" + "\n".join(calls) + "\n</ml_tool_calls>"


BARE = ml(QUERY).removeprefix("<ml_tool_call>\n").removesuffix("\n</ml_tool_call>")
HERMES = '{"name": "search", "arguments": {"query": "golang"}}'
CODER = "<function=search>\n<parameter=query>\ngolang\n</parameter>\n</function>"
INVOKE = '<invoke name="search">\n<parameter name="query">golang</parameter>\n</invoke>'
WRITTEN: list[tuple[str, str]] = [
    ("as the contract has it", wrapped(ml(QUERY))),
    ("no cdata", wrapped(ml("<query>golang</query>"))),
    ("on one line", wrapped(ml(QUERY)).replace("\n", "")),
    ("laid out", wrapped(ml("<query>\n    golang\n  </query>")).replace("\n<", "\n      <")),
    ("legacy tags", wrapped(ml(QUERY)).replace("ml_", "")),
    ("mixed tags", wrapped(ml(QUERY)).replace("<ml_tool_call>", "<tool_call>").replace("</ml_", "</")),
    ("short tags", ml(QUERY).replace("ml_tool_name", "name").replace("ml_parameters", "arguments")),
    ("capitals", wrapped(ml(QUERY)).replace("ml_", "ML_").replace("tool", "Tool")),
    ("hyphens", wrapped(ml(QUERY)).replace("ml_tool_call", "ml-tool-call")),
    ("blanks in tags", wrapped(ml(QUERY)).replace(">\n", " >\n").replace("</ml", "</ ml")),
    ("attributes", wrapped(ml(QUERY)).replace("<ml_tool_call>", '<ml_tool_call id="a>b" index=0 last>')),
    ("no outer wrapper", ml(QUERY)),
    ("no wrapper at all", BARE),
    ("outer wrapper twice", f"<tool_calls>{wrapped(ml(QUERY))}</tool_calls>"),
    ("outer wrapper of another dialect", f"<function_calls>{ml(QUERY)}</tool_calls>"),
    ("outer wrapper not closed", wrapped(ml(QUERY)).removesuffix("</ml_tool_calls>")),
    ("no inner wrapper", wrapped(BARE)),
    ("no parameters element", f"<ml_tool_call><ml_tool_name>search</ml_tool_name>{QUERY}</ml_tool_call>"),
    ("parameters twice", ml(f"<parameters>{QUERY}</parameters>")),
    ("parameters not closed", ml(QUERY).replace("\n</ml_parameters>", "")),
    ("call not closed", wrapped(ml(QUERY).replace("\n</ml_tool_call>", ""))),
    ("name not closed", ml(QUERY).replace("</ml_tool_name>", "")),
    ("name in cdata", ml(QUERY, name="<![CDATA[search]]>")),
    ("name in quotes", ml(QUERY, name='"search"')),
    ("name with blanks", ml(QUERY, name="\n  search\n")),
    ("name in capitals", ml(QUERY, name="SEARCH")),
    ("name in a namespace", ml(QUERY, name="functions.search")),
    ("name after the parameters", ml(QUERY).replace(NAME, "").replace("</ml_tool_call>", NAME + "</ml_tool_call>")),
    ("name in an attribute", f'<tool_call name="search"><parameters>{QUERY}</parameters></tool_call>'),
    ("parameter not closed", wrapped(ml("<query>golang")).replace("\n", "")),
    ("legacy parameter not closed", ml("<query>golang").replace("\n", "").replace("ml_", "")),
    ("wrong closing tag", wrapped(ml("<query>golang</question>"))),
    ("closing tag in capitals", wrapped(ml("<query>golang</QUERY >"))),
    ("parameter in capitals", wrapped(ml("<Query>golang</Query>"))),
    ("parameter with attributes", wrapped(ml('<query type="string">golang</query>'))),
    ("parameter in an attribute", wrapped(ml('<ml_parameter name="query"><![CDATA[golang]]></ml_parameter>'))),
    ("parameter in an attribute, closed by name", wrapped(ml('<parameter name="query">golang</query>'))),
    ("cdata not closed", wrapped(ml("<query><![CDATA[golang</query>"))),
    ("cdata half closed", wrapped(ml("<query><![CDATA[golang]]</query>"))),
    ("cdata with blanks around it", wrapped(ml("<query>\n  <![CDATA[golang]]>\n</query>"))),
    ("cdata around the value and its tag", wrapped(ml("<![CDATA[<query>golang</query>]]>"))),
    ("comments", wrapped(ml(f"<!-- the query -->{QUERY}<!-- done -->"))),
    ("stray closing tags", wrapped(ml(f"</limit>{QUERY}</query>"))),
    ("json in the parameters", wrapped(ml('{"query": "golang"}'))),
    ("json in cdata", wrapped(ml('<![CDATA[{"query": "golang"}]]>'))),
    ("json in a fence", wrapped(ml('```json\n{"query": "golang"}\n```'))),
    ("json instead of parameters", '<tool_call><name>search</name>{"query": "golang"}</tool_call>'),
    ("named calls", f"<function_calls>\n{INVOKE}\n</function_calls>"),
    ("named call alone", INVOKE),
    ("named calls in a namespace", f"<{SPACE}tool_call>\n{INVOKE}\n</{SPACE}tool_call>"),
    ("named call in single quotes", INVOKE.replace('"', "'")),
    ("named call with json", '<invoke name="search">{"query": "golang"}</invoke>'),
    ("one line for each value", f"<tool_call>\n{CODER}\n</tool_call>"),
    ("one line for each value, alone", CODER),
    ("one line for each value, not closed", f"<tool_call>\n{CODER}\n</tool_call>".replace("</parameter>\n", "")),
    ("hermes", f"<tool_call>{HERMES}</tool_call>"),
    ("hermes on lines", f"<tool_call>\n{HERMES}\n</tool_call>"),
    ("hermes in a wrapper", f"<tool_calls><tool_call>{HERMES}</tool_call></tool_calls>"),
    ("hermes in a fence", f"<tool_call>\n```json\n{HERMES}\n```\n</tool_call>"),
    ("hermes in the contract's tags", wrapped(f"<ml_tool_call>{HERMES}</ml_tool_call>")),
    ("hermes without its end", f"<tool_call>{HERMES}"),
    ("hermes with a brace too few", f"<tool_call>\n{HERMES[:-1]}\n</tool_call>"),
    ("hermes with a brace too many", f"<tool_call>{HERMES}}}\n</tool_call>"),
    ("hermes with arguments in a string", f"<tool_call>{encode(TEXTUAL)}</tool_call>"),
    ("hermes with parameters", '<tool_call>{"name":"search","parameters":{"query":"golang"}}</tool_call>'),
    ("hermes with arguments first", '<tool_call>{"arguments":{"query":"golang"},"name":"search"}</tool_call>'),
    ("hermes like python", "<tool_call>{'name': 'search', 'arguments': {'query': 'golang',}}</tool_call>"),
    ("hermes as a function", f'<tool_call>{{"type": "function", "function": {HERMES}}}</tool_call>'),
    ("a list", f"<tool_calls>[{HERMES}]</tool_calls>"),
    ("brackets", '[function_calls][call:search]{"query":"golang"}[/call][/function_calls]'),
    ("brackets on lines", '[function_calls]\n[call:search]\n{"query":"golang"}\n[/call]\n[/function_calls]'),
    ("brackets without wrapper", '[call:search]{"query":"golang"}[/call]'),
    ("brackets with an equals sign", '[call=search]{"query":"golang"}[/call]'),
    ("brackets without end", '[function_calls][call:search]{"query":"golang"}'),
    ("brackets with a brace too few", '[function_calls][call:search]{"query":"golang"[/call][/function_calls]'),
    ("tool use", '<tool_use><name>search</name><arguments>{"query":"golang"}</arguments></tool_use>'),
    ("tool use with elements", f"<tool_use><name>search</name><input>{QUERY}</input></tool_use>"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "written"), WRITTEN, ids=[form for form, _ in WRITTEN])
def test_every_form_is_the_same_call(form: str, written: str) -> None:
    found = sifted_alike(written)
    assert (found.text, found.calls) == ("", SEARCH)
    assert not [kind for kind, _ in found.notices if kind != "tool-repaired"]


@pytest.mark.parametrize(("form", "written"), WRITTEN, ids=[form for form, _ in WRITTEN])
def test_text_around_it_survives(form: str, written: str) -> None:
    found = sifted_alike(f"Before {written} After <b>.")
    assert found.calls == SEARCH
    assert found.text.replace("\n", "") == "Before  After <b>."


def test_text_before_between_and_after_calls() -> None:
    found = sifted_alike(f"one {ml(QUERY)} two {ml(QUERY)}{ml(QUERY)} three")
    assert (found.text, found.calls) == ("one  two  three", SEARCH * 3)


@pytest.mark.parametrize(
    "written",
    [
        wrapped(ml(QUERY), ml("<query>b</query>")),
        wrapped(ml(QUERY)) + wrapped(ml("<query>b</query>")),
        f"{ml(QUERY)}\n{ml('<query>b</query>')}",
        wrapped(ml(QUERY).replace("</ml_tool_call>", ""), ml("<query>b</query>")),
        wrapped(ml(QUERY).replace("\n</ml_parameters>\n</ml_tool_call>", ""), ml("<query>b</query>")),
        wrapped(BARE, BARE.replace("golang", "b")),
        f"<tool_call>{HERMES}</tool_call>\n<tool_call>{HERMES.replace('golang', 'b')}</tool_call>",
        f"<tool_call>\n{HERMES}\n{HERMES.replace('golang', 'b')}\n</tool_call>",
        f"<tool_calls>[{HERMES}, {HERMES.replace('golang', 'b')}]</tool_calls>",
        f"<tool_call>\n{CODER}\n{CODER.replace('golang', 'b')}\n</tool_call>",
        f"<function_calls>{INVOKE}{INVOKE.replace('golang', 'b')}</function_calls>",
        '[function_calls][call:search]{"query":"golang"}[/call][call:search]{"query":"b"}[/call][/function_calls]',
        wrapped(ml(QUERY)) + f"<tool_call>{HERMES.replace('golang', 'b')}</tool_call>",
    ],
)
def test_several_calls_stay_apart_and_in_order(written: str) -> None:
    found = sifted_alike(written)
    assert (found.text, found.calls) == ("", [*SEARCH, ("search", {"query": "b"})])


VALUES = [
    "",
    " ",
    "\n",
    "42",
    "true",
    "null",
    "[1]",
    " padded ",
    "\nlaid\nout\n",
    "foo & bar <baz>",
    "&amp; &lt;",
    "a]]>b",
    "]]>",
    "]]",
    "x]]]",
    "]]]]><![CDATA[>",
    "<![CDATA[nested]]>",
    "</content>",
    "</content></ml_parameters>",
    "</content>\n</ml_parameters>\n</ml_tool_call>\n</ml_tool_calls>",
    "]]></content>\n</ml_parameters>",
    "<path>other</path>",
    wrapped(ml(QUERY)),
    HERMES,
    "```\ncode\n```",
    "`x` ~~~\n~~~",
    'if (a < b && c > d) { x = "\\n"; }',
    "#include <stdio.h>\r\n\tint x;\r\n",
    "\x1b[31mred\x1b[0m \x00",
    "größer 工具 🙂\u2028",
    "<html><body class='x'>&nbsp;</body></html>",
    "</tool_call></function></parameter>",
]


@pytest.mark.parametrize("value", VALUES)
def test_a_value_in_cdata_is_what_it_is(value: str) -> None:
    written = markup.calls([markup.call("write_file", encode({"path": value, "content": value}))])
    found = sifted_alike(f"{written} end")
    assert (found.text, found.calls) == (" end", [("write_file", {"path": value, "content": value})])
    assert found.notices == []


@pytest.mark.parametrize("value", VALUES)
def test_a_value_in_json_is_what_it_is(value: str) -> None:
    arguments = {"path": "p", "content": value}
    for written in (
        f"<tool_call>{encode({'name': 'write_file', 'arguments': arguments})}</tool_call>",
        f"[function_calls][call:write_file]{encode(arguments)}[/call][/function_calls]",
    ):
        assert sifted_alike(written).calls == [("write_file", arguments)]


@pytest.mark.parametrize(
    ("inside", "content"),
    [
        ("<content>a &lt; b &amp;&amp; c</content>", "a < b && c"),
        ("<content>a < b && c</content>", "a < b && c"),
        ("<content>    return x</content>", "    return x"),
        ("<content>\none\n  two\n</content>", "one\n  two"),
        ("<content><p>one</p>\n<p>two</p></content>", "<p>one</p>\n<p>two</p>"),
        ("<content><a><b>nested</b></a></content>", "<a><b>nested</b></a>"),
        ('<content>{"a": [1, 2]}</content>', '{"a": [1, 2]}'),
        ("<content>x </content> y</content>", "x </content> y"),
        ("<content><li>1</content>", "<li>1"),
        ("<content>a]]>b</content>", "a]]>b"),
        ("<content>x<![CDATA[<y>]]>z</content>", "x<y>z"),
        ("<content><![CDATA[a]]><![CDATA[b]]></content>", "ab"),
        ("<content><![CDATA[a]]> b ]]></content>", "a]]> b "),
        ("<content><![CDATA[a]]></content> b]]></content>", "a]]></content> b"),
        ("<content><![CDATA[a</content>b]]></content>", "a</content>b"),
        ("<content/>", ""),
        ("<content />", ""),
        ("<content></content>", ""),
    ],
)
def test_a_value_without_cdata_is_taken_literally_unless_it_is_xml_text(inside: str, content: str) -> None:
    found = sifted_alike(wrapped(ml("<path>p</path>", inside, name="write_file")) + " end")
    assert (found.text, found.calls) == (" end", [("write_file", {"path": "p", "content": content})])


@pytest.mark.parametrize(
    ("inside", "arguments"),
    [
        (["<query>42</query>"], {"query": "42"}),
        (["<query>true</query>", "<limit>10</limit>"], {"query": "true", "limit": 10}),
        (["<query>q</query>", "<exact>true</exact>"], {"query": "q", "exact": True}),
        (["<query>q</query>", "<limit><![CDATA[10]]></limit>"], {"query": "q", "limit": 10}),
        (["<query>q</query>", "<limit>\n  10\n</limit>"], {"query": "q", "limit": 10}),
        (["<query>q</query>", '<filter>{"type":"article"}</filter>'], {"query": "q", "filter": {"type": "article"}}),
        (["<query>q</query>", "<filter><type>article</type></filter>"], {"query": "q", "filter": {"type": "article"}}),
        (["<query>q</query>", "<filter><![CDATA[{'a': 1}]]></filter>"], {"query": "q", "filter": {"a": 1}}),
        (["<limit>10</limit>", "<query>q</query>"], {"limit": 10, "query": "q"}),
        (["<query>q</query>", "<unknown>7</unknown>"], {"query": "q", "unknown": 7}),
        (["<query>q</query>", "<unknown><![CDATA[7]]></unknown>"], {"query": "q", "unknown": "7"}),
        (["<queri>q</queri>", "<limits>1</limits>"], {"query": "q", "limit": 1}),
        (["<QUERY>q</QUERY>", "<Li-mit>3</Li-mit>"], {"query": "q", "limit": 3}),
    ],
)  # fmt: skip
def test_values_are_typed_by_the_schema(inside: list[str], arguments: dict[str, Any]) -> None:
    assert sifted_alike(wrapped(ml(*inside))).calls == [("search", arguments)]


def test_a_parameter_may_bear_the_name_of_a_tag() -> None:
    names = ["name", "input", "parameters", "arguments", "tool_name", "function", "parameter", "content"]
    tools = [tool("odd", **dict.fromkeys(names, "string"))]
    inside = [f"<{name}><![CDATA[</{name}> {name}]]></{name}>" for name in names]
    found = sifted_alike(wrapped(ml(*inside, name="odd")), tools)
    assert found.calls == [("odd", {name: f"</{name}> {name}" for name in names})]
    plain = sifted_alike(wrapped(ml(*(f"<{name}>{name}</{name}>" for name in names), name="odd")), tools)
    assert plain.calls == [("odd", {name: name for name in names})]


def test_of_a_parameter_that_comes_twice_the_first_counts_and_it_is_said() -> None:
    found = sifted_alike(wrapped(ml(QUERY, "<query>other</query>")))
    assert (found.calls, found.notices) == (SEARCH, [("tool-repaired", "left-out")])


def test_a_list_may_be_written_one_element_at_a_time() -> None:
    found = sifted_alike(wrapped(ml("<patterns>a</patterns>", "<patterns><![CDATA[b]]></patterns>", name="list_files")))
    assert found.calls == [("list_files", {"patterns": ["a", "b"]})]


def test_a_tool_without_parameters_needs_none() -> None:
    for written in (
        ml(name="now"),
        "<ml_tool_call><ml_tool_name>now</ml_tool_name></ml_tool_call>",
        "<ml_tool_call><ml_tool_name>now</ml_tool_name><ml_parameters/></ml_tool_call>",
        "<ml_tool_calls><ml_tool_call><ml_tool_name>now</ml_tool_name>",
        '<tool_call>{"name":"now"}</tool_call>',
        '<tool_call>{"name":"now","arguments":""}</tool_call>',
        "<function=now></function>",
        "[call:now]{}[/call]",
    ):
        assert sifted_alike(written).calls == [("now", {})]


# what cannot be delivered


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (wrapped(ml(QUERY, name="nothing_like_it")), "unknown-tool"),
        (wrapped(ml("<a>1</a><b><![CDATA[</b>]]></b>", name="nothing_like_it")), "unknown-tool"),
        ('<tool_call>{"name":"nothing_like_it","arguments":{}}</tool_call>', "unknown-tool"),
        ('<function_calls><invoke name="nothing_like_it"><x>1</x></invoke></function_calls>', "unknown-tool"),
        ("[call:nothing_like_it]{}[/call]", "unknown-tool"),
        (wrapped(ml(QUERY, name="")), "no-name"),
        (f"<ml_tool_call><ml_parameters>{QUERY}</ml_parameters></ml_tool_call>", "no-name"),
        (f"<ml_parameters>{QUERY}</ml_parameters>", "no-name"),
        ('<tool_call>{"arguments":{"query":"x"}}</tool_call>', "no-name"),
        ('<tool_call>{"name":"search","arguments":{"query":"say "hi""}}</tool_call>', "bad-json"),
        ('<tool_call>{"name":"search","arguments":[1]}</tool_call>', "bad-json"),
        ('<tool_call>{"name":"search","arguments":"x"}</tool_call>', "bad-json"),
        ("<tool_call>{search me}</tool_call>", "bad-json"),
        (wrapped(ml("{query}")), "bad-json"),
        ('[call:search]{"query":"say "hi""}[/call]', "bad-json"),
    ],
)
def test_a_block_that_cannot_be_delivered_becomes_a_notice_and_never_text(written: str, reason: str) -> None:
    found = sifted_alike(f"a {written} b")
    assert (found.text, found.calls, found.notices) == ("a  b", [], [("tool-invalid", reason)])


def test_the_notice_names_the_tool_as_it_was_written() -> None:
    for written in (
        ml(QUERY, name="frobnicate"),
        '<tool_call>{"name": "frobnicate", "arguments": {"a": "b"c"}}</tool_call>',
    ):
        notice = notices_in(events_of([written]))[0]
        assert notice.data is not None
        assert notice.data["name"] == "frobnicate"
        assert notice.text


def test_calls_around_a_bad_one_are_delivered() -> None:
    found = sifted_alike(wrapped(ml(QUERY), ml(QUERY, name="nothing_like_it"), ml("<query>b</query>")))
    assert found.calls == [*SEARCH, ("search", {"query": "b"})]
    assert found.notices == [("tool-invalid", "unknown-tool")]


def test_invented_results_are_dropped_with_a_notice() -> None:
    result = '<ml_tool_result id="1" name="search"><![CDATA[found </ml_tool_result> it]]></ml_tool_result>'
    for written in (f"{wrapped(ml(QUERY))}\n{result}\nDone.", wrapped(ml(QUERY), result) + "\nDone."):
        found = sifted_alike(written)
        assert (found.text.strip(), found.calls) == ("Done.", SEARCH)
        assert found.notices == [("tool-result-invented", "")]
    assert sifted_alike(f"{result} Done.").text.strip() == "Done."
