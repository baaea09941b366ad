"""Sessions as people see them, and what people do to them.

Owns what one session is made of for somebody who looks at it, and the changes by hand. The list is
`luna.state.session_records`'; how requests find their sessions is `luna.state.sessions`', which is told of whatever
changes here.
"""

from typing import Any

import msgspec

from luna.conversation.stored import read_back
from luna.model.chat import Message
from luna.state.compaction import unknown_session
from luna.state.run import folded
from luna.state.session_records import Order, Page, SessionFilter, SessionRecord, read_one, read_page
from luna.state.sessions import Sessions
from luna.state.store import Store
from luna.state.store.sql import Connection, Row, bindparam, case, func, select, update
from luna.state.store.tables import messages, nodes, overflow_files, sessions

_RENAME = (
    update(sessions)
    .where(sessions.c.id == bindparam("session"))
    .values(title=bindparam("words"), title_folded=bindparam("folded"), renamed=True)
)


class BindingRecord(msgspec.Struct, frozen=True):
    """A chat in which a session speaks, or a part of it."""

    account: str
    chat: str
    subagent: str
    answers: int
    created_at: float
    updated_at: float


class Tree(msgspec.Struct, frozen=True):
    """What answers a session consists of."""

    answers: int = 0
    branches: int = 0
    """Ends: answers that nobody went on from."""
    forks: int = 0
    """Answers that were gone on from in several ways."""
    depth: int = 0
    """Turns of the longest branch."""
    placed: int = 0
    """Answers that can be gone on from in their chats."""
    subagents: tuple[str, ...] = ()


class Said(msgspec.Struct, frozen=True):
    """One stored message."""

    id: str
    position: int
    message: Message
    created_at: float
    run: str
    account: str
    chat: str


class Counts(msgspec.Struct, frozen=True):
    """How many sessions there are."""

    total: int
    indexed: int
    """Answers that can be found."""
    persistent: int
    summarized: int


