"""What is recorded can be read back, and what is replayed is what was recorded."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from luna.model.chat import ChatRequest, Message, Text
from luna.model.dialect import ClientRequest
from luna.model.errors import Kind, LunaError
from luna.model.events import Finish, Opened, StreamEvent, TextDelta, Usage
from luna.upstream.exchange import Backend, InResponse, OutRequest
from luna.upstream.recording import RecordingBackend
from luna.upstream.replay import ReplayBackend
from luna.upstream.response import Response
from luna.wire.diff import differences
from luna.wire.reader import Recording
from luna.wire.recorder import CURRENT
from tests.support.tape import MemoryRecording

TEXTS = st.text(max_size=12)
DATA = st.one_of(st.binary(max_size=40), TEXTS.map(lambda text: text.encode("utf-8", "replace")))
HEADERS = st.lists(st.tuples(st.sampled_from(["accept", "version", "x-a"]), TEXTS), max_size=3).map(tuple)
EVENTS: st.SearchStrategy[StreamEvent] = st.one_of(
    TEXTS.map(TextDelta),
    st.just(Opened("r", "m")),
    st.just(Finish("stop")),
    st.integers(0, 9).map(lambda n: Usage(n, n)),
)
BATCHES = st.lists(EVENTS, max_size=3)
BOUNDARIES = ("qwen", "tools", "stop")


@dataclass(frozen=True)
class Spoken:
    """One exchange as the upstream has it."""

    path: str
    chunks: tuple[bytes, ...]
    how: str


SPOKEN = st.builds(
    Spoken,
    st.sampled_from(["/a", "/b"]),
    st.lists(DATA.map(lambda data: data + b"\n\n"), max_size=4).map(tuple),
    st.sampled_from(["complete", "complete", "broken", "closed", "refused"]),
)


@given(
    client=st.builds(ClientRequest, st.just("POST"), st.just("/v1/x"), TEXTS, HEADERS, DATA),
    prompts=st.lists(TEXTS, min_size=1, max_size=4),
    batches=st.lists(st.tuples(BATCHES, st.one_of(st.none(), BATCHES), st.one_of(st.none(), BATCHES)), max_size=5),
    sent=st.lists(DATA, max_size=5),
)
@settings(max_examples=120, deadline=None)
def test_what_is_recorded_can_be_read_back(
    client: ClientRequest,
    prompts: list[str],
    batches: list[tuple[list[StreamEvent], list[StreamEvent] | None, list[StreamEvent] | None]],
    sent: list[bytes],
) -> None:
    made = MemoryRecording()
    made.recorder.client(client)
    documents = {
        f"stage {number}": ChatRequest(model="m", messages=[Message("user", [Text(prompt)])])
        for number, prompt in enumerate(prompts)
    }
    for boundary, document in documents.items():
        made.recorder.document(boundary, document)
    expected: dict[str, list[Sequence[StreamEvent]]] = {boundary: [] for boundary in BOUNDARIES} if batches else {}
    for parts in batches:
        passed: Sequence[StreamEvent] = ()
        for boundary, part in zip(BOUNDARIES, parts, strict=True):
            passed = passed if part is None else part
            made.recorder.events(boundary, passed)
            expected[boundary].append(list(passed))
    for data in sent:
        made.clock.advance(0.001)
        made.recorder.sent(data)
    made.recorder.ended("completed")

    recording = made.read()
    assert recording.client == client
    assert recording.documents == documents
    assert recording.events == expected
    assert b"".join(chunk.data for chunk in recording.sent) == b"".join(sent)


class Upstream:
    """A backend that says what it is told to."""

    def __init__(self, script: Sequence[Spoken]) -> None:
        self._left = list(script)

    async def open(self, request: OutRequest) -> InResponse:
        spoken = self._left.pop(0)
        if spoken.how == "refused":
            raise LunaError(Kind.UPSTREAM_BROKEN, "nobody listens", hint="start it")
        return Said(spoken)

    async def aclose(self) -> None:
        pass


class Said(Response):
    """A response made of chunks."""

    def __init__(self, spoken: Spoken) -> None:
        super().__init__("upstream", 200, (("content-type", "text/event-stream"),))
        self._spoken = spoken

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        for chunk in self._spoken.chunks:
            yield chunk
        if self._spoken.how == "broken":
            raise LunaError(Kind.TIMEOUT, "nothing came", hint="wait")

    async def aclose(self) -> None:
        pass


async def used(backend: Backend, script: Sequence[Spoken]) -> list[object]:
    """Go through all exchanges; give everything that came of them."""
    seen: list[object] = []
    for spoken in script:
        try:
            answer = await backend.open(OutRequest("POST", f"https://upstream{spoken.path}", body=b"asked"))
            chunks = answer.chunks()
            if spoken.how == "closed":
                seen += [await anext(chunks) for _ in spoken.chunks]
            else:
                seen += [chunk async for chunk in chunks]
                seen.append("complete")
            await answer.aclose()
        except LunaError as error:
            seen.append((error.kind, error.message, error.hint))
    return seen


async def recorded(backend: Backend, script: Sequence[Spoken]) -> tuple[list[object], Recording]:
    made = MemoryRecording()
    token = CURRENT.set(made.recorder)
    try:
        seen = await used(RecordingBackend(backend), script)
    finally:
        CURRENT.reset(token)
    made.recorder.ended("completed")
    return seen, made.read()


@given(st.lists(SPOKEN, max_size=4))
@settings(max_examples=60, deadline=None)
def test_a_replay_is_what_was_recorded(script: list[Spoken]) -> None:
    async def both() -> None:
        seen, first = await recorded(Upstream(script), script)
        again, second = await recorded(ReplayBackend(first.exchanges), script)
        assert again == seen
        assert differences(first, second) == []
        assert [exchange.chunks for exchange in second.exchanges] == [exchange.chunks for exchange in first.exchanges]

    anyio.run(both)
