"""Messages that a document has from the one before: written once, and found again whatever a stage does with them."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna.model.chat import ChatRequest, Message, Text
from luna.wire.references import referring, resolved


def message(number: int) -> bytes:
    return msgspec.json.encode(Message("user", [Text(f"number {number}")]))


def document(entries: list[bytes]) -> bytes:
    return b'{"model":"qwen","messages":[%b]}' % b",".join(entries)


def chat(*numbers: int) -> ChatRequest:
    return ChatRequest(model="qwen", messages=[Message("user", [Text(f"number {number}")]) for number in numbers])


M = [message(number) for number in range(8)]


@pytest.mark.parametrize(
    ("before", "now", "entries"),
    [
        ([], M[:2], M[:2]),
        (M[:3], M[:3], [b"[0,3]"]),
        (M[:3], [M[7], *M[:3]], [M[7], b"[0,3]"]),
        (M[:3], [*M[:3], M[7]], [b"[0,3]", M[7]]),
        (M[:5], [*M[:2], M[7], *M[3:5]], [b"[0,2]", M[7], b"[3,2]"]),
        (M[:5], [M[0], *M[3:5]], [b"[0,1]", b"[3,2]"]),
        (M[:3], [], []),
        (M[:3], [M[2], M[0]], [b"[2,1]", M[0]]),  # only forward
        (M[:3], [M[1], M[1]], [b"[1,1]", M[1]]),  # and each once
        ([M[0], M[0]], [M[0], M[0]], [b"[0,2]"]),
    ],
)
def test_what_is_written_down(before: list[bytes], now: list[bytes], entries: list[bytes]) -> None:
    assert referring(before, now) == entries


@given(st.lists(st.lists(st.integers(0, 7), max_size=12), max_size=6))
def test_whatever_becomes_of_the_messages_they_are_found_again(documents: list[list[int]]) -> None:
    before: list[bytes] = []
    read: ChatRequest | None = None
    for numbers in documents:
        now = [M[number] for number in numbers]
        entries = referring(before, now)
        assert len(entries) <= len(now)
        read = resolved(document(entries), read)
        assert read == chat(*numbers)
        before = now


def test_the_same_words_in_another_message_are_written_again() -> None:
    again = message(0)
    assert referring([M[0]], [again]) == [again]


@pytest.mark.parametrize(
    "entries",
    [
        [b"[0,4]"],
        [b"[3,1]"],
        [b"[0,0]"],
        [b"[0,-1]"],
        [b"[-1,1]"],
        [b"[1,2]", b"[0,1]"],
        [b"[0,2]", b"[1,1]"],
        [b"[0,3]", b"[0,3]"],
        [b"[9223372036854775807,9223372036854775807]"],
    ],
)
def test_what_is_not_there_is_not_referred_to(entries: list[bytes]) -> None:
    with pytest.raises(ValueError, match="which it cannot have"):
        resolved(document(entries), chat(0, 1, 2))


@pytest.mark.parametrize(
    "entry", [b"[0]", b"[0,1,2]", b'["0",1]', b"[0.5,1]", b"0", b"null", b"[99999999999999999999,1]"]
)
def test_a_reference_is_two_whole_numbers(entry: bytes) -> None:
    with pytest.raises(ValueError, match="messages"):
        resolved(document([entry]), chat(0))


def test_the_first_document_has_nothing_to_refer_to() -> None:
    with pytest.raises(ValueError, match="cannot have"):
        resolved(document([b"[0,1]"]), None)
