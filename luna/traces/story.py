"""What a flow becomes in a trace: spans with names, times, attributes and events.

Pure. Owns what is told and what it is called: the names of the GenAI and HTTP conventions where they fit, `luna.…`
elsewhere. Told are names, numbers and kinds; never what was said, an address, a header or an error's words.

    flow ─┬─ stage auth, stage protocol.decode, …   one after the other, from the flow's birth
          ├─ queue                                  waiting for a place
          ├─ completion, chat, upload, …            the exchanges with the upstream
          └─ answer                                 from the first event to the end
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from luna.core.flow import Flow, Outcome
from luna.core.notes import HAPPENED
from luna.state.run import RunRecord
from luna.traces.exchanges import Exchanged

Value = str | int | float | bool | list[str]
Kind = Literal["server", "internal", "client"]

PROVIDER = "qwen"


@dataclass(frozen=True)
class Event:
    """Something that happened at one moment, in seconds since the epoch."""

    name: str
    at: float
    attributes: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Span:
    """Something that lasted; times in seconds since the epoch. `error` is a kind, empty where it went well."""

    name: str
    kind: Kind
    at: float
    end: float
    attributes: dict[str, Value]
    error: str = ""
    events: list[Event] = field(default_factory=list)
    below: "list[Span]" = field(default_factory=list)


@dataclass(frozen=True)
class Facts:
    """What is known of a flow that is over. `ended` is monotonic, `account` a label, `status` 0 where nothing went
    out."""

    flow: Flow
    ended: float
    status: int
    run: RunRecord | None = None
    account: str = ""
    exchanges: Sequence[Exchanged] = ()


def tell(facts: Facts) -> Span:
    """The flow's span, with those below it."""
    flow, at = facts.flow, _Axis(facts.flow)
    error = flow.error.kind.value if flow.error is not None else ""
    outcome = flow.outcome or Outcome.CANCELLED
    target = facts.run.target if facts.run is not None else ""
    operation = "chat" if facts.run is not None else flow.route.pipeline.name
    return Span(
        f"{operation} {target}".rstrip(),
        "server",
        flow.born,
        at(facts.ended),
        _of_flow(facts, operation, outcome, error),
        error or ("" if outcome is Outcome.COMPLETED else outcome.value),
        [*_events(flow, at)],
        [
            *_stages(flow, at),
            *_queue(facts),
            *(_exchange(each, facts, at) for each in facts.exchanges),
            *_answer(facts, at),
        ],
    )


class _Axis:
    """From monotonic time to that of the wall, as it was when the flow was born."""

    def __init__(self, flow: Flow) -> None:
        self._offset = flow.born - flow.born_monotonic

    def __call__(self, monotonic: float) -> float:
        return self._offset + monotonic


def _of_flow(facts: Facts, operation: str, outcome: Outcome, error: str) -> dict[str, Value]:
    flow, run = facts.flow, facts.run
    told: dict[str, Value] = {
        "luna.flow.id": flow.id,
        "luna.route": flow.route.name,
        "luna.pipeline": flow.route.pipeline.name,
        "luna.protocol": flow.dialect.name,
        "luna.outcome": outcome.value,
        "luna.events": flow.events,
        "luna.reasks": flow.reasks,
        "http.request.method": flow.client.method,
        "http.request.body.size": len(flow.client.body),
    }
    if facts.status:
        told["http.response.status_code"] = facts.status
    if flow.error is not None:
        told["error.type"] = error
        told["luna.error.stage"] = flow.error.stage or flow.stage
    if run is None:
        return told
    told |= {"gen_ai.operation.name": operation, "gen_ai.provider.name": PROVIDER, "luna.attempts": run.attempts}
    told |= {"luna.stream": run.stream, "gen_ai.request.model": run.model}
    known = {
        "gen_ai.response.model": run.target,
        "gen_ai.conversation.id": run.session_id,
        "gen_ai.usage.input_tokens": run.input_tokens,
        "gen_ai.usage.output_tokens": run.output_tokens,
        "luna.usage.thinking_tokens": run.thinking_tokens,
        "luna.account": facts.account or run.account_id,
        "luna.network.profile": run.network_profile_id,
        "luna.worker": run.worker_id,
        "luna.agent": run.agent,
        "luna.queue_ms": run.queue_ms,
        "luna.first_event_ms": run.first_event_ms,
    }
    return told | {name: value for name, value in known.items() if value not in (None, "")}


def _events(flow: Flow, at: _Axis) -> Iterator[Event]:
    if flow.first_event is not None:
        yield Event("first token", at(flow.first_event))
    for what, moment, why in flow.notes.get(HAPPENED) or ():
        yield Event(what, at(moment), {"luna.reason": why})


def _stages(flow: Flow, at: _Axis) -> Iterator[Span]:
    """Request stages follow one another without a pause but for breakpoints; how long each took was measured."""
    begun = flow.born_monotonic
    for name, seconds in flow.spent:
        yield Span(f"stage {name}", "internal", at(begun), at(begun + seconds), {"luna.stage": name})
        begun += seconds
    if flow.error is not None and flow.first_event is None and flow.error.stage in _requests(flow) - _done(flow):
        kind, name = flow.error.kind.value, flow.error.stage
        yield Span(f"stage {name}", "internal", at(begun), at(begun), {"luna.stage": name, "error.type": kind}, kind)


def _requests(flow: Flow) -> set[str]:
    return {name for name, _ in flow.route.pipeline.requests}


def _done(flow: Flow) -> set[str]:
    return {name for name, _ in flow.spent}


def _queue(facts: Facts) -> Iterator[Span]:
    run = facts.run
    if run is not None and run.queue_ms and run.queued_at is not None:
        yield Span("queue", "internal", run.queued_at, run.queued_at + run.queue_ms / 1000, {})


def _exchange(exchange: Exchanged, facts: Facts, at: _Axis) -> Span:
    end = exchange.end or facts.ended
    told: dict[str, Value] = {"luna.exchange": exchange.what, "http.request.method": exchange.method}
    told |= {"server.address": exchange.host, "gen_ai.provider.name": PROVIDER}
    error = exchange.error
    events: list[Event] = []
    if exchange.status:
        told["http.response.status_code"] = exchange.status
        events.append(Event("response head", at(exchange.head)))
        error = error or (str(exchange.status) if exchange.status >= 400 else "")
    if error:
        told["error.type"] = error
    return Span(exchange.what, "client", at(exchange.begun), at(end), told, error, events)


def _answer(facts: Facts, at: _Axis) -> Iterator[Span]:
    """Response stages work on every batch in passing, so they have one time together."""
    flow = facts.flow
    if flow.first_event is None:
        return
    names = [name for name, _ in flow.route.pipeline.responses]
    failed = flow.error is not None and flow.error.stage in names
    error = flow.error.kind.value if flow.error is not None and failed else ""
    yield Span("answer", "internal", at(flow.first_event), at(facts.ended), {"luna.stages": names}, error)
