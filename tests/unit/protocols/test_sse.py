"""What the SSE reader makes of each kind of line, and what the writer writes."""

import pytest

from luna.model.errors import Kind, LunaError
from luna.protocols import sse
from luna.protocols.sse import SSEReader


def read(*pieces: bytes) -> list[bytes]:
    reader = SSEReader()
    payloads = [payload for piece in pieces for payload in reader.feed(piece)]
    return payloads + reader.close()


@pytest.mark.parametrize(
    ("stream", "payloads"),
    [
        (b'data: {"a":1}\n\ndata: {"b":2}\n\n', [b'{"a":1}', b'{"b":2}']),
        (b"data: a\ndata: b\n", [b"a", b"b"]),
        (b"data: a\r\n\r\ndata: b\r\n", [b"a", b"b"]),
        (b"data: a\rdata: b\r\r", [b"a", b"b"]),
        (b"data:a\n", [b"a"]),
        (b"data:  a\n", [b" a"]),
        (b": comment\nevent: x\nid: 7\nretry: 10\ndata: a\n", [b"a"]),
        (b"data: a", [b"a"]),
        (b"data:\ndata: \ndata: a\n", [b"a"]),
        (b"database: no\n data: no\nDATA: no\n", []),
        (b"\xef\xbb\xbfdata: a\n\xef\xbb\xbfdata: b\n", [b"a"]),
        ("data: \u65b0\u2028\x85\x0b\x0c\x1c\n".encode(), ["\u65b0\u2028\x85\x0b\x0c\x1c".encode()]),
        (b"data: [DONE]\n\n", [b"[DONE]"]),
        (b"", []),
    ],
)
def test_each_data_line_is_a_payload(stream: bytes, payloads: list[bytes]) -> None:
    assert read(stream) == payloads
    assert read(*(stream[i : i + 1] for i in range(len(stream)))) == payloads


def test_a_line_is_given_as_soon_as_its_end_is_seen() -> None:
    reader = SSEReader()
    assert reader.feed(b"data: a") == []
    assert repr(reader) == "<SSEReader holding=7>"
    assert reader.feed(b"b\r") == [b"ab"]
    assert reader.feed(b"\ndata: c") == []
    assert reader.close() == [b"c"]
    assert reader.close() == []


@pytest.mark.parametrize("pieces", [[b"data: 45678\n"], [b"data: 4567", b"8\n"], [b"data: 45678"], [b"a\n", b":" * 12]])
def test_a_line_beyond_the_limit_is_refused_whether_complete_or_not(pieces: list[bytes]) -> None:
    reader = SSEReader(max_line=10)
    with pytest.raises(LunaError, match="more than 10 bytes") as raised:
        for piece in pieces:
            reader.feed(piece)
    assert raised.value.kind is Kind.UPSTREAM_BROKEN


def test_a_byte_order_mark_counts_as_part_of_its_line_however_it_is_cut() -> None:
    mark = b"\xef\xbb\xbf"
    assert SSEReader(max_line=10).feed(mark + b"data: 4\n") == [b"4"]
    for pieces in ([mark + b"data: 45\n"], [mark + b"data: 45", b"\n"]):
        reader = SSEReader(max_line=10)
        with pytest.raises(LunaError, match="more than 10 bytes"):
            for piece in pieces:
                reader.feed(piece)


def test_many_short_lines_may_be_longer_than_the_limit_together() -> None:
    assert SSEReader(max_line=10).feed(b"data: 4567\n" * 5) == [b"4567"] * 5


def test_frames_are_read_back_and_comments_are_not() -> None:
    assert sse.frame(b'{"a":1}') == b'data: {"a":1}\n\n'
    assert sse.comment("keep-alive") == b": keep-alive\n\n"
    assert read(sse.frame(b"x"), sse.comment("y"), sse.DONE) == [b"x", b"[DONE]"]
