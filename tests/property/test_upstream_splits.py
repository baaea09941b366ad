"""However a response's bytes are cut, what comes out is the same."""

import gzip
import zlib
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from luna.upstream.encoding import EncodingError, inflater
from luna.upstream.parser import ResponseParser
from tests.support.rawserver import chunked, response

BODIES = st.one_of(st.binary(max_size=200), st.text(max_size=60).map(str.encode))
HEADERS = st.lists(
    st.tuples(st.from_regex(r"x-[a-z]{1,8}", fullmatch=True), st.from_regex(r"[!-~]( ?[!-~]){0,20}", fullmatch=True)),
    max_size=4,
).map(lambda pairs: [f"{name}: {value}" for name, value in pairs])


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A response in one of the framings, perhaps after interim heads, perhaps damaged."""
    headers = draw(HEADERS)
    match draw(st.sampled_from(["length", "chunks", "until close"])):
        case "length":
            message = response(draw(BODIES), headers=headers)
        case "chunks":
            chunks = draw(st.lists(BODIES.filter(bool), max_size=5))
            message = chunked(*chunks, headers=headers)
        case _:
            head = "\r\n".join(["HTTP/1.1 200 OK", *headers, "", ""])
            message = head.encode() + draw(BODIES)
    message = draw(st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\nx: y\r\n\r\n"])) + message
    match draw(st.sampled_from(["whole", "whole", "cut", "damaged", "surplus"])):
        case "cut":
            message = message[: draw(st.integers(0, len(message)))]
        case "damaged":
            at = draw(st.integers(0, len(message) - 1))
            message = message[:at] + draw(st.binary(min_size=1, max_size=3)) + message[at + 1 :]
        case "surplus":
            message += draw(st.binary(min_size=1, max_size=20))
        case _:
            pass
    return message


@st.composite
def pieces(draw: st.DrawFn, data: bytes) -> list[bytes]:
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return [data[start:end] for start, end in pairwise([0, *cuts, len(data)]) if start < end]


def parsed(parts: list[bytes]) -> tuple[object, ...]:
    parser = ResponseParser()
    body = b"".join([parser.feed(part) for part in parts])
    parser.end()
    headers = parser.headers if parser.head_read else ()
    return (
        parser.head_read,
        parser.head_read and parser.status,
        headers,
        body,
        parser.done,
        parser.reusable,
        bool(parser.failure),
    )


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_response_is_the_same_however_it_is_cut(data: st.DataObject) -> None:
    message = data.draw(messages())
    whole = parsed([message])
    assert parsed(data.draw(pieces(message))) == whole
    assert parsed([bytes([byte]) for byte in message]) == whole


@given(st.data(), BODIES, st.sampled_from(["gzip", "deflate"]), st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_compressed_body_is_the_same_however_it_is_cut(
    data: st.DataObject, body: bytes, encoding: str, damaged: bool
) -> None:
    packed = gzip.compress(body) if encoding == "gzip" else zlib.compress(body)
    if damaged:
        at = data.draw(st.integers(0, len(packed) - 1))
        packed = packed[:at] + data.draw(st.binary(max_size=2)) + packed[at + 1 :]

    def undone(parts: list[bytes]) -> bytes | None:
        undo = inflater(encoding)
        assert undo is not None
        try:
            result = b"".join([undo.feed(part) for part in parts])
            undo.end()
        except EncodingError:
            return None
        return result

    whole = undone([packed])
    assert damaged or whole == body
    assert undone(data.draw(pieces(packed))) == whole
