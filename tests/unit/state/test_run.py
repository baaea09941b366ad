"""The states of a run: which may follow which, that an end is an end, and what is written of the way there."""

import logging
from collections.abc import Callable
from itertools import product

import pytest

from luna.model.ambient import ManualClock
from luna.model.errors import Kind, LunaError
from luna.model.events import Usage
from luna.state.run import NEXT, TERMINAL, Run, RunRecord, folded, plain

GOING_ON = ("queued", "running", "streaming")


class Notebook:
    """A run, and what was heard of it."""

    def __init__(self) -> None:
        self.clock = ManualClock(1000.0)
        self.states: list[str] = []
        self.run = Run(
            RunRecord(id="flow_1", created_at=self.clock.wall()),
            clock=self.clock,
            begun=self.clock.monotonic(),
            moved=lambda run: self.states.append(run.status),
        )

    def go(self, status: str) -> None:
        """Ask for a state, in the way in which it is asked for."""
        match status:
            case "queued":
                self.run.queued("account")
            case "running":
                self.run.running("env")
            case "streaming":
                self.run.streaming()
            case _:
                self.run.close(status)


def in_state(status: str) -> Notebook:
    book = Notebook()
    for step in {"queued": [], "running": ["running"], "streaming": ["running", "streaming"]}.get(status, [status]):
        book.go(step)
    assert book.run.status == status
    return book


@pytest.mark.parametrize(("before", "after"), list(product(sorted(NEXT), repeat=2)))
def test_a_state_follows_another_only_where_it_may(before: str, after: str, caplog: pytest.LogCaptureFixture) -> None:
    book = in_state(before)
    heard = len(book.states)
    with caplog.at_level(logging.WARNING):
        book.go(after)
    if before == after:
        assert book.run.status == before
        assert not caplog.records
    elif after in NEXT[before]:
        assert book.run.status == after
        assert len(book.states) == heard + 1
        assert not caplog.records
    else:
        assert (book.run.status, len(book.states)) == (before, heard)
        closed_twice = before in TERMINAL and after in TERMINAL  # the second account of an end is not even looked at
        assert closed_twice or f"'{after}' cannot follow '{before}'" in caplog.text


def test_the_table_of_states_is_whole() -> None:
    assert set(NEXT) == {*GOING_ON, *TERMINAL}
    assert all(NEXT[status] >= TERMINAL for status in GOING_ON)
    assert not any(NEXT[status] for status in TERMINAL)


@pytest.mark.parametrize("end", sorted(TERMINAL))
def test_what_was_moved_to_an_end_learns_the_rest_later_and_keeps_its_end(
    end: str, caplog: pytest.LogCaptureFixture
) -> None:
    book = in_state("streaming")
    book.clock.advance(1.0)
    assert book.run.move(end)
    book.clock.advance(1.0)
    error = LunaError(Kind.CANCELLED, "It was cancelled.", hint="Ask again.", stage="qwen")
    assert book.run.close("completed" if end != "completed" else "failed", error=error, usage=Usage(7, 8, 3))
    record = book.run.record
    assert (record.status, record.completed_at, record.duration_ms) == (end, 1001.0, 1000.0)
    assert (record.error_kind, record.error_message, record.error_hint) == (
        "cancelled",
        "It was cancelled.",
        "Ask again.",
    )
    assert (record.input_tokens, record.output_tokens, record.thinking_tokens) == (7, 8, 3)
    assert "cannot follow" in caplog.text
    assert not book.run.close(end, usage=Usage(1, 1))
    assert record.input_tokens == 7


def test_times_of_a_run_that_waits_twice() -> None:
    book = Notebook()
    run, clock = book.run, book.clock
    clock.advance(0.1)
    run.queued("account full: env")
    run.queued("account full: work")
    clock.advance(2.0)
    run.running("env", worker="w1", profile="socks", outbound_ip="192.0.2.1")
    clock.advance(0.25)
    run.streaming()
    clock.advance(1.0)
    run.attempt()
    run.queued("global full")
    clock.advance(3.0)
    run.running("work")
    run.streaming()
    clock.advance(0.5)
    run.close("completed", http_status=200, reasks=2)
    record = run.record
    assert (record.queued_at, record.started_at, record.first_event_at) == (1003.35, 1002.1, 1002.35)
    assert (record.queue_ms, record.first_event_ms, record.duration_ms) == (5000.0, 2350.0, 6850.0)
    assert (record.account_id, record.worker_id, record.attempts, record.reasks) == ("work", "", 2, 2)
    assert record.queue_reason == "global full"
    assert book.states == [
        "queued", "queued", "running", "streaming", "queued", "running", "streaming", "completed",
    ]  # fmt: skip


def test_a_run_that_ends_while_it_waits_has_waited() -> None:
    book = Notebook()
    book.run.queued("global full")
    book.clock.advance(4.0)
    book.run.close("client-gone")
    assert (book.run.record.queue_ms, book.run.record.duration_ms) == (4000.0, 4000.0)


def test_facts() -> None:
    book = Notebook()
    about = {"model": "qwen", "target": "qwen3", "client": "ci", "agent": "codex"}
    tellings: list[Callable[[], None]] = [
        lambda: book.run.bound("sess_1", "found by its history", thread="t1"),
        lambda: book.run.chat("chat-1"),
        lambda: book.run.describe(**about, stream=True, preview="Xin CHÀO" + "x" * 300),
    ]
    for tell in tellings:
        book.run.fresh = False
        tell()
        assert book.run.fresh
    record = book.run.record
    assert (record.session_id, record.session_reason, record.thread_id) == ("sess_1", "found by its history", "t1")
    assert (record.chat_id, record.model, record.target, record.stream) == ("chat-1", "qwen", "qwen3", True)
    assert (record.preview[:8], len(record.preview), record.preview_folded[:8]) == ("Xin CHÀO", 180, "xin chào")
    assert (record.client, record.agent) == ("ci", "codex")
    assert "flow_1 queued" in repr(book.run)


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("abc", 2, "ab"),
        ("a\0b", 9, "ab"),
        ("é\0", 9, "é"),
        ("a\ud800b", 9, "a?b"),
        ("line\nbreak", 99, "line\nbreak"),
        ("", 5, ""),
    ],
)
def test_text_that_any_database_takes(text: str, limit: int, expected: str) -> None:
    assert plain(text, limit) == expected


def test_folding_ignores_case_and_composition() -> None:
    assert folded("STRASSE") == folded("straße")
    assert folded("e\u0301") == folded("É")
