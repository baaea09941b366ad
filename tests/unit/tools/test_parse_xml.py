"""XML is read strictly, and text that is none stays what it is."""

import pytest

from luna.tools.parse import Node, text_of, tree_of
from luna.tools.plain import Plain


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("", ""),
        ("a", "a"),
        ("a &lt; b &amp;&amp; c &#65;&#x42; &quot;&apos;", "a < b && c AB \"'"),
        ("<![CDATA[a < b]]> c", "a < b c"),
        ("<![CDATA[]]]]><![CDATA[>]]>", "]]>"),
        ("one\r\ntwo\rthree", "one\r\ntwo\rthree"),
    ],
)
def test_text_is_resolved(raw: str, text: str) -> None:
    assert text_of(raw) == text


@pytest.mark.parametrize(
    "raw",
    [
        "a & b",
        "a < b",
        "&nbsp;",
        "<b>x</b>",
        "x <!-- no --> y",
        "<?pi?>",
        "<![CDATA[open",
        "]]>",
        "\x1b[0m",
        "\x00",
        "\ue00d",
        "\ud800",
        "</v><v>",
        '<!DOCTYPE v [<!ENTITY e "x">]>',
    ],
)
def test_what_is_not_well_formed_text_is_refused(raw: str) -> None:
    assert text_of(raw) is None


def test_no_entity_is_ever_fetched() -> None:
    assert tree_of('<!DOCTYPE v [<!ENTITY e SYSTEM "file:///etc/hostname">]><a>&e;</a>') is None
    assert tree_of("<a>&e;</a>") is None


def test_elements_are_read_with_their_text_as_it_was() -> None:
    nodes = tree_of("<a>x\r\n</a>\n<b><c>1</c><c>2</c></b>")
    assert nodes == (Node("a", "x\r\n"), Node("b", "", (Node("c", "1"), Node("c", "2"))))


@pytest.mark.parametrize(
    "raw", ["text", "<a/> text", "<a>x<b/></a>", "<a><!-- c --></a>", "<a>", "<a></b>", "<a b=c/>"]
)
def test_anything_else_is_no_tree(raw: str) -> None:
    assert tree_of(raw) is None


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("", ""),
        ("x", "x"),
        ("  x  ", "  x  "),
        ("   ", "   "),
        ("    return x", "    return x"),
        ("one\ntwo\n", "one\ntwo\n"),
        ("\nx\n", "x"),
        ("\n      src/a.py\n    ", "src/a.py"),
        ("\r\nx\r\n", "x"),
        (" \nx", "x"),
        ("\n\n", ""),
        ("\n    one\n      two\n    ", "    one\n      two"),
        ("\n\none\n\ntwo\n\n", "\none\n\ntwo\n"),
        ("\none\n   \n", "one"),
        ("\none\ntwo   \n", "one\ntwo   "),
        ("a &amp; b", "a & b"),
        ("a && b", "a && b"),
        ("a &amp;&amp; b && c", "a &amp;&amp; b && c"),
        ("if (a < b) &amp;", "if (a < b) &amp;"),
        ("<p>a &amp; b</p>", "<p>a &amp; b</p>"),
        ("x <![CDATA[<y>]]> z", "x <y> z"),
        ("\n<p>\n  a\n</p>\n  ", "<p>\n  a\n</p>"),
        ("\na &lt; b\n", "a < b"),
        ("\na\nb &lt; c\n  ", "a\nb < c"),
        ("\x1b[0m &lt;", "\x1b[0m <"),
    ],
)
def test_a_value_between_tags(raw: str, value: str) -> None:
    for size in (len(raw) or 1, 1, 2, 3):
        plain = Plain()
        pieces = [plain.feed(raw[start : start + size]) for start in range(0, len(raw), size)]
        assert "".join(pieces) + plain.end() == value


def test_what_is_certain_does_not_wait() -> None:
    plain = Plain()
    assert plain.feed("one ") == "one "
    assert plain.feed("two\n") == "two\n"
    assert plain.feed("a < b") == "a "
    assert plain.feed("more") == ""
    assert plain.end() == "< bmore"
