"""What is said to a proxy and what is made of its replies, byte by byte. How replies are cut never matters."""

import ipaddress
import itertools
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import httpcore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna.upstream import handshakes

Handshake = Callable[[httpcore.AsyncNetworkStream, str, int, str, str], Awaitable[None]]


class Scripted(httpcore.AsyncNetworkStream):
    """Gives its pieces in turn, then the end; keeps what was written."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.pieces = [piece for piece in pieces if piece]
        self.written = b""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if not self.pieces:
            return b""
        piece, self.pieces[0] = self.pieces[0][:max_bytes], self.pieces[0][max_bytes:]
        if not self.pieces[0]:
            self.pieces.pop(0)
        return piece

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.written += buffer

    async def aclose(self) -> None:
        raise AssertionError("a handshake closes nothing")

    def get_extra_info(self, info: str) -> Any:
        return None


async def shake(handshake: Handshake, *pieces: bytes, host: str = "h", user: str = "", password: str = "") -> Scripted:
    stream = Scripted(pieces)
    await handshake(stream, host, 443, user, password)
    return stream


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    marks = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(marks)]


# CONNECT


async def test_connect_names_the_host_and_signs_in() -> None:
    stream = await shake(handshakes.connect, b"HTTP/1.1 200 OK\r\n\r\n", host="chat.example")
    assert stream.written == b"CONNECT chat.example:443 HTTP/1.1\r\nHost: chat.example:443\r\n\r\n"
    stream = await shake(handshakes.connect, b"HTTP/1.0 200\r\n\r\n", host="2001:db8::1", user="u", password="ü:")
    assert b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n" in stream.written
    assert b"\r\nProxy-Authorization: Basic dTrDvDo=\r\n\r\n" in stream.written


GOOD_HEADS = [
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.0 200 Connection established\r\nProxy-Agent: x\r\nVia: y\r\n\r\n",
    b"HTTP/1.1 204 \r\n\r\n",
]


@given(st.sampled_from(GOOD_HEADS), st.lists(st.integers(0, 200), max_size=8))
async def test_connect_takes_a_yes_however_it_is_cut(head: bytes, places: list[int]) -> None:
    stream = await shake(handshakes.connect, *cut(head, places))
    assert stream.pieces == []


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "refused with status 403"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\n\r\n", "refused with status 302"),
        (b"HTTP/1.1 503 the-secret-of-the-machine\r\nx: y\r\n\r\nbody", "refused with status 503"),
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "wants a user and a password"),
        (b"SSH-2.0-OpenSSH_9.2p1 the-secret-of-the-machine\r\n", "does not speak HTTP"),
        (b"-ERR unknown command the-secret-of-the-machine\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/2 200\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 20 OK\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.1  200 OK\r\n\r\n", "does not speak HTTP"),
        (b"", "closed the connection"),
        (b"HTTP/1.1 200 OK\r\n", "closed the connection"),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 4000, "does not come to an end"),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 100_000])
async def test_connect_understands_a_no_and_repeats_nothing(reply: bytes, says: str, size: int) -> None:
    pieces = [reply[at : at + size] for at in range(0, len(reply), size)]
    with pytest.raises(httpcore.ProxyError, match=says) as failure:
        await shake(handshakes.connect, *pieces)
    assert "secret" not in str(failure.value)


@given(st.binary(min_size=1, max_size=30), st.lists(st.integers(0, 60), max_size=5))
async def test_what_follows_a_yes_is_refused_or_left_in_the_stream_but_never_swallowed(
    more: bytes, places: list[int]
) -> None:
    stream = Scripted(cut(b"HTTP/1.1 200 OK\r\n\r\n" + more, places))
    try:
        await handshakes.connect(stream, "h", 443, "", "")
    except httpcore.ProxyError as error:
        assert "nobody asked for" in str(error)
    else:
        assert b"".join(stream.pieces) == more


async def test_a_wrong_login_is_told_from_a_missing_one() -> None:
    with pytest.raises(httpcore.ProxyError, match="another user or password") as failure:
        await shake(handshakes.connect, b"HTTP/1.1 407 No\r\n\r\n", user="geheim", password="geheim")
    assert "geheim" not in str(failure.value)


@pytest.mark.parametrize("host", ["a b", "a\r\nx: y", "", "h" * 256, "hö"])
@pytest.mark.parametrize("handshake", [handshakes.connect, handshakes.socks])
async def test_a_host_that_would_break_the_message_is_not_sent(handshake: Handshake, host: str) -> None:
    stream = Scripted([])
    with pytest.raises(httpcore.ProxyError, match="such a host"):
        await handshake(stream, host, 443, "", "")
    assert stream.written == b""


# SOCKS 5

FREE, LOGIN = b"\x05\x00", b"\x05\x02\x01\x00"
BOUND = [
    b"\x05\x00\x00\x01\x7f\x00\x00\x01\x04\x38",
    b"\x05\x00\x00\x03\x01h\x04\x38",
    b"\x05\x00\x00\x03\xff" + b"h" * 255 + b"\x04\x38",
    b"\x05\x00\x00\x03\x00\x04\x38",
    b"\x05\x00\x00\x04" + bytes(16) + b"\x04\x38",
]


@given(st.sampled_from([FREE, LOGIN]), st.sampled_from(BOUND), st.lists(st.integers(0, 300), max_size=8))
async def test_socks_takes_a_yes_however_it_is_cut_and_reads_no_further(
    signing: bytes, bound: bytes, places: list[int]
) -> None:
    replies = signing + bound + b"what the other side says"
    stream = await shake(handshakes.socks, *cut(replies, places), user="u", password="p")
    assert b"".join(stream.pieces) == b"what the other side says"
    login = b"\x01\x01u\x01p" if signing is LOGIN else b""
    assert stream.written == b"\x05\x02\x00\x02" + login + b"\x05\x01\x00\x03\x01h\x01\xbb"


@pytest.mark.parametrize(
    ("host", "spelled"),
    [
        ("127.0.0.1", b"\x01\x7f\x00\x00\x01"),
        ("2001:db8::1", b"\x04" + ipaddress.ip_address("2001:db8::1").packed),
        ("chat.example", b"\x03\x0cchat.example"),
    ],
)
async def test_socks_sends_names_as_names_and_addresses_as_addresses(host: str, spelled: bytes) -> None:
    stream = await shake(handshakes.socks, FREE + BOUND[0], host=host)
    assert stream.written == b"\x05\x01\x00" + b"\x05\x01\x00" + spelled + b"\x01\xbb"


@pytest.mark.parametrize(
    ("replies", "says"),
    [
        (b"", "closed the connection"),
        (b"\x05", "closed the connection"),
        (b"\x05\xff", "wants a user and a password"),
        (b"\x05\x02", "wants a user and a password"),
        (b"\x05\x01", "wants a user and a password"),
        (b"\x04\x00", "does not speak SOCKS 5"),
        (b"HTTP/1.1 400 the-secret-of-the-machine\r\n\r\n", "does not speak SOCKS 5"),
        (FREE, "closed the connection"),
        (FREE + b"\x05\x00\x00\x01\x7f", "closed the connection"),
        (FREE + b"\x05\x00\x00\x02", "does not speak SOCKS 5"),
        (FREE + b"\x04\x00\x00\x01", "does not speak SOCKS 5"),
        (FREE + b"\x05\x02\x00\x01", "connection not allowed by ruleset"),
        (FREE + b"\x05\x05\x00\x00", "connection refused"),
        (FREE + b"\x05\x63\x00\x01", "code 99"),
    ],
)
async def test_socks_understands_a_no_and_repeats_nothing(replies: bytes, says: str) -> None:
    with pytest.raises(httpcore.ProxyError, match=says) as failure:
        await shake(handshakes.socks, replies)
    assert "secret" not in str(failure.value)


@pytest.mark.parametrize(
    ("replies", "says"),
    [(b"\x05\x02\x01\x01", "another user or password"), (b"\x05\xff", "another way to sign in")],
)
async def test_socks_tells_of_a_login_that_is_not_taken(replies: bytes, says: str) -> None:
    with pytest.raises(httpcore.ProxyError, match=says):
        await shake(handshakes.socks, replies, user="u", password="p")


@given(st.sampled_from([handshakes.connect, handshakes.socks]), st.lists(st.binary(max_size=40), max_size=6))
async def test_garbage_is_a_proxy_error_or_a_yes_and_nothing_else(handshake: Handshake, pieces: list[bytes]) -> None:
    try:
        await shake(handshake, *pieces, user="u", password="p")
    except httpcore.ProxyError as error:
        assert error.args
