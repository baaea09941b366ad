"""The other side of a worker: makes exchanges for another luna, from this machine's address.

Owns who may ask (one key, `LUNA_WORKER_KEY`) and the way back: a head in one header, then the body as it comes, to the
same end. Where it goes is `luna.server.worker_targets`'s, the form on the wire `luna.upstream.forward`'s. It reads no
account, no settings but one, and nothing of what passes.
"""

import hashlib
import hmac
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

import anyio
import msgspec
from starlette.types import Receive, Scope, Send

from luna.admin.envelope import STATUS, error_document
from luna.model.errors import Kind, LunaError
from luna.server.asgi import SECURITY_HEADERS, ClientLeft, headers_of, read_body
from luna.server.worker_targets import Targets
from luna.upstream.exchange import Backend, InResponse, OutRequest
from luna.upstream.forward import EXCHANGE, IP_PATH, OUTCOME, PATH, failed, request_of, succeeded
from luna.upstream.own_address import own_address

log = logging.getLogger("luna.server.worker")

PREFIX = "/worker/"
"""All paths below are the worker's."""
MAX_BODY = 512 * 1024 * 1024
"""Bytes: a film may be uploaded through it."""

_JSON = "application/json"
_STREAM = "text/event-stream"
"""Whatever the body is: with this type the server sends the head at once, with another one only before the body."""


class WorkerSide:
    """Answers `/worker/*`. `backend` goes out from this machine; `ip_url` is the service that tells its address."""

    def __init__(self, *, key: str, sites: Iterable[str], backend: Backend, ip_url: Callable[[], str]) -> None:
        self._key = hashlib.sha256(key.encode()).digest() if key else b""
        self._targets = Targets(sites)
        self._backend = backend
        self._ip_url = ip_url
        self._running: set[anyio.CancelScope] = set()

    def __repr__(self) -> str:
        return f"<WorkerSide {'on' if self._key else 'off'} {len(self._running)} running>"

    @property
    def running(self) -> int:
        """Exchanges that are being made."""
        return len(self._running)

    def end(self) -> None:
        """Break off all of them: the process is to stop."""
        for scope in self._running:
            scope.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._admit(scope, receive)
            asked = (scope["method"], scope["path"])
            body = await read_body(scope, receive, MAX_BODY)
            if asked == ("POST", PATH):
                request = _request_in(scope, body)
                await self._run(lambda: self._forward(request, send), receive)
            elif asked == ("GET", IP_PATH):
                await self._run(lambda: self._tell_address(send), receive)
            else:
                raise LunaError(Kind.NOT_FOUND, f"There is nothing at {scope['path'][:200]}.")
        except ClientLeft:
            return
        except LunaError as error:
            await _refuse(send, error)

    async def _admit(self, scope: Scope, receive: Receive) -> None:
        try:
            self._check(scope)
        except LunaError:
            # Answering while the other side still sends looks to it like a broken connection.
            with suppress(LunaError):
                await read_body(scope, receive, 0)
            raise

    def _check(self, scope: Scope) -> None:
        if not self._key:
            raise LunaError(Kind.NOT_FOUND, "This luna is no worker.", hint="Set LUNA_WORKER_KEY to make it one.")
        said = next((value for name, value in headers_of(scope) if name == "authorization"), "")
        scheme, _, key = said.partition(" ")
        same = hmac.compare_digest(hashlib.sha256(key.strip().encode()).digest(), self._key)
        if scheme.lower() != "bearer" or not same:
            raise LunaError(Kind.UNAUTHORIZED, "This worker has another key.", hint="It is its LUNA_WORKER_KEY.")

    async def _run(self, work: Callable[[], Awaitable[None]], receive: Receive) -> None:
        """Until it is done, whoever asked has left, or all is to end. `work` raises no LunaError."""
        async with anyio.create_task_group() as tasks:
            self._running.add(tasks.cancel_scope)
            try:
                tasks.start_soon(_watch, receive, tasks.cancel_scope)
                await work()
                tasks.cancel_scope.cancel()
            finally:
                self._running.discard(tasks.cancel_scope)

    async def _forward(self, request: OutRequest, send: Send) -> None:
        try:
            self._targets.check(request)
            response = await self._backend.open(request)
        except LunaError as error:
            await _answer(send, 200, b"", failed(error))
            return
        try:
            await _pass_on(response, send)
        except LunaError as error:
            # The end of the body is not sent: the other side sees it break off, too.
            log.warning("an exchange for another luna broke off: %s", error.message)
        finally:
            with anyio.CancelScope(shield=True):
                await response.aclose()

    async def _tell_address(self, send: Send) -> None:
        try:
            address = await own_address(self._backend, self._ip_url())
        except LunaError as error:
            await _refuse(send, error)
        else:
            await _answer(send, 200, msgspec.json.encode({"ip": address}))


def _request_in(scope: Scope, body: bytes) -> OutRequest:
    said = next((value for name, value in headers_of(scope) if name == EXCHANGE), "")
    try:
        return request_of(said, body)
    except ValueError as error:
        raise LunaError(Kind.BAD_REQUEST, str(error)) from None


async def _pass_on(response: InResponse, send: Send) -> None:
    await _start(send, 200, _STREAM, succeeded(response.status, response.headers))
    async for data in response.chunks():
        await send({"type": "http.response.body", "body": data, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _watch(receive: Receive, scope: anyio.CancelScope) -> None:
    """Who asked has left: the upstream is to be left, too."""
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


async def _refuse(send: Send, error: LunaError) -> None:
    await _answer(send, STATUS[error.kind], msgspec.json.encode(error_document(error)))


async def _answer(send: Send, status: int, body: bytes, outcome: str = "") -> None:
    await _start(send, status, _JSON, outcome)
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _start(send: Send, status: int, kind: str, outcome: str) -> None:
    headers = [(b"content-type", kind.encode()), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]
    if outcome:
        headers.append((OUTCOME.encode(), outcome.encode()))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *SECURITY_HEADERS]})
