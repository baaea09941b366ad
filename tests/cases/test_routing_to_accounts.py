"""Who serves a request: the cases of LunaProxy's router (R-01 to R-14).

LunaProxy chose among providers first; luna has one provider, and its account is what is chosen.
"""

from pathlib import Path
from typing import Any

import pytest

from luna.model.ambient import ManualClock
from luna.model.chat import ChatRequest
from luna.model.errors import Kind, LunaError
from luna.protocols.openai_chat import OpenAIChat
from luna.qwen.catalogue import Catalogue
from luna.qwen.credentials import Credentials
from luna.qwen.endpoints import Site
from luna.state.accounts import PROVIDER, Accounts
from luna.state.credentials import CredentialStore, Record
from tests.support.play import a_client
from tests.support.scripted import ScriptedBackend
from tests.support.waiting_room import WaitingRoom

USER = {"role": "user", "content": "Hello"}


def decoded(body: dict[str, Any], **headers: str) -> ChatRequest:
    dialect, client = OpenAIChat(), a_client({"model": "qwen3-max", "messages": [USER], **body}, **headers)
    return dialect.decode(dialect.parse(client), client)


def accounts_in(directory: Path, env_token: str = "") -> Accounts:
    store, clock = CredentialStore(directory / "credentials.json"), ManualClock()
    return Accounts(store=store, backend=ScriptedBackend(), clock=clock, site=Site(), env_token=env_token)


# Providers


def test_r01_a_body_may_name_the_one_provider_and_is_told_that_another_one_is_ignored() -> None:
    assert decoded({"provider": PROVIDER}).ignored == []
    assert decoded({"provider": "other"}).ignored == ["provider"]


def test_r02_a_header_that_names_a_provider_changes_nothing() -> None:
    assert decoded({}, x_luna_provider_id="other") == decoded({})


@pytest.mark.parametrize("model", ["unknown-model", "Qwen3-120B"])
def test_r03_r04_a_model_that_nobody_knows_goes_to_qwen_all_the_same(model: str) -> None:
    assert Catalogue(ManualClock()).resolve(Site().base_url, model).id == model


async def test_r05_r06_r07_there_is_no_other_provider_to_fall_back_on(tmp_path: Path) -> None:
    with pytest.raises(LunaError, match="There is no provider 'other-provider'"):
        await accounts_in(tmp_path).save({"token": "t"}, provider_id="other-provider")


# Accounts


def test_r08_an_account_that_is_switched_on_is_taken() -> None:
    room = WaitingRoom("off", "acc-a")
    room.account("off").enabled = False
    assert room.seat().account.id == "acc-a"


def test_r09_a_preferred_account_that_cannot_serve_is_passed_by() -> None:
    room = WaitingRoom("acc-a", "acc-b")
    room.account("acc-b").failed(LunaError(Kind.UPSTREAM_LOGIN, "no"))
    assert room.seat(prefer="acc-b").account.id == "acc-a"


def test_r09_but_one_that_the_client_names_is_not_replaced_by_another() -> None:
    """There the client got any other account, and was not told."""
    room = WaitingRoom("acc-a", "acc-b")
    room.account("acc-b").failed(LunaError(Kind.UPSTREAM_LOGIN, "no"))
    assert room.refused(account="acc-b").kind is Kind.UPSTREAM_LOGIN
    assert room.refused(account="nobody").kind is Kind.NOT_FOUND


def test_r10_when_all_are_switched_off_that_is_said() -> None:
    room = WaitingRoom("acc-a")
    room.account("acc-a").enabled = False
    error = room.refused()
    assert error.kind is Kind.NO_ACCOUNT
    assert "switched off" in error.message
    assert "enable" in error.hint


def test_r11_the_account_with_the_least_running_is_taken() -> None:
    room = WaitingRoom("acc-a", "acc-d")
    for _ in range(10):
        room.seat(account="acc-a")
    assert room.seat().account.id == "acc-d"


def test_r11_of_several_with_as_much_room_the_one_that_was_used_the_longest_ago() -> None:
    """There it was always the first by name."""
    room = WaitingRoom("a", "b", "c")
    seen = []
    for _ in range(6):
        seat = room.seat()
        seen.append(seat.account.id)
        seat.release()
    assert seen == ["a", "b", "c", "a", "b", "c"]


