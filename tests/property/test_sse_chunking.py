"""How the bytes of an event stream are cut never matters."""

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from luna.protocols.sse import SSEReader

pieces_of_a_stream = st.sampled_from(
    [
        b"data:",
        b"data: ",
        b"data",
        b":",
        b"event: x",
        b" ",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        "新".encode(),
        b"{}",
        b"\xef\xbb\xbf",
    ]
)
streams = st.lists(pieces_of_a_stream | st.binary(max_size=4), max_size=30).map(b"".join)


def simply(stream: bytes) -> list[bytes]:
    """The same grammar, all at once and one line after the other."""
    payloads = []
    for line in re.split(rb"\r\n|\r|\n", stream.removeprefix(b"\xef\xbb\xbf")):
        field, colon, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data" and colon and value:
            payloads.append(value)
    return payloads


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]


@given(streams, st.lists(st.integers(0, 200), max_size=12))
def test_any_cut_gives_the_payloads_of_the_whole(stream: bytes, places: list[int]) -> None:
    reader = SSEReader()
    payloads = [payload for piece in cut(stream, places) for payload in reader.feed(piece)]
    assert payloads + reader.close() == simply(stream)


@given(streams)
def test_byte_by_byte_gives_the_payloads_of_the_whole(stream: bytes) -> None:
    reader = SSEReader()
    payloads = [payload for at in range(len(stream)) for payload in reader.feed(stream[at : at + 1])]
    assert payloads + reader.close() == simply(stream)
