"""A flow becomes a fixture: whole, about nobody, and over nothing that is there; or it is said why not."""

import base64
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from luna.model.dialect import ClientRequest
from luna.model.errors import Kind, LunaError
from luna.replay.fixture import CLIENT, EVENTS, RECORDING, golden, load, make, outputs, pinned, write
from luna.replay.rerun import rerun
from luna.wire.reader import Chunk, Recording
from tests.support.configurations import shipped_snapshot
from tests.support.scenarios import scenario, transcript

SECRET = "sk-canary-0123456789abcdef"


async def flow(text: str = "Hello!", name: str = "02_think_then_answer") -> Recording:
    """A recording as luna would have made it."""
    asked = scenario(transcript(name), stream=True)
    document = {"model": "qwen3.7-plus", "stream": True, "messages": [{"role": "user", "content": text}]}
    assert asked.client is not None
    client = ClientRequest("POST", asked.client.path, "", asked.client.headers, msgspec.json.encode(document))
    return (await rerun(replace(asked, client=client), shipped_snapshot()))[0]


async def test_what_is_kept_comes_out_as_it_was_kept(tmp_path: Path) -> None:
    made = await make(await flow(), shipped_snapshot(), "a-thought")
    folder = write(made, tmp_path / "fixtures" / "wire")
    assert pinned(tmp_path / "fixtures" / "wire") == [folder]
    assert {path.name for path in folder.iterdir()} == {RECORDING, EVENTS, CLIENT}
    again, left = await rerun(load(folder), shipped_snapshot())
    assert outputs(again) == golden(folder)
    assert b"data: [DONE]" in golden(folder)[CLIENT]
    assert not any("completions/stop" not in each for each in left), "only what is asked for is kept"


async def test_a_change_is_seen_in_it(tmp_path: Path) -> None:
    folder = write(await make(await flow(), shipped_snapshot(), "x"), tmp_path)
    changed, _ = await rerun(load(folder), shipped_snapshot("limit.max-tokens=1"))
    assert outputs(changed) != golden(folder)


async def test_it_is_about_nobody(tmp_path: Path) -> None:
    made = await make(await flow("write to alice@corp.example in /home/alicesmith/x"), shipped_snapshot(), "x")
    for data in made.files.values():
        assert b"alice" not in data
    assert b"/home/user1/x" in made.files[RECORDING]


async def test_minimised_it_shows_the_same_and_is_shorter() -> None:
    whole, short = [await make(await flow(), shipped_snapshot(), "x", minimise=minimise) for minimise in (False, True)]
    assert short.shortened is not None
    assert short.shortened.after < short.shortened.before
    assert short.trait == whole.trait
    assert len(short.files[RECORDING]) < len(whole.files[RECORDING])


async def test_a_name_that_is_taken_is_left_alone(tmp_path: Path) -> None:
    made = await make(await flow(), shipped_snapshot(), "x")
    (tmp_path / "x").mkdir()
    with pytest.raises(LunaError, match="There is a fixture 'x' already") as refused:
        write(made, tmp_path)
    assert refused.value.kind is Kind.CONFLICT
    assert [path.name for path in tmp_path.rglob("*")] == ["x"]


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", ".hidden", "ü", "x" * 81, "a b"])
async def test_a_name_is_a_name(name: str) -> None:
    with pytest.raises(LunaError, match="no name for a fixture"):
        await make(await flow(), shipped_snapshot(), name)


async def test_a_recording_that_is_not_complete_is_refused() -> None:
    made = await flow()
    assert made.end is not None
    for part in (
        replace(made, truncated=True),
        replace(made, end=None),
        replace(made, end=msgspec.structs.replace(made.end, left_out=7)),
        replace(made, end=msgspec.structs.replace(made.end, fault="TypeError")),
    ):
        with pytest.raises(LunaError, match="The recording is not complete"):
            await make(part, shipped_snapshot(), "x")


async def test_a_plain_secret_is_taken_out() -> None:
    made = await make(await flow(f"my key is {SECRET}"), shipped_snapshot(), "x", secrets=[SECRET])
    assert not any(SECRET.encode() in data for data in made.files.values())


@pytest.mark.parametrize(
    "spelt", [base64.b64encode(SECRET.encode()).decode(), SECRET.encode().hex(), SECRET[::-1]], ids=["64", "16", "back"]
)
async def test_a_secret_that_is_spelt_otherwise_is_refused_with_its_place(spelt: str) -> None:
    with pytest.raises(LunaError, match=r"stands in line \d+ of x/recording.jsonl") as refused:
        await make(await flow(f"it says {spelt}"), shipped_snapshot(), "x", secrets=[SECRET])
    assert refused.value.kind is Kind.FORBIDDEN
    assert SECRET not in refused.value.told
    assert spelt not in refused.value.told


async def test_a_secret_that_a_stream_spells_out_in_pieces_is_refused() -> None:
    events = [{"t": "text", "text": SECRET[:9]}, {"t": "text", "text": SECRET[9:]}]
    made = await flow()
    halves = [msgspec.json.decode(msgspec.json.encode(e)) for e in events]
    frames = [
        b"data: " + msgspec.json.encode({"choices": [{"delta": {"content": e["text"], "phase": "answer"}}]}) + b"\n\n"
        for e in halves
    ]
    upstream = made.exchanges[1]
    body = upstream.chunks[0].data
    at = body.index(b"\n\n") + 2
    chunk = Chunk(upstream.chunks[0].t, body[:at] + b"".join(frames) + body[at:])
    told = replace(made, exchanges=[made.exchanges[0], replace(upstream, chunks=[chunk, *upstream.chunks[1:]])])
    with pytest.raises(LunaError, match="put together"):
        await make(told, shipped_snapshot(), "x", secrets=[SECRET])
