"""`chaos`: whom it strikes, that it strikes them again in a replay, and where it may stand."""

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from luna.core.flow import Flow
from luna.core.prompts import Prompts
from luna.core.stage import BuildContext
from luna.model.ambient import Ids
from luna.model.chat import Tool
from luna.model.errors import Kind, LunaError, OptionError
from luna.model.events import Batch, Finish, Notice, Opened, Stream, TextDelta
from luna.qwen.chaos import COMPLETIONS, NAMES
from luna.stages.chaos import Chaos, ChaosOptions
from luna.upstream.chaos import MARK, PLAN, Plan
from luna.upstream.exchange import OutRequest
from tests.support.qwen_desk import QwenDesk, user

REQUEST = OutRequest("POST", f"https://chat.qwen.ai/api/v2{COMPLETIONS}?chat_id=c")


def stage(**options: Any) -> Chaos:
    return Chaos(ChaosOptions(**{"faults": ("empty",), **options}), BuildContext(Prompts({}), "test"))


class Below:
    """An upstream that is asked once for each attempt, and sees which plan it is asked under."""

    def __init__(self, *, inject: bool = True, fails: LunaError | None = None) -> None:
        self.plans: list[Plan | None] = []
        self._inject = inject
        self._fails = fails

    async def __call__(self, flow: Flow) -> Stream:
        plan = PLAN.get()
        self.plans.append(plan)
        if plan is not None and self._inject and plan.wants(REQUEST):
            plan.happens(REQUEST)
            if self._fails is not None:
                raise self._fails
        yield [Opened("r", "m"), TextDelta("a")]
        yield [Finish("stop")]


@pytest.fixture
def desk(tmp_path: Path) -> QwenDesk:
    return QwenDesk(tmp_path)


async def run(desk: QwenDesk, chaos: Chaos, below: Below, flow: Flow | None = None) -> list[Batch]:
    flow = flow or desk.flow()

    def proceed(flow: Flow) -> Stream:
        return chaos.around(flow, below)

    return [batch async for batch in desk.schedule.around(flow, proceed)]


async def test_everybody_is_told_what_was_made_to_happen(desk: QwenDesk, caplog: pytest.LogCaptureFixture) -> None:
    flow = desk.flow()
    first, *_ = await run(desk, stage(faults=("silence",)), Below(), flow)
    assert first == [Opened("r", "m"), Notice("chaos", "silence"), TextDelta("a")]
    assert flow.headers[MARK] == "silence"
    assert [record.getMessage() for record in caplog.records if record.name == "luna.stages.chaos"] == [
        f"flow {flow.id}: chaos: 'silence' is made to happen"
    ]
    assert PLAN.get() is None


async def test_nothing_is_said_of_what_did_not_happen(desk: QwenDesk) -> None:
    flow = desk.flow()
    first, *_ = await run(desk, stage(), Below(inject=False), flow)
    assert first == [Opened("r", "m"), TextDelta("a")]
    assert MARK not in flow.headers


@pytest.mark.parametrize(("kind", "retry"), [(Kind.RATE_LIMITED, 36_000.0), (Kind.UPSTREAM_LOGIN, None)])
async def test_no_account_is_to_blame(desk: QwenDesk, kind: Kind, retry: float | None) -> None:
    error = LunaError(kind, "no", hint="Wait.", retry_after=retry)
    with pytest.raises(LunaError) as caught:
        await run(desk, stage(faults=("rate-limit",)), Below(fails=error))
    assert caught.value.detail["chaos"] == "rate-limit"
    assert caught.value.hint == "Wait. This was made to happen: the chaos stage, 'rate-limit'."
    assert [account.state.word for account in desk.accounts.all()] == ["ready"]


async def test_an_error_that_nobody_made_is_left_as_it_is(desk: QwenDesk) -> None:
    class Broken(Below):
        async def __call__(self, flow: Flow) -> Stream:
            raise LunaError(Kind.UPSTREAM_BROKEN, "really")
            yield []

    with pytest.raises(LunaError) as caught:
        await run(desk, stage(), Broken())
    assert "chaos" not in caught.value.detail


async def test_the_draw_is_of_the_flows_own_seed(desk: QwenDesk) -> None:
    chaos = stage(faults=NAMES, probability=0.5)

    async def drawn(seed: int) -> str:
        flow, below = desk.flow(), Below()
        flow.ids = Ids(seed.to_bytes(4, "big"))
        await run(desk, chaos, below, flow)
        (plan,) = below.plans
        return plan.name if plan is not None else ""

    first = [await drawn(seed) for seed in range(200)]
    assert [await drawn(seed) for seed in range(200)] == first
    counted = Counter(first)
    assert 60 < counted[""] < 140
    assert set(counted) == {"", *NAMES}


async def test_probability_zero_leaves_everybody_in_peace(desk: QwenDesk) -> None:
    below = Below()
    for _ in range(20):
        await run(desk, stage(probability=0), below)
    assert below.plans == [None] * 20


@pytest.mark.parametrize(
    ("text", "hit"),
    [
        ("", True),
        ("~m qwen3*", True),
        ("~m other*", False),
        ("~t Bash", True),
        ("~t Write", False),
        ('~q "fix the TEST"', True),
        ("~q never", False),
        ("~a env & !~p anthropic*", True),
        ("~a nobody", False),
        ("~s x | ~r nowhere", False),
    ],
)
async def test_the_filter_sees_the_request_that_begins(desk: QwenDesk, text: str, hit: bool) -> None:
    flow = desk.flow(user("Please fix the test"), tools=[Tool("Bash", "", {})])
    flow.asked = flow.chat.messages
    below = Below()
    await run(desk, stage(filter=text), below, flow)
    assert [plan is not None for plan in below.plans] == [hit]


def test_a_filter_that_says_nothing_is_refused_when_the_pipeline_is_built() -> None:
    with pytest.raises(OptionError) as caught:
        stage(filter="~zz (")
    assert caught.value.field == "filter"
    assert "column" in caught.value.message


@pytest.mark.parametrize(
    "options", [{"faults": []}, {"faults": ["no-such"]}, {"faults": ["empty"], "probability": 2}, {}]
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(options, ChaosOptions)


async def test_it_may_only_stand_behind_the_schedule(desk: QwenDesk) -> None:
    with pytest.raises(LunaError) as caught:
        [batch async for batch in stage().around(desk.flow(), Below())]
    assert "between `schedule` and `qwen`" in caught.value.hint
