"""Requests of luna's own, to find out what Qwen does with them: the work behind `/api/debug`.

Owns how a probe runs: as a flow like every other, through the pipeline that a client's request would take, but for the
key, the session and the responses that luna remembers. So it has its seat, its account's way out, a chat in the ledger
(which is deleted afterwards), a run, and always a recording. What is answered of it is `luna.admin.debug`'s.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import msgspec
from starlette.types import Message

from luna.admin.debug_views import Asked, FileSeen
from luna.admin.flow_faces import FlowFaces
from luna.model.ambient import Clock, Ids
from luna.model.dialect import ClientRequest
from luna.model.errors import LunaError
from luna.qwen.chats import current_answer, said_in
from luna.qwen.client import QwenClient
from luna.qwen.files import Content
from luna.server.asgi import ClientLine
from luna.server.gateway import Gateway
from luna.state.chats import ChatLedger
from luna.state.choice import Wish
from luna.state.lease import Lease
from luna.state.runs import Runs
from luna.state.scheduler import Scheduler
from luna.state.tickets import Need
from luna.state.uploads import Uploads
from luna.wire.reader import Recording
from luna.wire.store import Recordings

PATH = "/v1/chat/completions"
CLIENT = "luna"
"""Who asks, as the queue sees it."""
PATIENCE, QUEUE = 60.0, 20.0
"""Seconds that a probe may take in all, and what it does beside its flow may wait for its turn."""
PASSED_OVER = frozenset({"auth", "session.bind", "session.remember", "responses.recall", "responses.remember"})
"""Stages that a probe does not meet: it shows no key, and is nobody's conversation."""


class _Ear:
    """The client of a probe: it keeps what it is sent, and never leaves."""

    def __init__(self) -> None:
        self.body = b""

    async def receive(self) -> Message:
        await anyio.sleep_forever()
        raise AssertionError("it never wakes")

    async def send(self, message: Message) -> None:
        self.body += message.get("body", b"")


class Probes:
    """Asks. One for the process."""

    def __init__(
        self,
        gateway: Gateway,
        *,
        runs: Runs,
        recordings: Recordings,
        scheduler: Scheduler,
        ledger: ChatLedger,
        uploads: Uploads,
        clock: Clock,
    ) -> None:
        self._gateway = gateway
        self._runs = runs
        self._faces = FlowFaces(recordings)
        self._scheduler = scheduler
        self._ledger = ledger
        self._uploads = uploads
        self._clock = clock
        self._ids = Ids()

    def __repr__(self) -> str:
        return f"<Probes by {self._gateway!r}>"

    async def ask(self, body: dict[str, Any]) -> Asked:
        """Send a chat completion. Raises LunaError where no flow comes of it; one that fails says so."""
        headers = (("content-type", "application/json"), ("user-agent", "luna (probe)"))
        request = ClientRequest("POST", PATH, "", headers, msgspec.json.encode({**body, "stream": False}))
        ear = _Ear()
        flow = await self._gateway.ask(
            request, ClientLine(ear.receive, ear.send), without=PASSED_OVER, patience=PATIENCE
        )
        run = await self._runs.get(flow.id)
        return Asked(
            flow=flow.id,
            account=run.account_id if run is not None else "",
            chat=run.chat_id if run is not None else "",
            words=_words(ear.body) if flow.error is None else "",
            error=flow.error,
        )

    async def recording(self, flow: str) -> Recording:
        """What was recorded of a probe. Raises LunaError."""
        return await self._faces.open(flow)

    async def read_back(self, account: str, chat: str) -> tuple[str | None, str, list[dict[str, Any]]]:
        """The answer that a chat ends with, as Qwen has it: its id, its words, its phases. Raises LunaError."""
        async with self._client(account) as (_, client):
            document = await client.chat(chat)
        answer = current_answer(document)
        words, phases = said_in(document, answer)
        return answer, words, phases

    async def upload(self, account: str, content: Content) -> FileSeen:
        """Bring a file to Qwen, unless it is there. Raises LunaError, which names it."""
        async with self._client(account) as (name, client):
            uploaded = await self._uploads.upload(client, name, content)
        return FileSeen(name, uploaded.id, uploaded.url.partition("?")[0], uploaded.name, uploaded.size)

    async def discard(self, chat: str) -> None:
        """The probe is over: its chat is deleted, now or by the ledger's cleanup."""
        await self._ledger.discard(chat)

    @asynccontextmanager
    async def _client(self, account: str) -> AsyncIterator[tuple[str, QwenClient]]:
        need, run = Need.of(Wish(account=account)), self._ids.token("probe_")
        seat = await self._scheduler.take(need, client=CLIENT, run=run, patience=QUEUE)
        async with Lease(seat.account, seat.release) as lease:
            try:
                yield lease.account.id, lease.client(self._ids, self._clock.wall())
            except LunaError as error:
                lease.failed(error)
                raise


def _words(body: bytes) -> str:
    message = msgspec.json.decode(body)["choices"][0]["message"]
    return message["content"] or ""
