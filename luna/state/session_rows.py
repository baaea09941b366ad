"""Sessions, nodes and messages as rows.

Owns the statements and the way between rows and objects. What they mean belongs to `luna.state.sessions`.
"""

from collections.abc import Sequence
from typing import Any

from luna.state.place import Place
from luna.state.session_nodes import TWINS, Node, Session
from luna.state.store.form import Form, Values
from luna.state.store.prepared import Prepared
from luna.state.store.sql import (
    ColumnElement,
    Connection,
    Executable,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from luna.state.store.tables import chats, messages, nodes, sessions, summaries

PROVIDER = "qwen-ai"

ADD_SESSION = Form(
    insert(sessions),
    (
        "id",
        "scope",
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
        "turn_count",
        "message_count",
        "first_message",
        "created_at",
        "updated_at",
        "last_request_at",
        "title_folded",
    ),
)
ADD_NODE = Form(
    insert(nodes),
    (
        "id",
        "digest",
        "asked",
        "session_id",
        "subagent",
        "parent_id",
        "account_id",
        "chat_id",
        "response_id",
        "model",
        "system",
        "instructions",
        "next",
        "depth",
        "position",
        "created_at",
    ),
)
ADD_MESSAGES = Form(
    insert(messages),
    ("id", "session_id", "position", "role", "content", "created_at", "run_id", "provider_id", "account_id", "chat_id"),
)
_TOUCHED = (
    "model",
    "account_id",
    "chat_id",
    "reason",
    "turn_count",
    "message_count",
    "updated_at",
    "last_request_at",
)
TOUCH_SESSION = Form(
    update(sessions)
    .where(sessions.c.id == bindparam("session"))
    .values({name: bindparam(f"new_{name}") for name in _TOUCHED}),
    (*(f"new_{name}" for name in _TOUCHED), "session"),
)
GONE_ON_FROM = Form(
    update(nodes).where(nodes.c.id == bindparam("node")).values(next=bindparam("request")), ("request", "node")
)
NAME_SESSION = (
    update(sessions)
    .where(sessions.c.id == bindparam("session"), sessions.c.title.is_(None))
    .values(title=bindparam("words"), title_folded=bindparam("folded"))
)
"""Unless it has a name."""
TRIM_SESSION = update(sessions).where(sessions.c.id == bindparam("session")).values(first_message=bindparam("first"))
TRIM_MESSAGES = delete(messages).where(
    messages.c.session_id == bindparam("session"), messages.c.position < bindparam("first")
)
DROP_NODE = delete(nodes).where(nodes.c.id == bindparam("node"))
_NOWHERE = {"chat_id": "", "response_id": "", "system": ""}
LEAVE_CHAT = update(nodes).where(nodes.c.chat_id == bindparam("chat")).values(_NOWHERE)
LEAVE_MAIN = update(nodes).where(nodes.c.session_id == bindparam("session"), nodes.c.subagent == "").values(_NOWHERE)
LEAVE_SUBAGENTS = (
    update(nodes).where(nodes.c.session_id == bindparam("session"), nodes.c.subagent > "").values(_NOWHERE)
)
UNBIND_CHAT = (
    update(sessions)
    .where(
        sessions.c.chat_id == bindparam("chat"),
        or_(
            sessions.c.id.in_(select(nodes.c.session_id).where(nodes.c.chat_id == bindparam("chat"))),
            sessions.c.id.in_(select(chats.c.session_id).where(chats.c.chat_id == bindparam("chat"))),
        ),
    )
    .values(chat_id=None)
)
"""Run it before `LEAVE_CHAT`: answers and the ledger know whose chat it was."""
UNBIND_SESSION = update(sessions).where(sessions.c.id == bindparam("session")).values(chat_id=None)
EMPTY_SESSION = (
    delete(nodes).where(nodes.c.session_id == bindparam("session")),
    delete(messages).where(messages.c.session_id == bindparam("session")),
    delete(summaries).where(summaries.c.session_id == bindparam("session")),
)
DROP_SESSION = (*EMPTY_SESSION, delete(sessions).where(sessions.c.id == bindparam("session")))
_NO_NAME = {"title": None, "title_folded": None}
RESET_SESSION = (
    update(sessions)
    .where(sessions.c.id == bindparam("session"))
    .values(
        summary=None, compacted_at=None, chat_id=None, reason=None, turn_count=0, first_message=sessions.c.message_count
    ),
    update(sessions).where(sessions.c.id == bindparam("session"), sessions.c.renamed.is_not(True)).values(_NO_NAME),
)
"""As if nothing had been said in it; the name that a person gave it stays."""
DROP_ALL = (delete(nodes), delete(messages), delete(summaries), delete(sessions))

_SESSION = (
    sessions.c.id,
    sessions.c.scope,
    sessions.c.thread_id,
    sessions.c.source,
    sessions.c.workspace,
    sessions.c.turn_count,
    sessions.c.message_count,
    sessions.c.first_message,
    sessions.c.updated_at,
)
_NODE = tuple(
    nodes.c[name]
    for name in (
        "id",
        "digest",
        "asked",
        "subagent",
        "parent_id",
        "account_id",
        "chat_id",
        "response_id",
        "model",
        "system",
        "instructions",
        "next",
        "depth",
        "position",
        "created_at",
    )
)
_JOINED = select(*_NODE, *_SESSION).join(sessions, sessions.c.id == nodes.c.session_id)
_LATEST_FIRST = (nodes.c.created_at.desc(), nodes.c.position.desc(), nodes.c.id.desc())

_AT_DIGEST = Prepared(_JOINED.where(nodes.c.digest == bindparam("digest")).order_by(*_LATEST_FIRST).limit(TWINS))
_NAMES = tuple(f"digest_{number}" for number in range(64))
"""So many digests are looked for at once: always the same number, so that there is one statement."""
_KNOWN = Prepared(select(nodes.c.digest).where(nodes.c.digest.in_([bindparam(name) for name in _NAMES])))
LATEST_OF_SESSION = (
    _JOINED.where(nodes.c.session_id == bindparam("session"), nodes.c.subagent == bindparam("subagent"))
    .order_by(*_LATEST_FIRST)
    .limit(1)
)
LATEST_IN_CHAT = (
    _JOINED.where(nodes.c.chat_id == bindparam("chat"), sessions.c.scope == bindparam("scope"))
    .order_by(*_LATEST_FIRST)
    .limit(1)
)
BY_ID = _JOINED.where(nodes.c.id == bindparam("node"))
SESSION_BY_ID = select(*_SESSION).where(sessions.c.id == bindparam("session"))
SESSION_BY_THREAD = (
    select(*_SESSION)
    .where(sessions.c.scope == bindparam("scope"), sessions.c.thread_id == bindparam("thread"))
    .order_by(sessions.c.updated_at.desc(), sessions.c.id)
    .limit(1)
)
_CHILD = (
    select(nodes.c.position)
    .where(
        nodes.c.session_id == bindparam("session"),
        nodes.c.subagent == bindparam("subagent"),
        nodes.c.parent_id.is_not_distinct_from(bindparam("parent")),
    )
    .order_by(*_LATEST_FIRST)
    .limit(1)
)
_SAID = (
    select(messages.c.position, messages.c.role, messages.c.content)
    .where(messages.c.session_id == bindparam("session"), messages.c.position >= bindparam("first"))
    .order_by(messages.c.position)
    .limit(bindparam("most"))
)
BEYOND = select(sessions.c.updated_at, sessions.c.id).order_by(sessions.c.updated_at.desc(), sessions.c.id.desc())
"""The latest first."""
SESSIONS = sessions


def said_next(
    connection: Connection, session: str, subagent: str, parent: str | None, most: int
) -> list[tuple[str, str]]:
    """What the session went on with after a node (None: began with), as (role, content); the latest branch. Nothing
    where its first message is not stored (any more)."""
    first = connection.execute(_CHILD, {"session": session, "subagent": subagent, "parent": parent}).scalar()
    if first is None:
        return []
    found = connection.execute(_SAID, {"session": session, "first": first, "most": most}).fetchall()
    return [(role, content) for _, role, content in found] if found and found[0].position == first else []


def _up_to(updated: float, session: str) -> ColumnElement[bool]:
    """Sessions in the order of their last use, up to this one."""
    earlier = sessions.c.updated_at < updated
    return or_(earlier, and_(sessions.c.updated_at == updated, sessions.c.id <= session))


def count_up_to(updated: float, session: str) -> Select[Any]:
    """How many they are."""
    return select(func.count()).select_from(sessions).where(_up_to(updated, session))


def delete_up_to(updated: float, session: str) -> Sequence[Executable]:
    """Deletes of everything of theirs."""
    doomed = _up_to(updated, session)
    ids = select(sessions.c.id).where(doomed)
    return (
        delete(nodes).where(nodes.c.session_id.in_(ids)),
        delete(messages).where(messages.c.session_id.in_(ids)),
        delete(summaries).where(summaries.c.session_id.in_(ids)),
        delete(sessions).where(doomed),
    )


def at_digests(connection: Connection, digests: Sequence[bytes]) -> list[Any]:
    """The rows of the nodes at the first of these digests; where there are none, those at the others, in their order,
    up to `TWINS`. Most histories are known by the first digest or not at all, which the index alone can tell."""
    if found := _AT_DIGEST.rows(connection, {"digest": digests[0]}):
        return found
    for begin in range(1, len(digests), len(_NAMES)):
        some = digests[begin : begin + len(_NAMES)]
        filled = [*some, *[some[-1]] * (len(_NAMES) - len(some))]
        known = {row[0] for row in _KNOWN.rows(connection, dict(zip(_NAMES, filled, strict=True)))}
        for digest in some:
            if digest in known and len(found) < TWINS:
                found += _AT_DIGEST.rows(connection, {"digest": digest})
        if len(found) >= TWINS:
            break
    return found


def session_of(row: Sequence[Any]) -> Session:
    """A session out of its columns, or out of the last ones of a node's row."""
    name, scope, thread, source, workspace, turns, said, first, updated = row[-len(_SESSION) :]
    return Session(name, scope, thread, source, workspace or "", turns, said, first or 0, updated, stored=True)


def node_of(row: Sequence[Any], session: Session) -> Node:
    """A node out of its row."""
    name, digest, asked, subagent, parent, account, chat, response, model, system = row[:10]
    instructions, after, depth, position, created = row[10 : len(_NODE)]
    place = Place(account, chat, response, model, system)
    return Node(name, digest, asked, session, parent, place, instructions, depth, position, created, after, subagent)


def node_row(node: Node) -> Values:
    """The row of a node."""
    place = node.place
    return (
        node.id,
        node.digest,
        node.asked,
        node.session.id,
        node.subagent,
        node.parent,
        place.account,
        place.chat,
        place.response,
        place.model,
        place.system,
        node.instructions,
        node.next,
        node.depth,
        node.position,
        node.created,
    )
