"""Ten cheap probes of the user's own account at Qwen, each answer compared with the shapes that luna knows.

Owns what is asked, in which order, and the cleaning up: all of it happens in one chat that is deleted at the end,
whatever happens. The report holds names and types of what came, never a value but numbers. How the account's requests
go out is given to it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal
from urllib.parse import urlsplit

import anyio
import msgspec

from luna.doctor.chats import ChatBook
from luna.doctor.findings import Finding, failure, ok, warning
from luna.model.ambient import Clock, Ids
from luna.model.chat import ThinkingMode
from luna.model.errors import Kind, LunaError
from luna.model.fold import Fold
from luna.qwen.answer import AnswerReader
from luna.qwen.authority import Authority
from luna.qwen.catalogue import Model
from luna.qwen.client import QwenClient
from luna.qwen.errors import real_status
from luna.qwen.known import Known
from luna.qwen.payload import Turn, completion_body
from luna.qwen.shapes import Shape, of_answer, of_frame, of_status, of_unread, place_of, without_details
from luna.state.drift import wanted
from luna.upstream.exchange import InResponse, OutRequest, Timeouts
from luna.upstream.watching import Look

WANTED = "qwen3.7-plus"
PATIENCE = Timeouts(connect=10.0, head=60.0, idle=60.0)
GOODBYE = 10.0
"""Seconds that the deletion of the chat may take."""
NAMED = 5
"""New shapes that one line names; the report has all of them."""


class Probe(msgspec.Struct, rename="camel"):
    """One of them, as the report has it."""

    name: str
    verdict: Literal["ok", "warning", "failure"]
    text: str
    milliseconds: int
    shapes: int
    """How many shapes came."""
    new: list[str]
    """Those that luna does not know."""


class Report(msgspec.Struct, rename="camel"):
    """What is written down. `at` is milliseconds since the epoch."""

    luna: str
    site: str
    account: str
    at: int
    probes: list[Probe] = []

    def findings(self) -> list[Finding]:
        """For a terminal."""
        return [_finding(probe) for probe in self.probes]


class Watcher:
    """Collects the shapes of what comes: the watch of a `WatchingBackend`."""

    def __init__(self) -> None:
        self._shapes: set[Shape] = set()

    def __repr__(self) -> str:
        return f"<Watcher {len(self._shapes)} shapes>"

    def __call__(self, request: OutRequest, response: InResponse) -> Look | None:
        """See `luna.upstream.watching.Watch`."""
        return partial(self._saw, request, response) if wanted(request) else None

    def _saw(self, request: OutRequest, response: InResponse, body: bytes | None) -> None:
        place, kind = place_of(request.method, urlsplit(request.url).path), response.header("content-type")
        real = real_status(response.status, response.header("x-actual-status-code"))
        self.add({of_status(response.status, real, kind)})
        if body and "event-stream" not in kind:
            try:
                self.add(of_answer(place, msgspec.json.decode(body)))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                self.add({Shape("word", place, "a body that is no JSON")})

    def add(self, shapes: set[Shape]) -> None:
        """What was seen elsewhere."""
        self._shapes |= shapes

    def take(self) -> set[Shape]:
        """What was seen since the last time."""
        taken, self._shapes = self._shapes, set()
        return taken


async def probe(
    authority: Authority, watcher: Watcher, chats: ChatBook, report: Report, clock: Clock, ids: Ids
) -> None:
    """All of them, into the report. After a probe that failed the others go on as far as they can; where the login is
    over or a human is asked for, nothing more is asked. `watcher` sees what the authority's backend gets."""
    probes = _Probes(QwenClient(authority, clock.wall(), ids), watcher, chats, report, clock, ids)
    try:
        await probes.run()
    except LunaError as error:
        if error.kind not in _HOPELESS:
            raise


_HOPELESS = (Kind.UPSTREAM_LOGIN, Kind.UPSTREAM_BLOCKED, Kind.EGRESS_CLOSED)


