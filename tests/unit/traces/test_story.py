"""What a flow becomes in a trace."""

import pytest

from luna.core.flow import Flow, Outcome
from luna.core.stage import StageOptions
from luna.model.errors import Kind, LunaError
from luna.state.run import RunRecord
from luna.traces.exchanges import Exchanged
from luna.traces.story import Facts, Span, tell
from tests.support.machine import CONTEXT, Decode, Encode, Scripted, flow_of

BORN = 1_000_000.0


def ended(outcome: Outcome = Outcome.COMPLETED, error: LunaError | None = None) -> Flow:
    flow = flow_of(Decode(StageOptions(), CONTEXT), Scripted(), Encode())
    flow.born, flow.born_monotonic = BORN, 50.0
    flow.spent = [("decode", 0.25)]
    flow.outcome, flow.error = outcome, error
    return flow


def below(span: Span) -> dict[str, Span]:
    return {one.name: one for one in span.below}


def test_times_are_those_of_the_wall_at_its_birth() -> None:
    flow = ended()
    flow.first_event = 51.0
    record = RunRecord(id=flow.id, created_at=BORN, queued_at=BORN + 0.25, queue_ms=500.0, target="Qwen")
    span = tell(Facts(flow, 53.0, 200, record))
    assert (span.name, span.at, span.end, span.error) == ("chat Qwen", BORN, BORN + 3, "")
    found = below(span)
    assert (found["stage decode"].at, found["stage decode"].end) == (BORN, BORN + 0.25)
    assert (found["queue"].at, found["queue"].end) == (BORN + 0.25, BORN + 0.75)
    assert (found["answer"].at, found["answer"].end) == (BORN + 1, BORN + 3)
    assert [(event.name, event.at) for event in span.events] == [("first token", BORN + 1)]


def test_what_was_tried_again_is_told_when_and_why() -> None:
    flow = ended()
    flow.happened("retry", "rate-limited")
    flow.happened("reask", "invalid-json")
    events = tell(Facts(flow, 60.0, 200)).events
    assert [(event.name, event.attributes["luna.reason"]) for event in events] == [
        ("retry", "rate-limited"),
        ("reask", "invalid-json"),
    ]


@pytest.mark.parametrize(
    ("exchange", "end", "error"),
    [
        (Exchanged("completion", "POST", "h", 51.0, 51.5, 52.0, 200), 2.0, ""),
        (Exchanged("completion", "POST", "h", 51.0, 51.5, 0.0, 200), 3.0, ""),
        (Exchanged("chat", "POST", "h", 51.0, 51.5, 51.5, 429), 1.5, "429"),
        (Exchanged("upload", "PUT", "h", 51.0, 0.0, 51.25, 0, "upstream-broken"), 1.25, "upstream-broken"),
    ],
    ids=["whole", "never-closed", "refused", "broken"],
)
def test_an_exchange(exchange: Exchanged, end: float, error: str) -> None:
    [span] = [one for one in tell(Facts(ended(), 53.0, 200, exchanges=[exchange])).below if one.kind == "client"]
    assert (span.name, span.at, span.end, span.error) == (exchange.what, BORN + 1, BORN + end, error)
    assert span.attributes.get("error.type", "") == error


def test_an_end_that_is_no_error_of_lunas_is_told_as_what_it_is() -> None:
    assert tell(Facts(ended(Outcome.CLIENT_GONE), 53.0, 0)).error == "client-gone"
    error = LunaError(Kind.TIMEOUT, "canary-in-a-message", hint="canary-in-a-hint")
    error.stage = "decode"
    failed = ended(Outcome.FAILED, error)
    failed.spent = []
    span = tell(Facts(failed, 53.0, 504))
    assert span.error == below(span)["stage decode"].error == "timeout"
    assert "canary" not in repr(span)
