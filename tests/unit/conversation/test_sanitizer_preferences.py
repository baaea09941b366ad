"""Each preference of the sanitizer, on and off: what the document holds changes with it, and only that."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from luna.conversation.sanitize import Sanitized, sanitize
from luna.model.chat import Message, Text
from luna.model.preferences import Sanitizer

Read = Callable[[Sanitized], object]


def user(*said: str) -> Message:
    return Message("user", [Text(text) for text in said])


def assistant(said: str) -> Message:
    return Message("assistant", [Text(said)])


def document(messages: list[Message], **changed: object) -> str:
    return sanitize(messages, msgspec.structs.replace(Sanitizer(), **changed)).document("")


FILES = "<environment_details>\n# Current Working Directory (/w) Files\n" + "\n".join(
    f"file{n}.py" for n in range(1, 6)
)
ENVIRONMENT = FILES + "\n\n# Current Time\nnoon\n</environment_details>"
REMINDER = "# TODO LIST UPDATE REQUIRED - You MUST include the task_progress parameter"
PROTOCOL = "# Tool Use Guidelines\n\nAlways use one tool."
ECHO = "Tool Read does not exists."
CONFUSED = "The attached file appears to be a conversation log."
RESULTS = [user(f"[x for '{n}'] Result: result-{n}") for n in range(7)]

EFFECTS: list[tuple[str, list[Message], object, object, str]] = [
    # the preference, the conversation, a value with which these words are kept, and one without
    ("max_environment_file_list", [user("go", ENVIRONMENT)], 5, 4, "file5.py"),
    ("max_message_chars", [user("a" * 30 + "MIDDLE" + "b" * 30), user("go")], 1000, 20, "MIDDLE"),
    ("strip_client_tool_protocol", [user(PROTOCOL), user("go")], False, True, "Always use one tool"),
    ("strip_automated_client_errors", [user(REMINDER), user("go")], False, True, "TODO LIST UPDATE"),
    ("strip_assistant_tool_failure_echo", [user("go"), assistant(ECHO)], False, True, ECHO),
    ("strip_assistant_thinking", [user("go"), assistant("<think>secret</think>Yes.")], False, True, "secret"),
    ("strip_assistant_container_confusion", [user("go"), assistant(CONFUSED)], False, True, CONFUSED),
    ("max_assistant_messages", [user("go"), assistant("first one"), assistant("second two")], 2, 1, "first one"),
    ("max_tool_result_chars", [user("[x for 'y'] Result: " + "a" * 20 + "MIDDLE" + "b" * 20)], 1000, 30, "MIDDLE"),
    ("max_tool_result_count", RESULTS, 7, 6, "result-0"),
]


@pytest.mark.parametrize(("name", "messages", "with_it", "without", "words"), EFFECTS, ids=[row[0] for row in EFFECTS])
def test_what_is_left_out(name: str, messages: list[Message], with_it: object, without: object, words: str) -> None:
    assert words in document(messages, **{name: with_it})
    assert words not in document(messages, **{name: without})


def test_a_cut_list_says_how_many_files_are_missing() -> None:
    written = document([user("go", ENVIRONMENT)], max_environment_file_list=2)
    assert "file2.py\n(... and 3 more files)\n\n# Current Time\nnoon" in written
    assert "(... and 5 more files)" in document([user("go", ENVIRONMENT)], max_environment_file_list=0)


def test_a_protocol_in_the_systems_words_is_left_out_too() -> None:
    system = Message("system", [Text("Use read_file, write_to_file or attempt_completion.")])
    assert "write_to_file" in document([system, user("go")], strip_client_tool_protocol=False)
    assert "write_to_file" not in document([system, user("go")], strip_client_tool_protocol=True)
    brief = Message("system", [Text("Use read_file.")])
    assert "read_file" in document([brief, user("go")], strip_client_tool_protocol=True)


ALIKE = [user("go"), assistant("I fixed the bug in the parser."), assistant("I fixed the bug in the parser!")]


def test_repeated_answers_are_kept_once() -> None:
    assert document(ALIKE, max_assistant_messages=9, dedupe_assistant_messages=True).count("I fixed") == 1
    assert document(ALIKE, max_assistant_messages=9, dedupe_assistant_messages=False).count("I fixed") == 2


@pytest.mark.parametrize(("threshold", "times"), [(0.5, 1), (0.9, 2)])
def test_from_which_likeness_answers_count_as_repeated(threshold: float, times: int) -> None:
    messages = [user("go"), assistant("one two three four"), assistant("one two three five")]
    written = document(messages, max_assistant_messages=9, assistant_similarity_threshold=threshold)
    assert written.count("one two three") == times


@pytest.mark.parametrize(("mode", "times"), [("normalized-token-jaccard", 1), ("exact", 2)])
def test_how_likeness_is_measured(mode: str, times: int) -> None:
    assert document(ALIKE, max_assistant_messages=9, assistant_dedupe_mode=mode).count("I fixed") == times
    same = [user("go"), assistant("Same."), assistant(" Same. ")]
    assert document(same, max_assistant_messages=9, assistant_dedupe_mode=mode).count("Same.") == 1


@pytest.mark.parametrize(("strategy", "kept"), [("latest-clean", "parser!"), ("first", "parser.")])
def test_which_of_several_is_kept(strategy: str, kept: str) -> None:
    written = document(ALIKE, max_assistant_messages=9, assistant_keep_strategy=strategy)
    assert f"I fixed the bug in the {kept}" in written


def test_the_latest_clean_one_is_no_failure() -> None:
    changed: dict[str, Any] = {"max_assistant_messages": 9, "strip_assistant_tool_failure_echo": False}
    messages = [user("go"), assistant("Well: something went wrong."), assistant("Something went wrong, well.")]
    assert "Well: something" in document(messages, assistant_keep_strategy="latest-clean", **changed)


def test_vietnamese_and_chinese_answers_are_compared_as_well() -> None:
    for one, other in (("Tôi đã sửa lỗi trong tệp.", "Tôi đã sửa lỗi trong tệp"), ("我修复了错误。", "我修复了错误")):
        messages = [user("go"), assistant(one), assistant(other)]
        result = sanitize(messages, Sanitizer(max_assistant_messages=9))
        assert result.counts["duplicate_assistant"] == 1


@pytest.mark.parametrize(("first", "place"), [(True, 2), (False, 3)])
def test_what_the_user_said_comes_before_everything_else_or_behind_the_context(first: bool, place: int) -> None:
    messages = [Message("system", [Text("Be brief.")]), user("one"), user("two")]
    result = sanitize(messages, Sanitizer(prioritize_user_messages=first))
    assert [title for title, _ in result.sections].index("RECENT_REAL_USER_MESSAGES") == place


def test_every_preference_has_its_effect_shown_here_or_in_the_plan() -> None:
    shown = {row[0] for row in EFFECTS} | {
        "dedupe_assistant_messages",
        "assistant_similarity_threshold",
        "assistant_dedupe_mode",
        "assistant_keep_strategy",
        "prioritize_user_messages",
        "enabled",  # tests/stages/test_overflow_plan.py
    }
    assert shown == set(Sanitizer.__struct_fields__)
