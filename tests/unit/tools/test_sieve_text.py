"""Ordinary text goes through untouched, and at once."""

import pytest

from luna.model.events import TextDelta
from luna.tools.opening import OURS, WORDS
from tests.support.sifting import a_sieve, sifted, sifted_alike, text_in
from tests.support.transcripts import NEAR_MISSES

CALL = '<tool_call>{"name":"search","arguments":{"query":"x"}}</tool_call>'
BLOCK = (
    "<ml_tool_calls>\n<ml_tool_call>\n<ml_tool_name>search</ml_tool_name>\n<ml_parameters>\n"
    "<query><![CDATA[x]]></query>\n</ml_parameters>\n</ml_tool_call>\n</ml_tool_calls>"
)
SEARCHED = [("search", {"query": "x"})]


@pytest.mark.parametrize("text", ["", "Hello world", "Zeile\n\n  größer 🙂\r\n\t", "x" * 10_000])
def test_plain_text_is_plain_text(text: str) -> None:
    assert sifted_alike(text).text == text


@pytest.mark.parametrize("text", NEAR_MISSES)
def test_what_only_looks_like_a_call_is_text(text: str) -> None:
    for around in ("{}", "{} and on", "before\n{}\nafter", "{}" * 3):
        whole = around.replace("{}", text)
        found = sifted_alike(whole)
        assert (found.text, found.calls, found.notices) == (whole, [], [])


@pytest.mark.parametrize(
    "text",
    [
        "Use <tool_call> for calls and </tool_call> to end them.",
        "<tool_calls></tool_calls>",
        "<tool_call>\n\nThe tag above opens a call.",
        "<tool_call><b>no</b></tool_call>",
        "<tool_call><name>John Q. Public has a name that goes on and on\nand breaks the line</name>",
        "<tool_use>is for tools</tool_use>",
        "<function_calls> are <invoke> and so on",
        '<function name="f"> in XML',
        '<invoke name="startup"><arg>1</arg></invoke>',
        "<function=area> x",
        "[function_calls] in brackets, [call:search] and [/call]",
        "[call:search](link)",
        "<tool_call foo bar>no",
        "<tool_call\n>no",
        "<tool_call" + " a" * 400 + ">{}",
        "<tool_call>" + " " * 2000 + "{",
        "</function></tool_call></parameters>",
        "<tool_result>the result</tool_result>",
        "if x<ml_y and z>ml_w",
        "<ml_tool_callsign>alpha</ml_tool_callsign>",
        "<ml_model>x</ml_model>",
    ],
)
def test_prose_about_tags_is_prose(text: str) -> None:
    found = sifted_alike(text)
    assert (found.text, found.calls, found.notices) == (text, [], [])


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("content</ml_tool_calls>", "content"),
        ("</ml_tool_call>", ""),
        ("a <ml_tool_name> b", "a  b"),
        ("a <ML_Tool_Calls > b", "a  b"),
        ("a <ml_parameters> b", "a  b"),
        ('a <ml_parameter name="x"> b', "a  b"),
        ("a <ml_tool_result> b", "a  b"),
        ("a <ml_tool_calls></ml_tool_calls> b", "a  b"),
    ],
)
def test_a_tag_of_the_contract_that_leads_nowhere_is_dropped(text: str, left: str) -> None:
    found = sifted_alike(text)
    assert (found.text, found.calls) == (left, [])


# quotations


@pytest.mark.parametrize(
    "text",
    [
        f"The format:\n```xml\n{BLOCK}\n```\nThat was it.",
        f"```\n{BLOCK}\n```\n\nNote the tags.",
        f"~~~xml\n{BLOCK}\n~~~\nend",
        f"````\n```\n{BLOCK}\n```\n````\nend",
        f"> ```xml\n> {CALL}\n> ```\n> end",
        f"- ```\n  {CALL}\n  ```\n- next",
        f"```xml\n<!-- a call -->\n{BLOCK}\n```",
        f"```xml\nFor example:\n{BLOCK}\n```\n",
        f"```\n{BLOCK}\nas said\n```",
        f"```\n{BLOCK.replace('search', 'NAME')}\n```",
        f"```\n{BLOCK.replace('<query><![CDATA[x]]></query>', '')}\n```",
        f"```\n{CALL}\n```\n```\n{CALL}\n```\nThose were two.",
        f"```python\nx = '''\n{CALL}\n'''\n```\n",
        f"Write `{CALL}` and see.",
        f"Write `` {CALL} `` and see.",
        f"Write ```{CALL}``` and see.",
        "`<ml_tool_calls>` and `</ml_tool_calls>`",
        "```\n<ml_tool_calls>\n```",
        "```\n</ml_tool_calls>\n```",
        f"```\nno end of this fence\n    x {CALL}",
    ],
)
def test_a_quoted_call_is_text(text: str) -> None:
    found = sifted_alike(text)
    assert (found.text, found.calls, found.notices) == (text, [], [])


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"```xml\n{BLOCK}\n```", ""),
        (f"Here:\n```xml\n{BLOCK}\n```\n\n", "Here:\n"),
        (f"Here:\n\n   ~~~\n{CALL}\n   ~~~", "Here:\n\n   "),
        (f"```\n\n{BLOCK}\n\n```", ""),
        (f"```tool_call\n{CALL}```", ""),
        (f"```xml\n{BLOCK}", ""),
        (f"```xml\n{BLOCK}\n", ""),
        (f"The code:\n```python\nprint()\n{BLOCK}", "The code:\n```python\nprint()\n"),
    ],
)
def test_a_fence_that_holds_nothing_but_a_call_is_a_call(text: str, left: str) -> None:
    found = sifted_alike(text)
    assert (found.text, found.calls, found.notices) == (left, SEARCHED, [])


