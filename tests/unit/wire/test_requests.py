"""The request after each stage: what was written before is not encoded again, and what changed is."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from luna.model.chat import Attachment, ChatRequest, Message, Text, ToolCall, ToolResult
from luna.wire.redact import Redactor
from luna.wire.references import resolved
from luna.wire.requests import Requests


class Counting:
    """An encoder that counts."""

    def __init__(self) -> None:
        self.messages = 0

    def __call__(self, thing: object) -> bytes:
        self.messages += isinstance(thing, Message)
        return msgspec.json.encode(thing)


def request() -> ChatRequest:
    said = Message("assistant", [Text("Let me look."), ToolCall("call_1", "ls", "{}")])
    result = Message("tool", [ToolResult("call_1", [Text("README.md"), Attachment("image", "data:,")])])
    return ChatRequest(model='"messages":[]', messages=[Message("user", [Text("What is there?")]), said, result])


def test_only_what_changed_is_encoded_again() -> None:
    encode, chat = Counting(), request()
    requests = Requests(encode, Redactor())
    first = requests.changed(chat)
    assert first == msgspec.json.encode(chat)
    assert requests.changed(chat) is None
    before = resolved(first, None)
    chat.messages.insert(0, Message("system", [Text("Be brief.")]))
    second = requests.changed(chat)
    assert second is not None
    assert b"Be brief." in second
    assert b"What is there?" not in second
    assert resolved(second, before) == chat
    assert encode.messages == 4
    chat.search = True
    third = requests.changed(chat)
    assert third is not None
    assert b'"messages":[[0,4]]' in third
    assert resolved(third, resolved(second, before)) == chat
    assert encode.messages == 4


def changes(chat: ChatRequest, how: int) -> None:
    """In its place, wherever a stage may put its hand."""
    call, result = chat.messages[1].parts[1], chat.messages[2].parts[0]
    assert isinstance(call, ToolCall)
    assert isinstance(result, ToolResult)
    match how:
        case 0:
            chat.messages[0].known = not chat.messages[0].known
        case 1:
            chat.messages[1].parts.append(Text("more"))
        case 2:
            call.arguments += " "
        case 3:
            result.parts.append(Text("LICENSE"))
        case 4:
            first = result.parts[0]
            assert isinstance(first, Text)
            first.text += "!"
        case _:
            chat.messages[0] = Message("user", [Text(chat.messages[0].text + "?")])


@given(st.lists(st.integers(0, 5), max_size=8))
def test_no_change_is_missed(hows: list[int]) -> None:
    chat, requests = request(), Requests(msgspec.json.encode, Redactor())
    read = resolved(requests.changed(chat) or b"", None)
    for how in hows:
        changes(chat, how)
        read = resolved(requests.changed(chat) or b"", read)
        assert read == chat
        assert requests.changed(chat) is None


def test_a_secret_that_was_learnt_since_is_looked_for_in_what_was_written_before() -> None:
    chat, redactor = request(), Redactor()
    requests = Requests(msgspec.json.encode, redactor)
    requests.changed(chat)
    redactor.learn("What is there?")
    told = requests.changed(chat)
    assert told is not None
    assert b"What is there?" not in told
    assert b"<redacted:1>" in told
