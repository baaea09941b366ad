"""An account for the rest of the flow."""

from pathlib import Path

import pytest

from luna.core.flow import Flow, Outcome
from luna.model.chat import Binding
from luna.model.errors import Kind, LunaError
from luna.model.events import Batch, Finish, Opened, Stream
from luna.stages.schedule import LEASE
from luna.state.turns import Place
from tests.support.qwen_desk import QwenDesk

BATCHES: list[Batch] = [[Opened("r", "m")], [Finish("stop")]]


class Below:
    """What runs under the lease."""

    def __init__(self, desk: QwenDesk, error: LunaError | None = None) -> None:
        self.desk = desk
        self.error = error
        self.accounts: list[str] = []

    async def __call__(self, flow: Flow) -> Stream:
        self.accounts.append(flow.notes[LEASE].account.id)
        assert self.desk.accounts.leases == 1
        if self.error is not None:
            raise self.error
        for batch in BATCHES:
            yield batch


@pytest.fixture
async def desk(tmp_path: Path) -> QwenDesk:
    desk = QwenDesk(tmp_path)
    await desk.accounts.save({"token": "t"}, account_id="second")
    return desk


async def run(desk: QwenDesk, below: Below, binding: Binding | None = None) -> list[Batch]:
    flow = desk.flow(binding=binding or Binding())
    try:
        return [batch async for batch in desk.schedule.around(flow, below)]
    finally:
        assert desk.accounts.leases == 0
        assert flow.notes.get(LEASE) is None


async def test_batches_pass_and_the_account_comes_back(desk: QwenDesk) -> None:
    below = Below(desk)
    assert await run(desk, below) == BATCHES
    await run(desk, below)
    assert below.accounts == ["env", "second"]


async def test_the_client_may_choose(desk: QwenDesk) -> None:
    below = Below(desk)
    for _ in range(2):
        await run(desk, below, Binding(account="second", chat="anything"))
    assert below.accounts == ["second", "second"]
    with pytest.raises(LunaError) as caught:
        await run(desk, below, Binding(account="nobody"))
    assert caught.value.kind is Kind.NOT_FOUND


async def test_a_chat_stays_with_its_account(desk: QwenDesk) -> None:
    below = Below(desk)
    desk.turns.note(Place("second", "c", "r"))
    for _ in range(2):
        await run(desk, below, Binding(chat="c"))
    assert below.accounts == ["second", "second"]


async def test_a_chat_of_an_account_that_is_gone_takes_any(desk: QwenDesk) -> None:
    below = Below(desk)
    desk.turns.note(Place("removed", "c", "r"))
    await run(desk, below, Binding(chat="c"))
    await run(desk, below, Binding(chat="unknown"))
    assert below.accounts == ["env", "second"]


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (Kind.RATE_LIMITED, "cooling"),
        (Kind.QUOTA_EXHAUSTED, "cooling"),
        (Kind.UPSTREAM_LOGIN, "login-needed"),
        (Kind.UPSTREAM_BLOCKED, "blocked"),
        (Kind.UPSTREAM_BROKEN, "ready"),
    ],
)
async def test_the_account_is_told_of_a_failure(desk: QwenDesk, kind: Kind, state: str) -> None:
    with pytest.raises(LunaError) as caught:
        await run(desk, Below(desk, LunaError(kind, "no", retry_after=500)), Binding(account="env"))
    assert caught.value.kind is kind
    account = desk.accounts.find("env")
    assert account is not None
    assert account.state.word == state


async def test_the_account_is_told_of_a_success(desk: QwenDesk) -> None:
    account = desk.accounts.find("env")
    assert account is not None
    account.failed(LunaError(Kind.UPSTREAM_BLOCKED, "no"))
    desk.clock.advance(3600)
    await run(desk, Below(desk), Binding(account="env"))
    assert account.state.word == "ready"


async def test_a_flow_that_is_left_gives_its_account_back(desk: QwenDesk) -> None:
    flow = desk.flow()
    below = Below(desk)(flow)
    stream = desk.schedule.around(flow, lambda flow: below)
    await anext(stream)
    assert desk.accounts.leases == 1
    flow.outcome = Outcome.CLIENT_GONE
    await below.aclose()
    await stream.aclose()
    assert desk.accounts.leases == 0
