"""Asking which address we have: an address comes back and nothing else, whatever stands there."""

from contextlib import aclosing

import pytest

from luna.model.errors import Kind, LunaError
from luna.upstream import own_address as module
from luna.upstream.own_address import own_address
from luna.upstream.pool import PoolBackend
from tests.support.rawserver import Close, Pause, RawServer, Script, Stall, chunked, response


async def ask(script: Script | bytes) -> str:
    """The address, or raises what came instead."""
    failure: LunaError | None = None
    address = ""
    async with RawServer(script) as server:
        async with aclosing(PoolBackend()) as backend:
            try:
                address = await own_address(backend, server.url, (("X-Key", "k"),))
            except LunaError as error:
                failure = error
        assert len(server.heard) == 1, "no redirect is followed"
        assert server.heard[0].header("x-key") == "k"
    if failure is not None:
        raise failure
    return address


@pytest.mark.parametrize(
    ("body", "address"),
    [
        (b'{"ip": "203.0.113.9"}', "203.0.113.9"),
        (b'{"ip":"2001:DB8:0:0::1","country":"X"}', "2001:db8::1"),
        (b" 203.0.113.9\n", "203.0.113.9"),
        (b'"203.0.113.9"', "203.0.113.9"),
        (b"2001:db8::1", "2001:db8::1"),
    ],
)
async def test_an_address_is_understood(body: bytes, address: str) -> None:
    assert await ask(response(body)) == address
    assert await ask(chunked(body[:3], body[3:])) == address


@pytest.mark.parametrize(
    "answer",
    [
        response(b"the-secret-of-the-machine"),
        response(b'{"ip": "the-secret-of-the-machine"}'),
        response(b'{"ip": "fe80::1%the-secret-of-the-machine"}'),
        response(b"fe80::1%the-secret-of-the-machine"),
        response(b'{"ip": 3405803785}'),
        response(b"3405803785"),
        response(b'{"address": "203.0.113.9"}'),
        response(b'["203.0.113.9"]'),
        response(b"[" * 4000),
        response(b"\xff\xfe"),
        response(b""),
        response(b"null"),
        response(b"203.0.113.9" + b" " * 5000),
        response(b"203.0.113.9", status=500),
        response(b"203.0.113.9", status=404),
        response(b"203.0.113.9", status=302, headers=["location: /"]),
        [b"SSH-2.0 the-secret-of-the-machine\r\n\r\n", Close()],
        [b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n203.0.113.9", Close()],
    ],
)
async def test_everything_else_is_a_failure_that_repeats_nothing(answer: Script | bytes) -> None:
    with pytest.raises(LunaError) as failure:
        await ask(answer)
    assert failure.value.kind is Kind.UPSTREAM_BROKEN
    assert "secret" not in f"{failure.value!r} {failure.value.told} {failure.value.detail}"


async def test_it_takes_no_longer_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that sends a byte now and then keeps every single timeout from running out."""
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    slowly: Script = [
        b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n",
        *[step for digit in b"203.0.113.9" for step in (bytes([digit]), Pause(0.1))],
    ]
    for script in (slowly, [Stall()]):
        with pytest.raises(LunaError, match="within") as failure:
            await ask(script)
        assert failure.value.kind is Kind.TIMEOUT
