"""One run: a request on its way to a model, as it is written down.

Owns the states of a run, which may follow which, and its facts. An end is never left again: whoever tries is ignored
and named in the log, for no flow may fail over its own record. Knows neither flows nor the database.

    queued ⇄ running ⇄ streaming      back where another account takes over, or the model is asked again
       └────────┴──────────┴──▶ completed | failed | cancelled | client-gone | interrupted
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import msgspec

from luna.filters.text import folded as folded
from luna.model.ambient import Clock
from luna.model.errors import LunaError
from luna.model.events import Usage
from luna.wire.redact import redacted

log = logging.getLogger("luna.state.runs")

TERMINAL = frozenset({"completed", "failed", "cancelled", "client-gone", "interrupted"})
NEXT: Mapping[str, frozenset[str]] = {
    "queued": TERMINAL | {"running"},
    "running": TERMINAL | {"queued", "streaming"},
    "streaming": TERMINAL | {"queued", "running"},
    **dict.fromkeys(TERMINAL, frozenset[str]()),
}
"""Which states may follow a state."""

PREVIEW = 180
"""Characters kept of the last thing the user said."""
MESSAGE = 2000
"""Characters kept of an error's message, and of its hint."""
NAME, NAMES = 100, 50
"""Characters kept of a tool's name, and how many names."""
_LOOKED_AT = 4 * PREVIEW
"""Characters of it that are searched for what gives itself away as a secret: links carry keys."""
_ID = 64
_THREAD = 128


class RunRecord(msgspec.Struct, kw_only=True):
    """What is kept of a run; the fields are the columns of its table. Times are seconds since the epoch, durations
    milliseconds of the monotonic clock. Empty or None: not known."""

    id: str
    status: str = "queued"
    created_at: float
    queued_at: float | None = None
    started_at: float | None = None
    """When an account was first taken."""
    first_event_at: float | None = None
    completed_at: float | None = None
    queue_ms: float | None = None
    """Time spent waiting for a place."""
    first_event_ms: float | None = None
    duration_ms: float | None = None
    session_id: str = ""
    thread_id: str = ""
    session_reason: str = ""
    """Why the session was, or was not, found."""
    provider_id: str = ""
    account_id: str = ""
    worker_id: str = ""
    network_profile_id: str = ""
    outbound_ip: str = ""
    chat_id: str = ""
    model: str = ""
    """As the client wrote it."""
    target: str = ""
    """The upstream's model."""
    route: str = ""
    pipeline: str = ""
    protocol: str = ""
    client: str = ""
    """The name of the key that the client showed."""
    agent: str = ""
    """What kind of client it is."""
    stream: bool = False
    preview: str = ""
    preview_folded: str = ""
    """The preview as it is searched."""
    bytes_in: int | None = None
    queue_reason: str = ""
    error_kind: str = ""
    error_message: str = ""
    error_hint: str = ""
    error_stage: str = ""
    http_status: int | None = None
    """What the client was told; None when nothing went out."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    thinking_tokens: int | None = None
    attempts: int = 1
    reasks: int = 0
    tools: str = ""
    """The tools that were called, each name between two line ends (`lines`)."""
    stages: str = ""
    """How long each request stage took: JSON, `[["decode", 0.21], …]`, milliseconds."""
    recording: str = ""
    """The flow whose recording shows this run."""


class Queued(Protocol):
    """What lies in the store's queue of a run: `luna.state.run_writing` knows what that is."""

    taken: bool
    """It is what the run was like then, and no longer what it is like now."""


