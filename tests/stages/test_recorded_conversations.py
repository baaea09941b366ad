"""A recorded turn of a conversation replays as it was: what luna knew of the conversation stands in the recording."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from luna.core.snapshot import Snapshot
from luna.replay.rerun import rerun
from luna.state.store import Store
from luna.wire.ledger import Ledger
from luna.wire.reader import Recording, read
from luna.wire.recorder import CURRENT, Recorder
from luna.wire.redact import Redactor
from tests.support.conversing import GONE, Body, Conversing
from tests.support.remembering import Remembering
from tests.support.spoken import context

SYSTEM = {"role": "system", "content": "Be brief."}
TOOL = {"type": "function", "function": {"name": "read", "parameters": {"type": "object"}}}


class Kept:
    """A sink that keeps the lines."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def spill(self, lines: list[bytes]) -> None:
        self.lines += lines

    def finish(self, lines: list[bytes], outcome: str) -> None:
        self.lines += lines


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Conversing]:
    async with Store.opened(tmp_path) as store:
        yield Conversing(tmp_path, store, recorded=True)


async def recorded(desk: Conversing, body: Body, **headers: str) -> Recording:
    """A request with these words, and its recording."""
    flow, kept = desk.begin(body, **headers), Kept()
    recorder = Recorder(Ledger(flow.id, clock=desk.clock, redactor=Redactor(), sink=kept))
    recorder.head(luna="0", born=flow.born, seed=flow.ids.seed, route="chat", pipeline="chat", snapshot="0", options={})
    recorder.client(flow.client)
    flow.tap = recorder
    token = CURRENT.set(recorder)
    try:
        await desk.run(flow)
    finally:
        CURRENT.reset(token)
    return read(kept.lines)


def said(*words: str, **more: Any) -> Body:
    turns = [{"role": "assistant" if n % 2 else "user", "content": text} for n, text in enumerate(words)]
    return {"messages": [SYSTEM, *turns], "tools": [TOOL], **more}


def bodies(recording: Recording) -> list[bytes]:
    """What went out."""
    return [exchange.opened.data for exchange in recording.exchanges]


async def replays(desk: Conversing, recording: Recording) -> None:
    pipelines = {"chat": desk.route.pipeline}
    snapshot = Snapshot(1, "0" * 64, 0.0, (desk.route,), pipelines, (), context().prompts)
    again, unasked = await rerun(recording, snapshot)
    assert unasked == []
    assert bodies(again) == bodies(recording)
    assert again.answer == recording.answer
    headers = [dict(one.headers) for one in (recording, again)]
    assert headers[0]["x-luna-session-id"] == headers[1]["x-luna-session-id"]
    assert headers[0]["x-luna-session-reason"] == headers[1]["x-luna-session-reason"]


@pytest.mark.parametrize("named", [{}, {"x_luna_session_id": "s", "x_luna_thread_id": "t"}])
async def test_the_first_turn(desk: Conversing, named: dict[str, str]) -> None:
    await replays(desk, await recorded(desk, said("one"), **named))


async def test_a_turn_that_goes_on(desk: Conversing) -> None:
    await desk.ask(said("one"))
    recording = await recorded(desk, said("one", "answer 1", "two"))
    assert len(recording.exchanges) == 1
    await replays(desk, recording)


async def test_a_turn_that_was_rebuilt(desk: Conversing) -> None:
    await desk.ask(said("one"))
    del desk.upstream.owners["chat-1"]
    recording = await recorded(desk, said("one", "answer 1", "two"))
    assert len(recording.exchanges) == 3
    await replays(desk, recording)


def remembering(tmp_path: Path, store: Store) -> Remembering:
    """A process that summarises every third turn."""
    desk = Remembering(tmp_path, store, recorded=True, summary_every_n_turns=3, rolling_history_k=2)
    desk.upstream.say = lambda sent: "In short." if sent.text.startswith("Below is") else f"answer {sent.number}"
    return desk


@pytest.mark.parametrize("gone", ["upstream", "by-luna"])
async def test_a_turn_in_which_a_summary_stood_for_the_beginning(tmp_path: Path, desk: Conversing, gone: str) -> None:
    made = remembering(tmp_path, desk.store)
    for turns in (("one",), ("one", "answer 1", "two"), ("one", "answer 1", "two", "answer 2", "three")):
        await made.ask(said(*turns))
    await made.upkeep()
    if gone == "upstream":
        del made.upstream.owners["chat-1"]
    else:
        made.sessions.forget_chat("chat-1")
    recording = await recorded(made, said("one", "answer 1", "two", "answer 2", "three", "answer 3", "four"))
    assert b"In short." in bodies(recording)[-1]
    assert b"answer 1" not in bodies(recording)[-1]
    await replays(made, recording)


async def test_a_turn_whose_beginning_only_luna_knew(tmp_path: Path, desk: Conversing) -> None:
    made = remembering(tmp_path, desk.store)
    for words in ("one", "two"):
        await made.ask({"messages": [{"role": "user", "content": words}], "session_id": "mine"})
    made.sessions.forget_chat("chat-1")
    recording = await recorded(made, {"messages": [{"role": "user", "content": "three"}], "session_id": "mine"})
    assert b"answer 2" in bodies(recording)[-1]
    await replays(made, recording)


async def test_a_turn_that_failed(desk: Conversing) -> None:
    await desk.ask(said("one"))
    desk.upstream.say = lambda sent: GONE
    recording = await recorded(desk, said("one", "answer 1", "two"))
    assert recording.status >= 400
    await replays(desk, recording)
