"""The shapes in which `/api/sessions` answers.

Field names are LunaProxy's where it had them (`providerSessionId`, `turnCount`, `messageCount`, …). Times are
milliseconds since the epoch; what is not known is left out.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from luna.admin.paging import milliseconds
from luna.admin.runs import RunView
from luna.model.chat import Part, Text
from luna.state.session_archive import BindingRecord, Said, Tree
from luna.state.session_records import SessionRecord


class SessionView(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """One session of the list."""

    id: str
    source: str
    thread_id: str
    provider_id: str
    mode: str
    turn_count: int
    message_count: int
    """As many as are stored."""
    created_at: int
    updated_at: int
    active: bool
    """A run is going on in it."""
    workspace: str = ""
    title: str = ""
    """The one that a person gave it (`renamed`), else the first words that the user said."""
    renamed: bool = False
    model: str = ""
    account_id: str = ""
    provider_session_id: str = ""
    """Upstream's id of the chat in which it was answered last."""
    context_hash: str = ""
    """Of its history up to the latest answer."""
    resolve_reason: str = ""
    """Why its latest request was taken for one of its own."""
    overflow_chain_count: int = 0
    summary: str = ""
    compacted_at: int | None = None
    last_request_at: int | None = None


class BindingView(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """A chat in which the session, or a subagent's part of it, can be gone on with."""

    provider_id: str
    account_id: str
    provider_session_id: str
    purpose: str
    """`main` or `subagent`."""
    subagent_id: str = ""
    answers: int
    created_at: int
    updated_at: int


class OverflowAnchor(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """An overflow file of the session that is still kept: `GET /api/overflow/{fileName}` shows it."""

    file_name: str
    created_at: int
    bytes: int
    token_estimate: int | None = None
    run_id: str = ""


class TreeView(msgspec.Struct, rename="camel"):
    """The session's answers: how many, how many ends and forks they have, how many turns the longest branch, how many
    can be gone on from in their chats, and whose they are beside the conversation's own."""

    answers: int
    branches: int
    forks: int
    depth: int
    placed: int
    subagents: list[str]


class StoredMessage(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """One message as it is stored. `content` is a string where there is nothing but words."""

    id: str
    position: int
    role: str
    content: str | list[Part]
    created_at: int
    run_id: str = ""
    account_id: str = ""
    provider_session_id: str = ""


class SessionDetail(SessionView, rename="camel", omit_defaults=True, kw_only=True):
    """One session with all that belongs to it. `messages` are the latest, the oldest first; `messagesBefore` is the
    `before` of the page that precedes them, left out on the first."""

    provider_bindings: list[BindingView]
    overflow_chain: list[OverflowAnchor]
    tree: TreeView
    messages: list[StoredMessage]
    messages_before: int | None = None
    active_run_ids: list[str]
    active_run_details: list[RunView]


def listed(record: SessionRecord, active: bool) -> SessionView:
    """A session of the list."""
    return SessionView(**_fields(record, active))


def detailed(
    record: SessionRecord,
    *,
    bindings: Sequence[BindingRecord],
    overflow: Sequence[OverflowAnchor],
    tree: Tree,
    said: Sequence[Said],
    runs: Sequence[RunView],
    more: bool,
) -> SessionDetail:
    """One in full. `more`: there are messages before those."""
    return SessionDetail(
        **_fields(record, bool(runs)),
        provider_bindings=[_binding(one, record.provider) for one in bindings],
        overflow_chain=[*overflow],
        tree=TreeView(tree.answers, tree.branches, tree.forks, tree.depth, tree.placed, [*tree.subagents]),
        messages=[_message(one) for one in said],
        messages_before=said[0].position if more and said else None,
        active_run_ids=[run.id for run in runs],
        active_run_details=[*runs],
    )


def _fields(record: SessionRecord, active: bool) -> dict[str, Any]:
    return {
        "id": record.id,
        "source": record.source,
        "workspace": record.workspace,
        "thread_id": record.thread,
        "title": record.title,
        "renamed": record.renamed,
        "model": record.model,
        "provider_id": record.provider,
        "account_id": record.account,
        "provider_session_id": record.chat,
        "mode": record.mode,
        "resolve_reason": record.reason,
        "context_hash": record.digest,
        "turn_count": record.turns,
        "message_count": record.messages,
        "overflow_chain_count": record.files,
        "summary": record.summary,
        "compacted_at": milliseconds(record.compacted_at),
        "created_at": milliseconds(record.created_at) or 0,
        "updated_at": milliseconds(record.updated_at) or 0,
        "last_request_at": milliseconds(record.last_request_at),
        "active": active,
    }


def _binding(one: BindingRecord, provider: str) -> BindingView:
    return BindingView(
        provider_id=provider,
        account_id=one.account,
        provider_session_id=one.chat,
        purpose="subagent" if one.subagent else "main",
        subagent_id=one.subagent,
        answers=one.answers,
        created_at=milliseconds(one.created_at) or 0,
        updated_at=milliseconds(one.updated_at) or 0,
    )


def _message(one: Said) -> StoredMessage:
    parts = one.message.parts
    words = parts[0].text if len(parts) == 1 and isinstance(parts[0], Text) else None
    return StoredMessage(
        id=one.id,
        position=one.position,
        role=one.message.role,
        content=parts if words is None else words,
        created_at=milliseconds(one.created_at) or 0,
        run_id=one.run,
        account_id=one.account,
        provider_session_id=one.chat,
    )
