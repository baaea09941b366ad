"""A replay has the accounts that were tried, in the order in which they were."""

import pytest

from luna.core.services import Services
from luna.model.ambient import ManualClock
from luna.model.errors import LunaError
from luna.model.events import Notice, Opened
from luna.replay.surroundings import services_for
from luna.state.accounts import Accounts
from luna.state.choice import Wish
from luna.state.scheduler import Scheduler
from luna.state.tickets import Need
from luna.wire.frames import VERSION, Failure, Head, UpRequest
from luna.wire.reader import Exchange, Recording
from tests.support.scripted import ScriptedBackend

HEAD = Head(0, VERSION, "0.1.0", "flow_1", 1.0, "00", "chat", "chat", "0")


def services(recording: Recording) -> Services:
    return services_for(recording, ScriptedBackend(), ManualClock())


def tried(recording: Recording) -> list[str]:
    """Who is asked, one after the other."""
    made, failed, order = services(recording), frozenset[str](), list[str]()
    while len(order) < len(made[Accounts].all()):
        seat = made[Scheduler].ask(Need.of(Wish(without=failed)), patience=0).seat
        assert seat is not None
        order.append(seat.account.id)
        failed |= {seat.account.id}
        seat.release()
    return order


def test_one_account_by_its_name() -> None:
    assert tried(Recording(HEAD, headers=(("x-luna-account-id", "mine"),))) == ["mine"]
    assert tried(Recording(HEAD)) == ["replay"]


def test_those_that_were_passed_by_come_first() -> None:
    notice = Notice("failover", "rate-limited", {"account": "first"})
    recording = Recording(HEAD, headers=(("x-luna-account-id", "second"),))
    recording.events["qwen"] = [[Opened("r", "m"), notice]]
    assert tried(recording) == ["first", "second"]


@pytest.mark.parametrize("last", ["c", "b"])
def test_when_all_failed_all_are_there(last: str) -> None:
    failure = Failure(0, "rate-limited", "no", detail={"accounts": ["a", "b", "c"]})
    asked = [Exchange(UpRequest(0, 1, "POST", "https://chat.qwen.ai/api/v2/chats/new"))]
    recording = Recording(HEAD, headers=(("x-luna-account-id", last),), failure=failure, exchanges=asked)
    assert tried(recording) == ["a", "b", "c"]


def test_a_flow_that_nobody_could_serve_is_refused_again() -> None:
    failure = Failure(0, "upstream-transient", "Account 'a' failed 5 times in a row.", retry_after=5.0)
    made = services(Recording(HEAD, failure=failure))
    with pytest.raises(LunaError, match="5 times in a row"):
        made[Scheduler].ask(Need.of())