@dataclass
class _Probes:
    client: QwenClient
    watcher: Watcher
    chats: ChatBook
    report: Report
    clock: Clock
    ids: Ids
    known: Known = field(default_factory=Known.shipped)
    model: Model = field(default_factory=lambda: Model(WANTED))
    chat: str = ""
    title: str = ""

    async def run(self) -> None:
        await self._try("user", self._user)
        await self._try("models", self._models)
        await self._try("settings", self._settings)
        await self._try("chat list", self._chats)
        await self._try("file permit", self._permit)
        async with self._cleaning_up():
            await self._try("new chat", self._create)
            if self.chat:
                await self._try("short answer", self._answer)
                await self._try("thinking", self._think)
                await self._try("stop", self._stop)

    @asynccontextmanager
    async def _cleaning_up(self) -> AsyncIterator[None]:
        """Whatever happens, the chat goes."""
        try:
            yield
        finally:
            if self.chat:
                with anyio.move_on_after(GOODBYE, shield=True) as limit:
                    await self._try("delete chat", self._delete, last=True)
                if limit.cancelled_caught:
                    text = f"Not within {GOODBYE:g} s: look for the chat “{self.title}” yourself."
                    self.report.probes.append(Probe("delete chat", "failure", text, round(GOODBYE * 1000), 0, []))

    async def _try(self, name: str, ask: Callable[[], Awaitable[str]], *, last: bool = False) -> None:
        self.watcher.take()
        began, refused = self.clock.monotonic(), None
        verdict: Literal["ok", "warning", "failure"] = "ok"
        try:
            text = await ask()
        except LunaError as error:
            verdict, text, refused = "failure", error.told, error
        seen = self.watcher.take()
        new = [str(shape) for shape in without_details(self.known.new(seen))]
        if new and verdict == "ok":
            verdict = "warning"
        took = round((self.clock.monotonic() - began) * 1000)
        self.report.probes.append(Probe(name, verdict, text, took, len(seen), new))
        if refused is not None and refused.kind in _HOPELESS and not last:
            raise refused

    async def _user(self) -> str:
        user = await self.client.user()
        if not user.get("id"):
            raise LunaError(Kind.UPSTREAM_BROKEN, "Qwen did not say whose credentials these are.")
        return "Qwen knows the login"

    async def _models(self) -> str:
        models = await self.client.models()
        if not models:
            raise LunaError(Kind.UPSTREAM_BROKEN, "Qwen offers no model.")
        self.model = next((model for model in models if model.id == WANTED), models[0])
        return f"{len(models)} models; the next probes ask {self.model.id}"

    async def _settings(self) -> str:
        said = await self.client.user_settings()
        tools = said.get("tools_enabled")
        on = sum(value is True for value in tools.values()) if isinstance(tools, dict) else 0
        return f"{on} of the page's own tools are switched on"

    async def _chats(self) -> str:
        return f"{len(await self.client.chats(1))} chats on the first page"

    async def _permit(self) -> str:
        await self.client.upload_permit("luna-doctor.txt", 4, "file")
        return "a file might go up; none did"

    async def _create(self) -> str:
        self.chat = await self.chats.create(self._make)
        return "made"

    async def _make(self, title: str) -> str:
        self.title = title
        return await self.client.create_chat(self.model.id, title)

    async def _answer(self) -> str:
        mode: ThinkingMode = "thinking" if self.model.thinking == "only" else "fast"
        fold = await self._say("Say hello in one word.", mode)
        if not fold.text.strip():
            raise LunaError(Kind.UPSTREAM_BROKEN, "The answer had no words.")
        return f"{len(fold.text)} characters"

    async def _think(self) -> str:
        if self.model.thinking == "none":
            return "this model does not think"
        fold = await self._say("What is 7 times 8? Answer with the number.", "thinking")
        if not fold.text.strip():
            raise LunaError(Kind.UPSTREAM_BROKEN, "The answer had no words.")
        return f"{len(fold.thinking)} characters of thoughts, then an answer"

    async def _stop(self) -> str:
        fold = await self._say("Count from 1 to 300, separated by spaces.", "fast", stop=True)
        return f"stopped after {len(fold.text)} characters"

    async def _delete(self) -> str:
        await self.client.delete_chat(self.chat)
        await self.chats.deleted(self.chat)
        return "deleted; nothing of the probes is left"

    async def _say(self, text: str, thinking: ThinkingMode, *, stop: bool = False) -> Fold:
        parent = await self.client.current_answer(self.chat)
        turn = Turn(
            chat_id=self.chat,
            model=self.model.id,
            text=text,
            timestamp=int(self.clock.wall()),
            message_id=self.ids.uuid(),
            answer_id=self.ids.uuid(),
            parent=parent,
            thinking=thinking,
        )
        response = await self.client.complete(self.chat, completion_body(turn), PATIENCE)
        reader, fold = AnswerReader(response, self.model.id), Fold()
        try:
            while not reader.over:
                for event in await reader.read():
                    fold.feed(event)
                if stop and fold.text:
                    await self.client.stop(self.chat, reader.stream.response)
                    break
        finally:
            samples, unread = reader.stream.samples.take()
            for payload in samples.values():
                self.watcher.add(of_frame(payload))
            self.watcher.add({of_unread(phase) for phase in unread})
            with anyio.CancelScope(shield=True):
                await response.aclose()
        return fold


def _finding(one: Probe) -> Finding:
    text = f"{one.text} ({one.milliseconds} ms, {one.shapes} shapes)"
    if one.verdict == "failure":
        return failure(one.name, text)
    if not one.new:
        return ok(one.name, text)
    more = f" and {len(one.new) - NAMED} more" if len(one.new) > NAMED else ""
    return warning(one.name, f"{text}; new: {', '.join(one.new[:NAMED])}{more}.", "luna may not read that yet.")


def written(report: Report, redacted: Callable[[bytes], bytes]) -> bytes:
    """The report as a file, with no secret in it."""
    document: Any = msgspec.to_builtins(report)
    return redacted(msgspec.json.format(msgspec.json.encode(document), indent=2)) + b"\n"
