"""Who changed what on the control plane: kept, bounded, and without a secret in it.

Owns the entries and the masking of what was said. Knows neither routes nor what a change means.
"""

import re
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, insert, select

from luna.model.ambient import Clock
from luna.state.store import Store
from luna.state.store.tables import audit

KEPT_DAYS = 180
SAID_LIMIT = 4_000
"""Characters kept of what was said."""
_SECRET = re.compile(r"token|cookie|key|password|secret|credential|proxyurl|authorization", re.IGNORECASE)
_PLAIN = frozenset({"tokenoverflow", "tokenlimits", "summarymaxtokens", "summaryinputmaxtokens"})
_WHOLE = frozenset({"text"})
"""Fields that hold a whole file of a person's: anything may stand in it, so only its length is told."""
MASK = "•••"

_INSERT = insert(audit)
_EXPIRE = delete(audit).where(audit.c.at < bindparam("before"))


class Entry(msgspec.Struct, frozen=True, rename="camel"):
    """One change. `at` in milliseconds since the epoch; `said` is the body, as JSON, masked."""

    id: int
    at: int
    actor: str
    remote: str
    method: str
    path: str
    status: int
    said: str


class Audit:
    """The list of changes."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def __repr__(self) -> str:
        return "<Audit>"

    def note(self, *, actor: str, remote: str, method: str, path: str, status: int, body: bytes) -> None:
        """Write down one change."""
        self._store.write(
            _INSERT,
            {
                "at": self._clock.wall(),
                "actor": actor,
                "remote": remote,
                "method": method,
                "path": path[:400],
                "status": status,
                "said": masked(body)[:SAID_LIMIT],
            },
        )

    async def entries(self, *, limit: int = 100, before: int | None = None) -> list[Entry]:
        """The latest first; `before` an entry's id."""
        wanted = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if before is not None:
            wanted = wanted.where(audit.c.id < before)
        return [
            Entry(row.id, round(row.at * 1000), row.actor, row.remote, row.method, row.path, row.status, row.said or "")
            for row in await self._store.read(wanted)
        ]

    def tidy(self) -> None:
        """Forget what is old."""
        self._store.write(_EXPIRE, {"before": self._clock.wall() - KEPT_DAYS * 86400})


def masked(body: bytes) -> str:
    """A JSON body in which everything that may be a secret is replaced, whatever its type."""
    if not body:
        return ""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "(not JSON)"
    return msgspec.json.encode(_mask(document)).decode()


def _mask(value: Any, name: str = "") -> Any:
    secret = bool(_SECRET.search(name)) and name.lower() not in _PLAIN and not name.lower().endswith("tokens")
    match value:
        case dict() if not secret:
            return {key: _mask(inner, key) for key, inner in value.items()}
        case list() if not secret:
            return [_mask(inner) for inner in value]
        case None | bool():
            return value
        case str() if name.lower() in _WHOLE:
            return f"({len(value)} characters)"
        case _:
            return MASK if secret and value else value
