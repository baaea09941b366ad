"""Arguments reach the client while they are being generated."""

import pytest

from luna.model.events import Notice, StreamEvent, ToolClose, ToolDelta, ToolOpen
from luna.model.grammar import Grammar
from luna.tools.json_text import decode
from tests.support.events import OPENED
from tests.support.sifting import a_sieve, events_of, pieces_of, sifted, sifted_alike, summed, tool

HEAD = "<ml_tool_calls>\n<ml_tool_call>\n<ml_tool_name>{}</ml_tool_name>\n<ml_parameters>\n"
TAIL = "\n</ml_parameters>\n</ml_tool_call>\n</ml_tool_calls>"


def fragments(events: list[StreamEvent] | tuple[StreamEvent, ...]) -> str:
    return "".join(event.json for event in events if isinstance(event, ToolDelta))


class Flow:
    """A sieve that is fed piece by piece; each returns the JSON that came out."""

    def __init__(self, name: str = "write_file", before: str = "") -> None:
        self.sieve = a_sieve()
        self.opened = list(self.sieve.feed(HEAD.format(name) + before))

    def say(self, text: str) -> str:
        return fragments(list(self.sieve.feed(text)))


def test_a_call_is_announced_with_its_first_streamed_parameter() -> None:
    flow = Flow()
    assert flow.opened == []
    events = list(flow.sieve.feed("<path>"))
    assert events == [ToolOpen(0, "call_0", "write_file"), ToolDelta(0, '{"path":"')]


def test_each_piece_of_a_string_goes_out_with_the_piece_that_brought_it() -> None:
    flow = Flow(before="<path><![CDATA[p]]></path>\n<content><![CDATA[")
    assert fragments(flow.opened) == '{"path":"p","content":"'
    for text in ("a", "b\n", ' "c"', "<d>", "größer", "e </x> ", "1 ] 2"):
        assert flow.say(text) == text.replace("\n", "\\n").replace('"', '\\"')


@pytest.mark.parametrize(
    ("piece", "now", "then", "later"),
    [
        ("x]", "x", "y", "]y"),
        ("x]]", "x", " y", "]] y"),
        ("x]]>", "x", "y", "]]>y"),
        ("x<", "x", "y", "<y"),
        ("x</", "x", "y", "</y"),
        ("x</con", "x", "trol>", "</control>"),
        ("x</content>", "x", " y", "</content> y"),
        ("x]]]]><![CDATA[>", "x]]>", "y", "y"),
    ],
)
def test_only_what_could_end_the_value_waits(piece: str, now: str, then: str, later: str) -> None:
    flow = Flow(before="<content><![CDATA[")
    assert flow.say(piece) == now
    assert flow.say(then) == later


def test_the_end_of_a_value_that_is_quoted_in_it_waits_for_the_true_end() -> None:
    flow = Flow(before="<path>p</path><content><![CDATA[")
    quoted = "a</content>\n</ml_parameters>\n</ml_tool_call>"
    assert flow.say(quoted) == "a"
    assert flow.say(" and more") == ""
    assert flow.say(f"]]></content>{TAIL}") == '</content>\\n</ml_parameters>\\n</ml_tool_call> and more"}'


def test_plain_text_flows_up_to_the_first_character_that_could_be_markup() -> None:
    flow = Flow(before="<content>")
    assert [flow.say(text) for text in ("one ", "two\n", "  three & four")] == ["one ", "two\\n", "  three "]
    assert flow.say(" five") == ""
    assert flow.say("</content>" + TAIL) == '& four five"}'


def test_laid_out_text_flows_from_its_second_line_on() -> None:
    flow = Flow(before="<content>\n")
    assert [flow.say(text) for text in ("  one", "\n", "  two", "\n", "three ")] == [
        "",
        "",
        "  one\\n  two",
        "",
        "\\nthree",
    ]
    assert flow.say("\n</content>" + TAIL) == ' "}'


def test_what_is_no_string_waits_until_it_is_whole() -> None:
    flow = Flow("search", "<query>q</query><limit>")
    assert flow.say("1") == ""
    assert flow.say("0</limit>") == ""
    assert flow.say("\n<exact>true</exact>") == ',"limit":10'
    assert flow.say(TAIL) == ',"exact":true}'


def test_a_string_that_may_be_null_flows_once_it_is_not() -> None:
    flow = Flow("list_files", "<path>")
    assert [flow.say(text) for text in ("n", "ul", "lable", "/x")] == ["", "", '"nullable', "/x"]
    assert sifted_alike(HEAD.format("list_files") + "<path>null</path>" + TAIL).calls == [
        ("list_files", {"path": None})
    ]
    assert sifted_alike(HEAD.format("list_files") + "<path>nul</path>" + TAIL).calls == [
        ("list_files", {"path": "nul"})
    ]
    quoted = Flow("list_files", "<path><![CDATA[")
    assert quoted.say("n") == '"n'


def test_a_choice_and_an_untyped_value_wait() -> None:
    flow = Flow(before="<mode>")
    assert flow.say("append") == ""
    assert flow.say("</mode><x>7") == '{"mode":"append"'
    assert flow.say("</x>" + TAIL) == ',"x":7}'


def test_a_list_waits_for_the_end_of_the_call() -> None:
    flow = Flow("list_files", "<patterns>a</patterns><path>p</path>")
    assert flow.say("<patterns>b</patterns>") == '"'
    assert flow.say(TAIL) == ',"patterns":["a","b"]}'


