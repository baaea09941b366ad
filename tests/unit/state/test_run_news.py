"""Runs told as they change: the first time at once, then at a pace, and nothing while nobody looks on."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import msgspec
import pytest

from luna.model.ambient import ManualClock, SystemClock
from luna.state.bulletin import LINGER, Bulletin, Onlooker, Told
from luna.state.run import Run
from luna.state.run_news import PACE, RunNews
from luna.state.runs import Runs
from luna.state.store import Store

Newsroom = tuple[Runs, Bulletin, RunNews]


@pytest.fixture
async def newsroom(store: Store) -> AsyncIterator[Newsroom]:
    clock = SystemClock()
    runs, bulletin = Runs(store, clock), Bulletin(clock.monotonic)
    news = RunNews(bulletin, clock.monotonic)
    news.follow(runs)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(news.keep)
        yield runs, bulletin, news
        tasks.cancel_scope.cancel()


async def told(onlooker: Onlooker) -> list[dict[str, Any]]:
    with anyio.fail_after(3):
        return [msgspec.json.decode(event.data) for event in await onlooker.take()]


async def test_a_run_is_told_at_once_and_what_follows_in_one_piece(newsroom: Newsroom) -> None:
    runs, bulletin, _ = newsroom
    with bulletin.listening(["runs"]) as onlooker:
        begun = anyio.current_time()
        run = runs.begin("flow_1", model="qwen", route="chat")
        (first,) = await told(onlooker)
        assert anyio.current_time() - begun < PACE
        assert (first["id"], first["status"], first["model"], first["route"]) == ("flow_1", "queued", "qwen", "chat")
        run.queued("account full: env")
        run.running("env")
        run.streaming()
        runs.end(run, outcome="completed")
        (last,) = await told(onlooker)
        assert (last["status"], last["accountId"]) == ("completed", "env")
        assert last["durationMs"] >= 0


async def test_many_runs_are_told_of_each(newsroom: Newsroom) -> None:
    runs, bulletin, _ = newsroom
    with bulletin.listening(["runs"]) as onlooker:
        for number in range(20):
            run = runs.begin(f"flow_{number}")
            runs.end(run, outcome="completed")
        seen: dict[str, str] = {}
        while set(seen.values()) != {"completed"}:
            seen |= {event["id"]: event["status"] for event in await told(onlooker)}
        assert len(seen) == 20


async def test_nothing_is_kept_when_nobody_looks_on(newsroom: Newsroom) -> None:
    runs, bulletin, news = newsroom
    before = bulletin.number
    run = runs.begin("flow_1")
    run.running("env")
    assert bulletin.number == before
    assert repr(news) == "<RunNews told=0 waiting=0>"


async def test_runs_are_watched_only_while_somebody_looks_on(store: Store) -> None:
    clock = ManualClock()
    runs, bulletin = Runs(store, clock), Bulletin(clock.monotonic)
    clock.advance(LINGER)
    news = RunNews(bulletin, clock.monotonic)
    news.follow(runs)
    heard: list[str] = []

    def changed(run: Run) -> None:
        heard.append(run.status)
        news_changed(run)

    news_changed, news.changed = news.changed, changed  # type: ignore[method-assign]
    run = runs.begin("flow_1")
    assert heard == []
    for _ in range(2):
        with bulletin.listening(["runs"]) as onlooker:
            run.running("env")
            assert heard == ["running"]
            assert [msgspec.json.decode(event.data)["status"] for event in await told_by(onlooker)] == ["running"]
        clock.advance(LINGER - 1)
        run.queued("it may come back")
        assert heard == ["running", "queued"]
        clock.advance(1)
        run.running("env")
        run.queued("nobody is there")
        assert heard == ["running", "queued", "running"], "the last one that is told finds nobody, and no more are"
        heard.clear()


async def told_by(onlooker: Onlooker) -> list[Told]:
    with anyio.fail_after(3):
        return await onlooker.take()
