"""LunaProxy's sessions as rows of luna's tables, and the way back.

Owns the shape of `sessions.json`. Pure. What LunaProxy knew of a session and luna has no column for stays with it
(`detail`), and comes back out.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from luna.conversation.stored import packed, read_back, unpacked
from luna.conversation.titles import first_words
from luna.model.chat import Attachment, Message, Part, Role, Text
from luna.state.lunaproxy_fields import (
    PROVIDER,
    Loose,
    Remark,
    check_id,
    count,
    first,
    milliseconds,
    said,
    seconds,
    text,
)
from luna.state.run import folded, plain
from luna.state.store.tables import messages, sessions

IMPORTED = "imported"
"""Where in a session's `detail` the rest of it stands."""
ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}

_EMPTY_SESSION = dict.fromkeys((column.name for column in sessions.c), None)
_EMPTY_MESSAGE = dict.fromkeys((column.name for column in messages.c), None)


class StoredMessage(Loose):
    """One message of a session."""

    role: str
    content: Any = None
    id: str | None = None
    created_at: float | None = None
    token_estimate: float | None = None
    run_id: str | None = None
    provider_id: str | None = None
    account_id: str | None = None
    provider_session_id: str | None = None


class StoredBinding(Loose):
    """Which chat of which account a session speaks in, for one purpose."""

    account_id: str | None = None
    provider_session_id: str | None = None
    purpose: str | None = None


class Ours(Loose):
    """What luna knows of a session and LunaProxy has no name for."""

    scope: str = ""


class StoredSession(Loose):
    """One session, with the names of LunaProxy's `sessions.json`."""

    id: str
    source: str | None = None
    workspace: str | None = None
    thread_id: str | None = None
    title: str | None = None
    model: str | None = None
    provider_id: str | None = None
    provider_session_id: str | None = None
    summary: str | None = None
    turn_count: int | None = None
    mode: str | None = None
    provider_bindings: list[StoredBinding] | None = None
    messages: list[msgspec.Raw] | None = None
    compacted_at: float | None = None
    created_at: float | None = None
    updated_at: float | None = None
    last_request_at: float | None = None
    resolve_reason: str | None = None
    luna: Ours | None = None


_COLUMNS = frozenset(field.encode_name for field in msgspec.structs.fields(StoredSession)) - {"providerBindings"}


class SessionRows(NamedTuple):
    """A session's row, the rows of its messages, and what could not be read of it."""

    session: dict[str, Any]
    messages: list[dict[str, Any]]
    damaged: list[Remark]


def session_rows(data: bytes | msgspec.Raw, where: str, client: str) -> SessionRows:
    """The rows of one record; `client` is the name of the key that its client shows. Raises msgspec.ValidationError
    with the reason why it is none."""
    record = msgspec.json.decode(data, type=StoredSession)
    rest = msgspec.json.decode(data, type=dict[str, Any])
    extra = {key: value for key, value in rest.items() if key not in _COLUMNS and value is not None}
    check_id(record.id)
    updated = first(record.updated_at, record.last_request_at, record.created_at)
    if updated is None:
        raise msgspec.ValidationError("it has no time")
    created = first(record.created_at, updated)
    spoken, damaged = _message_rows(record, where, created)
    main = next((one for one in record.provider_bindings or () if one.purpose in (None, "main")), StoredBinding())
    row: dict[str, Any] = _EMPTY_SESSION | {
        "id": record.id,
        "scope": _scope(record, client),
        "source": plain(record.source or "auto", 200),
        "workspace": text(record.workspace, 1000),
        "thread_id": plain(record.thread_id or record.id, 128),
        "title": text(record.title, 500),
        "title_folded": folded(text(record.title, 500) or _first_words(spoken)),
        "model": text(record.model, 200),
        "provider_id": plain(record.provider_id or PROVIDER, 40),
        "account_id": text(main.account_id, 64),
        "chat_id": text(main.provider_session_id or record.provider_session_id, 200),
        "mode": plain(record.mode or "persistent", 20),
        "reason": text(record.resolve_reason, 2000),
        "summary": text(record.summary, 1_000_000),
        "turn_count": count(record.turn_count) or sum(message["role"] == "assistant" for message in spoken),
        "message_count": len(spoken),
        "compacted_at": seconds(record.compacted_at),
        "created_at": seconds(created),
        "updated_at": seconds(updated),
        "last_request_at": seconds(record.last_request_at),
        "detail": msgspec.json.encode({IMPORTED: extra}).decode() if extra else None,
    }
    return SessionRows(row, spoken, damaged)


def _first_words(spoken: Sequence[Mapping[str, Any]]) -> str:
    """By which it can be searched where it has no title."""
    return first_words([read_back(one["role"], one["content"]) for one in spoken if one["role"] == "user"])


def _scope(record: StoredSession, client: str) -> str:
    """Whose it is, as `session.bind` will ask for it."""
    if record.luna is not None:
        return record.luna.scope
    source = record.source if record.source not in (None, "auto") else ""
    return plain("\n".join((client, source or "", record.workspace or "")).rstrip("\n"), 2000)


def own_id(session: str, position: int) -> str:
    """The id of a message that has none, or one that is taken."""
    return hashlib.blake2b(f"{session}:{position}".encode(), digest_size=16).hexdigest()


