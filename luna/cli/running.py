"""A luna that runs on this machine, spoken to by its admin API.

Owns the finding of it and the words for what goes wrong between two processes. What is asked of it belongs to the
subcommand.
"""

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import anyio
import msgspec

from luna.admin.door import admin_key_file
from luna.admin.envelope import ErrorDocument
from luna.admin.plan import PlanBody, PlanView
from luna.config.settings import Settings
from luna.disk.private import Damaged
from luna.model.errors import Kind, LunaError
from luna.state.capture import OVER, Job
from luna.upstream.exchange import OutRequest, Timeouts
from luna.upstream.pool import PoolBackend

LOGINS = "/api/provider/oauth/capture"
POLL = 0.5
"""Seconds between two questions."""
QUICK = Timeouts(connect=1.0, head=20.0, idle=5.0)
"""The head of an answer takes as long as a window takes to close."""
PATIENT = Timeouts(connect=1.0, head=90.0, idle=10.0)
"""For replays, which wait for one another."""


class RunningLuna:
    """One that answers and knows our admin key."""

    def __init__(self, backend: PoolBackend, origin: str, key: str) -> None:
        self._backend = backend
        self._origin = origin
        self._key = key

    def __repr__(self) -> str:
        return f"<RunningLuna {self._origin}>"

    @classmethod
    async def found(cls, settings: Settings, stack: AsyncExitStack) -> "RunningLuna | None":
        """The luna of these settings; None when there is none, or another one. `stack` closes what it uses."""
        try:
            key = settings.admin_key or admin_key_file(settings.data_dir).look()
        except (Damaged, OSError):
            return None
        if not key:
            return None
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        backend = PoolBackend()
        stack.push_async_callback(backend.aclose)
        running = cls(backend, f"http://{host}:{settings.port}", key)
        try:
            await running._call("GET", LOGINS, list[Job])
        except LunaError:
            return None
        return running

    async def log_in(self, told: Callable[[Job], None], *, account_id: str, seconds: float, headless: bool) -> Job:
        """Have it open the window; `told` hears of every state. Given up here, it is given up there. Raises
        LunaError."""
        asked = {"accountId": account_id, "timeout": round(seconds * 1000), "headless": headless}
        job: Job = await self._call("POST", LOGINS, Job, asked)
        try:
            while job.state not in OVER:
                told(job)
                await anyio.sleep(POLL)
                job = await self._call("GET", f"{LOGINS}/{job.id}", Job)
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True), anyio.move_on_after(QUICK.head):
                await self._call("DELETE", f"{LOGINS}/{job.id}", Job)
            raise
        return job

    async def plan(self, asked: PlanBody) -> PlanView:
        """What a change would do to what it has recorded. Raises LunaError."""
        view: PlanView = await self._call("POST", "/api/plan", PlanView, asked, PATIENT)
        return view

    async def _call(self, method: str, path: str, kind: Any, body: object = None, timeouts: Timeouts = QUICK) -> Any:
        """An answer of that kind. Raises LunaError with what it says, or with what went wrong on the way."""
        headers = [("authorization", f"Bearer {self._key}")]
        if body is not None:
            headers.append(("content-type", "application/json"))
        data = msgspec.json.encode(body) if body is not None else b""
        response = await self._backend.open(OutRequest(method, f"{self._origin}{path}", tuple(headers), data, timeouts))
        try:
            said = await response.read()
        finally:
            await response.aclose()
        try:
            if response.status >= 400:
                error = msgspec.json.decode(said, type=ErrorDocument).error
                raise LunaError(Kind.INTERNAL, error.message, hint=error.hint)
            return msgspec.json.decode(said, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise LunaError(
                Kind.UPSTREAM_BROKEN,
                f"What answers at {self._origin} is no luna, or another version of it.",
                hint="Say the port of yours with --port.",
            ) from error
