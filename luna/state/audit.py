"""Who changed what on the control plane: kept, bounded, and without a secret in it.

Owns the entries and the masking of what was said. Knows neither routes nor what a change means.
"""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from luna.model.ambient import Clock
from luna.state.store import Store
from luna.state.store.sql import Delete, bindparam, delete, func, insert, select
from luna.state.store.tables import audit
from luna.wire.redact import Redactor

KEPT_DAYS = 180
KEPT = 100_000
"""Entries."""
SAID_LIMIT = 4_000
"""Characters kept of what was said."""
MASK = "•••"

_SECRET = re.compile(r"token|cookie|key|passw|pwd|secret|credential|proxyurl|authorization|bearer|signature|^bx")
_GROUPS = frozenset({"tokenoverflow", "tokenlimits"})
"""Settings that only sound like secrets."""
_FILE = "text"
"""The field in which routes take a file: its changes are seen elsewhere, and it may be long."""

_INSERT = insert(audit)
_EXPIRE = delete(audit).where(audit.c.at < bindparam("before"))


def trim_to(count: int) -> Delete:
    """The statement that forgets all but the latest."""
    return delete(audit).where(audit.c.id <= select(func.max(audit.c.id) - count).scalar_subquery())


_TRIM = trim_to(KEPT)


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


class Change(msgspec.Struct, frozen=True):
    """One that was noted just now, for who looks on. `at` in milliseconds since the epoch."""

    at: int
    actor: str
    method: str
    path: str
    status: int


class Audit:
    """The list of changes."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._watchers: list[Callable[[Change], None]] = []

    def __repr__(self) -> str:
        return "<Audit>"

    def watch(self, watcher: Callable[[Change], None]) -> None:
        """Call `watcher` with every change. It must be quick and must not raise."""
        self._watchers.append(watcher)

    def note(self, *, actor: str, remote: str, method: str, path: str, status: int, body: bytes) -> None:
        """Write down one change; `body` is what was said."""
        now, actor, path = self._clock.wall(), _storable(actor, 80), _storable(path, 400)
        self._store.write(
            _INSERT,
            {
                "at": now,
                "actor": actor,
                "remote": _storable(remote, 80),
                "method": _storable(method, 10),
                "path": path,
                "status": status,
                "said": masked(body)[:SAID_LIMIT],
            },
        )
        change = Change(round(now * 1000), actor, method, path, status)
        for watcher in self._watchers:
            watcher(change)

    async def entries(self, *, limit: int = 100, before: int | None = None) -> list[Entry]:
        """The latest first; `before` an entry's id."""
        wanted = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if before is not None:
            wanted = wanted.where(audit.c.id < before)
        await self._store.commit()
        return [
            Entry(row.id, round(row.at * 1000), row.actor, row.remote, row.method, row.path, row.status, row.said or "")
            for row in await self._store.read(wanted)
        ]

    def tidy(self) -> None:
        """Forget what is old, and what is too much."""
        self._store.write(_EXPIRE, {"before": self._clock.wall() - KEPT_DAYS * 86400})
        self._store.write(_TRIM, {})


def _storable(text: str, limit: int) -> str:
    """What any database takes."""
    return text[:limit].encode("utf-8", "replace").decode().replace("\0", "?")


def masked(body: bytes) -> str:
    """A JSON body in which everything that may be a secret is replaced: what stands under a telling name, whatever it
    is, and what gives itself away wherever it stands. Of a whole file only the length is kept."""
    if not body:
        return ""
    try:
        said = msgspec.json.encode(_mask(msgspec.json.decode(body)))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return "(not JSON)"
    said = _LOGIN.sub(rb"\1" + MASK.encode() + rb"@", said)
    return Redactor().body(said, fields=False).decode()


_LOGIN = re.compile(rb"([a-z][a-z0-9+.-]{0,40}+://)[^/?#\"\s]*@", re.IGNORECASE)
"""User and password in a URL."""


def _mask(value: Any, name: str = "") -> Any:
    match value:
        case None | bool():
            return value
        case _ if _tells(name, value):
            return MASK
        case dict():
            return {key: _mask(inner, key) for key, inner in value.items()}
        case list():
            return [_mask(inner) for inner in value]
        case str() if name == _FILE:
            return f"({len(value)} characters)"
        case _:
            return value


def _tells(name: str, value: Any) -> bool:
    """Whether a value is a secret by its name. A number of tokens is none."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    if (plain in _GROUPS and isinstance(value, dict)) or (plain.endswith("tokens") and isinstance(value, int | float)):
        return False
    return _SECRET.search(plain) is not None
