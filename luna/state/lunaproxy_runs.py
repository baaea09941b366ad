"""LunaProxy's runs as rows of luna's table, and the way back.

Owns the shape of `runs.json`. Pure. What luna knows of a run and LunaProxy has no name for goes out and comes back in
under `luna`.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from luna.state.lunaproxy_fields import (
    PROVIDER,
    Loose,
    between,
    check_id,
    first,
    milliseconds,
    said,
    seconds,
)
from luna.state.run import MESSAGE, PREVIEW, TERMINAL, RunRecord, folded, plain

ACTIVE = frozenset({"queued", "routing", "waiting_provider_chat", "running", "streaming"})


class StoredRun(Loose):
    """One run, with LunaProxy's names."""

    id: str
    status: str
    created_at: float | None = None
    queued_at: float | None = None
    started_at: float | None = None
    completed_at: float | None = None
    session_id: str | None = None
    provider_id: str | None = None
    account_id: str | None = None
    worker_id: str | None = None
    network_profile_id: str | None = None
    outbound_ip: str | None = None
    provider_chat_id: str | None = None
    model: str | None = None
    stream: bool | None = None
    active_task_preview: str | None = None
    queue_reason: str | None = None
    error: Any = None
    luna: dict[str, Any] | None = None


_TIMES = {"created_at": "createdAt", "queued_at": "queuedAt", "started_at": "startedAt", "completed_at": "completedAt"}
_WORDS = {
    "id": "id",
    "status": "status",
    "session_id": "sessionId",
    "provider_id": "providerId",
    "account_id": "accountId",
    "worker_id": "workerId",
    "network_profile_id": "networkProfileId",
    "outbound_ip": "outboundIp",
    "chat_id": "providerChatId",
    "model": "model",
    "preview": "activeTaskPreview",
    "queue_reason": "queueReason",
    "error_message": "error",
}
_DEFAULTS = msgspec.structs.asdict(RunRecord(id="", created_at=0.0))
_OURS = _DEFAULTS.keys() - {*_TIMES, *_WORDS, "stream", "preview_folded"}
"""The fields that LunaProxy has no name for."""


def run_row(data: bytes | msgspec.Raw) -> dict[str, Any]:
    """The row of one run; one that was at work when its process ended was interrupted. Raises
    msgspec.ValidationError with the reason why it is none."""
    stored = msgspec.json.decode(data, type=StoredRun)
    check_id(stored.id)
    status = "interrupted" if stored.status in ACTIVE else stored.status
    if status not in TERMINAL:
        raise msgspec.ValidationError(f"there is no status {status[:40]!r}")
    created = first(stored.created_at, stored.queued_at, stored.started_at, stored.completed_at)
    if created is None:
        raise msgspec.ValidationError("it has no time")
    error = stored.error if isinstance(stored.error, str | None) else msgspec.json.encode(stored.error).decode()
    preview = plain(stored.active_task_preview or "", PREVIEW)
    theirs = {
        "id": stored.id,
        "status": status,
        "created_at": seconds(created),
        "queued_at": seconds(stored.queued_at),
        "started_at": seconds(stored.started_at),
        "completed_at": seconds(stored.completed_at),
        "queue_ms": between(stored.queued_at, stored.started_at),
        "duration_ms": between(created, stored.completed_at),
        "session_id": plain(stored.session_id or "", 64),
        "provider_id": plain(stored.provider_id or PROVIDER, 40),
        "account_id": plain(stored.account_id or "", 64),
        "worker_id": plain(stored.worker_id or "", 64),
        "network_profile_id": plain(stored.network_profile_id or "", 64),
        "outbound_ip": plain(stored.outbound_ip or "", 64),
        "chat_id": plain(stored.provider_chat_id or "", 64),
        "model": plain(stored.model or "", 200),
        "stream": bool(stored.stream),
        "preview": preview,
        "preview_folded": folded(preview),
        "queue_reason": plain(stored.queue_reason or "", MESSAGE),
        "error_message": plain(error or "", MESSAGE),
    }
    ours = {name: value for name, value in (stored.luna or {}).items() if name in _OURS}
    return msgspec.structs.asdict(msgspec.convert({**theirs, **ours}, RunRecord))


def run_document(row: Mapping[str, Any]) -> dict[str, Any]:
    """A run as LunaProxy writes it, from its row."""
    return said(
        {
            **{theirs: row[ours] for ours, theirs in _WORDS.items()},
            **{theirs: milliseconds(row[ours]) for ours, theirs in _TIMES.items()},
            "stream": bool(row["stream"]),
            "luna": {name: row[name] for name in sorted(_OURS) if row[name] != _DEFAULTS[name]},
        }
    )
