"""Another account takes over, as long as nothing of the answer has come."""

from pathlib import Path
from typing import Any

import pytest

from luna.core.flow import Flow
from luna.core.stage import BuildContext
from luna.model.chat import Binding
from luna.model.errors import Kind, LunaError
from luna.model.events import Batch, Finish, Notice, Opened, Stream, TextDelta
from luna.stages.schedule import LEASE, SUBJECT, Schedule, ScheduleOptions
from luna.state.account import Account
from luna.state.place import Place
from tests.support.qwen_desk import PROMPTS, QwenDesk

LIMITED = LunaError(Kind.RATE_LIMITED, "Enough for today.", retry_after=7200)


class Below:
    """Accounts that fail as they are told, and answer otherwise."""

    def __init__(self, **failures: LunaError) -> None:
        self.failures = failures
        self.tried: list[str] = []

    async def __call__(self, flow: Flow) -> Stream:
        account = flow.notes[LEASE].account.id
        self.tried.append(account)
        if account == "late":
            yield [Opened("r", "m")]
        if account in self.failures:
            raise self.failures[account]
        yield [Opened("r", "m"), TextDelta(f"from {account}")]
        yield [Finish("stop")]


@pytest.fixture
async def desk(tmp_path: Path) -> QwenDesk:
    desk = QwenDesk(tmp_path, account=False)
    for name in ("a", "b", "c"):
        await desk.accounts.save({"token": name}, account_id=name)
    return desk


async def run(desk: QwenDesk, below: Below, *, stage: Schedule | None = None, flow: Flow | None = None) -> list[Batch]:
    flow = flow or desk.flow()
    try:
        return [batch async for batch in (stage or desk.schedule).around(flow, below)]
    finally:
        desk.clean()
        assert flow.notes.get(LEASE) is None


async def failed(desk: QwenDesk, below: Below, **more: Any) -> LunaError:
    with pytest.raises(LunaError) as caught:
        await run(desk, below, **more)
    return caught.value


def account(desk: QwenDesk, name: str) -> Account:
    return desk.accounts.require(name)


@pytest.mark.parametrize("kind", [Kind.RATE_LIMITED, Kind.QUOTA_EXHAUSTED, Kind.UPSTREAM_LOGIN])
async def test_the_next_one_answers_and_the_client_sees_no_error(desk: QwenDesk, kind: Kind) -> None:
    below = Below(a=LunaError(kind, "no"))
    first, *_ = await run(desk, below)
    assert below.tried == ["a", "b"]
    assert first == [
        Opened("r", "m"),
        Notice("failover", kind.value, {"account": "a"}),
        TextDelta("from b"),
    ]
    assert account(desk, "a").state.word in ("cooling", "login-needed")


async def test_who_failed_is_left_alone_and_returns_by_itself(desk: QwenDesk) -> None:
    below = Below(a=LIMITED)
    await run(desk, below)
    below.failures.clear()
    for _ in range(4):
        await run(desk, below)
    assert "a" not in below.tried[1:]
    desk.clock.advance(7200)
    for _ in range(3):
        await run(desk, below)
    assert "a" in below.tried[6:]


async def test_each_account_is_tried_once_and_the_soonest_return_is_told(desk: QwenDesk) -> None:
    below = Below(
        a=LunaError(Kind.UPSTREAM_LOGIN, "Sign in."),
        b=LunaError(Kind.RATE_LIMITED, "A moment.", retry_after=30),
        c=LIMITED,
    )
    error = await failed(desk, below)
    assert below.tried == ["a", "b", "c"]
    assert (error.message, error.retry_after) == ("A moment.", 30)
    assert error.detail["accounts"] == ["a", "b", "c"]


@pytest.mark.parametrize("kind", [Kind.UPSTREAM_BLOCKED, Kind.UPSTREAM_BROKEN, Kind.CONTENT_FILTERED, Kind.TIMEOUT])
async def test_what_another_account_cannot_mend_is_told(desk: QwenDesk, kind: Kind) -> None:
    """A challenge among them: a human must see it."""
    below = Below(a=LunaError(kind, "no"))
    assert (await failed(desk, below)).kind is kind
    assert below.tried == ["a"]


