"""How an account is: its states, its rests, its breaker, and the way out of each."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luna.model.ambient import ManualClock
from luna.model.errors import Kind, LunaError
from luna.qwen.refusals import Refusal, refused
from luna.state.account import Account
from luna.state.circuit import FAILURES, FORGET, LONGEST, SHORTEST, Circuit
from luna.state.health import (
    COOL_DOWN,
    PASSING,
    PROBE_AFTER,
    QUOTA_COOL_DOWN,
    Blocked,
    Cooling,
    Health,
    Ready,
)
from tests.support.waiting_room import WaitingRoom


@pytest.fixture
def room() -> WaitingRoom:
    return WaitingRoom("a")


@pytest.fixture
def account(room: WaitingRoom) -> Account:
    return room.account("a")


def error(kind: Kind, **more: Any) -> LunaError:
    return LunaError(kind, "It said no.", **more)


def broken(account: Account, times: int = FAILURES) -> None:
    for _ in range(times):
        account.failed(error(Kind.UPSTREAM_BROKEN))


# Rests


@pytest.mark.parametrize(
    ("problem", "seconds"),
    [
        (refused(Refusal(code="RateLimited", details="today's usage", hours=3)), 3 * 3600),
        (refused(Refusal(code="RateLimited", details="today's usage")), 3600),
        (refused(Refusal(code="Too_Many_Requests")), 5),
        (refused(Refusal(code="quota_exhausted", hours=12)), 12 * 3600),
        (refused(Refusal(code="quota_exhausted")), QUOTA_COOL_DOWN),
        (error(Kind.RATE_LIMITED), COOL_DOWN),
    ],
)
def test_an_account_rests_as_long_as_qwen_says(room: WaitingRoom, problem: LunaError, seconds: float) -> None:
    account = room.account("a")
    account.failed(problem)
    assert account.state.word == "cooling"
    assert account.comes_back() == seconds
    room.clock.advance(seconds - 0.001)
    assert account.state.word == "cooling"
    room.clock.advance(0.001)
    assert account.state.word == "ready"
    assert account.refusal() is None


def test_a_short_rest_does_not_end_a_long_one(account: Account) -> None:
    account.failed(error(Kind.RATE_LIMITED, retry_after=7200))
    account.failed(error(Kind.RATE_LIMITED, retry_after=5))
    assert account.comes_back() == 7200


def test_chats_and_media_rest_apart(account: Account) -> None:
    account.failed(error(Kind.RATE_LIMITED, retry_after=60), "media")
    account.failed(error(Kind.RATE_LIMITED, retry_after=30), "chat")
    assert (account.comes_back("media"), account.comes_back("chat")) == (60, 30)
    assert {name: rest.reason for name, rest in account.view().cooldowns.items()} == {
        "chat": "It said no.",
        "media": "It said no.",
    }


# Ways out


def test_every_state_has_a_reason_and_a_way_out(account: Account) -> None:
    seen = {}
    account.failed(error(Kind.RATE_LIMITED))
    seen["cooling"] = account.view()
    account.failed(error(Kind.UPSTREAM_BLOCKED))
    seen["blocked"] = account.view()
    account.failed(error(Kind.UPSTREAM_LOGIN))
    seen["login-needed"] = account.view()
    account.enabled = False
    seen["disabled"] = account.view()
    account.enabled = True
    account.health.renew()
    broken(account)
    seen["circuit-open"] = account.view()
    for word, view in seen.items():
        assert view.state == word
        assert view.reason
        assert view.way_out
    assert seen["cooling"].until == (account.health._clock.wall() + COOL_DOWN) * 1000


def test_a_person_may_say_try_again(account: Account) -> None:
    broken(account)
    account.failed(error(Kind.RATE_LIMITED))
    account.failed(error(Kind.UPSTREAM_BLOCKED))
    account.forgive()
    assert (account.state.word, account.view().cooldowns, account.view().circuit.failures) == ("ready", {}, 0)
    account.failed(error(Kind.UPSTREAM_LOGIN))
    account.forgive()
    assert account.state.word == "login-needed", "only new credentials help"


def test_only_a_person_ends_what_only_a_person_can_end(room: WaitingRoom, account: Account) -> None:
    account.failed(error(Kind.UPSTREAM_LOGIN))
    assert account.comes_back() is None
    account.health.renew()
    account.failed(error(Kind.UPSTREAM_BLOCKED))
    assert account.comes_back() is None
    room.clock.advance(60)
    assert account.comes_back() == 0, "the check may have been passed meanwhile"


# The breaker


def test_failures_in_a_row_open_the_circuit_and_a_trial_closes_it(room: WaitingRoom, account: Account) -> None:
    broken(account, FAILURES - 1)
    assert account.state.word == "ready"
    broken(account, 1)
    assert account.state.word == "circuit-open"
    problem = account.refusal()
    assert problem is not None
    assert (problem.kind, problem.retry_after) == (Kind.UPSTREAM_TRANSIENT, SHORTEST)
    assert f"{FAILURES} times" in problem.message
    room.clock.advance(SHORTEST)
    assert (account.state.word, account.view().circuit.state) == ("ready", "half-open")
    seat = room.seat()
    assert seat.trial
    assert not room.ask().decided, "one at a time finds out"
    account.succeeded()
    assert account.view().circuit.state == "closed"
    assert room.scheduler.waiting == 0


def test_a_trial_that_fails_opens_it_for_longer(room: WaitingRoom, account: Account) -> None:
    broken(account)
    for seconds in (SHORTEST, 2 * SHORTEST, 4 * SHORTEST, 8 * SHORTEST):
        assert account.comes_back() == seconds
        room.clock.advance(seconds)
        seat = room.seat()
        account.failed(error(Kind.TIMEOUT))
        seat.release()
        assert account.state.word == "circuit-open"


def test_a_trial_that_ends_without_a_word_lets_the_next_one_try(room: WaitingRoom, account: Account) -> None:
    broken(account)
    room.clock.advance(SHORTEST)
    seat, waiting = room.seat(), room.ask()
    seat.release()
    assert waiting.seat is not None
    assert waiting.seat.trial


def test_a_success_between_failures_starts_the_count_again(account: Account) -> None:
    broken(account, FAILURES - 1)
    account.succeeded()
    broken(account, FAILURES - 1)
    assert account.state.word == "ready"


def test_what_says_nothing_of_the_account_does_not_open_it(account: Account) -> None:
    for kind in (Kind.CONTENT_FILTERED, Kind.CHAT_BUSY, Kind.CHAT_GONE, Kind.CONTEXT_OVERFLOW, Kind.UPSTREAM_REJECTED):
        for _ in range(FAILURES):
            account.failed(error(kind))
    assert account.state.word == "ready"


def test_an_account_on_trial_is_used_when_no_other_has_room() -> None:
    room = WaitingRoom("shaky", "firm")
    broken(room.account("shaky"))
    room.clock.advance(SHORTEST)
    room.account("firm").max_concurrent_runs = 1
    assert [room.seat().account.id for _ in range(2)] == ["firm", "shaky"]


def test_an_opening_has_an_end() -> None:
    circuit = Circuit()
    now = 0.0
    for _ in range(FAILURES):
        circuit.failed(now, "no")
    for _ in range(2000):
        now += circuit.left(now)
        circuit.failed(now, "no")
    assert circuit.left(now) == LONGEST
    assert circuit.half_open(now + LONGEST)
    assert not circuit.half_open(now + LONGEST + FORGET), "nobody tried, and it is forgotten"
    assert repr(circuit) == "<Circuit failures=0>"


def test_runs_of_before_it_opened_do_not_keep_it_open() -> None:
    circuit = Circuit()
    for _ in range(FAILURES):
        circuit.failed(0.0, "no")
    assert not circuit.failed(1.0, "an earlier one")
    assert circuit.left(1.0) == SHORTEST - 1.0


# What is well


def happenings() -> st.SearchStrategy[list[tuple[str, float]]]:
    """What may happen to an account, and how much time passes before it."""
    kinds = [kind.value for kind in (Kind.UPSTREAM_LOGIN, Kind.UPSTREAM_BLOCKED, Kind.RATE_LIMITED, *PASSING)]
    whats = [*kinds, "media", "succeeded", "recognised", "forgive", "renew", "rest", "blocked", "look"]
    seconds = st.sampled_from((0.0, 0.0, 1.0, SHORTEST, COOL_DOWN, PROBE_AFTER, FORGET))
    return st.lists(st.tuples(st.sampled_from(whats), seconds), max_size=25)


def happens(health: Health, what: str, now: float) -> None:
    match what:
        case "succeeded" | "recognised" | "forgive" | "renew":
            getattr(health, what)()
        case "rest":
            health.restore("chat", Cooling("It was so before.", now + 5))
        case "blocked":
            health.restore_standing(Blocked("It was so before.", now))
        case "media":
            health.failed(error(Kind.RATE_LIMITED), "media")
        case "look":
            assert health.state("chat").word and health.state("media").word and health.on_trial in (True, False)
        case kind:
            health.failed(error(Kind(kind)), "chat")


@given(happenings())
@settings(max_examples=150)
def test_what_is_well_is_well_on_a_closer_look_too(happened: list[tuple[str, float]]) -> None:
    clock = ManualClock()
    health = Health(clock)
    for what, seconds in happened:
        clock.advance(seconds)
        happens(health, what, clock.wall())
        if health.well:
            health.well = False
            looked_at = (health.state("chat"), health.state("media"), health.on_trial, health.due_for_probe)
            assert looked_at == (Ready(), Ready(), False, False)
            health.well = True
    health.renew()
    assert health.well
