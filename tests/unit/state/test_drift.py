"""What is new in Qwen's traffic is reported once, with the flow that saw it first, and never again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from luna.model.ambient import FLOW, ManualClock
from luna.protocols.sse import SSEReader
from luna.qwen.documented import PHASES
from luna.qwen.known import BASE, Known, read_base
from luna.qwen.stream import StreamReader
from luna.state import drift as subject
from luna.state.drift import OFTEN, WAITING, Drift, Finding, wanted
from luna.upstream.exchange import OutRequest
from tests.support.scenarios import FIXTURES
from tests.support.scripted import FINISHED, Says, ScriptedResponse, created, delta

CHAT = OutRequest("POST", "https://chat.qwen.ai/api/v2/chats/new")
STREAMS = sorted(FIXTURES.glob("*/body.sse"))


@asynccontextmanager
async def at_work(drift: Drift) -> AsyncIterator[Drift]:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(drift.run)
        yield drift
        with anyio.fail_after(10):
            await drift.settled()
        tasks.cancel_scope.cancel()


def a_drift(path: Path | None = None, without: str = "") -> Drift:
    base = read_base(BASE.read_text())
    return Drift(ManualClock(1000.0), Known(shape for shape in base if shape.name != without), path)


def read(reader: StreamReader, *payloads: Any) -> StreamReader:
    reader.feed(each if isinstance(each, bytes) else msgspec.json.encode(each) for each in payloads)
    return reader


def streams_with(phase: str) -> list[list[bytes]]:
    """The fixtures that show a phase, and a made-up answer."""
    bodies = [SSEReader().feed(path.read_bytes()) for path in STREAMS]
    shown = [body for body in bodies if any(f'"phase": "{phase}"'.encode() in payload for payload in body)]
    return [*shown, [msgspec.json.encode(each) for each in (created(), delta("x", phase=phase), delta("y"), FINISHED)]]


def reply(document: Any, status: int = 200, **headers: str) -> tuple[ScriptedResponse, bytes]:
    named = {"content-type": "application/json", **{key.replace("_", "-"): value for key, value in headers.items()}}
    return ScriptedResponse(Says(status=status, headers=tuple(named.items())), lambda: None), msgspec.json.encode(
        document
    )


def show(drift: Drift, response: ScriptedResponse, body: bytes | None) -> None:
    look = drift.saw(CHAT, response)
    if look is not None:
        look(body)


@pytest.mark.parametrize("phase", PHASES)
async def test_a_phase_that_the_base_lacks_is_found_on_its_first_flow(phase: str) -> None:
    for payloads in streams_with(phase):
        async with at_work(a_drift(without=phase)) as drift:
            drift.saw_frames("flow_1", *read(StreamReader("m"), *payloads).samples.take())
        assert [(one.kind, one.name, one.flow) for one in drift.findings()] == [("phase", phase, "flow_1")]


@pytest.mark.parametrize("phase", [phase for phase in PHASES if phase != "answer"])
async def test_a_phase_that_the_reader_lacks_is_found_on_its_first_flow(
    phase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = StreamReader._phase

    def removed(reader: StreamReader, said: str, *rest: Any) -> None:
        (reader._unknown_phase if said == phase else reads.__get__(reader))(said, *rest)

    monkeypatch.setattr(StreamReader, "_phase", removed)
    found = 0
    for payloads in streams_with(phase):
        async with at_work(a_drift()) as drift:
            drift.saw_frames("flow_1", *read(StreamReader("m"), *payloads).samples.take())
        found += [(one.kind, one.name, one.type) for one in drift.findings()] == [("phase", phase, "unread")]
    assert found, "only frames of calls and results, which are not read by their phase"


async def test_all_fixtures_together_report_nothing() -> None:
    async with at_work(a_drift()) as drift:
        for path in STREAMS:
            drift.saw_frames(
                path.parent.name, *read(StreamReader("m"), *SSEReader().feed(path.read_bytes())).samples.take()
            )
    assert drift.findings() == []


async def test_a_late_phase_in_a_long_answer_is_found() -> None:
    async with at_work(a_drift()) as drift:
        payloads = [created(), *[delta("word ") for _ in range(3000)], delta("x", phase="dreaming"), FINISHED]
        drift.saw_frames("flow_1", *read(StreamReader("m"), *payloads).samples.take())
    assert [one.name for one in drift.findings()] == ["dreaming"]


async def test_it_is_reported_once_and_stays_known_over_a_restart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[list[Finding]] = []
    drift = a_drift()
    for round in range(2):
        drift = a_drift(tmp_path / "drift.json")
        drift.watchers.append(told.append)
        async with at_work(drift):
            for number in range(3):
                kept = read(StreamReader("m"), created(), delta("secret words", phase="dreaming", mood="x"), FINISHED)
                drift.saw_frames(f"flow_{round}{number}", *kept.samples.take())
    assert [[one.name for one in found] for found in told] == [["choices[].delta.mood", "dreaming"]]
    assert [(one.flow, one.at, one.known) for one in drift.findings()] == [("flow_00", 1_000_000, False)] * 2
    lines = [record.getMessage() for record in caplog.records if record.name == subject.log.name]
    assert len(lines) == 1
    assert "flow_00" in lines[0]
    assert "phase frames dreaming" in lines[0]
    assert "secret" not in lines[0] + (tmp_path / "drift.json").read_text()


async def test_taking_note_of_it_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "drift.json"
    async with at_work(a_drift(path)) as drift:
        kept = read(StreamReader("m"), created(), delta(phase="a_new_one"), delta(phase="another_one"), FINISHED)
        drift.saw_frames("flow_1", *kept.samples.take())
    first, second = drift.findings()
    assert drift.open == 2
    assert await drift.mark([first.id, "drift_unknown"]) == 1
    again = a_drift(path)
    assert [one.id for one in again.findings() if not one.known] == [second.id]
    assert await again.mark() == 1
    assert await again.mark() == 0
    assert a_drift(path).open == 0


async def test_an_answer_is_told_with_the_flow_that_asked() -> None:
    token = FLOW.set("flow_7")
    async with at_work(a_drift()) as drift:
        show(drift, *reply({"success": True, "data": {"id": "c", "colour": "red"}}))
        show(drift, *reply({"success": False, "data": {"code": "Too_Tired"}}, x_actual_status_code="418"))
        show(drift, reply("not used", content_type="text/plain")[0], None)
    FLOW.reset(token)
    found = {(one.kind, one.place, one.name, one.flow) for one in drift.findings()}
    assert found == {
        ("field", "POST /api/v2/chats/new", "data.colour", "flow_7"),
        ("code", "refusals", "Too_Tired", "flow_7"),
        ("status", "answers", "200 for 418 application/json", "flow_7"),
        ("status", "answers", "200 text/plain", "flow_7"),
    }


async def test_a_refusal_that_calls_itself_a_stream_is_read_as_one() -> None:
    async with at_work(a_drift()) as drift:
        response, _ = reply({}, content_type="text/event-stream", x_actual_status_code="429")
        show(drift, response, b'data: {"success": false, "data": {"code": "Slow_Down"}}\n\n')
    assert ("code", "Slow_Down") in {(one.kind, one.name) for one in drift.findings()}


async def test_what_chaos_injected_is_no_news() -> None:
    async with at_work(a_drift()) as drift:
        show(drift, *reply({"brand": {"new": 1}}, x_luna_chaos="waf-json"))
    assert drift.findings() == []


def test_what_was_judged_before_is_looked_at_now_and_then() -> None:
    drift = a_drift()
    for _ in range(1000):
        show(drift, *reply({"data": {"id": "c"}}))
    assert len(drift._jobs) == 1 + OFTEN
    kept = read(StreamReader("m"), created(), delta(phase="dreaming"), FINISHED)
    drift.saw_frames("flow_1", *kept.samples.take())
    assert len(drift._jobs) == 2 + OFTEN, "a new sort is always looked at"


def test_what_waits_is_bounded() -> None:
    drift = a_drift()
    for number in range(WAITING + 10):
        drift.saw_frames(f"flow_{number}", {f"sort {number}": b"{}"})
    assert len(drift._jobs) == WAITING
    assert drift.passed_over == 10


async def test_the_number_of_findings_is_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(subject, "MOST", 3)
    async with at_work(a_drift(tmp_path / "drift.json")) as drift:
        for number in range(5):
            name = "abcde"[number]
            drift.saw_frames(name, {name: msgspec.json.encode({name: 1, "choices": []})})
    assert len(drift.findings()) == 3


def test_only_calls_of_the_api_are_looked_at() -> None:
    assert wanted(CHAT)
    assert not wanted(OutRequest("PUT", "https://bucket.oss.example/some/object"))