class SessionArchive:
    """What people may see of sessions, and do to them."""

    def __init__(self, store: Store, live: Sessions) -> None:
        self._store = store
        self._live = live

    def __repr__(self) -> str:
        return f"<SessionArchive {self._store!r}>"

    @property
    def database(self) -> str:
        """The database's name, without a path."""
        return str(self._store.describe()["database"])

    # Looking

    async def find(
        self,
        wanted: SessionFilter,
        *,
        limit: int,
        before: str = "",
        order: Order = "updatedAt",
        ascending: bool = False,
    ) -> Page:
        """Up to `limit` sessions from the cursor on. Raises LunaError(BAD_REQUEST) for one that is none."""
        read = read_page(wanted, limit=limit, before=before, order=order, ascending=ascending)
        await self._store.commit()
        return await self._store.run(read)

    async def get(self, session: str) -> SessionRecord:
        """One. Raises LunaError(NOT_FOUND)."""
        await self._store.commit()
        found = await self._store.run(read_one(session))
        if found is None:
            raise unknown_session(session)
        return found

    async def bindings(self, session: str) -> list[BindingRecord]:
        """The chats in which it can be gone on with, the latest first."""
        latest = func.max(nodes.c.created_at)
        statement = (
            select(
                nodes.c.account_id,
                nodes.c.chat_id,
                nodes.c.subagent,
                func.count().label("answers"),
                func.min(nodes.c.created_at).label("begun"),
                latest.label("used"),
            )
            .where(nodes.c.session_id == session, nodes.c.chat_id > "")
            .group_by(nodes.c.account_id, nodes.c.chat_id, nodes.c.subagent)
            .order_by(latest.desc(), nodes.c.chat_id)
        )
        found = await self._store.read(statement)
        return [BindingRecord(r.account_id, r.chat_id, r.subagent, r.answers, r.begun, r.used) for r in found]

    async def tree(self, session: str) -> Tree:
        """The shape of its answers."""
        columns = (nodes.c.id, nodes.c.parent_id, nodes.c.depth, nodes.c.subagent, nodes.c.chat_id)
        found = await self._store.read(select(*columns).where(nodes.c.session_id == session))
        followed: dict[str, int] = {}
        for row in found:
            if row.parent_id is not None:
                followed[row.parent_id] = followed.get(row.parent_id, 0) + 1
        return Tree(
            answers=len(found),
            branches=sum(row.id not in followed for row in found),
            forks=sum(count > 1 for count in followed.values()),
            depth=max((row.depth for row in found), default=0),
            placed=sum(bool(row.chat_id) for row in found),
            subagents=tuple(sorted({row.subagent for row in found} - {""})),
        )

    async def said(self, session: str, *, limit: int, before: int | None = None) -> list[Said]:
        """The latest `limit` stored messages, of those before that position; the oldest first."""
        statement = select(messages).where(messages.c.session_id == session)
        if before is not None:
            statement = statement.where(messages.c.position < before)
        rows = await self._store.read(statement.order_by(messages.c.position.desc()).limit(limit))
        return [_said(row) for row in reversed(rows)]

    async def overflow(self, session: str) -> list[Any]:
        """Its overflow files that are still kept, as rows, the oldest first."""
        wanted = (overflow_files.c.session_id == session, overflow_files.c.folder == "overflow")
        return [*await self._store.read(select(overflow_files).where(*wanted).order_by(overflow_files.c.created_at))]

    async def counts(self) -> Counts:
        """How many there are."""
        summarized = func.sum(case((sessions.c.summary > "", 1), else_=0))
        persistent = func.sum(case((sessions.c.mode == "persistent", 1), else_=0))
        await self._store.commit()

        def read(connection: Connection) -> Counts:
            total, lasting, told = connection.execute(
                select(func.count(), persistent, summarized).select_from(sessions)
            ).one()
            indexed = connection.scalar(select(func.count()).select_from(nodes)) or 0
            return Counts(total, indexed, lasting or 0, told or 0)

        return await self._store.run(read)

    # Changing. All of it is durable on return, and raises LunaError(INTERNAL) when it cannot be.

    async def rename(self, session: str, title: str) -> None:
        """Give it a title. Raises LunaError(NOT_FOUND)."""
        await self._require(session)
        self._store.write(_RENAME, {"session": session, "words": title, "folded": folded(title)})
        await self._store.commit()

    async def clear(self, session: str) -> None:
        """Forget what was said in it and in which chats: the next turn begins anew. Raises LunaError(NOT_FOUND)."""
        await self._require(session)
        self._live.empty(session)
        await self._store.commit()

    async def reset(self, session: str, *, main: bool, subagents: bool) -> None:
        """Forget in which chats it stands: the next turn begins another, with all that was said. Raises
        LunaError(NOT_FOUND)."""
        await self._require(session)
        self._live.forget_places(session, main=main, subagents=subagents)
        await self._store.commit()

    async def delete(self, session: str) -> None:
        """Forget it. Raises LunaError(NOT_FOUND)."""
        await self._require(session)
        self._live.delete(session)
        await self._store.commit()

    async def delete_all(self) -> int:
        """Forget all; returns how many they were."""
        counted = await self.counts()
        self._live.delete_all()
        await self._store.commit()
        return counted.total

    async def reload(self) -> int:
        """Read everything from the database again as it is asked for; returns how many answers were at hand."""
        await self._store.commit()
        return self._live.cool()

    async def _require(self, session: str) -> None:
        await self._store.commit()
        if not await self._store.read(select(sessions.c.id).where(sessions.c.id == session)):
            raise unknown_session(session)


def _said(row: Row[Any]) -> Said:
    message = read_back(row.role, row.content)
    return Said(
        row.id, row.position, message, row.created_at, row.run_id or "", row.account_id or "", row.chat_id or ""
    )
