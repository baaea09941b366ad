"""Every upstream transcript through the shipped pipeline: events and client bytes, to the byte, however it was read."""

from pathlib import Path

import anyio.lowlevel
import msgspec
import pytest

from luna.config.compile import compile_files
from luna.config.files import read_files
from luna.config.settings import shipped_routes
from luna.core.registry import Registry
from luna.core.snapshot import Snapshot
from luna.replay.fixture import load, outputs, pinned
from luna.replay.rerun import rerun
from luna.stages.qwen import Qwen
from luna.wire.diff import differences
from luna.wire.reader import Recording
from tests.golden.conftest import Golden
from tests.support.scenarios import FIXTURES, byte_by_byte, completions, scenario, transcript

NAMES = completions()
KEPT = pinned(FIXTURES)
"""Flows that somebody kept (`luna fixture add`): they are found here by lying there."""


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    compiled = compile_files(read_files(shipped_routes()), Registry(), {})
    assert compiled.snapshot is not None, compiled.errors
    return compiled.snapshot


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries pause between tries; here time does not pass."""

    async def at_once(_: float) -> None:
        await anyio.lowlevel.checkpoint()

    monkeypatch.setattr(Qwen, "sleep", staticmethod(at_once))


def as_http(recording: Recording) -> bytes:
    """What the client got, as text."""
    headers = "".join(f"{name}: {value}\n" for name, value in recording.headers)
    return f"{recording.status}\n{headers}\n".encode() + recording.answer


def transport_events(recording: Recording) -> bytes:
    """What the transport made of the transcript, one event to a line; then the failure, if there was one."""
    lines = [msgspec.json.encode(event) for batch in recording.events.get("qwen", []) for event in batch]
    if recording.failure is not None:
        lines.append(msgspec.json.encode({"failed": recording.failure.kind, "at": recording.failure.stage}))
    return b"".join(line + b"\n" for line in lines)


async def run(snapshot: Snapshot, recording: Recording) -> Recording:
    after, _ = await rerun(recording, snapshot)
    return after


def test_there_is_a_transcript_of_every_kind() -> None:
    assert len(NAMES) >= 20


@pytest.mark.parametrize("name", NAMES)
async def test_a_transcript_becomes_the_golden_answer(name: str, snapshot: Snapshot, golden: Golden) -> None:
    found = transcript(name)
    stream = await run(snapshot, scenario(found, stream=True))
    whole = await run(snapshot, scenario(found, stream=False))
    golden(FIXTURES / name / "events.jsonl", transport_events(stream))
    golden(FIXTURES / name / "openai-stream.http", as_http(stream))
    golden(FIXTURES / name / "openai-whole.http", as_http(whole))


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", NAMES)
async def test_how_it_was_read_does_not_matter(name: str, stream: bool, snapshot: Snapshot) -> None:
    found = transcript(name)
    once = await run(snapshot, scenario(found, stream=stream))
    bytewise = await run(snapshot, scenario(found, stream=stream, chunks=byte_by_byte(found.body)))
    assert as_http(bytewise) == as_http(once)
    assert transport_events(bytewise) == transport_events(once)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", NAMES)
async def test_a_recording_replays_into_the_same_bytes(name: str, stream: bool, snapshot: Snapshot) -> None:
    recorded = await run(snapshot, scenario(transcript(name), stream=stream))
    replayed = await run(snapshot, recorded)
    assert differences(recorded, replayed) == []
    assert [chunk.data for chunk in replayed.sent] == [chunk.data for chunk in recorded.sent]


@pytest.mark.parametrize("name", NAMES)
async def test_no_answer_is_empty_and_no_error_is_dressed_as_text(name: str, snapshot: Snapshot) -> None:
    """Either there is text or media and a finish, or there is a named error: in the status, or in the stream."""
    found = transcript(name)
    for stream in (True, False):
        got = await run(snapshot, scenario(found, stream=stream))
        failed = got.failure is not None
        assert failed == ("class" in found.expect or "task_id" in found.expect or "local_calls" in found.expect)
        if not failed:
            assert got.status == 200
        elif b"chat.completion.chunk" in got.answer:
            assert b'data: {"error":' in got.answer
        else:
            assert got.status >= 400


@pytest.mark.parametrize("folder", KEPT, ids=lambda folder: folder.name)
async def test_a_kept_flow_comes_out_as_it_was_kept(folder: Path, snapshot: Snapshot, golden: Golden) -> None:
    for name, data in outputs(await run(snapshot, load(folder))).items():
        golden(folder / name, data)


def test_there_are_kept_flows() -> None:
    assert KEPT


def test_the_golden_folder_holds_nothing_else() -> None:
    known = {
        "client.http",
        "recording.jsonl",
        "meta.json",
        "body.sse",
        "body.json",
        "body.html",
        "events.jsonl",
        "openai-stream.http",
        "openai-whole.http",
    }
    assert {path.name for path in Path(FIXTURES).rglob("*") if path.is_file()} <= known
