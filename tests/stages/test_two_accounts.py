"""Two accounts, one of them limited by Qwen: no client sees an error, and the limited one returns by itself."""

from pathlib import Path

import pytest

from luna.model.errors import Kind
from luna.model.events import Notice
from tests.support.qwen_desk import COMPLETIONS, NEW, QwenDesk, texts
from tests.support.scripted import answer, header, refusal, success

DAILY = refusal("RateLimited", "You've reached the upper limit for today's usage.", 429, num=3)
EXPIRED = refusal("Unauthorized", "Token has expired.", 401)


@pytest.fixture
async def desk(tmp_path: Path) -> QwenDesk:
    desk = QwenDesk(tmp_path, account=False)
    for name in ("first", "second"):
        await desk.accounts.save({"token": f"token-{name}"}, account_id=name)
    return desk


def speakers(desk: QwenDesk) -> list[str]:
    """Whose token each completion went out with."""
    return [header(request, "authorization").rpartition("-")[2] for request in desk.backend.to(COMPLETIONS)]


def states(desk: QwenDesk) -> list[str]:
    return [account.state.word for account in desk.accounts.all()]


async def test_the_other_takes_over_and_the_first_returns_after_the_hours_that_qwen_named(desk: QwenDesk) -> None:
    desk.backend.on("POST", COMPLETIONS, DAILY, answer("hello"))
    flow = desk.flow()
    events = await desk.events(flow)
    assert texts(events) == "hello"
    assert Notice("failover", "rate-limited", {"account": "first"}) in events
    assert flow.headers["x-luna-account-id"] == "second"
    assert speakers(desk) == ["first", "second"]
    assert states(desk) == ["cooling", "ready"]
    for _ in range(3):
        assert texts(await desk.events(desk.flow())) == "hello"
    assert speakers(desk)[2:] == ["second"] * 3, "the one that rests is not asked"
    desk.clock.advance(3 * 3600)
    assert states(desk) == ["ready", "ready"]
    for _ in range(2):
        await desk.events(desk.flow())
    assert sorted(speakers(desk)[5:]) == ["first", "second"]


async def test_a_limit_that_shows_when_the_chat_is_made_is_as_good(desk: QwenDesk) -> None:
    desk.backend.on("POST", NEW, DAILY, success({"id": "chat-2"}))
    desk.backend.on("POST", COMPLETIONS, answer("hello"))
    assert texts(await desk.events(desk.flow())) == "hello"
    assert speakers(desk) == ["second"]


async def test_a_lost_login_is_passed_by(desk: QwenDesk) -> None:
    desk.backend.on("POST", COMPLETIONS, EXPIRED, answer("hello"))
    assert texts(await desk.events(desk.flow())) == "hello"
    assert states(desk) == ["login-needed", "ready"]


async def test_when_both_are_limited_the_client_is_told_when_to_come_back(desk: QwenDesk) -> None:
    later = refusal("RateLimited", "You've reached the upper limit for today's usage.", 429, num=7)
    desk.backend.on("POST", COMPLETIONS, later, DAILY)
    error = await desk.failure(desk.flow())
    assert (error.kind, error.retry_after) == (Kind.RATE_LIMITED, 3 * 3600)
    assert speakers(desk) == ["first", "second"]
    error = await desk.failure(desk.flow())
    assert (error.kind, error.retry_after) == (Kind.RATE_LIMITED, 3 * 3600)
    assert "'second'" in error.message
    assert len(speakers(desk)) == 2, "nobody is asked in vain"
