"""Every upstream transcript, recorded in every protocol and run again at every level: the same bytes."""

from typing import Any

import anyio.lowlevel
import msgspec
import pytest

from luna.config.compile import compile_files
from luna.config.files import read_files
from luna.config.overlay import Setting
from luna.config.settings import shipped_routes
from luna.core.registry import Registry
from luna.core.snapshot import Snapshot
from luna.model.dialect import ClientRequest
from luna.replay.rerun import replay
from luna.stages.qwen import Qwen
from luna.wire.causes import story
from luna.wire.reader import Recording
from tests.support.scenarios import completions, scenario, transcript

HELLO = [{"role": "user", "content": "Hello!"}]
ASKED: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": HELLO},
    "/v1/messages": {"messages": HELLO, "max_tokens": 4096},
    "/v1/responses": {"input": "Hello!"},
}


def compiled(*settings: str) -> Snapshot:
    overlay = [Setting.read(setting) for setting in settings]
    made = compile_files(read_files(shipped_routes()), Registry(), {}, None, overlay)
    assert made.snapshot is not None, made.errors
    return made.snapshot


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return compiled()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries pause between tries; here time does not pass."""

    async def at_once(_: float) -> None:
        await anyio.lowlevel.checkpoint()

    monkeypatch.setattr(Qwen, "sleep", staticmethod(at_once))


async def recorded(name: str, path: str, stream: bool, snapshot: Snapshot) -> Recording:
    """What luna records when a client asks in this protocol and Qwen answers with the transcript."""
    asked = scenario(transcript(name), stream=stream)
    body = msgspec.json.encode({"model": "qwen3.7-plus", "stream": stream, **ASKED[path]})
    asked.client = ClientRequest("POST", path, "", (("content-type", "application/json"),), body)
    return (await replay(asked, snapshot)).after


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("path", ASKED)
@pytest.mark.parametrize("name", completions())
async def test_an_unchanged_replay_makes_the_same_bytes_at_every_level(
    name: str, path: str, stream: bool, snapshot: Snapshot
) -> None:
    recording = await recorded(name, path, stream, snapshot)
    for stage in ("", *recording.events):
        again = await replay(recording, snapshot, stage=stage)
        assert again.differences() == [], stage
        assert again.after.answer == recording.answer
        assert [chunk.data for chunk in again.after.sent] == [chunk.data for chunk in recording.sent]


@pytest.mark.parametrize("name", completions())
async def test_every_batch_has_its_bytes(name: str, snapshot: Snapshot) -> None:
    """What batches are said to be made of is the answer, piece by piece, and what went out is what they became."""
    recording = await recorded(name, "/v1/chat/completions", True, snapshot)
    told = [story(recording, n) for n in range(1, len(recording.batches) + 1)]
    for each in told:
        body = recording.exchanges[each.exchange - 1].body
        assert each.cause
        assert body[each.offset : each.offset + len(each.cause)] == each.cause
        assert "/chat/completions?" in recording.exchanges[each.exchange - 1].opened.url
    effects = b"".join(each.effect for each in told)
    assert recording.answer.endswith(effects) if told else effects == b""


@pytest.mark.parametrize("path", ASKED)
async def test_a_changed_option_is_reported_at_the_right_boundary(path: str, snapshot: Snapshot) -> None:
    recording = await recorded("01_plain_answer_fast", path, True, snapshot)
    changed = compiled("limit.max-tokens=1")
    for stage in ("", "qwen", "require-answer"):
        first, *_ = (await replay(recording, changed, stage=stage)).differences()
        assert first.boundary == "events limit"
        assert '"reason":"length"' in first.diff


async def test_what_is_before_the_stage_does_not_matter(snapshot: Snapshot) -> None:
    """Events that are put in behind a stage do not meet it: its options are of no account."""
    recording = await recorded("01_plain_answer_fast", "/v1/messages", True, snapshot)
    changed = compiled("limit.max-tokens=1")
    assert (await replay(recording, changed)).differences() != []
    assert (await replay(recording, changed, stage="limit")).differences() == []
