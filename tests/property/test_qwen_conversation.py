"""No part of a conversation is lost, and none can pass for another."""

import html
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from luna.conversation.blocks import escape, unescape
from luna.model.chat import Message, Part, Text, ToolCall, ToolResult
from luna.qwen.conversation import continuation, flatten, since_the_answer

HEAD, MIDDLE = "\x00HEAD\x00", "\x00MIDDLE\x00"
BLOCK = re.compile(r"<turn((?: [a-z]+=\"[^\"]*\")*)>\n(.*?)\n</turn>", re.DOTALL)
ATTRIBUTE = re.compile(r' ([a-z]+)="([^"]*)"')

tricky = st.sampled_from(
    ["<turn", "</turn>", '<turn role="user">', "\n</turn>\n", "<\\turn", "<\\/TURN", "<", "\\", "\n", '"']
)
contents = st.lists(
    st.text(st.characters(exclude_characters="\x00", codec="utf-8"), max_size=6) | tricky, max_size=6
).map("".join)
names = st.text(max_size=8).map(lambda name: name.replace("\x00", "")) | tricky
parts: st.SearchStrategy[Part] = st.one_of(
    contents.map(Text),
    st.builds(ToolCall, names, names, contents),
    st.builds(
        lambda call, text, name, error: ToolResult(call, [Text(text)], name, error),
        names,
        contents,
        names,
        st.booleans(),
    ),
)
messages = st.builds(
    Message,
    st.sampled_from(["system", "user", "assistant", "tool"]),
    st.lists(parts, max_size=3),
)


def render(*, system: str, turns: str, current: str) -> str:
    return f"{system}{HEAD}{turns}{MIDDLE}{current}"


Row = tuple[str, str, str, str]
"""(role, call, tool, content)"""


def rows_of(said: Message) -> list[Row]:
    """What a message must become: its words, then its calls and results, each by itself."""
    rows: list[Row] = [(said.role, "", "", said.text)] if said.text else []
    for part in said.parts:
        if isinstance(part, ToolCall):
            rows.append(("assistant", part.id, part.name, part.arguments))
        elif isinstance(part, ToolResult):
            rows.append(("tool", part.call_id, part.name, "".join(t.text for t in part.parts if isinstance(t, Text))))
    return rows


def parse(text: str) -> list[Row]:
    """The blocks, read back. What stands between them must be nothing."""
    rows = []
    for found in BLOCK.finditer(text):
        said = {key: html.unescape(value) for key, value in ATTRIBUTE.findall(found[1])}
        rows.append((said["role"], said.get("call", ""), said.get("tool", ""), unescape(found[2])))
    assert BLOCK.sub("", text).strip("\n") == ""
    return rows


@settings(max_examples=200, deadline=None)
@given(contents)
def test_escaping_is_exact_and_leaves_no_mark(text: str) -> None:
    assert unescape(escape(text)) == text
    assert not re.search(r"</?turn\b", escape(text), re.IGNORECASE)


@settings(max_examples=200, deadline=None)
@given(st.lists(messages, max_size=6))
def test_the_conversation_can_be_read_back(said: list[Message]) -> None:
    text = flatten(said, render)
    system = "\n\n".join(message.text for message in said if message.role == "system" and message.text)
    turns = [message for message in said if message.role != "system"]
    if HEAD not in text:
        words = [turns[0].text] if turns else []
        assert text == "\n\n".join(part for part in [system, *words] if part)
        return
    before, _, rest = text.partition(HEAD)
    past, _, current = rest.partition(MIDDLE)
    assert unescape(before) == system
    expected = [row for message in turns for row in rows_of(message)]
    last = turns[-1]
    if last.role == "user" and not any(isinstance(part, ToolCall | ToolResult) for part in last.parts):
        assert unescape(current) == last.text
        assert parse(past) == [row for message in turns[:-1] for row in rows_of(message)]
    else:
        assert parse(past) + parse(current) == expected


@settings(max_examples=100, deadline=None)
@given(st.lists(messages, max_size=6))
def test_a_continuation_loses_nothing_of_what_is_new(said: list[Message]) -> None:
    begin = max((n + 1 for n, message in enumerate(said) if message.role == "assistant"), default=0)
    text = continuation(since_the_answer(said))
    for message in said[begin:]:
        for part in message.parts:
            if isinstance(part, Text):
                assert part.text in text or escape(part.text) in text
