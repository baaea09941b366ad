"""Questions of luna's own to a model: one prompt, one answer, in a chat that is made for it and deleted afterwards.

Owns the way that such a question takes, which is everybody's way: a seat from the scheduler, the account's own client
(and so its egress), a chat that stands in the ledger before it exists. Knows nothing of what is asked, and tries
nothing twice but a token that has expired.
"""

from typing import Any

import anyio
import msgspec

from luna.model.ambient import Clock, Ids
from luna.model.errors import Kind, LunaError
from luna.model.fold import Fold
from luna.qwen.answer import AnswerReader
from luna.qwen.catalogue import Catalogue, Resolution
from luna.qwen.client import QwenClient
from luna.qwen.file_entries import entry
from luna.qwen.files import Content
from luna.qwen.payload import Turn, completion_body
from luna.state.chats import ChatLedger
from luna.state.choice import Wish
from luna.state.lease import Lease
from luna.state.scheduler import Scheduler
from luna.state.tickets import Need
from luna.state.uploads import Uploads
from luna.upstream.exchange import Timeouts

CLIENT = "luna"
"""Who asks, as the queue sees it: all asides together are one client among the others."""
PATIENCE = 600.0
"""Seconds that one may take in all, its time in the queue included."""
GOODBYE = 5.0
"""Seconds that the deletion of the chat may take; what is not done by then is done by the ledger's cleanup."""


class Asides:
    """Asks. One for the process."""

    def __init__(
        self,
        scheduler: Scheduler,
        catalogue: Catalogue,
        ledger: ChatLedger,
        uploads: Uploads,
        clock: Clock,
        ids: Ids | None = None,
        *,
        patience: float = PATIENCE,
    ) -> None:
        self._scheduler = scheduler
        self._catalogue = catalogue
        self._ledger = ledger
        self._uploads = uploads
        self._clock = clock
        self._ids = ids or Ids()
        self._patience = patience

    def __repr__(self) -> str:
        return f"<Asides by {self._scheduler!r}>"

    async def ask(
        self, prompt: str, *, account: str, model: str, purpose: str, session: str = "", file: Content | None = None
    ) -> str:
        """The answer's words, never none. `account`: this one or none; "" for any. `purpose` is written into the
        ledger, `file` attached. Raises LunaError."""
        aside = _Aside(self._ids.token(f"{purpose}_"), prompt, model, purpose, session, file)
        with anyio.move_on_after(self._patience):
            need = Need.of(Wish(account=account), model=model.strip().lower())
            seat = await self._scheduler.take(need, client=CLIENT, run=aside.run)
            async with Lease(seat.account, seat.release) as lease:
                try:
                    answer = await self._in_a_chat(lease, aside)
                except LunaError as error:
                    lease.failed(error)
                    raise
                lease.succeeded()
                return answer
        raise LunaError(
            Kind.TIMEOUT, f"The model has not answered within {self._patience:g} s.", hint="Try again later."
        )

    async def _in_a_chat(self, lease: Lease, aside: "_Aside") -> str:
        account, now = lease.account.id, self._clock.wall()
        client = lease.client(self._ids, now)
        model = await self._resolve(client, aside.model)
        files = await self._upload(client, account, aside.file, now)
        chat = await self._ledger.create(
            lambda title: client.create_chat(model.id, title),
            account,
            purpose=aside.purpose,
            run=aside.run,
            session=aside.session,
        )
        try:
            self._ledger.used(chat)
            turn = Turn(
                chat_id=chat,
                model=model.id,
                text=aside.prompt,
                timestamp=int(now),
                message_id=self._ids.uuid(),
                answer_id=self._ids.uuid(),
                thinking="thinking" if model.model is not None and model.model.thinking == "only" else "fast",
                files=files,
            )
            return await _answer(client, turn)
        finally:
            with anyio.move_on_after(GOODBYE, shield=True):
                await self._ledger.discard(chat)

    async def _resolve(self, client: QwenClient, name: str) -> Resolution:
        site = client.site.base_url
        try:
            return self._catalogue.resolve(site, name)
        except LunaError:
            await self._catalogue.listing(site, client.models)  # it may be newer than the list
            return self._catalogue.resolve(site, name)

    async def _upload(self, client: QwenClient, account: str, file: Content | None, now: float) -> list[dict[str, Any]]:
        if file is None:
            return []
        return [entry(await self._uploads.upload(client, account, file), self._ids, now)]


class _Aside(msgspec.Struct, frozen=True):
    """One question."""

    run: str
    """Its name in the queue and in the ledger."""
    prompt: str
    model: str
    purpose: str
    session: str
    file: Content | None


async def _answer(client: QwenClient, turn: Turn) -> str:
    body = completion_body(turn)
    try:
        words = await _spoken(client, turn, body)
    except LunaError as error:
        if error.kind is not Kind.UPSTREAM_LOGIN:
            raise
        await client.renew()
        words = await _spoken(client, turn, body)
    if not words:
        raise LunaError(Kind.UPSTREAM_BROKEN, "The model answered without a word.", hint="Try again.")
    return words


async def _spoken(client: QwenClient, turn: Turn, body: bytes) -> str:
    response = await client.complete(turn.chat_id, body, Timeouts())
    try:
        reader, fold = AnswerReader(response, turn.model), Fold()
        while not reader.over:
            for event in await reader.read():
                fold.feed(event)
        return fold.text.strip()
    finally:
        with anyio.CancelScope(shield=True):
            await response.aclose()
