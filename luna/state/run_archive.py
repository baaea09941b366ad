"""The runs that are written down: finding them, page by page, and letting old ones go.

Owns the filters and the paging over the table. Runs that are still going on are written there too, but whether what
is written of them is the latest is `luna.state.runs`' business.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from luna.filters.conditions import Condition
from luna.model.errors import Kind, LunaError
from luna.state.run import TERMINAL, RunRecord, folded, plain
from luna.state.store import Store
from luna.state.store.sql import (
    ColumnElement,
    Select,
    bindparam,
    case,
    delete,
    func,
    literal_column,
    select,
    tuple_,
    update,
)
from luna.state.store.tables import runs, sessions

SLICE = 1000
"""Rows deleted in one transaction, so that nobody waits long for the database."""
SEARCH = 200
"""Characters of a search text that count."""

_FIELDS = RunRecord.__struct_fields__
_SELECT = select(*(runs.c[name] for name in _FIELDS))
_OVER = runs.c.status.in_(sorted(TERMINAL))
# As the index has it, which is used for nothing else.
_NOT_COMPLETED: ColumnElement[bool] = runs.c.status != literal_column("'completed'")
_ON = ~_OVER & _NOT_COMPLETED
_place = tuple_(runs.c.created_at, runs.c.id)
_DELETE = delete(runs).where(runs.c.id == bindparam("key"))
_ATTACH = update(runs).where(runs.c.id == bindparam("key")).values(session_id=bindparam("session"))


class RunFilter(msgspec.Struct, frozen=True):
    """What runs are wanted; all of it must hold. Empty or None: any."""

    statuses: frozenset[str] = frozenset()
    model: str = ""
    """As the client wrote it, or the one it stands for."""
    account: str = ""
    session: str = ""
    client: str = ""
    """The name of a key, or the kind of client."""
    route: str = ""
    error: str = ""
    """The kind of error."""
    since: float | None = None
    """Seconds since the epoch; born then or later."""
    until: float | None = None
    """Born before that."""
    text: str = ""
    """In the preview, whatever the case."""
    condition: Condition | None = None
    """What a filter says."""
    ids: frozenset[str] | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same for the database."""
        wanted: list[ColumnElement[bool]] = []
        if self.statuses:
            wanted.append(runs.c.status.in_(sorted(self.statuses)))
            if "completed" not in self.statuses:
                wanted.append(_NOT_COMPLETED)
        for column, value in (
            (runs.c.account_id, self.account),
            (runs.c.session_id, self.session),
            (runs.c.route, self.route),
            (runs.c.error_kind, self.error),
        ):
            if value:
                wanted.append(column == plain(value, SEARCH))
        if self.model:
            wanted.append((runs.c.model == plain(self.model, SEARCH)) | (runs.c.target == plain(self.model, SEARCH)))
        if self.client:
            wanted.append((runs.c.client == plain(self.client, SEARCH)) | (runs.c.agent == plain(self.client, SEARCH)))
        if self.since is not None:
            wanted.append(runs.c.created_at >= self.since)
        if self.until is not None:
            wanted.append(runs.c.created_at < self.until)
        if text := folded(plain(self.text, SEARCH)):
            wanted.append(runs.c.preview_folded.contains(text, autoescape=True))
        if self.condition is not None:
            wanted.append(where(self.condition))
        if self.ids is not None:
            wanted.append(runs.c.id.in_(sorted(self.ids)))
        return wanted


class Page(NamedTuple):
    """Some runs, the newest first, and where the next page goes on: "" when there is none."""

    records: list[RunRecord]
    cursor: str


