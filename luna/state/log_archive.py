"""The log lines that are written down: finding them, counting them, letting old ones go.

Owns the filters and the paging over the table.
"""

from typing import Any, NamedTuple

import msgspec

from luna.state.run import folded, plain
from luna.state.store import Store
from luna.state.store.form import Form, Values
from luna.state.store.sql import ColumnElement, bindparam, delete, func, insert, select
from luna.state.store.tables import logs

SLICE = 1000
"""Rows deleted in one transaction, so that nobody waits long for the database."""
SEARCH = 200
"""Characters of a search text that count."""

_COLUMNS = (logs.c.id, logs.c.at, logs.c.level, logs.c.logger, logs.c.message, logs.c.flow, logs.c.fields)
INSERT = Form(insert(logs), ("id", "at", "level", "logger", "message", "folded", "flow", "fields"))
_DELETE = delete(logs).where(logs.c.id == bindparam("key"))


class LogEntry(msgspec.Struct, frozen=True):
    """One line. `id` grows with time; `at` in seconds since the epoch; `flow` where it is about one."""

    id: int
    at: float
    level: str
    """debug, info, warning or error."""
    logger: str
    message: str
    flow: str = ""
    fields: dict[str, Any] = {}


class LogFilter(msgspec.Struct, frozen=True):
    """What lines are wanted; all of it must hold. Empty or None: any."""

    levels: frozenset[str] = frozenset()
    flow: str = ""
    text: str = ""
    """In the message or the traceback, whatever the case."""
    since: float | None = None
    """Seconds since the epoch."""

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same for the database."""
        wanted: list[ColumnElement[bool]] = []
        if self.levels:
            wanted.append(logs.c.level.in_(sorted(self.levels)))
        if self.flow:
            wanted.append(logs.c.flow == plain(self.flow, SEARCH))
        if self.since is not None:
            wanted.append(logs.c.at >= self.since)
        if text := folded(plain(self.text, SEARCH)):
            wanted.append(logs.c.folded.contains(text, autoescape=True))
        return wanted


class LogPage(NamedTuple):
    """Some lines, the newest first, and the id before which the next page goes on: None when there is none."""

    entries: list[LogEntry]
    before: int | None


class LogStats(NamedTuple):
    """How many lines there are, and how many of them are errors."""

    total: int
    errors: int


class LogArchive:
    """What is written down of the log."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __repr__(self) -> str:
        return f"<LogArchive {self._store!r}>"

    def keep(self, entries: list[LogEntry]) -> None:
        """Queue lines to be written."""
        self._store.write(INSERT, [_row(entry) for entry in entries])

    async def last(self) -> int:
        """The highest id there is; 0 for none."""
        rows = await self._store.read(select(func.max(logs.c.id)))
        return int(rows[0][0] or 0)

    async def find(self, wanted: LogFilter, *, limit: int, before: int | None = None) -> LogPage:
        """Up to `limit` lines, those before that id."""
        conditions = wanted.conditions()
        if before is not None:
            conditions.append(logs.c.id < before)
        rows = await self._store.read(select(*_COLUMNS).where(*conditions).order_by(logs.c.id.desc()).limit(limit + 1))
        entries = [_entry(row._mapping) for row in rows[:limit]]
        return LogPage(entries, entries[-1].id if len(rows) > limit else None)

    async def stats(self) -> LogStats:
        """The figures."""
        rows = await self._store.read(select(logs.c.level, func.count().label("lines")).group_by(logs.c.level))
        by_level = {str(row.level): int(row.lines) for row in rows}
        return LogStats(sum(by_level.values()), by_level.get("error", 0))

    async def clear(self) -> int:
        """Forget all lines."""
        return await self._remove(logs.c.id >= 0)

    async def prune(self, *, keep: int, since: float) -> int:
        """Forget what was said before `since`, and of the rest all but the newest `keep`."""
        removed = await self._remove(logs.c.at < since)
        edge = select(logs.c.id).order_by(logs.c.id.desc()).offset(keep).limit(1)
        for row in await self._store.read(edge):
            removed += await self._remove(logs.c.id <= row.id)
        return removed

    async def _remove(self, condition: ColumnElement[bool]) -> int:
        removed = 0
        while rows := await self._store.read(select(logs.c.id).where(condition).limit(SLICE)):
            self._store.write(_DELETE, [{"key": row.id} for row in rows])
            await self._store.commit()
            removed += len(rows)
        return removed


def _row(entry: LogEntry) -> Values:
    message, fields = entry.message, entry.fields
    searched = folded(f"{message}\n{fields['traceback']}" if fields.get("traceback") else message)
    written = msgspec.json.encode(fields).decode() if fields else None
    return entry.id, entry.at, entry.level, entry.logger[:80], message, searched, entry.flow or None, written


def _entry(row: Any) -> LogEntry:
    said = (row["id"], row["at"], row["level"], row["logger"], row["message"], row["flow"] or "")
    return LogEntry(*said, fields_of(row["fields"]))


def fields_of(written: str | None) -> dict[str, Any]:
    """What a line says beside its words; nothing where that is damaged."""
    try:
        return msgspec.json.decode(written, type=dict[str, Any]) if written else {}
    except (msgspec.DecodeError, RecursionError):
        return {}
