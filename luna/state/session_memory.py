"""What luna itself knows of long conversations: what is stored of them, and summaries of it.

Owns the table `summaries` and the way from an answer back to the beginning of its conversation: a session is a tree,
and what was said in its other branches is no part of that. A summary stands for everything up to one answer, and is
known by the digest of that history, so that it is used only where exactly that was said. How summaries are made
belongs to `luna.state.summaries` and `luna.state.compaction`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from luna.conversation.digest import History
from luna.conversation.stored import read_back
from luna.model.chat import Message
from luna.state.store import Store
from luna.state.store.sql import Connection, bindparam, delete, exists, func, insert, select, update
from luna.state.store.tables import messages, nodes, sessions, summaries

KEPT = 8
"""Summaries of one session, of all its branches together; the oldest go first."""


class Stored(msgspec.Struct, frozen=True):
    """One message as it was written down."""

    id: str
    position: int
    message: Message


class Summary(msgspec.Struct, frozen=True):
    """What stands for the beginning of a conversation."""

    text: str
    node: str
    """The answer that it goes up to."""
    digest: bytes
    """Of the history up to there."""
    position: int
    """Of the first message that comes after it."""
    created: float
    """Seconds since the epoch."""


class Line(msgspec.Struct, frozen=True):
    """What is known of a conversation from its beginning to one answer."""

    session: str
    node: str
    """The answer; "" where luna has given none."""
    digest: bytes
    account: str
    model: str
    said: Sequence[Stored]
    """As much as is stored of it, the oldest first."""
    before: Summary | None
    """The latest summary of its beginning."""

    @property
    def fresh(self) -> list[Message]:
        """What has been said since that summary."""
        since = self.before.position if self.before is not None else 0
        return [stored.message for stored in self.said if stored.position >= since]


_SUMMARIES = select(summaries).where(summaries.c.session_id == bindparam("session"))
_NEWEST = (
    select(summaries.c.id)
    .where(summaries.c.session_id == bindparam("session"))
    .order_by(summaries.c.created_at.desc(), summaries.c.position.desc())
    .limit(KEPT)
)
_STILL_THERE = exists().where(messages.c.id == bindparam("witness"))
"""The newest message that the summary was made of: whoever cleared or deleted the session has taken it away."""
_COLUMNS = ["id", "session_id", "node_id", "digest", "position", "text", "created_at"]
_ADD = insert(summaries).from_select(
    _COLUMNS,
    select(*(bindparam(f"new_{name}", type_=summaries.c[name].type) for name in _COLUMNS)).where(_STILL_THERE),
)
_DROP_THIS = delete(summaries).where(summaries.c.id == bindparam("summary"), _STILL_THERE)
_DROP_OLD = delete(summaries).where(summaries.c.session_id == bindparam("session"), summaries.c.id.not_in(_NEWEST))
_SHOW = update(sessions).where(sessions.c.id == bindparam("session"), _STILL_THERE).values(summary=bindparam("text"))
_COMPACTED = (
    update(sessions)
    .where(sessions.c.id == bindparam("session"), _STILL_THERE)
    .values(compacted_at=bindparam("at"), first_message=bindparam("first"))
)
_CUT = delete(messages).where(
    messages.c.session_id == bindparam("session"), messages.c.position < bindparam("first"), _STILL_THERE
)


class SessionMemory:
    """Reads what is stored, keeps what was summarised."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __repr__(self) -> str:
        return f"<SessionMemory {self._store!r}>"

    async def line(self, session: str, node: str = "") -> Line | None:
        """The conversation up to that answer; without one, up to the latest answer of the session's own thread. None
        when there is no such session, or it has no such answer any more. Raises LunaError(INTERNAL)."""
        await self._store.commit()
        return await self._store.run(lambda connection: _line(connection, session, node))

    async def covering(self, session: str, history: History) -> tuple[str, int] | None:
        """The summary that covers the most of a conversation as its client sends it, and how many of the messages that
        is. Raises LunaError(INTERNAL)."""
        found = await self._store.run(lambda c: [_summary(row) for row in c.execute(_SUMMARIES, {"session": session})])
        ends = {digest: turn.end for turn, digest in zip(history.turns, history.digests, strict=True)}
        fitting = [(ends[summary.digest], summary.text) for summary in found if summary.digest in ends]
        end, text = max(fitting, default=(0, ""))
        return (text, end) if text else None

    async def keep(self, line: Line, text: str, at: float, *, first: int | None = None) -> bool:
        """Write down a summary of the whole line; with `first`, let go of all stored messages before that position.
        What was said meanwhile stays. Durable on return; False when the session was cleared or deleted meanwhile, and
        then nothing is changed. Raises LunaError(INTERNAL)."""
        last = line.said[-1]
        named = {"session": line.session, "witness": last.id}
        row = {
            "id": line.node or line.session,
            "session_id": line.session,
            "node_id": line.node,
            "digest": line.digest,
            "position": last.position + 1,
            "text": text,
            "created_at": at,
        }
        self._store.write(_DROP_THIS, {"summary": row["id"], "witness": last.id})
        self._store.write(_ADD, {f"new_{name}": value for name, value in row.items()} | {"witness": last.id})
        self._store.write(_DROP_OLD, {"session": line.session})
        self._store.write(_SHOW, {**named, "text": text})
        if first is not None:
            self._store.write(_COMPACTED, {**named, "at": at, "first": first})
            self._store.write(_CUT, {**named, "first": first})
        await self._store.commit()
        kept = select(func.count()).where(summaries.c.id == row["id"], summaries.c.created_at == at)
        return bool(await self._store.run(lambda connection: connection.scalar(kept)))


