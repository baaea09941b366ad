"""The files that luna brought to Qwen: each content once for each account, for as long as its address is good.

Owns what is remembered of an upload, that two flows with the same file share one upload, and how many go on at once.
How a file gets there is `luna.qwen.files`; which files a turn has is the transport's business.
"""

import hashlib
import logging
from collections import OrderedDict
from typing import Any

import anyio
import anyio.to_thread
import msgspec

from luna.model.ambient import Clock
from luna.model.errors import LunaError
from luna.qwen.client import QwenClient
from luna.qwen.file_entries import Uploaded, named_only
from luna.qwen.file_types import FileKind, check_size
from luna.qwen.files import PATIENCE, Content, Sleep, have_read, put_file
from luna.state.metrics import Metrics
from luna.state.store import Store
from luna.state.store.sql import Select, bindparam, delete, select
from luna.state.store.tables import files

log = logging.getLogger("luna.state.uploads")

FRESH = 240.0
"""Seconds for which an upload is used again: its signed address lives for 300."""
AT_ONCE = 8
REMEMBERED = 1000
KEEP_DAYS = 30.0
"""Days after which a row is dropped: it still tells the name of a file that a client names by its id."""
_SWEEP = 3600.0
_LARGE = 2 * 1024 * 1024
"""Bytes from which hashing is a thread's work: a millisecond or two, ten times as long as the trip."""

_Key = tuple[bytes, str, FileKind]
_ENTRY = (files.c.entry, files.c.created_at)
_FORGET = delete(files).where(files.c.created_at < bindparam("before"))
_decode = msgspec.json.Decoder(Uploaded).decode


class _Running:
    """One upload that others wait for, too."""

    def __init__(self) -> None:
        self.over = anyio.Event()
        self.failure: LunaError | None = None


class Uploads:
    """Uploads files and remembers them; one for the process. Without a store it remembers for its own lifetime.
    `patience`: seconds that the reading of a document may take; `fresh`: seconds."""

    def __init__(
        self,
        clock: Clock,
        store: Store | None = None,
        *,
        metrics: Metrics | None = None,
        fresh: float = FRESH,
        patience: float = PATIENCE,
        at_once: int = AT_ONCE,
        sleep: Sleep = anyio.sleep,
    ) -> None:
        self.made = 0
        """Files that were brought to Qwen."""
        self.shared = 0
        """Files that need not be, because they were there."""
        self.failed = 0
        self._clock = clock
        self._store = store
        self._metrics = metrics or Metrics(clock.wall())
        self._fresh = fresh
        self._patience = patience
        self._sleep = sleep
        self._gate = anyio.CapacityLimiter(at_once)
        self._known: OrderedDict[_Key, tuple[Uploaded, float]] = OrderedDict()
        self._running: dict[_Key, _Running] = {}
        self._swept = clock.monotonic()

    def __repr__(self) -> str:
        running = len(self._running)
        return f"<Uploads made={self.made} shared={self.shared} failed={self.failed} running={running}>"

    async def upload(self, client: QwenClient, account: str, content: Content) -> Uploaded:
        """The file at Qwen, ready to be attached. Raises LunaError, which names the file: TOO_LARGE, or why it could
        not be brought there or read."""
        check_size(content.kind, content.name, content.size)
        key = (await _digest(content.data), account, content.kind)
        while True:
            known = self._remembered(key)
            if known is not None:
                self._reused()
                return msgspec.structs.replace(known, name=content.name)
            running = self._running.get(key)
            if running is None:
                return await self._lead(client, key, content)
            await running.over.wait()
            if running.failure is not None:
                failure = running.failure
                raise LunaError(
                    failure.kind,
                    failure.message,
                    hint=failure.hint,
                    retry_after=failure.retry_after,
                    detail=failure.detail,
                )

    async def find(self, account: str, file_id: str) -> Uploaded:
        """What is known of a file that a client names by its id: often nothing but that."""
        for (_, owner, _), (uploaded, _) in reversed(self._known.items()):
            if owner == account and uploaded.id == file_id:
                return uploaded
        found = await self._read(select(*_ENTRY).where(files.c.account_id == account, files.c.file_id == file_id))
        return found[0] if found is not None else named_only(file_id)

    async def _lead(self, client: QwenClient, key: _Key, content: Content) -> Uploaded:
        """Do it, while others who want the same wait."""
        running = self._running[key] = _Running()
        try:
            uploaded = await self._stored(key)
            if uploaded is not None:
                self._reused()
                return msgspec.structs.replace(uploaded, name=content.name)
            born = self._clock.wall()
            async with self._gate:
                uploaded = await put_file(client, content, clock=self._clock, sleep=self._sleep)
            if uploaded.kind == "document":
                await have_read(client, uploaded, clock=self._clock, sleep=self._sleep, patience=self._patience)
            self._remember(key, uploaded, born)
            self._metrics.uploads.add("completed")
            self._metrics.uploaded.add(by=content.size)
            return uploaded
        except LunaError as error:
            self.failed += 1
            self._metrics.uploads.add("failed")
            running.failure = error
            log.info("%s", error.message)
            raise
        finally:
            del self._running[key]
            running.over.set()

    def _reused(self) -> None:
        self.shared += 1
        self._metrics.uploads.add("reused")

    def _remembered(self, key: _Key) -> Uploaded | None:
        known = self._known.get(key)
        if known is None or not self._is_fresh(known[1]):
            return None
        return known[0]

    async def _stored(self, key: _Key) -> Uploaded | None:
        """An upload of an earlier process."""
        if key in self._known:
            return None
        digest, account, kind = key
        wanted = (files.c.digest == digest, files.c.account_id == account, files.c.kind == kind)
        found = await self._read(select(*_ENTRY).where(*wanted))
        if found is None or not self._is_fresh(found[1]):
            return None
        self._keep(key, *found)
        return found[0]

    async def _read(self, statement: Select[Any]) -> tuple[Uploaded, float] | None:
        """The row, and when it was made. What cannot be read is no reason not to upload."""
        if self._store is None:
            return None
        try:
            rows = await self._store.read(statement)
            return (_decode(rows[0].entry), rows[0].created_at) if rows else None
        except (LunaError, msgspec.MsgspecError) as error:
            log.warning("an earlier upload cannot be looked up: %s", error)
            return None

    def _remember(self, key: _Key, uploaded: Uploaded, born: float) -> None:
        self.made += 1
        self._keep(key, uploaded, born)
        if self._store is None:
            return
        digest, account, kind = key
        row = {
            "digest": digest,
            "account_id": account,
            "kind": kind,
            "file_id": uploaded.id,
            "entry": msgspec.json.encode(uploaded).decode(),
            "bytes": uploaded.size,
            "created_at": born,
        }
        self._store.write(self._store.upsert(files), row)
        now = self._clock.monotonic()
        if now - self._swept >= _SWEEP:
            self._swept = now
            self._store.write(_FORGET, {"before": self._clock.wall() - KEEP_DAYS * 86400})

    def _keep(self, key: _Key, uploaded: Uploaded, born: float) -> None:
        self._known[key] = (uploaded, born)
        self._known.move_to_end(key)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def _is_fresh(self, born: float) -> bool:
        return 0 <= self._clock.wall() - born < self._fresh


async def _digest(data: bytes) -> bytes:
    if len(data) < _LARGE:
        return hashlib.sha256(data).digest()
    return await anyio.to_thread.run_sync(lambda: hashlib.sha256(data).digest())
