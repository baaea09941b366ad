"""Plays a client's opening moves against a luna that runs, and says of each what came of it.

Owns the order of the moves and the words for what goes wrong. What is sent is `luna.doctor.requests`', what an answer
owes is `luna.doctor.streams`'.
"""

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import msgspec

from luna.doctor import requests
from luna.doctor.clients import Client, Opening
from luna.doctor.findings import Finding, failure, ok, warning
from luna.doctor.streams import Call, Heard, error_of, heard
from luna.model.ambient import Ids
from luna.model.errors import LunaError
from luna.upstream.exchange import Backend, OutRequest, Timeouts

PATIENCE = Timeouts(connect=10.0, head=180.0, idle=180.0)
COLUMNS = ("before", "stream", "tool call", "tool result", "whole")
"""Of the table of clients: requests before the first turn, then the turns, then the same without streaming."""
NO_SERVER = "Start it with `luna serve`, or say where it is with --url."
KEY = "Say a proxy key with --key: one of LUNA_PROXY_KEY, or made on the page Settings."
_LOUD = (401, 403)


@dataclass(frozen=True)
class Server:
    """The luna that is played against. `url` is without /v1; `key` may be empty."""

    backend: Backend
    url: str
    model: str
    key: str = ""

    def __repr__(self) -> str:
        return f"<Server {self.url}>"


class Refused(Exception):
    """An answer that is none; said in `finding`."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.text)
        self.finding = finding


class Unreachable(Refused):
    """Nobody is there at all."""


async def play(client: Client, server: Server, ids: Ids) -> list[Finding]:
    """All moves; what comes after one that was refused is played as far as it does not build on it."""
    played = _Played(client, server, f"doctor-{ids.uuid()[:8]}")
    try:
        for opening in client.openings:
            await played.guarded(played.opening(opening))
        await played.guarded(played.turns())
        if client.whole:
            await played.guarded(played.whole())
    except Unreachable as unreachable:
        return [unreachable.finding]
    return played.findings


class _Played:
    def __init__(self, client: Client, server: Server, word: str) -> None:
        self._client = client
        self._server = server
        self._word = word
        self.findings: list[Finding] = []

    async def guarded(self, move: Coroutine[None, None, None]) -> None:
        """One move; its refusal is a finding."""
        try:
            await move
        except Unreachable:
            raise
        except Refused as refused:
            self.findings.append(refused.finding)

    async def opening(self, opening: Opening) -> None:
        client, model = self._client, self._server.model
        body = {"none": b"", "count": requests.count(client, model), "title": requests.title(model)}[opening.body]
        status, said = await self._send(opening.name, opening.method, opening.path, body, opening.headers, "before")
        if status not in opening.statuses:
            raise _refused(opening.name, status, said, "before")
        if opening.body == "title":
            found = heard("chat", said, streamed=True, usage=True)
            self.findings.append(_judged(opening.name, found, bool(found.text), "before", "no title came"))
        else:
            self.findings.append(ok(opening.name, f"{opening.method} {opening.path}: {status}", "before"))

    async def turns(self) -> None:
        client, model = self._client, self._server.model
        found = await self._ask("first turn", requests.first(client, model), "stream")
        if not client.tools:
            whole = requests.BLOCK in found.text
            self.findings.append(_judged("first turn", found, bool(found.text), "stream", "the answer is empty"))
            if found.text and not whole:
                text = "The answer was not repeated byte for byte; another model may, and edits depend on it."
                self.findings.append(warning("edit notation", text, column="stream"))
            return
        something = bool(found.text or found.calls)
        self.findings.append(_judged("first turn", found, something, "stream", "the answer is empty"))
        if not found.calls:
            text = f"The model answered in words and did not call {client.tools[0].name}."
            self.findings.append(warning("tool call", text, "Try again, or another model (--model).", "tool call"))
            return
        call = found.calls[0]
        lack = _lack(client, call)
        self.findings.append(_judged("tool call", Heard(), not lack, "tool call", lack))
        if not lack:
            await self._result(call)

    async def _result(self, call: Call) -> None:
        body = requests.second(self._client, self._server.model, call, self._word)
        found = await self._ask("tool result", body, "tool result")
        self.findings.append(_judged("tool result", found, bool(found.text), "tool result", "the answer is empty"))
        if found.text and self._word not in found.text:
            text = "The model answered without the word that the tool had found."
            self.findings.append(warning("tool result", text, "Try again, or another model (--model).", "tool result"))

    async def whole(self) -> None:
        body = requests.first(self._client, self._server.model, stream=False)
        found = await self._ask("not streamed", body, "whole", streamed=False)
        something = bool(found.text or found.calls)
        self.findings.append(_judged("not streamed", found, something, "whole", "the answer is empty"))

    async def _ask(self, name: str, body: bytes, column: str, *, streamed: bool = True) -> Heard:
        status, said = await self._send(name, "POST", self._client.path, body, (), column)
        if status != 200:
            raise _refused(name, status, said, column)
        usage = self._client.protocol != "chat" or "stream_options" in self._client.more
        return heard(self._client.protocol, said, streamed=streamed, usage=usage)

    async def _send(
        self, name: str, method: str, path: str, body: bytes, more: tuple[tuple[str, str], ...], column: str
    ) -> tuple[int, bytes]:
        key = self._server.key or "unused"
        given = dict((("authorization", f"Bearer {key}"), *self._client.headers, *more))
        if "x-api-key" in given:  # it sends its key in both
            given["x-api-key"] = key
        if body:
            given["content-type"] = "application/json"
        try:
            response = await self._server.backend.open(
                OutRequest(method, self._server.url + path, (*given.items(),), body, PATIENCE)
            )
            try:
                return response.status, await response.read(16 * 1024 * 1024)
            finally:
                await response.aclose()
        except LunaError as error:
            if error.detail.get("phase") == "connect":
                text = f"Nothing answers at {self._server.url}."
                raise Unreachable(failure("server", text, NO_SERVER)) from error
            raise Refused(failure(name, error.message, column=column)) from error


def _lack(client: Client, call: Call) -> str:
    """Why the client could not run the call; empty when it could."""
    tool = next((tool for tool in client.tools if tool.name == call.name), None)
    if tool is None:
        return f"{call.name} is no tool of the client's"
    try:
        given = msgspec.json.decode(call.arguments, type=dict[str, Any])
    except msgspec.MsgspecError:
        return f"the arguments of {call.name} are no JSON object"
    missing = [name for name in tool.properties if name not in given]
    if missing:
        return f"the call of {call.name} lacks {', '.join(missing)}"
    return "" if call.id else "the call has no id"


def _refused(name: str, status: int, said: bytes, column: str) -> Refused:
    told = error_of(said)
    return Refused(failure(name, f"Status {status}: {told}".rstrip(": "), KEY if status in _LOUD else "", column))


def _judged(name: str, found: Heard, enough: bool, column: str, lack: str) -> Finding:
    if found.error:
        return failure(name, f"The answer ended in an error: {found.error}", column=column)
    problems = [*found.problems, *([] if enough else [lack])]
    if problems:
        return failure(name, f"What would break the client: {'; '.join(problems)}.", column=column)
    return ok(name, "as the client wants it", column)
