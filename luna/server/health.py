"""`/health` says that the process lives, `/health/ready` whether a chat would be answered now, and if not, why.

Both are open, so neither names an account, a path or what a server said. Owns the checks and what each of them means:
some keep chats from being answered (503), the others are told all the same.
"""

import shutil
from pathlib import Path
from typing import Literal

import anyio
import anyio.to_thread
import msgspec
from starlette.requests import Request
from starlette.responses import Response

from luna.admin.envelope import json
from luna.admin.operation import Operation
from luna.config.live import LiveConfig
from luna.core.live import LiveFlows
from luna.model.errors import LunaError
from luna.state.accounts import Accounts
from luna.state.store import Store
from luna.state.store.tables import meta

LOW = 512 * 1024 * 1024
FULL = 32 * 1024 * 1024
"""Bytes free on the disk of the data directory: below the first it is said, below the second nothing can be kept."""
TRIED_EVERY = 10.0
"""Seconds for which the outcome of a trial write counts."""


class Alive(msgspec.Struct):
    """The answer to `GET /health`."""

    status: Literal["ok"] = "ok"


class Checks(msgspec.Struct):
    """How each thing is. `account`: ready, demo (a look-alike answers) or none; `config`: ok, or stale when the files
    on disk do not compile; `store` and `disk`: unknown where there is none to ask."""

    account: str
    config: Literal["ok", "stale"]
    draining: bool
    store: Literal["ok", "refuses", "unknown"]
    disk: Literal["ok", "low", "full", "unknown"]


class Reason(msgspec.Struct):
    """Something that is not as it should be. `blocking`: no chat is answered because of it."""

    check: str
    message: str
    hint: str
    blocking: bool


class Readiness(msgspec.Struct):
    """The answer to `GET /health/ready`."""

    status: Literal["ready", "not-ready"]
    checks: Checks
    reasons: list[Reason]


def routes(
    config: LiveConfig, accounts: Accounts, live: LiveFlows, store: Store | None = None, folder: Path | None = None
) -> list[Operation]:
    """The routes of this subject, for the root. `folder` is the data directory."""
    trial = _Trial(store) if store is not None else None

    async def health(_: Request) -> Response:
        return json(Alive())

    async def ready(_: Request) -> Response:
        checks = Checks(
            account=accounts.readiness(),
            config="ok" if config.in_sync else "stale",
            draining=live.draining,
            store=await trial.outcome() if trial is not None else "unknown",
            disk=await anyio.to_thread.run_sync(disk, folder) if folder is not None else "unknown",
        )
        reasons = [*_reasons(checks), *_mended(store)]
        willing = not any(reason.blocking for reason in reasons)
        return json(Readiness("ready" if willing else "not-ready", checks, reasons), 200 if willing else 503)

    return [
        Operation("GET", "/health", health, "Whether the process lives.", gives=Alive, open=True),
        Operation("GET", "/health/ready", ready, "Whether a chat would be answered.", gives=Readiness, open=True),
    ]


class _Trial:
    """Tries whether the store takes a write, and not more often than is sensible."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._statement = store.upsert(meta)
        self._tried = float("-inf")
        self._took = True

    async def outcome(self) -> Literal["ok", "refuses"]:
        if self._store.problem:
            return "refuses"
        now = anyio.current_time()
        if not self._took or now - self._tried >= TRIED_EVERY:
            self._tried = now
            self._store.write(self._statement, {"name": "tried", "value": ""})
            try:
                await self._store.commit()
            except LunaError:
                self._took = False
            else:
                self._took = True
        return "ok" if self._took else "refuses"


def disk(folder: Path) -> Literal["ok", "low", "full", "unknown"]:
    """How much room there is where a folder is. Blocks."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return "unknown"
    return "full" if free < FULL else "low" if free < LOW else "ok"


def _reasons(checks: Checks) -> list[Reason]:
    found: list[Reason] = []
    if checks.draining:
        found.append(Reason("draining", "luna is shutting down.", "", blocking=True))
    if checks.account == "none":
        hint = "GET /api/provider/status says why; POST /api/provider/token gives an account new credentials."
        found.append(Reason("account", "No Qwen account can be used now.", hint, blocking=True))
    elif checks.account == "demo":
        hint = "Add an account: POST /api/provider/token."
        found.append(Reason("account", "A look-alike answers, not Qwen.", hint, blocking=False))
    if checks.store == "refuses":
        hint = "See that the disk has room and that luna may write to its data directory; the log says more."
        found.append(Reason("store", "The database takes no writes.", hint, blocking=True))
    if checks.disk in ("low", "full"):
        room = f"Less than {(FULL if checks.disk == 'full' else LOW) // 1024 // 1024} MiB are free for luna's data."
        found.append(Reason("disk", room, "Make room.", blocking=checks.disk == "full"))
    if checks.config == "stale":
        words = "The configuration on disk does not compile; the last good one is in force."
        found.append(Reason("config", words, "`luna check` and GET /api/pipeline say where.", blocking=False))
    return found


def _mended(store: Store | None) -> list[Reason]:
    """What went wrong with the database at the start, and is over."""
    problems = store.problems if store is not None else []
    return [Reason("store", problem, "", blocking=False) for problem in problems]
