"""Runs and their limits: the cases of LunaProxy's scheduler (C-01 to C-12), and those its faults suggest.

There a failed schedule was a value with a reason; here it is an error that every client understands, and the reasons
stand in its detail.
"""

import anyio
import pytest

from luna.core.engine import Engine
from luna.core.flow import Outcome
from luna.core.live import LiveFlows
from luna.core.services import Services
from luna.core.stage import StageOptions
from luna.model.errors import Kind, LunaError
from luna.model.events import Opened, TextDelta
from luna.model.values import Duration
from luna.stages.schedule import Schedule, ScheduleOptions
from luna.state.choice import Wish
from luna.state.scheduler import Scheduler
from luna.state.tickets import OVERTAKEN, Need
from tests.support.machine import CONTEXT, Decode, Encode, MemoryLine, Scripted, flow_of
from tests.support.waiting_room import WaitingRoom


async def refusal(room: WaitingRoom, patience: float = 0.02, **need: str) -> LunaError:
    """What somebody is told who waits in vain."""
    with pytest.raises(LunaError) as caught:
        await room.scheduler.wait(room.ask(patience=patience, **need))
    return caught.value


async def test_c01_a_run_begins_and_ends() -> None:
    room = WaitingRoom(global_max_concurrent_runs=1)
    room.seat().release()
    room.empty()


async def test_c02_c09_the_global_limit_holds() -> None:
    room = WaitingRoom(global_max_concurrent_runs=1)
    room.seat()
    error = await refusal(room)
    assert error.detail["reasons"] == ["global_capacity_full"]
    assert (error.kind, error.retry_after) == (Kind.RATE_LIMITED, 5.0)


async def test_c03_the_limit_of_the_provider_holds() -> None:
    room = WaitingRoom("a", "b", default_provider_max_concurrent_runs=1)
    room.seat()
    assert (await refusal(room)).detail["reasons"] == ["provider_capacity_full:qwen-ai"]


async def test_c04_giving_back_twice_is_giving_back_once() -> None:
    room = WaitingRoom(global_max_concurrent_runs=1)
    seat = room.seat()
    seat.release()
    room.seat()
    seat.release()
    assert room.locks()["global"] == (1, 1, 0)


async def test_c05_an_account_takes_as_many_as_its_limit_says() -> None:
    room = WaitingRoom("a", default_account_max_concurrent_runs=2)
    assert [room.seat().account.id for _ in range(2)] == ["a", "a"]
    error = await refusal(room)
    assert error.detail["reasons"] == ["account_capacity_full:a"]
    assert "account a: 2 of 2" in error.message


async def test_c06_a_disabled_scheduler_lets_everybody_through() -> None:
    room = WaitingRoom(
        enabled=False, global_max_concurrent_runs=1, default_account_max_concurrent_runs=1, queue_length=1
    )
    for _ in range(5):
        room.seat(chat="c", session="s")


async def test_c07_what_may_be_seen_lists_runs_and_leases() -> None:
    room = WaitingRoom()
    room.seat(run="run-1", model="m")
    (running,) = room.scheduler.describe().running
    assert (running.run_id, running.account_id) == ("run-1", "a")
    assert running.keys == ["global", "provider:qwen-ai", "model:m", "account:qwen-ai:a"]
    assert room.scheduler.running == 1


async def test_c08_the_third_of_two_waits_in_vain() -> None:
    room = WaitingRoom(global_max_concurrent_runs=2)
    room.seat(), room.seat()
    error = await refusal(room)
    assert "within 0.02 s" in error.message
    assert "queueTimeoutMs" in error.hint


async def test_c10_c11_the_limit_of_a_worker_holds_and_the_others_are_used_first() -> None:
    room = WaitingRoom("a", workers=lambda _: ("w1", "w2"), default_worker_max_concurrent_runs=1)
    assert {room.seat().worker for _ in range(2)} == {"w1", "w2"}
    assert (await refusal(room)).detail["reasons"] == ["worker_capacity_full:w1", "worker_capacity_full:w2"]


async def test_a_worker_has_its_own_limit() -> None:
    """There it was ignored, and was always one."""
    room = WaitingRoom("a", workers=lambda _: ("w1",), worker_limit=lambda _: 2, default_worker_max_concurrent_runs=1)
    room.seat(), room.seat()
    assert room.locks()["worker:w1"] == (2, 2, 0)


