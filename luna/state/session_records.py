"""The list of sessions as it is written down: what is wanted of it, in which order, page by page.

Owns the filters, the orders, the cursor, and the shape of one entry. What people do with sessions is
`luna.state.session_archive`'s.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from luna.conversation.stored import read_back
from luna.conversation.titles import first_words
from luna.model.errors import Kind, LunaError
from luna.state.run import folded, plain
from luna.state.session_rows import PROVIDER
from luna.state.store.sql import Connection, Row, bindparam, func, or_, select, tuple_
from luna.state.store.tables import messages, nodes, overflow_files, sessions

Order = Literal["updatedAt", "createdAt", "turnCount", "messageCount"]
SEARCH = 200
"""Characters of a search text that count."""

_stored = sessions.c.message_count - func.coalesce(sessions.c.first_message, 0)
_ORDERS: dict[str, Any] = {
    "updatedAt": sessions.c.updated_at,
    "createdAt": sessions.c.created_at,
    "turnCount": sessions.c.turn_count,
    "messageCount": _stored,
}
_digest = (
    select(nodes.c.digest)
    .where(nodes.c.session_id == sessions.c.id)
    .order_by(nodes.c.created_at.desc(), nodes.c.position.desc())
    .limit(1)
    .scalar_subquery()
)
_files = (
    select(func.count())
    .where(overflow_files.c.session_id == sessions.c.id, overflow_files.c.folder == "overflow")
    .scalar_subquery()
)
_COLUMNS = (
    "id",
    "source",
    "workspace",
    "thread_id",
    "title",
    "model",
    "provider_id",
    "account_id",
    "chat_id",
    "mode",
    "reason",
    "summary",
    "turn_count",
    "message_count",
    "first_message",
    "compacted_at",
    "created_at",
    "updated_at",
    "last_request_at",
    "renamed",
)
_SELECT = select(
    *(sessions.c[name] for name in _COLUMNS),
    _stored.label("stored"),
    _digest.label("digest"),
    _files.label("files"),
)
_FIRST_SAID = (
    select(messages.c.session_id, messages.c.role, messages.c.content)
    .where(messages.c.session_id.in_(bindparam("sessions", expanding=True)), messages.c.role == "user")
    .order_by(messages.c.session_id, messages.c.position)
)


class SessionFilter(msgspec.Struct, frozen=True):
    """What sessions are wanted; all of it must hold. Empty: any."""

    source: str = ""
    model: str = ""
    account: str = ""
    text: str = ""
    """In the title, whatever the case."""

    def conditions(self) -> list[Any]:
        """The same for the database."""
        columns = (
            (sessions.c.source, self.source),
            (sessions.c.model, self.model),
            (sessions.c.account_id, self.account),
        )
        wanted: list[Any] = [column == plain(value, SEARCH) for column, value in columns if value]
        if text := folded(plain(self.text, SEARCH)):
            title = func.coalesce(sessions.c.title_folded, func.lower(sessions.c.title))
            wanted.append(or_(title.contains(text, autoescape=True), sessions.c.id == plain(self.text, SEARCH)))
        return wanted


class SessionRecord(msgspec.Struct, frozen=True):
    """One session as it is written down. Times are seconds since the epoch."""

    id: str
    source: str
    workspace: str
    thread: str
    title: str
    renamed: bool
    """A person gave it its title."""
    model: str
    provider: str
    account: str
    chat: str
    mode: str
    reason: str
    digest: str
    """Of its latest answer's history, hexadecimal."""
    turns: int
    messages: int
    """As many as are stored."""
    files: int
    """Overflow files."""
    summary: str
    compacted_at: float | None
    created_at: float
    updated_at: float
    last_request_at: float | None


class Page(NamedTuple):
    """Some sessions in their order, and where the next page goes on: "" when there is none."""

    records: list[SessionRecord]
    cursor: str


def read_page(
    wanted: SessionFilter, *, limit: int, before: str, order: Order, ascending: bool
) -> Callable[[Connection], Page]:
    """Reads up to `limit` sessions from the cursor on. Raises LunaError(BAD_REQUEST) for one that is none."""
    key = _ORDERS[order]
    conditions = wanted.conditions()
    if before:
        at, place = _read_cursor(before), tuple_(key, sessions.c.id)
        conditions.append(place > at if ascending else place < at)
    direction = (key.asc(), sessions.c.id.asc()) if ascending else (key.desc(), sessions.c.id.desc())
    # First which, then what: or the database would look up everything of every session before it sorts them.
    which = select(sessions.c.id).where(*conditions).order_by(*direction).limit(limit + 1).subquery()
    statement = _SELECT.add_columns(key.label("at")).where(sessions.c.id.in_(select(which.c.id))).order_by(*direction)

    def read(connection: Connection) -> Page:
        rows = [*connection.execute(statement)]
        records = _records(connection, rows[:limit])
        return Page(records, f"{rows[limit - 1].at!r}_{rows[limit - 1].id}" if len(rows) > limit else "")

    return read


def read_one(session: str) -> Callable[[Connection], SessionRecord | None]:
    """Reads one."""

    def read(connection: Connection) -> SessionRecord | None:
        rows = [*connection.execute(_SELECT.where(sessions.c.id == session))]
        return _records(connection, rows)[0] if rows else None

    return read


def _records(connection: Connection, rows: Sequence[Any]) -> list[SessionRecord]:
    words = _first_words(connection, [row.id for row in rows if not row.title])
    return [_record(row, words) for row in rows]


def _first_words(connection: Connection, nameless: Sequence[str]) -> dict[str, str]:
    """Titles for those that have none."""
    words: dict[str, str] = {}
    if nameless:
        for row in connection.execute(_FIRST_SAID, {"sessions": nameless}):
            if not words.get(row.session_id):
                words[row.session_id] = first_words([read_back(row.role, row.content)])
    return words


def _record(row: Row[Any], words: dict[str, str]) -> SessionRecord:
    return SessionRecord(
        id=row.id,
        source=row.source,
        workspace=row.workspace or "",
        thread=row.thread_id,
        title=row.title or words.get(row.id, ""),
        renamed=bool(row.renamed),
        model=row.model or "",
        provider=row.provider_id or PROVIDER,
        account=row.account_id or "",
        chat=row.chat_id or "",
        mode=row.mode,
        reason=row.reason or "",
        digest=row.digest.hex() if row.digest else "",
        turns=row.turn_count,
        messages=row.stored,
        files=row.files,
        summary=row.summary or "",
        compacted_at=row.compacted_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
        last_request_at=row.last_request_at,
    )


def _read_cursor(text: str) -> tuple[float, str]:
    value, mark, session = text.partition("_")
    try:
        at = float(value)
    except ValueError:
        at, mark = 0.0, ""
    if not mark or at != at or abs(at) == float("inf"):
        raise LunaError(
            Kind.BAD_REQUEST,
            "That is no place in the list of sessions.",
            hint="Send what the answer before gave as `x-next-cursor`.",
            param="before",
        )
    return at, plain(session, SEARCH)
