"""The log as data: every line that luna says, without secrets, for people to search and to watch.

Owns the way of a line from whoever says it, in any thread, to those who watch and to the store: said, it lies in a
bounded queue; from there it is taken in batches, redacted, numbered, kept for the live view, and queued for the
database. What is said faster than that is dropped, and counted. The console is not its business.
"""

import logging
import re
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import anyio

from luna.model.ambient import FLOW, REPLAYING, Clock
from luna.model.errors import LunaError
from luna.model.preferences import LivePreferences
from luna.state.discretion import Censor, Discretion
from luna.state.log_archive import LogArchive, LogEntry, LogFilter, LogPage, LogStats
from luna.state.run import plain
from luna.state.store import Store

log = logging.getLogger("luna.state.logs")

PENDING = 5000
"""Lines that may wait to be taken."""
RING = 1000
"""Lines kept for the live view."""
BATCH = 50
"""Lines taken at a time: about a millisecond."""
FLUSH_SECONDS = 0.25
TIDY_SECONDS = 600.0
DAY = 86_400.0
MESSAGE = 4000
TRACEBACK = 12_000
"""Characters kept, of a traceback the last ones."""
_LOOKED_AT = 64_000
"""Characters that are searched for secrets: so many more than are kept that none can stand half within them."""

_OF_ALL = "luna.state.store"

Watcher = Callable[[list[LogEntry]], None]

_FLOW = re.compile(r"flow_[\w-]{1,59}", re.ASCII)
_LEVELS = ((logging.ERROR, "error"), (logging.WARNING, "warning"), (logging.INFO, "info"))


def level_word(level: int) -> str:
    """debug, info, warning or error."""
    return next((word for least, word in _LEVELS if level >= least), "debug")


class _Said(NamedTuple):
    at: float
    level: str
    logger: str
    message: str
    flow: str
    fields: Mapping[str, Any]
    traceback: str = ""


