"""What counts of a message, and what does not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna.conversation.stable import (
    Turn,
    answer_turn,
    canonical,
    content_digest,
    system_mark,
    system_marks,
    timeless,
    turns,
)
from luna.model.chat import Attachment, Message, Part, Role, Text, Thought, ToolCall, ToolResult
from luna.tools.profiles import GENERIC, PROFILES

CLAUDE = next(profile for profile in PROFILES if profile.name == "claude-code")
CLINE = next(profile for profile in PROFILES if profile.name == "cline")


def say(role: Role, *parts: str | Part, name: str = "") -> Message:
    return Message(role, [Text(part) if isinstance(part, str) else part for part in parts], name)


def pieces(*messages: Message, profile: Any = GENERIC) -> list[tuple[str, tuple[bytes, ...]]]:
    return [(turn.role, turn.pieces) for turn in turns(messages, profile)]


CALL = ToolCall("c1", "Read", '{"path": "a", "lines": 5}')


# The same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([say("user", "hi")], [say("user", " hi\n")]),
        ([say("user", "a\nb")], [say("user", "a", "b")]),
        ([say("user", "hi")], [say("user", "hi", "  ")]),
        ([say("assistant", "Well. Done.")], [say("assistant", "Well.\n\n"), say("assistant", "Done.")]),
        ([say("assistant", "Well.", CALL)], [say("assistant", CALL, "Well.")]),
        ([say("assistant", Thought("hm"), "Well.")], [say("assistant", "Well.")]),
        ([say("assistant", "Well.")], [say("assistant", "Well."), say("assistant")]),
        ([say("user", "hi")], [say("system", "Be brief."), say("user", "hi")]),
        ([say("assistant", CALL)], [say("assistant", ToolCall("own", "Read", '{"lines":5.0,"path":"\\u0061"}'))]),
        (
            [say("assistant", CALL), say("tool", ToolResult("c1", [Text("x")], name="Read"))],
            [say("assistant", ToolCall("z", "Read", CALL.arguments)), say("tool", ToolResult("z", [Text("x\n")]))],
        ),
        ([say("user", "hi"), say("user", "")], [say("user", "hi")]),
    ],
)
def test_what_does_not_count(one: list[Message], other: list[Message]) -> None:
    assert pieces(*one) == pieces(*other)


# Not the same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([say("user", "hi")], [say("user", "Hi")]),
        ([say("user", "a b")], [say("user", "a  b")]),
        ([say("user", "a"), say("user", "b")], [say("user", "ab")]),
        ([say("user", "hi")], [say("user", "hi", name="ann")]),
        ([say("user", "hi")], [say("assistant", "hi")]),
        ([say("assistant", "a")], [say("assistant", "b")]),
        ([say("assistant", CALL)], [say("assistant", ToolCall("c1", "Write", CALL.arguments))]),
        ([say("assistant", CALL)], [say("assistant", ToolCall("c1", "Read", '{"path": "b", "lines": 5}'))]),
        ([say("assistant", CALL, CALL)], [say("assistant", CALL)]),
        ([say("tool", ToolResult("c", [Text("x")]))], [say("tool", ToolResult("c", [Text("x")], error=True))]),
        ([say("tool", ToolResult("c", [Text("x")]))], [say("tool", ToolResult("c", [])), say("user", "x")]),
        ([say("tool", ToolResult("c", [Text("x")]), "y")], [say("tool", ToolResult("c", [Text("x"), Text("y")]))]),
        ([say("user", "a" * 5000 + "b")], [say("user", "a" * 5000 + "c")]),
        ([say("user", Attachment("image", url="data:,a"))], [say("user", Attachment("image", url="data:,b"))]),
        ([say("user", Attachment("image", url="http://a"))], [say("user", Attachment("video", url="http://a"))]),
        ([say("user", Attachment("document", id="a"))], [say("user", Attachment("document", id="b"))]),
        ([say("assistant", "text", "callRead{}")], [say("assistant", "text", ToolCall("c", "Read", "{}"))]),
    ],
)
def test_what_counts(one: list[Message], other: list[Message]) -> None:
    assert pieces(*one) != pieces(*other)


def test_which_call_a_result_belongs_to_counts() -> None:
    calls = say("assistant", ToolCall("a", "f", "{}"), ToolCall("b", "f", "{}"))
    one = [calls, say("tool", ToolResult("a", [Text("x")]))]
    other = [calls, say("tool", ToolResult("b", [Text("x")]))]
    assert pieces(*one) != pieces(*other)


def test_what_a_client_slips_into_turns_does_not_count() -> None:
    reminded = say("user", "Fix it.", "<system-reminder>\nToday is Monday.\n</system-reminder>")
    assert pieces(reminded, profile=CLAUDE) == pieces(say("user", "Fix it."), profile=CLAUDE)
    assert pieces(reminded, profile=GENERIC) != pieces(say("user", "Fix it."), profile=GENERIC)
    result = ToolResult("c", [Text("1 hit\n\n<system-reminder>Be careful.</system-reminder>")])
    assert pieces(say("tool", result), profile=CLAUDE) == pieces(say("tool", ToolResult("c", [Text("1 hit")])))
    timed = say("user", "Go.\n<environment_details>\n12:30\n</environment_details>")
    assert pieces(timed, profile=CLINE) == pieces(say("user", "Go."))


def test_a_turn_of_nothing_but_reminders_is_none() -> None:
    found = turns(
        [say("user", "a"), say("assistant", "b"), say("user", "<system-reminder>x</system-reminder>")], CLAUDE
    )
    assert [(turn.role, turn.begin, turn.end) for turn in found] == [("user", 0, 1), ("assistant", 1, 2)]


def test_where_turns_begin_and_end() -> None:
    found = turns(
        [
            say("system", "s"),
            say("user", "a"),
            say("assistant", "b"),
            say("assistant", CALL),
            say("tool", ToolResult("c1", [Text("r")])),
            say("assistant"),
            say("user", "c"),
        ],
        GENERIC,
    )
    assert [(turn.role, turn.begin, turn.end) for turn in found] == [
        ("user", 1, 2),
        ("assistant", 2, 4),
        ("tool", 4, 5),
        ("user", 6, 7),
    ]


def test_an_answer_counts_as_its_echo_does() -> None:
    answer = say("assistant", Thought("hm"), "Let me see.\n", CALL)
    assert answer_turn(answer, GENERIC).pieces == turns([say("user", "x"), answer], GENERIC)[1].pieces
    assert answer_turn(Message("assistant", []), GENERIC) == Turn(0, 1, "assistant", ())


# Arguments


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        ("", "{}"),
        (" {} ", "{}"),
        ('{"b":1,"a":{"d":[1,2],"c":null}}', '{"a":{"c":null,"d":[1,2]},"b":1}'),
        ('{"n": 1.0, "m": 1e3, "x": 0.5, "z": -0.0}', '{"m":1000,"n":1,"x":0.5,"z":0}'),
        ('{"n": 9007199254740993}', '{"n":9007199254740992.0}'),
        ('{"t": "\\u003ca\\u003e", "b": true}', '{"b":true,"t":"<a>"}'),
        ("{not json at\nall", "{notjsonatall"),
        ("[1, 2]", "[1,2]"),
    ],
)
def test_arguments_are_known_by_what_they_say(arguments: str, written: str) -> None:
    assert canonical(arguments).decode() == written


def test_no_number_is_too_large() -> None:
    assert canonical(f'{{"n": {"9" * 400}}}') != canonical(f'{{"n": {"9" * 401}}}')


def test_arguments_nested_beyond_reason_count_as_text() -> None:
    deep = "[" * 5000 + "]" * 5000
    assert canonical(deep).decode() == deep


# Attachments


def test_an_attachment_is_known_by_its_bytes() -> None:
    image = Attachment("image", url="data:image/png;base64,AAAA", name="a.png")
    renamed = Attachment("image", url="data:image/png;base64,AAAA", name="b.png")
    assert content_digest(image) == content_digest(renamed)
    light = Attachment("image", url=content_digest(image))
    assert content_digest(light) == content_digest(image)
    assert len(light.url) < 50


# What the system says


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Today's date is 2026-11-22.", "Today's date is 2027-01-01."),
        ("It is Sunday, November 22, 2026.", "It is Tuesday, December 1, 2026."),
        ("Time: 11/22/2026, 6:43:11 PM (UTC+1)", "Time: 11/23/2026, 9:01:00 AM (UTC+1)"),
        ("Now: 2026-11-22T10:11:12.123Z", "Now: 2026-11-23T08:00:00.000Z"),
        ("Sun Nov 22 2026 10:00:01", "Mon Nov 23 2026 11:00:02"),
        ("am 22.11.2026 um 12:01", "am 23.11.2026 um 13:02"),
        ("since 1790000000", "since 1790000999"),
        ("on 22 Nov 2026", "on 3 Dec 2026"),
        ("Today is Monday.", "Today is Friday."),
    ],
)
def test_days_and_clocks_do_not_change_the_system(one: str, other: str) -> None:
    assert timeless(one) == timeless(other)
    assert system_mark(f"Be brief. {one}", GENERIC) == system_mark(f"Be brief. {other}", GENERIC)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Use version 1.2.3.", "Use version 1.2.4."),
        ("Write 100 words.", "Write 200 words."),
        ("Port 8080", "Port 8081"),
        ("Ratio 3/4", "Ratio 2/4"),
        ("May I?", "May we?"),
        ("Id 12345678901", "Id 12345678902"),
    ],
)
def test_other_numbers_do(one: str, other: str) -> None:
    assert timeless(one) == one
    assert system_mark(one, GENERIC) != system_mark(other, GENERIC)


def test_each_system_message_has_its_own_mark() -> None:
    messages = [say("system", "a"), say("user", "x"), say("system", "b"), say("system", " ")]
    marks = system_marks(messages, GENERIC)
    assert len(marks) == 2
    assert marks[0] == system_marks([say("system", "a\n")], GENERIC)[0]
    assert all(len(mark) == 16 for mark in marks)


def test_billing_lines_and_counters_do_not_change_it() -> None:
    one = "x-anthropic-billing-header: cc_version=1; cch=abc\nYou are an agent."
    other = "x-anthropic-billing-header: cc_version=1; cch=def\nYou are an agent."
    assert system_mark(one, CLAUDE) == system_mark(other, CLAUDE)
    assert system_mark(one, GENERIC) != system_mark(other, GENERIC)
    assert system_mark("<total_tokens>5 left</total_tokens>", CLAUDE) == ""


def test_no_white_space_of_the_assistants_counts() -> None:
    white = "".join(chr(point) for point in range(0x110000) if chr(point).isspace()) + "\ufeff"
    assert pieces(say("assistant", f"a—{white}b{white}")) == pieces(say("assistant", "a—b"))
    assert pieces(say("assistant", "a\u200bb")) != pieces(say("assistant", "ab"))


def test_an_unpaired_surrogate_is_a_character_like_any_other() -> None:
    assert system_mark("\ud800", GENERIC)
    assert turns([say("user", "\ud800")], GENERIC)[0].pieces == (b"text", b"\xed\xa0\x80")


@given(st.text(st.sampled_from("ab \n\t\x1c\x85\xa0\u2003\u3000\ufeff\xe9\U0001f642\ud800")))
def test_the_ends_of_the_users_words_do_not_count(text: str) -> None:
    words = text.strip().encode("utf-8", "surrogatepass")
    assert pieces(say("user", text)) == ([("user", (b"text", words))] if words else [])
    assert pieces(say("user", text), say("user", text)) == 2 * pieces(say("user", text)), "a text is read twice alike"