class Run:
    """One run at work. `moved` hears of every change of state."""

    __slots__ = (
        "_begun",
        "_clock",
        "_moved",
        "_queue_begun",
        "closed",
        "fill",
        "fresh",
        "id",
        "record",
        "row",
        "usage",
    )

    def __init__(
        self,
        record: RunRecord,
        *,
        clock: Clock,
        begun: float,
        moved: "Callable[[Run], None]",
        fill: "Callable[[Run], bool] | None" = None,
    ) -> None:
        self.id = record.id
        """The id of its flow."""
        self.record = record
        self._clock = clock
        self._begun = begun
        self._moved = moved
        self._queue_begun: float | None = None
        self.closed = False
        """True once how it ended has been written into it."""
        self.fresh = True
        """Something of it is not in the store's queue yet."""
        self.usage: Usage | None = None
        """What it came to, once it is closed."""
        self.fill = fill
        """Tells it what is known of its request (`describe`), and whether that is all."""
        self.row: Queued | None = None

    def __repr__(self) -> str:
        return f"<Run {self.id} {self.status}>"

    @property
    def status(self) -> str:
        """The state that it is in."""
        return self.record.status

    @property
    def terminal(self) -> bool:
        """True once it is over."""
        return self.record.status in TERMINAL

    # States

    def queued(self, reason: str = "") -> None:
        """It waits for a place; `reason` says which one is taken."""
        if self._enter("queued"):
            record = self.record
            if self._queue_begun is None:
                self._queue_begun = self._clock.monotonic()
                record.queued_at = self._clock.wall()
            record.queue_reason = plain(reason, MESSAGE)
            self._moved(self)

    def running(self, account: str, worker: str = "", profile: str = "", outbound_ip: str = "") -> None:
        """It has an account, and the egress that goes with it."""
        if self._enter("running"):
            record = self.record
            record.account_id, record.worker_id = account[:_ID], worker[:_ID]  # luna's own names: plain text all
            record.network_profile_id, record.outbound_ip = profile[:_ID], outbound_ip[:_ID]
            if record.started_at is None:
                record.started_at = self._clock.wall()
            if self._queue_begun is not None:
                self._stop_waiting(self._queue_begun)
            self._moved(self)

    def streaming(self) -> None:
        """The upstream has begun to answer."""
        if self._enter("streaming"):
            record = self.record
            if record.first_event_at is None:
                record.first_event_at = self._clock.wall()
                record.first_event_ms = self._since_birth()
            self._moved(self)

    def move(self, status: str) -> bool:
        """It has come to an end, of which more is known later (`close`). False when it had come to another before."""
        if self.record.status == status:
            return True
        if not self._enter(status):
            return False
        record = self.record
        record.completed_at = self._clock.wall()
        record.duration_ms = self._since_birth()
        if self._queue_begun is not None:
            self._stop_waiting(self._queue_begun)
        self._moved(self)
        return True

    def close(
        self,
        status: str,
        *,
        error: LunaError | None = None,
        usage: Usage | None = None,
        http_status: int | None = None,
        reasks: int = 0,
    ) -> bool:
        """It is over: how, and what it came to. Only the first time counts; false for any other."""
        if self.closed:
            return False
        self.closed = self.fresh = True
        record = self.record
        record.http_status, record.reasks = http_status, reasks
        if usage is not None:
            self.usage = usage
            record.input_tokens, record.output_tokens = usage.input, usage.output
            record.thinking_tokens = usage.reasoning
        if error is not None:
            record.error_kind, record.error_stage = error.kind.value, plain(error.stage, 80)
            record.error_message, record.error_hint = plain(error.message, MESSAGE), plain(error.hint, MESSAGE)
        if record.status not in TERMINAL:
            self.move(status)
        elif record.status != status:
            self._refuse(status)
        return True

    # Facts

    def bound(self, session: str, reason: str = "", thread: str = "") -> None:
        """The session that it belongs to, and why that one. Their ids are printable."""
        record = self.record
        record.session_id, record.session_reason = session[:_ID], plain(reason, MESSAGE)
        record.thread_id = thread[:_THREAD] or record.thread_id
        self.fresh = True

    def chat(self, chat_id: str) -> None:
        """The upstream's chat that it speaks in."""
        self.record.chat_id = plain(chat_id, _ID)
        self.fresh = True

    def attempt(self) -> None:
        """What was tried first failed, and it is tried once more: on another account, in a rebuilt chat."""
        self.record.attempts += 1
        self.fresh = True

    def describe(self, *, model: str, target: str, stream: bool, preview: str, client: str, agent: str) -> None:
        """What is known of the request once it has been read."""
        record = self.record
        if model != record.model:
            record.model = plain(model, 200)
        record.target = record.model if target == model else plain(target, 200)
        record.client, record.agent, record.stream = plain(client, 200) if client else "", agent, stream
        record.preview = plain(redacted(preview[:_LOOKED_AT]), PREVIEW)
        record.preview_folded = folded(record.preview)
        self.fresh = True

    def _enter(self, status: str) -> bool:
        before = self.record.status
        if status != before and status not in NEXT[before]:
            self._refuse(status)
            return False
        self.record.status = status
        self.fresh = True
        return before not in TERMINAL

    def _refuse(self, status: str) -> None:
        said = "run %s: '%s' cannot follow '%s', and is ignored"
        log.warning(said, self.id, status, self.status, extra={"flow": self.id})

    def _stop_waiting(self, begun: float) -> None:
        waited = (self._clock.monotonic() - begun) * 1000
        self.record.queue_ms = round((self.record.queue_ms or 0.0) + waited, 3)
        self._queue_begun = None

    def _since_birth(self) -> float:
        # Milliseconds with three digits; `round` takes ten times as long.
        return ((self._clock.monotonic() - self._begun) * 1e6 + 0.5) // 1 / 1e3


def plain(text: str, limit: int) -> str:
    """Text as any database takes it: no NUL, no half of a surrogate pair, and not too long."""
    cut = text[:limit]
    if cut.isascii() and "\0" not in cut:
        return cut
    return cut.encode("utf-8", "replace").decode().replace("\0", "")


def lines(names: Iterable[str]) -> str:
    """Names as one text in which each can be found as a whole: every one between two line ends."""
    kept = [plain(" ".join(name.split()), NAME) for name in dict.fromkeys(names)][:NAMES]
    return "\n".join(["", *kept, ""]) if kept else ""


def names_of(text: str) -> list[str]:
    """The names again."""
    return [name for name in text.split("\n") if name]
