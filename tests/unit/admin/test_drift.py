"""`/api/drift`: what was found, and that somebody has taken note of it."""

import anyio

from luna.admin import drift as subject
from luna.model.ambient import ManualClock
from luna.state.drift import Drift
from tests.support.panel import Panel


async def found() -> Drift:
    drift = Drift(ManualClock(1000.0))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(drift.run)
        drift.saw_frames("flow_1", {"a": b'{"colour": "secret", "choices": []}'})
        drift.saw_frames("flow_2", {"b": b'{"choices": [{"delta": {"phase": "dreaming"}}]}'})
        with anyio.fail_after(10):
            await drift.settled()
        tasks.cancel_scope.cancel()
    return drift


async def test_what_was_found_is_listed_without_a_value() -> None:
    told = await Panel(subject.routes(await found()))("GET", "/api/drift")
    assert b"secret" not in told.body
    document = told.document
    assert (document["open"], document["passedOver"]) == (2, 0)
    assert sorted((one["kind"], one["name"], one["type"], one["flow"]) for one in document["findings"]) == [
        ("field", "colour", "string", "flow_1"),
        ("phase", "dreaming", "", "flow_2"),
    ]
    assert {(one["at"], one["known"]) for one in document["findings"]} == {(1_000_000, False)}


async def test_one_is_marked_then_all() -> None:
    panel = Panel(subject.routes(await found()))
    first = (await panel("GET", "/api/drift")).document["findings"][0]
    told = await panel("POST", "/api/drift/known", {"ids": [first["id"]]})
    assert told.document == {"marked": 1, "open": 1}
    assert (await panel("POST", "/api/drift/known", {})).document == {"marked": 1, "open": 0}
    assert all(one["known"] for one in (await panel("GET", "/api/drift")).document["findings"])


async def test_what_is_no_list_of_ids_is_refused() -> None:
    panel = Panel(subject.routes(Drift(ManualClock())))
    assert (await panel("POST", "/api/drift/known", {"ids": "all"})).status == 400
    assert (await panel("POST", "/api/drift/known", {"id": []})).status == 400
    assert (await panel("GET", "/api/drift", key="wrong")).status == 401
