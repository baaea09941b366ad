"""Requests that two servers would read differently: granian refuses them, or reads them in the one safe way.

Each is followed by an ordinary request which asks for the end of the connection. A request that was hidden in another
one would be answered in between.
"""

from collections.abc import AsyncIterator

import pytest

from tests.security.wire import LAST, say
from tests.support.house import Running, running_luna

POST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
GET = b"GET /health HTTP/1.1\r\nhost: localhost\r\n"
HIDDEN = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n"
CHUNKS = b"2\r\n{}\r\n0\r\n\r\n"


@pytest.fixture(scope="module")
async def luna(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running_luna(tmp_path_factory.mktemp("smuggling")) as running:
        yield running


REFUSED = {
    "two lengths": POST + b"content-length: 2\r\ncontent-length: 47\r\n\r\n{}" + HIDDEN,
    "a list of lengths": POST + b"content-length: 2, 2\r\n\r\n{}",
    "a signed length": POST + b"content-length: +2\r\n\r\n{}",
    "a negative length": POST + b"content-length: -2\r\n\r\n{}",
    "a length beyond measure": POST + b"content-length: 99999999999999999999999\r\n\r\n{}",
    "a coding that is none": POST + b"transfer-encoding: xchunked\r\n\r\n" + CHUNKS,
    "a coding after chunked": POST + b"transfer-encoding: chunked, identity\r\n\r\n" + CHUNKS,
    "two codings": POST + b"transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n" + CHUNKS,
    "chunks in HTTP/1.0": POST.replace(b"1.1", b"1.0") + b"transfer-encoding: chunked\r\n\r\n" + CHUNKS,
    "a blank before the colon": POST + b"content-length : 2\r\n\r\n{}",
    "a folded line": GET + b"x-note: a\r\n b\r\n\r\n",
    "a carriage return in a value": GET + b"x-note: a\rhost: evil.example\r\n\r\n",
    "NUL in a value": GET + b"x-note: a\0b\r\n\r\n",
    "NUL in a name": GET + b"x\0note: a\r\n\r\n",
    "a blank in a name": GET + b"x note: a\r\n\r\n",
    "a head without end": GET + b"x-note: " + b"a" * 1_000_000 + b"\r\n\r\n",
    "headers without number": GET + b"x-note: a\r\n" * 5000 + b"\r\n",
}


@pytest.mark.parametrize("name", REFUSED)
async def test_it_is_refused_and_nothing_after_it_is_read(luna: Running, name: str) -> None:
    heard = await say(luna.port, REFUSED[name] + LAST)
    assert len(heard.statuses) == 1 and heard.statuses[0] in (400, 431), heard
    assert heard.ended


@pytest.mark.parametrize("order", [(b"content-length: 4\r\n", b""), (b"", b"content-length: 4\r\n")], ids=["cl", "te"])
async def test_of_a_length_and_chunks_the_chunks_count_and_the_connection_ends(
    luna: Running, order: tuple[bytes, bytes]
) -> None:
    """RFC 9112, section 6.3: what follows might be the rest for somebody who counted the length."""
    before, after = order
    heard = await say(luna.port, POST + before + b"transfer-encoding: chunked\r\n" + after + b"\r\n" + CHUNKS + HIDDEN)
    assert heard.statuses == [400], "the body {} has no model; the hidden request is not answered"
    assert b"model" in heard.data and heard.ended


@pytest.mark.parametrize(
    "chunks", [b"0x2\r\n{}\r\n0\r\n\r\n", b"2\n{}\n0\n\n", b"FFFFFFFFFFFFFFFFF2\r\n{}\r\n0\r\n\r\n"]
)
async def test_chunks_that_are_none_end_the_connection(luna: Running, chunks: bytes) -> None:
    heard = await say(luna.port, POST + b"transfer-encoding: chunked\r\n\r\n" + chunks + HIDDEN)
    assert len(heard.statuses) == 1 and heard.statuses[0] >= 400, heard
    assert heard.ended


AS_ONE = {
    "the same length twice": (POST + b"content-length: 2\r\ncontent-length: 2\r\n\r\n{}", 400),
    "an extension of a chunk": (POST + b"transfer-encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\n\r\n", 400),
    "a trailer": (POST + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nhost: evil.example\r\n\r\n", 400),
    "lines that end in LF alone": (GET.replace(b"\r\n", b"\n") + b"\n", 200),
    "a body that nobody asked for": (GET + b"content-length: 47\r\n\r\n" + HIDDEN.ljust(47), 200),
    "two hosts": (GET + b"host: evil.example\r\n\r\n", 400),
    "no host": (b"GET /health HTTP/1.1\r\n\r\n", 403),
    "a foreign host beside an address of its own": (
        b"GET http://localhost/health HTTP/1.1\r\nhost: evil.example\r\n\r\n",
        403,
    ),
    "a way through": (b"CONNECT evil.example:443 HTTP/1.1\r\nhost: localhost\r\n\r\n", 415),
    "an echo": (b"TRACE / HTTP/1.1\r\nhost: localhost\r\nx-note: canary-of-an-echo\r\n\r\n", 415),
}


@pytest.mark.parametrize("name", AS_ONE)
async def test_it_is_one_request_and_the_next_one_is_the_next(luna: Running, name: str) -> None:
    """`host` in a trailer is no header: the answer would be another one."""
    sent, status = AS_ONE[name]
    heard = await say(luna.port, sent + LAST)
    assert heard.statuses == [status, 404], heard
    assert b"canary-of-an-echo" not in heard.data


async def test_a_path_does_not_become_a_header(luna: Running) -> None:
    for path in (b"/%0d%0aset-cookie:%20a=b", b"/v1/models/%0d%0aset-cookie:%20a=b", b"/login?key=%0d%0aset-cookie:a"):
        heard = await say(luna.port, b"GET " + path + b" HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        head = heard.data.partition(b"\r\n\r\n")[0].lower()
        assert len(heard.statuses) == 1
        assert b"\nset-cookie" not in head and b"\r\nset-cookie" not in heard.data.lower(), heard
