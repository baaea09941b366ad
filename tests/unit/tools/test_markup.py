"""The markup: what is written can be read by a strict parser, and nothing is lost."""

from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luna.tools import markup

XML_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\ufffe\uffff", min_codepoint=0x20))
"""What XML 1.0 can carry unchanged."""
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
PIECES = st.lists(st.sampled_from(["]]>", "]]", "]", ">", "<![CDATA[", "</ml_parameters>", "</x>", "&lt;", "a"])).map(
    "".join
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | XML_TEXT | PIECES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(XML_TEXT, inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["query", "-n", "file.path", "$ref", "xmlns", "ml_parameters", "ml_tool_call", "a b", 'q"<&', ""]
)


def encode(value: object) -> str:
    return msgspec.json.encode(value).decode()


def read_call(element: ElementTree.Element) -> tuple[str, dict[str, object]]:
    """The call that an element says, by the rules of the markup alone."""
    parameters: dict[str, object] = {}
    for child in element.find(markup.PARAMETERS) or []:
        name = child.get("name") if child.tag == markup.PARAMETER else child.tag
        assert name is not None
        parameters[name] = child.text or ""
    return element.findtext(markup.NAME) or "", parameters


@given(XML_TEXT | PIECES)
def test_text_survives_cdata(text: str) -> None:
    assert (ElementTree.fromstring(f"<x>{markup.cdata(text)}</x>").text or "") == text


@given(ANY_TEXT)
def test_what_xml_cannot_carry_is_kept_all_the_same(text: str) -> None:
    inside = markup.cdata(text).removeprefix(markup.CDATA_BEGIN).removesuffix(markup.CDATA_END)
    assert inside.replace(markup.CDATA_SPLIT, markup.CDATA_END) == text


@given(st.text("]>a<", max_size=12))
def test_cdata_ends_only_where_it_should(text: str) -> None:
    sections = markup.cdata(text).split(markup.CDATA_BEGIN)[1:]
    assert all(section.count(markup.CDATA_END) == 1 for section in sections)
    assert "".join(section.partition(markup.CDATA_END)[0] for section in sections) == text


@settings(max_examples=60)
@given(name=XML_TEXT, arguments=st.dictionaries(NAMES | XML_TEXT, JSON, max_size=4), id=XML_TEXT)
def test_a_call_parses_to_what_it_was(name: str, arguments: dict[str, object], id: str) -> None:
    written = markup.calls([markup.call(name, encode(arguments), id=id), markup.call("last", "{}")])
    first, last = ElementTree.fromstring(written)
    assert first.get("id", "") == id
    said, parameters = read_call(first)
    assert said == name
    assert list(parameters) == list(arguments)
    for key, value in arguments.items():
        assert parameters[key] == (value if isinstance(value, str) else encode(value))
    assert read_call(last) == ("last", {})


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('{"query":"golang"}', "<query><![CDATA[golang]]></query>"),
        ('{"query":"foo & bar <baz>"}', "<query><![CDATA[foo & bar <baz>]]></query>"),
        ('{"query":""}', "<query><![CDATA[]]></query>"),
        ('{"query":"42"}', "<query><![CDATA[42]]></query>"),
        ('{"limit":42}', "<limit>42</limit>"),
        ('{"limit":1e400}', "<limit>1e400</limit>"),
        ('{"limit":12345678901234567890123}', "<limit>12345678901234567890123</limit>"),
        ('{"exact":true,"path":null}', "<exact>true</exact>\n<path>null</path>"),
        ('{"filter":{"type":"article"}}', '<filter>{"type":"article"}</filter>'),
        ('{"edits":[{"old":"a<b"}]}', '<edits><![CDATA[[{"old":"a<b"}]]]></edits>'),
        ('{"text":"a]]>b"}', "<text><![CDATA[a]]]]><![CDATA[>b]]></text>"),
        ('{"-n":true}', '<ml_parameter name="-n">true</ml_parameter>'),
        ('{"file-path":"x"}', "<file-path><![CDATA[x]]></file-path>"),
        ('{"ml_tool_name":"x"}', '<ml_parameter name="ml_tool_name"><![CDATA[x]]></ml_parameter>'),
        ('{"ML_x":1,"xml":2}', '<ml_parameter name="ML_x">1</ml_parameter>\n<ml_parameter name="xml">2</ml_parameter>'),
        ('{"a\\"b\\n":1}', '<ml_parameter name="a&quot;b&#10;">1</ml_parameter>'),
    ],
)
def test_how_arguments_are_written(arguments: str, expected: str) -> None:
    assert markup.call("search", arguments) == (
        "<ml_tool_call>\n<ml_tool_name>search</ml_tool_name>\n"
        f"<ml_parameters>\n{expected}\n</ml_parameters>\n</ml_tool_call>"
    )


@pytest.mark.parametrize("nothing", ["{}", "", "  ", "null"])
def test_a_call_without_arguments(nothing: str) -> None:
    assert "<ml_parameters></ml_parameters>" in markup.call("search", nothing)


@pytest.mark.parametrize(
    "raw", ['{"query": "cut o', "[1,2]", '"words"', "no JSON at <all>", '{"a":"\\ud800"}', "[" * 5000]
)
def test_arguments_that_are_no_object_stand_as_they_are(raw: str) -> None:
    element = ElementTree.fromstring(markup.call("search", raw))
    assert element.findtext(markup.PARAMETERS) == raw


def test_a_result() -> None:
    assert markup.result("3 hits", id="call_1", name="search") == (
        '<ml_tool_result id="call_1" name="search"><![CDATA[3 hits]]></ml_tool_result>'
    )


def test_a_failed_result_says_so() -> None:
    assert 'error="true"' in markup.result("no such file", id="c", name="Read", error=True)


def test_an_empty_result_says_so() -> None:
    assert markup.result("", id="c", name="Bash") == '<ml_tool_result id="c" name="Bash" empty="true"></ml_tool_result>'


def test_a_result_that_is_only_an_image_is_not_empty() -> None:
    written = markup.result("", id="c", name="Read", attached="image x.png")
    assert written == '<ml_tool_result id="c" name="Read" attached="image x.png"></ml_tool_result>'


@given(content=XML_TEXT | PIECES, name=XML_TEXT)
def test_no_content_ends_its_result(content: str, name: str) -> None:
    element = ElementTree.fromstring(markup.result(content, id="c", name=name))
    assert (element.text or "", element.get("name", ""), len(element)) == (content, name, 0)
