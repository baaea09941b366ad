"""What is written down of each flow: its run, its figures, its line in the log.

Owns the translation of a flow into these three, at its birth and at its end. Flows without a transport (lists of
models, counts of tokens) have no run. What becomes of each belongs to `luna.state`.
"""

from collections.abc import Sequence
from functools import partial

import msgspec

from luna.core.flow import Flow, Outcome
from luna.core.notes import CALLED, CLIENT
from luna.core.stage import TransportStage
from luna.model.chat import Message, Text
from luna.model.dialect import facts_of
from luna.model.events import Usage
from luna.state.logs import Logs
from luna.state.metrics import Metrics
from luna.state.run import PREVIEW, Run, lines
from luna.state.runs import Runs
from luna.tools.profiles import ClientProfile, recognise

LOOKED_AT = 20_000
"""Characters of a turn that are looked at for its preview."""

_LEVELS = {Outcome.COMPLETED: "info", Outcome.FAILED: "error"}
_SAID = {outcome: (outcome.value, _LEVELS.get(outcome, "warning")) for outcome in Outcome}
"""The word for it, and the level of its line."""
_STAGES = msgspec.json.Encoder()


class Bookkeeping:
    """Keeps the books of one process."""

    def __init__(self, runs: Runs, metrics: Metrics, logs: Logs) -> None:
        self._runs = runs
        self._metrics = metrics
        self._logs = logs

    def __repr__(self) -> str:
        return f"<Bookkeeping {self._runs!r}>"

    def open(self, flow: Flow) -> Run | None:
        """A flow is born: begin its run, if it is to have one. Call it before the engine runs it."""
        pipeline = flow.route.pipeline
        if not isinstance(pipeline.far_end[1], TransportStage):
            return None
        facts = facts_of(flow.parsed)
        run = self._runs.begin(
            flow.id,
            born=flow.born,
            begun=flow.born_monotonic,
            model=facts.model or "",
            stream=bool(facts.stream),
            protocol=flow.dialect.name,
            route=flow.route.name,
            pipeline=pipeline.name,
            recording=flow.id if flow.route.record == "all" else "",
            bytes_in=len(flow.client.body),
            fill=partial(_fill, flow),
        )
        flow.settle(partial(self._complete, flow, run))  # the first: whoever commits, commits the run as well
        return run

    def _complete(self, flow: Flow, run: Run) -> None:
        _complement(flow, run)
        self._runs.complete(run, usage=_usage(flow), reasks=flow.reasks)

    def close(self, flow: Flow, run: Run | None, *, status: int = 0, sent: int = 0) -> None:
        """A flow is over and cleaned up. `status` is what went out to the client, 0 for nothing; `sent` the bytes of
        its body. Call it once, however the engine ended."""
        outcome, level = _SAID[flow.outcome or Outcome.CANCELLED]
        usage = run.usage if run is not None and run.closed else _usage(flow)
        seconds = flow.clock.monotonic() - flow.born_monotonic
        if run is not None:
            if not run.closed:  # else it was complete when it was written
                _complement(flow, run)
            if flow.outcome is Outcome.FAILED and flow.route.record == "errors":
                run.record.recording = flow.id
            self._runs.end(
                run,
                outcome=outcome,
                error=flow.error,
                usage=usage,
                http_status=status or None,
                reasks=flow.reasks,
            )
            record = run.record
            self._metrics.run_ended(
                model=record.target or record.model,
                usage=usage,
                queue_seconds=(record.queue_ms or 0.0) / 1000,
                attempts=record.attempts,
                reasks=flow.reasks,
            )
        self._metrics.flow_ended(
            route=flow.route.name,
            protocol=flow.dialect.name,
            outcome=outcome,
            seconds=seconds,
            first_event=flow.first_event - flow.born_monotonic if flow.first_event is not None else None,
            error=flow.error.kind.value if flow.error is not None else "",
            events=flow.events,
            received=len(flow.client.body),
            sent=sent,
            stages=flow.spent,
        )
        self._note(flow, run, outcome, level, usage, status, seconds)

    def _note(
        self, flow: Flow, run: Run | None, outcome: str, level: str, usage: Usage | None, status: int, seconds: float
    ) -> None:
        request, error = flow.client, flow.error
        words = f"{request.method} {request.path} {outcome}: {status or 'no answer'} in {seconds * 1000:.0f} ms"
        fields: dict[str, object] = {
            "outcome": outcome,
            "status": status,
            "durationMs": (seconds * 1e6 + 0.5) // 1 / 1e3,
            "route": flow.route.name,
            "pipeline": flow.route.pipeline.name,
            "protocol": flow.dialect.name,
        }
        if run is not None:
            record = run.record
            fields |= {
                "model": record.model,
                "account": record.account_id,
                "session": record.session_id,
                "client": record.client or record.agent,
                "attempts": record.attempts,
                "queueMs": record.queue_ms,
                "firstEventMs": record.first_event_ms,
            }
        if usage is not None:
            fields |= {"input": usage.input, "output": usage.output, "thinking": usage.reasoning}
        if error is not None:
            words += f", {error.kind.value} at {error.stage or flow.stage or 'birth'}: {error.message}"
            fields |= {"error": error.kind.value, "stage": error.stage, "hint": error.hint}
        self._logs.note(level, words, flow=flow.id, logger="luna.flow", fields=fields)


def _usage(flow: Flow) -> Usage | None:
    counted = flow.usage
    return flow.total(counted) if counted is not None else None


def _fill(flow: Flow, run: Run) -> bool:
    """Tell the run what the request is, as soon as somebody has read it."""
    if not flow.decoded:
        return False
    chat = flow.chat
    profile = recognise(flow.client.headers, facts_of(flow.parsed).tools)
    run.describe(
        model=chat.model,
        target=chat.target,
        stream=chat.stream,
        preview=preview_of(flow.asked, profile),
        client=flow.notes.get(CLIENT) or "",
        agent=profile.name,
    )
    return True


def _complement(flow: Flow, run: Run) -> None:
    """What came to light after the run was described."""
    record = run.record
    called = flow.notes.get(CALLED)
    record.tools = lines(called) if called else ""
    # Milliseconds with three digits: `round` would cost a call for each.
    record.stages = _STAGES.encode([(name, (spent * 1e6 + 0.5) // 1 / 1e3) for name, spent in flow.spent]).decode()
    if flow.decoded and flow.chat.target and not record.target:
        record.target = flow.chat.target
    if flow.first_event is not None and record.first_event_ms is None:
        after = flow.first_event - flow.born_monotonic
        record.first_event_at, record.first_event_ms = flow.born + after, round(after * 1000, 3)


def preview_of(messages: Sequence[Message], profile: ClientProfile) -> str:
    """The beginning of the last thing that the user said, in one line, without what the client slipped in."""
    for message in reversed(messages):
        if message.role == "user":
            said = [part.text[:LOOKED_AT] for part in message.parts if type(part) is Text]
            words = profile.stable("\n".join(said)[:LOOKED_AT]).split(maxsplit=PREVIEW)[:PREVIEW]
            if words:
                return " ".join(words)[:PREVIEW]
    return ""