def _message_rows(
    record: StoredSession, where: str, created: float | None
) -> tuple[list[dict[str, Any]], list[Remark]]:
    rows: list[dict[str, Any]] = []
    damaged: list[Remark] = []
    for number, raw in enumerate(record.messages or ()):
        try:
            message = msgspec.json.decode(raw, type=StoredMessage)
            role = ROLES[message.role]
        except KeyError:
            damaged.append(Remark(f"{where}.messages[{number}]", "nobody has that role"))
        except msgspec.ValidationError as error:
            damaged.append(Remark(f"{where}.messages[{number}]", str(error)))
        else:
            rows.append(_message_row(message, role, record.id, len(rows), first(message.created_at, created)))
    return rows, damaged


def _message_row(message: StoredMessage, role: Role, session: str, position: int, at: float | None) -> dict[str, Any]:
    usable = message.id is not None and 0 < len(message.id) <= 64 and plain(message.id, 64) == message.id
    return _EMPTY_MESSAGE | {
        "id": message.id if usable else own_id(session, position),
        "session_id": session,
        "position": position,
        "role": role,
        "content": packed(Message(role, _parts(message.content))),
        "created_at": seconds(at),
        "tokens": count(message.token_estimate),
        "run_id": text(message.run_id, 64),
        "provider_id": text(message.provider_id, 40),
        "account_id": text(message.account_id, 64),
        "chat_id": text(message.provider_session_id, 200),
    }


def _parts(content: Any) -> list[Part]:
    """A message's content as a client has sent it: text, or the parts of OpenAI's chats."""
    if isinstance(content, str):
        return [Text(content)]
    if content is None:
        return [Text("")]
    items = content if isinstance(content, list) else [content]
    return [_part(item) for item in items] or [Text("")]


def _part(item: Any) -> Part:
    if isinstance(item, str):
        return Text(item)
    if isinstance(item, dict):
        if item.get("type") in ("input_text", "output_text") and isinstance(item.get("text"), str):
            return Text(item["text"])
        try:
            own: Part = msgspec.convert(item, Part)
        except msgspec.ValidationError:
            pass  # not as luna writes them
        else:
            return own
        image = item.get("image_url")
        url = image.get("url") if isinstance(image, dict) else image
        if isinstance(url, str):
            return Attachment("image", url=url)
    return Text(msgspec.json.encode(item).decode())


def session_document(row: Mapping[str, Any], spoken: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A session as LunaProxy writes it, from its row and those of its messages."""
    detail = msgspec.json.decode(row["detail"]) if row["detail"] else {}
    extra = dict(detail.get(IMPORTED) or {}) if isinstance(detail, dict) else {}
    theirs = said(
        {
            "id": row["id"],
            "source": row["source"],
            "workspace": row["workspace"],
            "threadId": row["thread_id"],
            "title": row["title"],
            "model": row["model"],
            "providerId": row["provider_id"] or PROVIDER,
            "providerSessionId": row["chat_id"],
            "summary": row["summary"],
            "turnCount": row["turn_count"],
            "mode": row["mode"],
            "resolveReason": row["reason"],
            "compactedAt": milliseconds(row["compacted_at"]),
            "createdAt": milliseconds(row["created_at"]),
            "updatedAt": milliseconds(row["updated_at"]),
            "lastRequestAt": milliseconds(row["last_request_at"]),
            "luna": {"scope": row["scope"]},
        }
    )
    theirs["providerBindings"] = _bindings(row, extra.pop("providerBindings", None) or [])
    theirs["messages"] = [_message_document(message) for message in spoken]
    return {"active": True, **theirs, **extra}


def _bindings(row: Mapping[str, Any], known: list[Any]) -> list[Any]:
    """The bindings of before, with the chat that the session speaks in now."""
    if not row["chat_id"] or not row["account_id"]:
        return known
    now = (row["account_id"], row["chat_id"])
    if any(isinstance(one, dict) and (one.get("accountId"), one.get("providerSessionId")) == now for one in known):
        return known
    at = milliseconds(row["updated_at"])
    current = {
        "providerId": row["provider_id"] or PROVIDER,
        "accountId": row["account_id"],
        "providerSessionId": row["chat_id"],
        "purpose": "main",
        "createdAt": at,
        "updatedAt": at,
    }
    return [current, *(one for one in known if not isinstance(one, dict) or one.get("purpose") not in (None, "main"))]


def _message_document(row: Mapping[str, Any]) -> dict[str, Any]:
    facts = {
        "id": row["id"],
        "role": row["role"],
        "createdAt": milliseconds(row["created_at"]),
        "tokenEstimate": row["tokens"],
        "runId": row["run_id"],
        "providerId": row["provider_id"],
        "accountId": row["account_id"],
        "providerSessionId": row["chat_id"],
    }
    return {**said(facts), "content": _content(row["role"], row["content"])}


def _content(role: str, content: str) -> Any:
    try:
        parts = unpacked(ROLES.get(role, "user"), content).parts
    except msgspec.DecodeError:
        return content
    if len(parts) == 1 and isinstance(parts[0], Text):
        return parts[0].text
    return [_part_document(part) for part in parts]


def _part_document(part: Part) -> Any:
    match part:
        case Text(words):
            return {"type": "text", "text": words}
        case Attachment(kind="image", url=url) if url:
            return {"type": "image_url", "image_url": {"url": url}}
        case _:
            return msgspec.to_builtins(part)