def test_a_call_is_closed_with_its_parameters_and_not_with_its_wrapper() -> None:
    flow = Flow("search", "<query>q</query>")
    assert ToolClose(0) in list(flow.sieve.feed("</ml_parameters>"))


def test_a_call_to_an_unknown_tool_is_never_announced() -> None:
    events = events_of([HEAD.format("nothing_like_it") + "<path>p</path>" + TAIL])
    assert [type(event) for event in events] == [Notice]


def test_one_piece_gives_one_delta() -> None:
    events = list(a_sieve().feed(HEAD.format("search") + "<query>q</query><limit>1</limit>" + TAIL))
    assert [type(event) for event in events] == [ToolOpen, ToolDelta, ToolClose]


def test_fragments_add_up_to_the_json_that_the_whole_would_give() -> None:
    text = HEAD.format("write_file") + '<path>p</path><content><![CDATA["\\\t\x00 ]] 🙂]]></content>' + TAIL
    whole = fragments(events_of([text]))
    for size in range(1, 12):
        assert fragments(events_of(pieces_of(text, size))) == whole
    assert decode(whole) == {"path": "p", "content": '"\\\t\x00 ]] 🙂'}


# what breaks off


@pytest.mark.parametrize(
    "written",
    [
        "<path>a</path><content><![CDATA[b]]></content>",
        "<path>a</path><content><![CDATA[b]]></content>\n</ml_par",
        "<path>a</path><content><![CDATA[b]]></content>\n</ml_parameters>",
        "<path>a</path><content><![CDATA[b]]></content>\n</ml_parameters>\n</ml_tool",
        "<path>a</path><content><![CDATA[b]]></con",
        "<path>a</path><content><![CDATA[b]]>",
        "<path>a</path><content><![CDATA[b</content>\n</ml_parameters>\n</ml_tool_call>",
        "<path>a</path><content>b</content>",
        "<path>a</path><content>b</",
        '{"path":"a","content":"b"}',
    ],
)
def test_a_call_whose_parameters_are_all_there_is_delivered_without_its_end(written: str) -> None:
    found = sifted_alike(HEAD.format("write_file") + written)
    assert (found.text, found.calls, found.notices) == ("", [("write_file", {"path": "a", "content": "b"})], [])


@pytest.mark.parametrize(
    "written",
    [
        "<path>a</path><content><![CDATA[half",
        "<path>a</path><content><![CDATA[half]",
        "<path>a</path><content><![CDATA[half</content>",
        "<path>a</path><content>half",
        "<path>a</path><content",
        "<path>a</path>",
        "<path>a</pa",
        "<path>a",
        "<path>",
    ],
)
def test_a_call_that_breaks_off_after_its_beginning_went_out_cannot_pass_for_a_whole_one(written: str) -> None:
    events = events_of([HEAD.format("write_file") + written])
    assert isinstance(events[-2], ToolClose)
    assert decode(fragments(events)) not in ({}, {"path": "a"})
    assert not isinstance(decode(fragments(events)), dict)
    notice = events[-1]
    assert isinstance(notice, Notice)
    assert (notice.kind, notice.data) == (
        "tool-truncated",
        {"name": "write_file", "reason": "cut", "streamed": True},
    )
    assert sifted_alike(HEAD.format("write_file") + written) == summed(events)


@pytest.mark.parametrize(
    "written",
    [
        "<ml_tool_calls><ml_tool_call>",
        "<ml_tool_call><ml_tool_name>sea",
        HEAD.format("search"),
        HEAD.format("search") + "<limit>1</limit>",
        HEAD.format("search") + "<limit>1",
        HEAD.format("search") + "<que",
        HEAD.format("search") + '{"query":"x"',
        '<tool_call>{"name":"search","arguments":{"query":"x',
        '<tool_call>{"name":"search","arguments":{"query":"x"}',
        "<ml_tool_call><ml_parameters><query>x</query>",
    ],
)
def test_a_call_that_breaks_off_before_is_not_delivered(written: str) -> None:
    found = sifted_alike(f"text {written}")
    assert found.text == "text "
    assert not [arguments for _, arguments in found.calls if isinstance(arguments, dict)]
    assert len(found.notices) == 1


def test_a_stream_that_breaks_gives_up_its_text_but_no_half_calls() -> None:
    assert summed(events_of(["so <tool_c"], broken=True)).text == "so <tool_c"
    assert summed(events_of(["so <ml_tool_c"], broken=True)).text == "so "
    assert summed(events_of(["so ```xml\n"], broken=True)).text == "so ```xml\n"
    held = f"```xml\n{HEAD.format('search')}<query>x"
    assert summed(events_of([held], broken=True)).text == held
    sieve, grammar = a_sieve(), Grammar()
    events = [*sieve.feed(HEAD.format("write_file") + "<content><![CDATA[half"), *sieve.flush()]
    for event in (OPENED, *events):
        grammar.feed(event)
    assert [type(event) for event in events] == [ToolOpen, ToolDelta, Notice]


def test_a_tool_whose_schema_says_nothing_still_gets_its_values() -> None:
    found = sifted(HEAD.format("free") + "<a>1</a><b>x</b><c><![CDATA[2]]></c>" + TAIL, tools=[tool("free")])
    assert found.calls == [("free", {"a": 1, "b": "x", "c": "2"})]
