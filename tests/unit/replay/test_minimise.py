"""The shortest stream that still shows the same."""

from dataclasses import replace

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from luna.model.errors import Kind, LunaError
from luna.replay.minimise import Shows, same_divergence, same_outcome, shortest
from luna.replay.rerun import rerun
from luna.wire.reader import Chunk, Recording
from tests.support.configurations import shipped_snapshot
from tests.support.scenarios import scenario, transcript


def stream_of(events: list[bytes], *, cut: int | None = None) -> Recording:
    """A completion whose body is these events, read in pieces of `cut` bytes."""
    made = scenario(transcript("01_plain_answer_fast"), stream=True)
    body = b"".join(events)
    size = cut or len(body) or 1
    chunks = [Chunk(0, body[at : at + size]) for at in range(0, len(body), size)]
    exchanges = [replace(e, chunks=chunks) if len(e.chunks) and b"data:" in e.body else e for e in made.exchanges]
    return replace(made, exchanges=exchanges[:2])


def body_of(recording: Recording) -> bytes:
    return recording.exchanges[1].body


def needs(wanted: list[bytes]) -> Shows:
    async def shows(candidate: Recording) -> bool:
        return all(event in body_of(candidate) for event in wanted)

    return shows


@settings(max_examples=40, deadline=None)
@given(st.data())
async def test_exactly_what_it_takes_is_left(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 24))
    events = [b"data: %d\n\n" % number for number in range(100, 100 + size)]
    wanted = sorted(data.draw(st.sets(st.sampled_from(events), min_size=1, max_size=4)))
    found = await shortest(stream_of(events, cut=data.draw(st.sampled_from([None, 1, 7]))), needs(wanted))
    assert body_of(found.recording) == b"".join(wanted)
    assert (found.before, found.after, found.whole) == (size, len(wanted), True)


async def test_the_search_ends_when_its_replays_are_used_up() -> None:
    events = [b"data: %d\n\n" % number for number in range(100, 160)]
    found = await shortest(stream_of(events), needs([events[3], events[40]]), replays=5)
    assert not found.whole
    assert found.replays == 5
    assert events[3] in body_of(found.recording)
    assert events[40] in body_of(found.recording)


async def test_where_the_reads_matter_reads_are_left_out() -> None:
    async def shows(candidate: Recording) -> bool:
        return any(chunk.data.endswith(b"data: 10") for chunk in candidate.exchanges[1].chunks)

    events = [b"data: %d\n\n" % number for number in range(100, 104)]
    found = await shortest(stream_of(events, cut=8), shows)
    assert [chunk.data for chunk in found.recording.exchanges[1].chunks] == [b"data: 10"]


async def test_what_cannot_be_run_shows_nothing() -> None:
    async def shows(candidate: Recording) -> bool:
        if b"100" not in body_of(candidate):
            raise LunaError(Kind.BAD_REQUEST, "no")
        return True

    events = [b"data: 100\n\n", b"data: 101\n\n"]
    assert body_of((await shortest(stream_of(events), shows)).recording) == events[0]


def delta(text: str, *, status: str = "typing") -> bytes:
    choice = {"delta": {"role": "assistant", "content": text, "phase": "answer", "status": status}}
    return b"data: " + msgspec.json.encode({"choices": [choice], "response_id": "r-1"}) + b"\n\n"


CREATED = b'data: {"response.created":{"chat_id":"c-1","parent_id":"p-1","response_id":"r-1"}}\n\n'
WORDS = ["one ", "two ", "three ", "four ", "five ", "six ", "seven ", "eight "]


async def test_of_an_answer_only_what_ends_it_is_left() -> None:
    events = [CREATED, *(delta(word) for word in WORDS), delta("", status="finished")]
    recording, snapshot = stream_of(events), shipped_snapshot()
    trait, shows = await same_outcome(recording, snapshot)
    found = await shortest(recording, shows)
    assert trait.outcome == "completed"
    assert found.after < found.before
    made = (await rerun(found.recording, snapshot))[0]
    assert (made.end and made.end.outcome, made.status) == ("completed", 200)
    assert sum(word.encode() in body_of(found.recording) for word in WORDS) <= 1


async def test_of_a_divergence_what_it_takes_is_left() -> None:
    """A limit of three tokens is used up by the third word, and no sooner."""
    events = [CREATED, *(delta(word) for word in WORDS), delta("", status="finished")]
    recording = stream_of(events)
    trait, shows = await same_divergence(
        recording, shipped_snapshot("limit.max-tokens=100"), shipped_snapshot("limit.max-tokens=3")
    )
    assert trait is not None
    assert trait.boundary == "events limit"
    found = await shortest(recording, shows)
    kept = [word for word in WORDS if word.encode() in body_of(found.recording)]
    assert len(kept) == 3
    for number in range(len(found.recording.exchanges[1].chunks)):
        chunks = found.recording.exchanges[1].chunks
        fewer = replace(found.recording.exchanges[1], chunks=chunks[:number] + chunks[number + 1 :])
        exchanges = [found.recording.exchanges[0], fewer]
        assert not await shows(replace(found.recording, exchanges=exchanges)), "nothing more can be left out"


async def test_where_nothing_diverges_there_is_no_trait() -> None:
    snapshot = shipped_snapshot("limit.max-tokens=100")
    trait, _ = await same_divergence(stream_of([CREATED, delta("x")]), snapshot, snapshot)
    assert trait is None