async def test_nothing_is_tried_again_once_something_has_come(tmp_path: Path) -> None:
    desk = QwenDesk(tmp_path, account=False)
    for name in ("late", "b"):
        await desk.accounts.save({"token": name}, account_id=name)
    below = Below(late=LIMITED)
    assert await failed(desk, below) is LIMITED
    assert below.tried == ["late"]
    assert account(desk, "late").state.word == "cooling"


async def test_an_account_that_the_client_names_is_not_replaced(desk: QwenDesk) -> None:
    below = Below(a=LIMITED)
    assert await failed(desk, below, flow=desk.flow(binding=Binding(account="a"))) is LIMITED
    assert below.tried == ["a"]


async def test_what_is_mended_by_another_account_can_be_said(desk: QwenDesk) -> None:
    context = BuildContext(PROMPTS, "test")
    below = Below(a=LIMITED)
    await failed(desk, below, stage=Schedule(ScheduleOptions(failover=()), context))
    assert below.tried == ["a"]
    below = Below(b=LunaError(Kind.UPSTREAM_BLOCKED, "no"))
    await run(desk, below, stage=Schedule(ScheduleOptions(failover=("upstream-blocked",)), context))
    assert below.tried == ["b", "c"]


async def test_an_account_that_is_full_is_waited_for(desk: QwenDesk) -> None:
    for name in ("b", "c"):
        await desk.accounts.edit(name, enabled=name == "b", max_concurrent_runs=1)
    seat = await desk.scheduler.take(desk.need(account="b"))
    below, flow = Below(a=LIMITED), desk.flow()
    stream = desk.schedule.around(flow, below)
    async with desk.soon(seat.release):
        batch = await anext(stream)
    assert TextDelta("from b") in batch
    await desk.leave(flow, stream)
    desk.clean()


async def test_when_nobody_is_left_the_account_that_failed_speaks(desk: QwenDesk) -> None:
    for name in ("b", "c"):
        await desk.accounts.edit(name, enabled=False)
    assert await failed(desk, Below(a=LIMITED)) is LIMITED


async def test_a_trial_that_fails_is_not_the_clients_trouble(desk: QwenDesk) -> None:
    broken = LunaError(Kind.UPSTREAM_BROKEN, "cut")
    for _ in range(5):
        account(desk, "a").failed(broken)
    assert account(desk, "a").state.word == "circuit-open"
    desk.clock.advance(10)
    for name in ("b", "c"):
        await desk.accounts.edit(name, max_concurrent_runs=1)
    b, c = [await desk.scheduler.take(desk.need(account=name)) for name in ("b", "c")]
    below = Below(a=broken)
    flow = desk.flow()
    stream = desk.schedule.around(flow, below)
    async with desk.soon(b.release):
        assert TextDelta("from b") in await anext(stream)
    assert below.tried == ["a", "b"]
    await desk.leave(flow, stream)
    c.release()
    desk.clean()
    assert account(desk, "a").view().circuit.state == "open"


async def test_the_conversations_chat_is_left_with_the_account_that_failed(desk: QwenDesk) -> None:
    """The other account cannot go on there."""
    desk.turns.note(Place("b", "chat-1", "r"))
    below = Below(b=LIMITED)
    flow = desk.flow(binding=Binding(chat="chat-1"))
    stream = desk.schedule.around(flow, below)
    await anext(stream)
    assert below.tried == ["b", "a"]
    (running,) = desk.scheduler.describe().running
    assert running.chat_id == ""
    await desk.leave(flow, stream)


async def test_media_rest_apart_from_chats(desk: QwenDesk) -> None:
    flow = desk.flow()
    flow.notes[SUBJECT] = "media"
    await run(desk, Below(a=LIMITED), flow=flow)
    a = account(desk, "a")
    assert (a.state_for("chat").word, a.state_for("media").word) == ("ready", "cooling")
    assert list(a.view().cooldowns) == ["media"]
    flow = desk.flow()
    flow.notes[SUBJECT] = "media"
    below = Below()
    await run(desk, below, flow=flow)
    assert below.tried != ["a"]