def test_r11_room_counts_and_not_how_many_run() -> None:
    room = WaitingRoom("small", "large", default_account_max_concurrent_runs=1)
    room.account("large").max_concurrent_runs = 3
    assert [room.seat().account.id for _ in range(4)] == ["large", "large", "small", "large"]


def test_r12_a_preferred_account_is_taken_however_busy_it_is() -> None:
    room = WaitingRoom("acc-a", "acc-b")
    for _ in range(3):
        assert room.seat(prefer="acc-b").account.id == "acc-b"
        assert room.seat(account="acc-b").account.id == "acc-b"


def test_r12_and_waited_for_when_it_is_full() -> None:
    """Its chat is there: another account would have to be told everything again."""
    room = WaitingRoom("acc-a", "acc-b", default_account_max_concurrent_runs=1)
    seat = room.seat(prefer="acc-b")
    ticket = room.ask(prefer="acc-b")
    assert not ticket.decided
    seat.release()
    assert ticket.seat is not None
    assert ticket.seat.account.id == "acc-b"


@pytest.mark.parametrize(("seconds", "waits"), [(5, True), (3600, False)])
def test_r12_or_when_it_is_back_in_a_moment(seconds: float, waits: bool) -> None:
    room = WaitingRoom("acc-a", "acc-b")
    room.account("acc-b").failed(LunaError(Kind.RATE_LIMITED, "no", retry_after=seconds))
    ticket = room.ask(prefer="acc-b")
    assert ticket.decided is not waits
    room.clock.advance(seconds)
    room.scheduler.look_again()
    assert ticket.seat is not None
    assert ticket.seat.account.id == ("acc-b" if waits else "acc-a")


def test_r13_credentials_of_the_environment_are_one_account(tmp_path: Path) -> None:
    """There its id was `local`, and it could not chat (W14)."""
    (account,) = accounts_in(tmp_path, env_token="t").all()
    assert (account.id, account.source, account.view().provider_id) == ("env", "env", PROVIDER)


def test_r14_accounts_of_the_file_keep_what_is_said_of_them(tmp_path: Path) -> None:
    store = CredentialStore(tmp_path / "credentials.json")
    store.save(
        [
            Record("one", PROVIDER, Credentials(token="t1"), label="First", max_concurrent_runs=3, network_profile="p"),
            Record("two", PROVIDER, Credentials(token="t2"), enabled=False),
        ]
    )
    one, two = accounts_in(tmp_path).all()
    assert (one.id, one.label, one.max_concurrent_runs, one.network_profile) == ("one", "First", 3, "p")
    assert (two.id, two.label, two.max_concurrent_runs, two.enabled) == ("two", "two", None, False)
    assert one.authority.credentials.token == "t1"


def test_an_account_whose_way_is_closed_is_passed_by() -> None:
    """Nothing leaves for it, so nothing is asked of it."""
    room = WaitingRoom("closed", "open")
    closed = LunaError(Kind.EGRESS_CLOSED, "Nothing may leave.")
    room.accounts.gate = lambda account: closed if account.id == "closed" else None
    assert [room.seat().account.id for _ in range(3)] == ["open", "open", "open"]
    assert room.refused(account="closed").kind is Kind.EGRESS_CLOSED
    assert room.account("closed").view().reason == "Nothing may leave."


def test_when_nobody_can_serve_the_first_to_come_back_speaks() -> None:
    room = WaitingRoom("a", "b", "c")
    room.account("a").failed(LunaError(Kind.RATE_LIMITED, "no", retry_after=7200))
    room.account("b").failed(LunaError(Kind.RATE_LIMITED, "no", retry_after=600))
    room.account("c").failed(LunaError(Kind.UPSTREAM_BLOCKED, "no"))
    error = room.refused()
    assert (error.kind, error.retry_after) == (Kind.RATE_LIMITED, 600)
    assert "'b'" in error.message
    assert not room.ask(patience=600).decided, "who may wait as long waits"