class Logs:
    """The log of this process and of those before."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        preferences: LivePreferences | None = None,
        discretion: Discretion | None = None,
    ) -> None:
        self._clock = clock
        self._store = store
        self._preferences = preferences or LivePreferences()
        self._discretion = discretion or Discretion()
        self._archive = LogArchive(store)
        self._pending: deque[_Said] = deque()
        self._ring: deque[LogEntry] = deque(maxlen=RING)
        self._last = 0
        self._watchers: list[Watcher] = []
        self.dropped = 0
        """Lines that came too fast, and of which nothing was said yet."""
        self.lost = 0
        """All that ever came too fast."""

    def __repr__(self) -> str:
        return f"<Logs pending={len(self._pending)} dropped={self.dropped}>"

    # Saying

    def note(
        self,
        level: str,
        message: str,
        *,
        flow: str = "",
        logger: str = "luna",
        fields: Mapping[str, Any] | None = None,
        traceback: str = "",
    ) -> None:
        """Say something that is not for the console. From any thread; never blocks, never raises."""
        if len(self._pending) >= PENDING:
            self.dropped += 1
            self.lost += 1
            return
        self._pending.append(_Said(self._clock.wall(), level, logger, message, flow, fields or {}, traceback))

    @contextmanager
    def listening(self, logger: str = "luna") -> Iterator[None]:
        """Take in what is said to that logger and to those below it, at whatever level they are set to.
        `extra={"flow": flow.id, "fields": {…}}` adds to what is kept of a line; without it the flow is the one on
        whose behalf it is said, if any."""
        intake, listened_to = _Intake(self), logging.getLogger(logger)
        listened_to.addHandler(intake)
        try:
            yield
        finally:
            listened_to.removeHandler(intake)

    # Taking in

    def flush(self, most: int = PENDING) -> int:
        """Take up to `most` lines: redact them, show them, queue them to be written. In the event loop's thread."""
        said = [self._pending.popleft() for _ in range(min(most, len(self._pending)))]
        if self.dropped and not self._pending:
            words = f"{self.dropped} log lines came too fast and were dropped."
            said.append(_Said(self._clock.wall(), "warning", "luna.state.logs", words, "", {}))
            self.dropped = 0
        if not said:
            return 0
        censor = self._discretion.now()
        told = censor.lines([(each.message[:_LOOKED_AT], each.fields) for each in said])
        entries = [self._entry(each, censor, *line) for each, line in zip(said, told, strict=True)]
        self._ring.extend(entries)
        self._archive.keep(entries)
        for watcher in self._watchers:
            try:
                watcher(entries)
            except Exception as error:  # whoever looks on must not keep lines from being written
                self.note("warning", f"a watcher of the log failed: {type(error).__name__}", logger="luna.state.logs")
        return len(entries)

    def _entry(self, said: _Said, censor: Censor, message: str, fields: dict[str, Any]) -> LogEntry:
        moment = int(said.at * 1_000_000)
        self._last = moment if moment > self._last else self._last + 1
        if said.traceback:
            fields["traceback"] = censor.text(_last_lines(said.traceback))[-TRACEBACK:]
        flow = said.flow if _FLOW.fullmatch(said.flow) else ""
        return LogEntry(self._last, said.at, said.level, said.logger, plain(message, MESSAGE), flow, fields)

    async def keep(self) -> None:
        """Take in what is said, and tidy up from time to time. Runs until cancelled; then it takes in the rest."""
        try:
            while True:
                with anyio.move_on_after(TIDY_SECONDS):
                    await self._take_in()
                try:
                    await self.tidy()
                except LunaError as error:
                    log.warning("the log could not be tidied up: %s", error.message)
        finally:
            self.flush()

    async def _take_in(self) -> None:
        while True:
            await anyio.sleep(FLUSH_SECONDS)
            while self.flush(BATCH) >= BATCH:
                await anyio.lowlevel.checkpoint()

    # Reading

    def recent(self, limit: int = RING) -> list[LogEntry]:
        """The latest lines of this process, the newest last, for whoever begins to watch."""
        return list(self._ring)[-limit:] if limit else []

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call `watcher` with every batch of new lines. It must be quick and must not raise. Returns what ends it."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    async def recover(self) -> None:
        """Call it before the first line is taken in: numbers go on from those that are written down."""
        self._last = max(self._last, await self._archive.last())

    async def find(self, wanted: LogFilter, *, limit: int, before: int | None = None) -> LogPage:
        """A page of lines, the newest first."""
        await self._catch_up()
        return await self._archive.find(wanted, limit=limit, before=before)

    async def stats(self) -> LogStats:
        """How many lines are kept."""
        await self._catch_up()
        return await self._archive.stats()

    async def clear(self) -> int:
        """Forget all lines, and nothing but lines: how many."""
        await self._catch_up()
        self._ring.clear()
        return await self._archive.clear()

    async def tidy(self) -> int:
        """Let go of what is older, or more, than the preferences say: how many."""
        kept = self._preferences.current.logging
        return await self._archive.prune(keep=kept.max_logs, since=self._clock.wall() - kept.max_age_days * DAY)

    async def _catch_up(self) -> None:
        self.flush()
        if not self._store.problem:
            try:
                await self._store.commit()
            except LunaError as error:
                log.warning("the log is shown as it was last written: %s", error.message)


def flow_of(record: logging.LogRecord) -> str:
    """The flow that a line is about: the one that it names, or on whose behalf it is said. What the store says is
    about all who wait for it, whoever made it work."""
    return str(getattr(record, "flow", "")) or ("" if record.name.startswith(_OF_ALL) else FLOW.get())


class _Intake(logging.Handler):
    """Where the logging module hands its records over."""

    def __init__(self, logs: Logs) -> None:
        super().__init__()
        self._logs = logs

    def emit(self, record: logging.LogRecord) -> None:
        if REPLAYING.get():
            return
        try:
            message = record.getMessage()
        except Exception as error:  # an argument that cannot be written must not harm whoever logs it
            message = f"{record.msg!r} (its arguments cannot be written: {type(error).__name__})"
        given = getattr(record, "fields", None)
        trace = record.stack_info or ""
        if record.exc_info and record.exc_info[1] is not None:
            trace = "".join(traceback.format_exception(record.exc_info[1])) + trace
        self._logs.note(
            level_word(record.levelno),
            message,
            flow=flow_of(record),
            logger=record.name,
            fields=dict(given) if isinstance(given, Mapping) else None,
            traceback=trace,
        )


def _last_lines(text: str) -> str:
    """The end of a long text, from the beginning of a line: half a secret would not be recognised."""
    return text if len(text) <= _LOOKED_AT else text[-_LOOKED_AT:].partition("\n")[2]
