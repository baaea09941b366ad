"""How the bytes of an event stream are cut never matters."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from luna.protocols.sse import SSEReader
from tests.fuzz.search import search
from tests.fuzz.sse import check
from tests.support.streams import payloads_of

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


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]


@given(streams, st.lists(st.integers(0, 200), max_size=12))
def test_any_cut_gives_the_payloads_of_the_whole(stream: bytes, places: list[int]) -> None:
    reader = SSEReader()
    payloads = [payload for piece in cut(stream, places) for payload in reader.feed(piece)]
    assert payloads + reader.close() == payloads_of(stream)


@given(streams)
def test_byte_by_byte_gives_the_payloads_of_the_whole(stream: bytes) -> None:
    reader = SSEReader()
    payloads = [payload for at in range(len(stream)) for payload in reader.feed(stream[at : at + 1])]
    assert payloads + reader.close() == payloads_of(stream)


def test_a_short_search_for_failures_finds_none() -> None:
    assert search(check, seconds=1.5) > 0
