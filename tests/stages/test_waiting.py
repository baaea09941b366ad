"""A request waits for its turn: how long, for what, and what it is told."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from luna.core.chain import Chain
from luna.core.engine import Engine
from luna.core.flow import Flow, Outcome
from luna.core.live import LiveFlows
from luna.core.notes import CLIENT
from luna.core.stage import Reask, ResponseStage, StageOptions, Transducer
from luna.model.chat import Binding
from luna.model.errors import Kind, LunaError
from luna.model.events import Finish, Opened, StreamEvent, TextDelta
from luna.model.preferences import LivePreferences, Preferences
from luna.model.values import Duration
from luna.stages.schedule import Schedule, ScheduleOptions
from luna.stages.schedule_need import client_of
from luna.stages.session_bind import BOUND, Bound
from luna.state.place import Place
from luna.state.runs import Runs
from luna.state.slots import Slot
from luna.state.store import Store
from luna.state.tickets import Seat
from tests.support.machine import CONTEXT, Decode, Encode, MemoryLine, Scripted, Step, carry_out, flow_of
from tests.support.qwen_desk import QwenDesk, user

ANSWER: list[Step] = [[Opened("r", "m"), TextDelta("hello")], Finish("stop")]


@pytest.fixture
def desk(tmp_path: Path) -> QwenDesk:
    return QwenDesk(tmp_path)


def limit(desk: QwenDesk, **limits: Any) -> None:
    multi = msgspec.structs.replace(desk.preferences.current.multi_thread, **limits)
    desk.preferences.replace(Preferences(multi_thread=multi))


async def busy(desk: QwenDesk) -> Seat:
    """Somebody holds the only place."""
    limit(desk, global_max_concurrent_runs=1)
    return await desk.scheduler.take(desk.need())


def flow_through(desk: QwenDesk, far_end: Scripted, schedule: Schedule | None = None) -> Flow:
    decode = Decode(StageOptions(), CONTEXT)
    return flow_of(decode, schedule or desk.schedule, far_end, Encode(), services=desk.services)


async def ran(flow: Flow) -> MemoryLine:
    line = MemoryLine()
    with anyio.fail_after(5):
        await Engine(LiveFlows()).run(flow, line)
    return line


# How long


async def test_the_queue_timeout_of_the_settings_holds(desk: QwenDesk) -> None:
    seat = await busy(desk)
    limit(desk, queue_timeout_ms=20)
    far_end = Scripted(*ANSWER)
    flow = flow_through(desk, far_end)
    await ran(flow)
    assert flow.error is not None
    assert (flow.error.kind, flow.error.stage, flow.error.retry_after) == (Kind.RATE_LIMITED, "schedule", 5.0)
    assert "global 1 of 1" in flow.error.message
    seat.release()
    desk.clean()


async def test_the_pipelines_own_timeout_beats_it(desk: QwenDesk) -> None:
    seat = await busy(desk)
    schedule = Schedule(ScheduleOptions(queue_timeout=Duration(0.02)), CONTEXT)
    flow = flow_through(desk, Scripted(*ANSWER), schedule)
    await ran(flow)
    assert flow.error is not None
    assert "0.02 s" in flow.error.message
    seat.release()


async def test_who_rests_longer_than_anybody_may_wait_is_told_at_once(desk: QwenDesk) -> None:
    desk.accounts.require("env").failed(LunaError(Kind.RATE_LIMITED, "no", retry_after=121))
    flow = flow_through(desk, Scripted(*ANSWER))
    with anyio.fail_after(1):
        await ran(flow)
    assert flow.error is not None
    assert (flow.error.kind, flow.error.retry_after) == (Kind.RATE_LIMITED, 121)


async def test_who_is_back_in_time_is_waited_for(desk: QwenDesk) -> None:
    account = desk.accounts.require("env")
    account.failed(LunaError(Kind.RATE_LIMITED, "no", retry_after=0.05))
    flow = flow_through(desk, Scripted(*ANSWER))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ran, flow)
        await anyio.sleep(0.01)
        assert desk.scheduler.waiting == 1
        desk.clock.advance(0.05)
    assert flow.outcome is Outcome.COMPLETED


async def test_waiting_ends_when_it_loses_its_sense(desk: QwenDesk) -> None:
    seat = await busy(desk)
    flow = flow_through(desk, Scripted(*ANSWER))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ran, flow)
        await anyio.sleep(0.01)
        desk.accounts.require("env").failed(LunaError(Kind.UPSTREAM_LOGIN, "Sign in."))
    assert flow.error is not None
    assert flow.error.kind is Kind.UPSTREAM_LOGIN
    seat.release()


async def test_a_run_may_take_any_time_where_that_is_said(desk: QwenDesk) -> None:
    limit(desk, run_timeout_ms=10)
    schedule = Schedule(ScheduleOptions(run_timeout=Duration(0)), CONTEXT)
    flow = flow_through(desk, Scripted(0.05, *ANSWER), schedule)
    await ran(flow)
    assert flow.outcome is Outcome.COMPLETED


async def test_the_time_in_the_queue_is_not_the_runs(desk: QwenDesk) -> None:
    limit(desk, run_timeout_ms=60)
    seat = await busy(desk)
    flow = flow_through(desk, Scripted(*ANSWER))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ran, flow)
        await anyio.sleep(0.1)
        seat.release()
    assert flow.outcome is Outcome.COMPLETED


async def test_a_run_that_took_too_long_before_its_first_word_gets_a_real_status(desk: QwenDesk) -> None:
    limit(desk, run_timeout_ms=20)
    far_end = Scripted(60.0)
    flow = flow_through(desk, far_end)
    line = await ran(flow)
    assert (line.status, line.body) == (500, b"timeout@scripted")
    assert (flow.outcome, far_end.running, far_end.closed_early) == (Outcome.FAILED, 0, 1)
    assert desk.accounts.require("env").state.word == "ready"
    desk.clean()


# Cancelling


async def test_a_cancelled_queued_run_never_reaches_the_upstream(desk: QwenDesk) -> None:
    seat = await busy(desk)
    far_end = Scripted(*ANSWER)
    flow = flow_through(desk, far_end)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ran, flow)
        await anyio.sleep(0.01)
        assert desk.scheduler.waiting == 1
        flow.cancel(Outcome.CANCELLED, LunaError(Kind.CANCELLED, "Cancelled."))
    seat.release()
    assert (flow.outcome, far_end.running, far_end.closed_early) == (Outcome.CANCELLED, 0, 0)
    desk.clean()


async def test_a_client_that_leaves_the_queue_leaves_nothing_behind(desk: QwenDesk) -> None:
    seat = await busy(desk)
    flow, line = flow_through(desk, Scripted(*ANSWER)), MemoryLine()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Engine(LiveFlows()).run, flow, line)
        await anyio.sleep(0.01)
        line.left.set()
        with anyio.fail_after(5):
            while desk.scheduler.waiting:
                await anyio.sleep(0.005)
    assert flow.outcome is Outcome.CLIENT_GONE
    seat.release()
    desk.clean()


# For what


def bound(desk: QwenDesk, **place: str) -> Flow:
    flow = desk.flow()
    flow.notes[BOUND] = Bound("ses-1", Place(**place) if place else None, "found", "persistent")
    return flow


async def holds(desk: QwenDesk, flow: Flow) -> tuple[str, str, str]:
    """Which account, chat and session a flow holds while it runs."""
    stream = desk.schedule.around(flow, Scripted(*ANSWER).stream)
    await anext(stream)
    running = desk.scheduler.describe().running[-1]
    await desk.leave(flow, stream)
    return running.account_id, running.chat_id, running.session_id


async def test_a_bound_conversation_takes_its_account_its_chat_and_its_session(desk: QwenDesk) -> None:
    await desk.accounts.save({"token": "t"}, account_id="second")
    for _ in range(2):
        flow = bound(desk, account="second", chat="chat-1", response="r")
        assert await holds(desk, flow) == ("second", "chat-1", "ses-1")
    assert await holds(desk, bound(desk)) == ("env", "", "ses-1")


async def test_the_model_is_a_slot_by_its_upstream_name(desk: QwenDesk) -> None:
    flow = desk.flow(model="gpt-4o", target="Qwen3-Max")
    stream = desk.schedule.around(flow, Scripted(*ANSWER).stream)
    await anext(stream)
    assert desk.scheduler.count(Slot("model", "qwen3-max")) == 1
    await desk.leave(flow, stream)


@pytest.mark.parametrize("policy", ["queue", "reject", "new-chat"])
async def test_a_second_request_in_a_chat_that_answers(desk: QwenDesk, policy: str) -> None:
    limit(desk, same_provider_chat_policy=policy, queue_timeout_ms=20)
    place = {"account": "env", "chat": "chat-1", "response": "r"}
    answering = bound(desk, **place)
    first = desk.schedule.around(answering, Scripted(*ANSWER).stream)
    await anext(first)
    flow = bound(desk, **place)
    flow.chat.binding.chat = "chat-1"
    second = desk.schedule.around(flow, Scripted(*ANSWER).stream)
    if policy == "new-chat":
        await anext(second)
        assert flow.notes[BOUND].place is None
        assert flow.chat.binding.chat == ""
        assert desk.scheduler.describe().running[-1].chat_id == ""
        assert flow.notes[BOUND].session == "ses-1"
    else:
        with pytest.raises(LunaError) as caught:
            await anext(second)
        assert caught.value.kind is (Kind.CHAT_BUSY if policy == "reject" else Kind.RATE_LIMITED)
        assert "answering another request" in caught.value.message
    await desk.leave(flow, second)
    await desk.leave(answering, first)
    desk.clean()


async def test_a_limit_of_no_limits_knows_no_policy_either(desk: QwenDesk) -> None:
    limit(desk, enabled=False, same_provider_chat_policy="reject")
    place = {"account": "env", "chat": "chat-1", "response": "r"}
    answering = bound(desk, **place)
    first = desk.schedule.around(answering, Scripted(*ANSWER).stream)
    await anext(first)
    assert await holds(desk, bound(desk, **place)) == ("env", "chat-1", "ses-1")
    await desk.leave(answering, first)


def test_clients_are_told_apart_by_key_kind_and_workspace(desk: QwenDesk) -> None:
    flow = desk.flow(user("hi"), binding=Binding(source="cline", workspace="/w"))
    assert client_of(flow) == "cline /w"
    flow.notes[CLIENT] = "laptop"
    assert client_of(flow) == "laptop cline /w"
    assert client_of(desk.flow()) == ""


# The model is asked again


class AskTwice(ResponseStage):
    """Wants the model asked once more."""

    use = "ask-twice"

    def transducer(self, flow: Flow) -> Transducer:
        stage = self

        class Once:
            def feed(self, event: StreamEvent) -> list[StreamEvent]:
                if isinstance(event, TextDelta) and not stage.asked:
                    stage.asked = True
                    raise Reask("again", "test")
                return [event]

            def flush(self) -> list[StreamEvent]:
                return []

        return Once()

    asked = False


async def test_a_flow_that_asks_again_keeps_its_place_and_its_account(desk: QwenDesk) -> None:
    await desk.accounts.save({"token": "t"}, account_id="second")
    limit(desk, global_max_concurrent_runs=1)
    far_end = Scripted(*ANSWER)
    flow = flow_of(
        Decode(StageOptions(), CONTEXT),
        desk.schedule,
        far_end,
        AskTwice(StageOptions(), CONTEXT),
        Encode(),
        services=desk.services,
    )
    seats = list[str]()
    chain = Chain(flow)
    flow.chat = desk.flow().chat
    stream = chain.stream()
    batch = await anext(stream)
    waiting = desk.scheduler.ask(desk.need(), client="another")
    seats += [seat.account_id for seat in desk.scheduler.describe().running]
    chain.feed(batch)
    assert chain.reask is not None
    stream = await chain.again(chain.reask)
    await anext(stream)
    seats += [seat.account_id for seat in desk.scheduler.describe().running]
    assert seats == ["env", "env"]
    assert not waiting.decided, "the place was never free"
    flow.outcome = Outcome.COMPLETED
    await chain.close()
    assert waiting.seat is not None
    waiting.seat.release()
    desk.clean()


async def test_a_flow_that_ends_between_two_questions_gives_its_place_back(desk: QwenDesk) -> None:
    flow = desk.flow()
    stream = desk.schedule.around(flow, Scripted(*ANSWER).stream)
    await anext(stream)
    await stream.aclose()
    assert desk.scheduler.running == 1
    await carry_out(flow.take_defers())
    desk.clean()


# What the run is told


@pytest.fixture
async def runs(tmp_path: Path, desk: QwenDesk) -> AsyncIterator[Runs]:
    async with Store.opened(tmp_path) as store:
        runs = Runs(store, desk.clock, LivePreferences())
        desk.services.provide(Runs, runs)
        yield runs


async def test_a_run_shows_where_it_is(desk: QwenDesk, runs: Runs) -> None:
    await desk.accounts.edit("env", network_profile="home")
    seat = await busy(desk)
    flow = desk.flow()
    run = runs.begin(flow.id)
    seen = []
    stream = desk.schedule.around(flow, Scripted(0.01, *ANSWER).stream)

    async def look() -> None:
        await anyio.sleep(0.005)
        seen.append((run.status, run.record.queue_reason))
        seat.release()
        await anyio.sleep(0.005)
        seen.append((run.status, run.record.account_id))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(look)
        await anext(stream)
    assert seen == [("queued", "global 1 of 1"), ("running", "env")]
    assert (run.status, run.record.network_profile_id, run.record.attempts) == ("streaming", "home", 1)
    await desk.leave(flow, stream)


async def test_a_run_counts_its_accounts(desk: QwenDesk, runs: Runs) -> None:
    await desk.accounts.save({"token": "t"}, account_id="second")
    flow = desk.flow()
    run = runs.begin(flow.id)
    far_ends = iter([Scripted(LunaError(Kind.RATE_LIMITED, "no", retry_after=900)), Scripted(*ANSWER)])
    stream = desk.schedule.around(flow, lambda flow: next(far_ends).stream(flow))
    await anext(stream)
    assert (run.record.attempts, run.record.account_id, run.status) == (2, "second", "streaming")
    await desk.leave(flow, stream)