def _line(connection: Connection, session: str, node: str) -> Line | None:
    about = connection.execute(
        select(sessions.c.account_id, sessions.c.model).where(sessions.c.id == session)
    ).one_or_none()
    if about is None:
        return None
    columns = (nodes.c.id, nodes.c.parent_id, nodes.c.position, nodes.c.subagent, nodes.c.digest)
    place = (nodes.c.account_id, nodes.c.model)
    tree = {
        row.id: row
        for row in connection.execute(
            select(*columns, *place)
            .where(nodes.c.session_id == session)
            .order_by(nodes.c.created_at, nodes.c.position, nodes.c.id)
        )
    }
    if node and node not in tree:
        return None
    own = [row.id for row in tree.values() if not row.subagent]
    leaf = tree.get(node or next(iter(reversed(own or [*tree])), ""))
    said = connection.execute(
        select(messages.c.id, messages.c.position, messages.c.role, messages.c.content, messages.c.run_id)
        .where(messages.c.session_id == session)
        .order_by(messages.c.position)
    ).fetchall()
    if leaf is None:
        return Line(session, "", b"", about.account_id or "", about.model or "", _stored(said), None)
    chain = _chain(tree, leaf.id)
    on_the_way = [row for row in said if _is_on(row, chain, tree)]
    found = [
        one for row in connection.execute(_SUMMARIES, {"session": session}) if (one := _summary(row)).node in chain
    ]
    before = max(found, key=lambda one: one.position, default=None)
    return Line(session, leaf.id, leaf.digest, leaf.account_id, leaf.model, _stored(on_the_way), before)


def _chain(tree: Mapping[str, Any], leaf: str) -> dict[str, Any]:
    """The answers from this one back to the first, as far as they are known."""
    chain: dict[str, Any] = {}
    at: str | None = leaf
    while at is not None and at in tree and at not in chain:
        chain[at] = tree[at]
        at = tree[at].parent_id
    return chain


def _is_on(row: Any, chain: dict[str, Any], tree: Mapping[str, Any]) -> bool:
    """Whether the message belongs to these answers. What was said before any answer of luna's belongs to all; an answer
    that was cut, to none."""
    if row.run_id in chain:
        return True
    first = chain[next(reversed(chain))]
    return row.position < first.position and (first.parent_id is not None or not tree.get(row.run_id))


def _stored(rows: Sequence[Any]) -> list[Stored]:
    return [Stored(row.id, row.position, read_back(row.role, row.content)) for row in rows]


def _summary(row: Any) -> Summary:
    return Summary(row.text, row.node_id, row.digest, row.position, row.created_at)
