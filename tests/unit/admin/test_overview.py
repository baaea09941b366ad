"""`/api/overview`: figures, series without gaps, and what goes on."""

from luna.admin import overview as subject
from luna.model.ambient import ManualClock
from luna.model.errors import Kind, LunaError
from luna.model.events import Usage
from luna.state.runs import Runs
from luna.state.store import Store
from tests.support.panel import Panel

BORN = 1_790_000_045.0


async def test_what_was_and_what_is(store: Store) -> None:
    clock = ManualClock(BORN)
    runs = Runs(store, clock)
    panel = Panel(api=subject.routes(runs, clock.wall))
    good = runs.begin("flow_1", model="qwen")
    good.running("env")
    clock.advance(0.2)
    good.streaming()
    runs.end(good, outcome="completed", usage=Usage(10, 20))
    runs.end(runs.begin("flow_2"), outcome="failed", error=LunaError(Kind.TIMEOUT, "Too slow."))
    runs.begin("flow_3").queued("account full: env")
    clock.advance(1.5)
    said = (await panel("GET", "/api/overview?minutes=60")).document
    assert (said["widthSeconds"], said["at"] - said["since"]) == (60, 3_600_000 - 60_000 + 46_700 - 40_000)
    assert len(said["series"]["moments"]) == 60
    assert said["series"]["requests"] == [*[0] * 59, 3]
    assert said["series"]["firstP50"][-2:] == [None, 200.0]
    assert said["total"] == {
        "requests": 3,
        "completed": 1,
        "failed": 1,
        "success": 0.5,
        "inputTokens": 10,
        "outputTokens": 20,
        "firstP50": 200.0,
        "firstP95": 200.0,
        "queueP95": None,
    }
    series = said["series"]
    assert (series["success"][-2:], series["queueP95"][-2:]) == ([None, 0.5], [None, None])
    assert series["errors"] == [{"name": "timeout", "counts": [*[0] * 59, 1]}]
    assert series["accounts"] == [{"name": "env", "counts": [*[0] * 59, 1]}]
    assert said["errors"] == [{"kind": "timeout", "count": 1}]
    assert [(each["name"], each["sum"]["requests"]) for each in said["accounts"]] == [("env", 1)]
    now = said["now"]
    assert (now["active"], now["queued"], now["streaming"], now["longestWaitMs"]) == (1, 1, 0, 1500.0)
    assert (now["runs"][0]["id"], now["runs"][0]["queueReason"]) == ("flow_3", "account full: env")


async def test_a_longer_while_has_wider_moments(store: Store) -> None:
    clock = ManualClock(BORN)
    panel = Panel(api=subject.routes(Runs(store, clock), clock.wall))
    for minutes, width, moments in ((5, 60, 5), (180, 60, 180), (1440, 900, 96), (10_080, 3600, 168)):
        said = (await panel("GET", f"/api/overview?minutes={minutes}")).document
        assert (said["widthSeconds"], len(said["series"]["moments"])) == (width, moments)
        assert said["total"]["success"] is None
    refused = await panel("GET", "/api/overview?minutes=1")
    assert (refused.status, refused.document["error"]["param"]) == (400, "minutes")