async def test_c12_a_run_that_takes_too_long_fails_and_is_stopped() -> None:
    """There it was only called failed, and went on."""
    room = WaitingRoom("a", global_max_concurrent_runs=1)
    services = Services()
    services.provide(Scheduler, room.scheduler)
    schedule = Schedule(ScheduleOptions(run_timeout=Duration(0.05)), CONTEXT)
    far_end = Scripted([Opened("r", "m"), TextDelta("some")], 60.0)
    flow, line = flow_of(Decode(StageOptions(), CONTEXT), schedule, far_end, Encode(), services=services), MemoryLine()
    with anyio.fail_after(5):
        await Engine(LiveFlows()).run(flow, line)
    assert flow.outcome is Outcome.FAILED
    assert flow.error is not None
    assert (flow.error.kind, "0.05 s" in flow.error.message) == (Kind.TIMEOUT, True)
    assert line.body.endswith(b"some!timeout@scripted")
    assert line.ended
    assert far_end.running == 0
    room.empty()


# What its faults suggest


async def test_who_waits_holds_nothing() -> None:
    """There five requests for one account (limit 2) stopped all others (W47)."""
    room = WaitingRoom(
        "busy",
        "idle",
        global_max_concurrent_runs=5,
        default_provider_max_concurrent_runs=5,
        default_account_max_concurrent_runs=2,
    )
    tickets = [room.ask("one", account="busy") for _ in range(5)]
    assert [ticket.decided for ticket in tickets] == [True, True, False, False, False]
    assert room.locks()["global"] == (2, 5, 0)
    assert room.seat("another", account="idle").account.id == "idle"


async def test_the_limit_of_an_account_is_not_the_limit_of_the_provider() -> None:
    """There it was (fault 8.2)."""
    room = WaitingRoom(default_provider_max_concurrent_runs=5)
    room.add("small", limit=1)
    room.seat(account="small")
    assert room.locks()["provider:qwen-ai"] == (1, 5, 0)
    for _ in range(4):
        assert room.seat().account.id == "a"


async def test_the_limit_of_an_account_beats_the_default_in_both_directions() -> None:
    room = WaitingRoom("small", "large", "any", default_account_max_concurrent_runs=2)
    for name, limit in (("small", 1), ("large", 3), ("any", 0)):
        room.account(name).max_concurrent_runs = limit
    for name, limit in (("small", 1), ("large", 3)):
        seats = [room.ask(account=name).decided for _ in range(limit + 1)]
        assert seats == [True] * limit + [False]
    assert all(room.ask(account="any").decided for _ in range(20))


async def test_what_changes_in_the_settings_holds_at_once_and_for_those_who_wait() -> None:
    """There nothing that was set had any effect (W15)."""
    room = WaitingRoom(global_max_concurrent_runs=1)
    seats = [room.seat()]
    tickets = [room.ask() for _ in range(3)]
    room.limit(global_max_concurrent_runs=3)
    assert [ticket.decided for ticket in tickets] == [True, True, False]
    room.limit(global_max_concurrent_runs=1)
    seats[0].release()
    assert not tickets[2].decided, "two are running yet, and only one may"
    room.limit(enabled=False)
    assert tickets[2].decided


async def test_requests_of_one_session_go_one_after_the_other_where_that_is_asked_for() -> None:
    room = WaitingRoom(same_session_write_policy="parallel")
    room.seat(session="s"), room.seat(session="s")
    room.limit(same_session_write_policy="serialize")
    ticket = room.ask(session="s")
    assert not ticket.decided
    room.seat(session="another")
    room.limit(same_session_write_policy="parallel")
    assert ticket.decided


async def test_one_model_may_be_limited() -> None:
    room = WaitingRoom(default_model_max_concurrent_runs=1)
    room.seat(model="qwen3-max")
    assert not room.ask(model="qwen3-max").decided
    room.seat(model="qwen3.5-flash")


async def test_the_queue_has_a_length() -> None:
    room = WaitingRoom(global_max_concurrent_runs=1, queue_length=2)
    seat = room.seat()
    tickets = [room.ask(), room.ask()]
    error = room.refused()
    assert error.kind is Kind.RATE_LIMITED
    assert "2 requests are waiting already (global 1 of 1)" in error.message
    assert "queueLength" in error.hint
    seat.release()
    assert tickets[0].decided
    assert not room.ask().decided, "there is room in the queue again"