def test_several_such_fences_are_several_calls() -> None:
    found = sifted_alike(f"```\n{CALL}\n```\n\n```xml\n{BLOCK}\n```\n")
    assert (found.text, found.calls) == ("", SEARCHED * 2)


def test_a_fence_may_hold_several_calls() -> None:
    found = sifted_alike(f"```\n{CALL}\n{CALL}\n```")
    assert (found.text, found.calls) == ("", SEARCHED * 2)


def test_a_call_may_itself_hold_a_fence() -> None:
    content = "# Title\n```python\nprint()\n```\nend\n"
    block = BLOCK.replace("search", "write_file").replace(
        "<query><![CDATA[x]]></query>", f"<path>a.md</path><content><![CDATA[{content}]]></content>"
    )
    found = sifted_alike(f"```xml\n{block}\n```")
    assert (found.text, found.calls) == ("", [("write_file", {"path": "a.md", "content": content})])


@pytest.mark.parametrize("text", [f"It`s this:\n{BLOCK}", f"a `b` c `d\n{CALL}", f"`x {CALL}\n`", f"``x` {CALL}"])
def test_a_backtick_without_its_pair_quotes_nothing(text: str) -> None:
    found = sifted_alike(text)
    assert found.calls == SEARCHED
    assert "<" not in found.text


def test_behind_a_closed_fence_calls_are_calls() -> None:
    found = sifted_alike(f"```\ncode < x\n```\n{CALL}")
    assert (found.text, found.calls) == ("```\ncode < x\n```\n", SEARCHED)


# how long text waits


@pytest.mark.parametrize(
    "text",
    [
        "a < b && c > d",
        "x<y>",
        "<div>",
        "<function foo>",
        "<tools>",
        "[x] [link](y)",
        "`code` ``more`` x",
        "a ~ b ~~ c",
        "1 << 2 <<< 3",
        "array[0]",
        "<tool_callx",
        "</div>",
        "# Title\n\n- item\n",
    ],
)
def test_text_waits_only_for_the_next_character_that_settles_it(text: str) -> None:
    """Character by character: nothing is kept back that cannot begin a call any more."""
    sieve, given = a_sieve(), ""
    for position, character in enumerate(text, 1):
        given += text_in(sieve.feed(character))
        waiting = text[len(given) : position]
        assert given == text[: len(given)]
        assert _could_begin(waiting), f"{waiting!r} waits"


def _could_begin(waiting: str) -> bool:
    """Written anew, from the list of tags in the contract and its dialects."""
    tags = (
        "<ml_tool_calls>", "<ml_tool_call>", "<tool_calls>", "<tool_call>", "<tool_use>", "<function_calls>",
        "<function=", "<function name=", "<invoke name=", "<function_call>", "<ml_parameters>", "<ml_parameter ",
        "<ml_tool_name>", "<ml_tool_result>", "<", "<minimax:", "</ml_tool_calls>", "</ml_parameters>",
        "[function_calls]", "[call:", "[call=", "```\n<tool_call>", "~~~\n<tool_call>",
    )  # fmt: skip
    return not waiting or any(tag.startswith(waiting) for tag in tags)


def test_a_text_without_marks_is_passed_on_as_it_is() -> None:
    sieve = a_sieve()
    assert sieve.passes("plain text, nothing else.\n")
    assert sieve.passes("a < b, `code`, array[0] and <b>")
    assert not sieve.passes("a <tag>")
    assert list(sieve.feed("a <tag>")) == [TextDelta("a <tag>")]


def test_a_fence_waits_only_for_its_first_word() -> None:
    sieve = a_sieve()
    assert text_in(sieve.feed("```python")) == ""
    assert text_in(sieve.feed("\n")) == ""
    assert text_in(sieve.feed("p")) == "```python\np"
    assert text_in(sieve.feed("rint(1 < 2)\n")) == "rint(1 < 2)\n"
    assert text_in(sieve.feed("<div>")) == "<div>"


def test_what_waits_at_the_end_is_text() -> None:
    for end in ("<", "<tool", "<tool_call>", "[", "[call:x", "```", "```xml\n", "`<tool_call>", "<function name"):
        assert sifted_alike(f"so {end}").text == f"so {end}"
        assert sifted_alike(f"so\n{end}").text == f"so\n{end}"


def test_a_contract_tag_that_breaks_off_at_the_end_is_not_shown() -> None:
    for end in ("<ml_tool_ca", "<ml_tool_calls>\n", "<ml_tool_calls>\n<ml_tool_call>\n  <ml_to", "</ml_tool"):
        found = sifted_alike(f"so {end}")
        assert (found.text, found.notices) == ("so ", [("tool-truncated", "cut")])


def test_blanks_behind_a_call_count_only_if_text_follows() -> None:
    assert sifted_alike(f"a {CALL} \n\n b").text == "a  \n\n b"
    assert sifted_alike(f"a {CALL} \n\n ").text == "a "
    assert sifted_alike(f"a {CALL} \n\n{CALL}\n").text == "a "


def test_no_tools_known_means_no_call_can_be_delivered_but_none_leaks() -> None:
    found = sifted(BLOCK, tools=[])
    assert (found.text, found.calls, found.notices) == ("", [], [("tool-invalid", "unknown-tool")])


@pytest.mark.parametrize("mark", sorted({*WORDS, *(f"/{word}" for word in OURS)}))
def test_the_first_look_passes_over_nothing_that_the_second_would_know(mark: str) -> None:
    for written in (mark, mark.upper(), mark.replace("_", "-")):
        assert not a_sieve().passes(f"text <{written}")
        assert not a_sieve().passes(f"<{written} ")
