"""A conversation as a document reads back into the same conversation, whatever stands in it."""

import html
import re

from hypothesis import given
from hypothesis import strategies as st

from luna.conversation.blocks import escape, unescape
from luna.conversation.overflow import document, system_text, take_closing, written
from luna.model.chat import Attachment, Message, Part, Text, Thought, ToolCall, ToolResult

HEADER = "This is a conversation.\n<turn> like this begins a turn."
_OPEN = re.compile(r'<turn((?: [a-z]+="[^"\n]*")*)>')
_ATTRIBUTE = re.compile(r'([a-z]+)="([^"\n]*)"')


def read_back(text: str) -> list[Message]:
    """The way back, for a document of any messages."""
    lines = text.split("\n")
    messages: list[Message] = []
    position = next((n for n, line in enumerate(lines) if _OPEN.fullmatch(line)), len(lines))
    if position == len(lines):
        return []
    number = ""
    while position < len(lines) and (opening := _OPEN.fullmatch(lines[position])):
        said = {name: html.unescape(value) for name, value in _ATTRIBUTE.findall(opening[1])}
        end = lines.index("</turn>", position)
        content = unescape("\n".join(lines[position + 1 : end]))
        if said["n"] != number:
            number = said["n"]
            messages.append(Message(said["role"], [], said.get("name", "")))  # type: ignore[arg-type]
        _take(messages[-1].parts, said, content)
        position = end + 1
    assert lines[position:] == [""], lines[position : position + 3]
    return messages


def _take(parts: list[Part], said: dict[str, str], content: str) -> None:
    if "result" in said:
        if "more" not in said:
            parts.append(ToolResult(said["result"], [], said.get("tool", ""), "error" in said))
        result = parts[-1]
        assert isinstance(result, ToolResult)
        if "parts" not in said:
            result.parts.append(_attachment(said) if "attachment" in said else Text(content))
    elif "call" in said:
        parts.append(ToolCall(said["call"], said.get("tool", ""), content))
    elif "attachment" in said:
        parts.append(_attachment(said))
    elif "parts" not in said:
        parts.append(Text(content))


def _attachment(said: dict[str, str]) -> Attachment:
    return Attachment(
        said["attachment"],  # type: ignore[arg-type]
        said.get("url", ""),
        said.get("id", ""),
        said.get("file", ""),
        said.get("type", ""),
    )


marks = st.sampled_from(
    ["<turn>", "</turn>", "\n</turn>\n", '<turn n="1" role="user">', "<\\turn", "</\\turn", "<TURN ", "\n", "\r\n", '"']
)
texts = st.lists(st.text(max_size=8) | marks, max_size=4).map("".join)
names = texts | st.sampled_from(["", "Bash", 'a"b', "x\ny", "<turn>"])
attachments = st.builds(
    Attachment,
    st.sampled_from(["image", "document", "video", "audio"]),
    st.sampled_from(["", "https://x.example/a?b=1&c=2"]),
    names,
    names,
    names,
)
inner = st.lists(st.builds(Text, texts) | attachments, max_size=3)
parts = st.lists(
    st.one_of(
        st.builds(Text, texts),
        st.builds(ToolCall, names, names, texts),
        st.builds(ToolResult, names, inner, names, st.booleans()),
        attachments,
    ),
    max_size=4,
)
conversations = st.lists(
    st.builds(Message, st.sampled_from(["user", "assistant", "tool", "system"]), parts, names), max_size=5
)


@given(conversations)
def test_the_document_reads_back_into_the_same_messages(messages: list[Message]) -> None:
    assert read_back(document(messages, HEADER)) == messages


@given(conversations)
def test_the_bytes_are_those_of_the_text(messages: list[Message]) -> None:
    messages.append(Message("user", [Text("a lone \ud800 </turn>")], 'n"\ud800'))
    assert written(messages, HEADER) == document(messages, HEADER).encode("utf-8", "replace")
    assert written([], HEADER) == document([], HEADER).encode()


@given(texts)
def test_no_text_can_end_its_block_or_begin_another(text: str) -> None:
    assert not re.search(r"</?turn\b", escape(text), re.IGNORECASE)
    assert unescape(escape(text)) == text


@given(conversations)
def test_marks_cost_nothing_but_themselves(messages: list[Message]) -> None:
    """The known mark is luna's own business: it changes nothing."""
    known = [Message(message.role, message.parts, message.name, known=True) for message in messages]
    assert document(known, HEADER) == document(messages, HEADER)


def test_the_bytes_of_an_attachment_are_not_in_the_document() -> None:
    picture = Attachment("image", url="data:image/png;base64,iVBORw0KGgo=", name="a.png", media_type="image/png")
    text = document([Message("user", [picture, Text("What is it?")])], HEADER)
    assert '<turn n="1" role="user" attachment="image" file="a.png" type="image/png">\n\n</turn>' in text
    assert "iVBOR" not in text


def test_earlier_reasoning_is_left_out() -> None:
    messages = [Message("assistant", [Thought("hm"), Text("Yes.")]), Message("assistant", [Thought("hm")])]
    assert read_back(document(messages, HEADER)) == [Message("assistant", [Text("Yes.")]), Message("assistant", [])]


def test_what_the_system_said_is_one_text() -> None:
    said = [Message("system", [Text("a")]), Message("user", [Text("b")]), Message("system", [Text("c")])]
    assert system_text(said) == "a\n\nc"
    assert system_text([Message("user", [Text("b")])]) == ""


def test_words_that_hold_for_this_turn_are_taken_from_its_end() -> None:
    turn = Message("user", [Text("hi"), Text("\n[Tools: Bash]"), Text("\n[JSON]")], known=False)
    messages = [Message("user", [Text("a"), Text("\n[old]")]), turn, Message("assistant", [Text("x")])]
    rest, closing = take_closing(messages)
    assert closing == "[Tools: Bash]\n[JSON]"
    assert rest == [messages[0], Message("user", [Text("hi")]), messages[2]]
    assert len(turn.parts) == 3, "the message itself is left as it is"


def test_a_turn_is_never_taken_whole_and_nothing_long_is_taken() -> None:
    for parts in ([Text("\nall there is")], [Text("hi"), Text("\n" + "x" * 30_000)], [Text("hi"), Text("bye")]):
        messages = [Message("user", [*parts])]
        assert take_closing(messages) == (messages, "")
    assert take_closing([Message("system", [Text("s"), Text("\n[x]")])])[1] == ""