async def test_a_client_with_many_requests_does_not_keep_others_waiting() -> None:
    room = WaitingRoom(global_max_concurrent_runs=2)
    running = [room.seat("greedy"), room.seat("greedy")]
    crowd = [room.ask("greedy") for _ in range(500)]
    modest = [room.ask("modest") for _ in range(3)]
    running[0].release()
    assert modest[0].decided, "who has the least running goes first"
    running[1].release()
    assert crowd[0].decided
    assert not modest[1].decided, "and then it is even"
    order = []
    for ticket in (modest[0], crowd[0], modest[1], crowd[1]):
        assert ticket.seat is not None
        ticket.seat.release()
        order.append((sum(t.decided for t in modest), sum(t.decided for t in crowd)))
    assert order == [(2, 1), (2, 2), (3, 2), (3, 3)]


async def test_newcomers_take_turns_with_those_who_were_there() -> None:
    room = WaitingRoom(global_max_concurrent_runs=1)
    seat = room.seat("old")
    old = [room.ask("old"), room.ask("old")]
    new = [room.ask("new"), room.ask("new")]
    seen = []
    for _ in range(4):
        seat.release()
        ticket = next(ticket for ticket in [*new, *old] if ticket.seat is not None and not ticket.seat.released)
        assert ticket.seat is not None
        seat = ticket.seat
        seen.append(ticket.client.name)
    assert seen == ["old", "new", "old", "new"], "of two with as little, the one that was served the longest ago"


async def test_who_needs_two_scarce_things_gets_them_in_the_end() -> None:
    """They are never free at the same moment by chance: others always take the one while it waits for the other."""
    room = WaitingRoom("a", "b", default_model_max_concurrent_runs=1, default_account_max_concurrent_runs=1)
    on_a, on_m = room.seat("x", account="a"), room.seat("y", account="b", model="m")
    patient = room.ask("patient", account="a", model="m")
    rounds = 0
    while not patient.decided:
        next_a, next_m = room.ask("x", account="a"), room.ask("y", account="b", model="m")
        for holder, following in ((on_a, next_a), (on_m, next_m)):
            holder.release()
            if patient.decided:
                break
            if following is next_a and following.seat is not None:
                on_a = following.seat
            elif following.seat is not None:
                on_m = following.seat
        rounds += 1
        assert rounds <= 2 * OVERTAKEN
    assert rounds >= OVERTAKEN // 2, "until then nobody was held back for its sake"


async def test_a_ticket_that_is_withdrawn_frees_what_was_kept_for_it() -> None:
    room = WaitingRoom("a", "b", default_model_max_concurrent_runs=1, default_account_max_concurrent_runs=1)
    room.seat("y", account="b", model="m")
    patient = room.ask("patient", account="a", model="m")
    for _ in range(OVERTAKEN):
        room.seat("x", account="a").release()
    held_back = room.ask("x", account="a")
    assert not held_back.decided
    room.scheduler.withdraw(patient)
    assert held_back.decided


async def test_nothing_is_kept_for_somebody_whose_account_is_away() -> None:
    room = WaitingRoom("a", "b", default_model_max_concurrent_runs=1)
    room.account("a").max_concurrent_runs = 1
    room.seat("y", account="b", model="m")
    room.ask("patient", account="a", model="m")
    for _ in range(OVERTAKEN):
        room.seat("x", account="a").release()
    following = room.ask("y", account="b", model="m")
    room.account("a").failed(LunaError(Kind.RATE_LIMITED, "no", retry_after=30))
    room.limit(default_model_max_concurrent_runs=2)
    assert following.decided, "the model is not kept for one that cannot go"


async def test_a_run_that_goes_on_goes_first() -> None:
    """Its client is in the middle of an answer."""
    room = WaitingRoom(global_max_concurrent_runs=1)
    seat = room.seat("busy")
    room.ask("new")
    again = room.scheduler.ask(seat.need, client="busy", patience=60, resumed=True)
    seat.release()
    assert again.decided


async def test_a_cancelled_queue_leaves_nothing_behind() -> None:
    room = WaitingRoom("a", "b", global_max_concurrent_runs=2, default_account_max_concurrent_runs=1)
    done = 0

    def need(number: int) -> Need:
        return Need.of(Wish(account="a" if number % 4 == 0 else ""), chat=f"chat-{number % 9}")

    async def one(number: int) -> None:
        nonlocal done
        with anyio.move_on_after(0.06 * (number % 4)):
            seat = await room.scheduler.take(need(number), client=f"c{number % 5}", patience=5)
            try:
                await anyio.sleep(0.001 * (number % 3))
                done += 1
            finally:
                seat.release()

    async with anyio.create_task_group() as tasks:
        for number in range(200):
            tasks.start_soon(one, number)
    assert done
    room.empty()