class RunArchive:
    """What is written down of runs."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __repr__(self) -> str:
        return f"<RunArchive {self._store!r}>"

    async def find(self, wanted: RunFilter, *, limit: int, before: str = "") -> Page:
        """Up to `limit` runs, those born before the cursor. Raises LunaError(BAD_REQUEST) for one that is none."""
        conditions = wanted.conditions()
        if before:
            created_at, run_id = _read_cursor(before)
            conditions.append(_place < (created_at, run_id))
        newest = runs.c.created_at.desc(), runs.c.id.desc()
        rows = await self._store.read(_SELECT.where(*conditions).order_by(*newest).limit(limit + 1))
        records = [_record(row) for row in rows[:limit]]
        return Page(records, _cursor(records[-1]) if len(rows) > limit else "")

    async def get(self, run_id: str) -> RunRecord | None:
        """One run."""
        rows = await self._store.read(_SELECT.where(runs.c.id == run_id))
        return _record(rows[0]) if rows else None

    async def count(self) -> int:
        """How many there are."""
        return await self._count()

    async def by_target(self, since: float) -> dict[str, int]:
        """How many were born since then (seconds since the epoch) for each model that was meant."""
        counted = select(runs.c.target, func.count().label("runs")).where(runs.c.created_at >= since)
        rows = await self._store.read(counted.group_by(runs.c.target))
        return {str(row.target): int(row.runs) for row in rows if row.target}

    async def count_wanted(self, condition: Condition | None) -> tuple[int, int]:
        """How many a filter wants, and how many of them are over."""
        over = func.coalesce(func.sum(case((_OVER, 1), else_=0)), 0)
        counted: Select[Any] = select(func.count(), over).select_from(runs).where(where(condition))
        row: Any = (await self._store.read(counted))[0]
        return int(row[0]), int(row[1])

    async def interrupt(self, message: str) -> int:
        """Whatever was going on when the last process ended was interrupted: how many were."""
        left = await self._count(_ON)
        if left:
            broken = {"status": "interrupted", "error_kind": "interrupted", "error_message": message}
            self._store.write(update(runs).where(_ON).values(**broken), {})
            await self._store.commit()
        return left

    async def attach(self, run_id: str, session_id: str) -> None:
        """Write a session into a run."""
        self._store.write(_ATTACH, {"key": run_id, "session": session_id})
        await self._store.commit()

    async def has_session(self, session_id: str) -> bool:
        """Whether there is such a session."""
        return bool(await self._store.read(select(sessions.c.id).where(sessions.c.id == session_id)))

    async def remove(self, run_id: str) -> bool:
        """Forget a run; false when there is none."""
        if await self.get(run_id) is None:
            return False
        self._store.write(_DELETE, {"key": run_id})
        await self._store.commit()
        return True

    async def remove_all(self) -> int:
        """Forget everything that is over."""
        return await self._remove(_OVER)

    async def remove_wanted(self, condition: Condition | None) -> tuple[int, list[str]]:
        """Forget what a filter wants and is over: how many, and the recordings that show them."""
        recordings: list[str] = []
        return await self._remove(_OVER & where(condition), recordings), recordings

    async def prune(self, *, keep: int, since: float) -> int:
        """Forget what is over and was born before `since`, and of the rest all but the newest `keep`."""
        removed = await self._remove(_OVER & (runs.c.created_at < since))
        newest = runs.c.created_at.desc(), runs.c.id.desc()
        edge = select(runs.c.created_at, runs.c.id).where(_OVER).order_by(*newest).offset(keep).limit(1)
        for row in await self._store.read(edge):
            removed += await self._remove(_OVER & (_place <= (row.created_at, row.id)))
        return removed

    async def _remove(self, condition: ColumnElement[bool], recordings: list[str] | None = None) -> int:
        removed = 0
        while rows := await self._store.read(select(runs.c.id, runs.c.recording).where(condition).limit(SLICE)):
            if recordings is not None:
                recordings += [row.recording for row in rows if row.recording]
            self._store.write(_DELETE, [{"key": row.id} for row in rows])
            await self._store.commit()
            removed += len(rows)
        return removed

    async def _count(self, *conditions: ColumnElement[bool]) -> int:
        rows: Sequence[Any] = await self._store.read(select(func.count()).select_from(runs).where(*conditions))
        return int(rows[0][0])


def where(condition: Condition | None) -> ColumnElement[bool]:
    """A filter as a condition of the database."""
    from luna.state import run_query  # brings SQLAlchemy, which nothing else here does before it is asked something

    return run_query.where(condition)


def _record(row: Iterable[Any]) -> RunRecord:
    return RunRecord(**{name: value for name, value in zip(_FIELDS, row, strict=True) if value is not None})


def _cursor(record: RunRecord) -> str:
    return f"{record.created_at!r}_{record.id}"


def _read_cursor(text: str) -> tuple[float, str]:
    when, mark, run_id = text.partition("_")
    try:
        created_at = float(when)
    except ValueError:
        mark = ""
        created_at = 0.0
    if not mark or created_at != created_at or abs(created_at) == float("inf"):
        raise LunaError(
            Kind.BAD_REQUEST,
            "That is no place in the list of runs.",
            hint="Send what the answer before gave as `x-next-cursor`.",
            param="before",
        )
    return created_at, plain(run_id, SEARCH)
