"""`/api/accounts/usage`: the shape, and how far back one can look."""

import pytest
from sqlalchemy import insert

from luna.admin import account_usage
from luna.model.ambient import ManualClock
from luna.state.store import Store
from luna.state.store.tables import runs
from tests.support.panel import Panel

PATH = "/api/accounts/usage"


async def test_usage_is_told_in_milliseconds(store: Store) -> None:
    clock = ManualClock()
    failed = {
        "id": "run-1",
        "account_id": "mine",
        "created_at": clock.wall() - 5400,
        "completed_at": clock.wall() - 5300,
        "status": "failed",
        "stream": True,
        "attempts": 1,
        "reasks": 0,
        "error_kind": "timeout",
        "error_message": "Too slow.",
    }
    store.write(insert(runs), failed)
    await store.commit()
    panel = Panel(account_usage.routes(store, clock))
    at = round((clock.wall() - 5400) * 1000)
    told = (await panel("GET", PATH)).document
    assert told["since"] == round((clock.wall() - 86400) * 1000)
    assert told["accounts"] == [
        {
            "accountId": "mine",
            "runs": 1,
            "completed": 0,
            "failed": 1,
            "inputTokens": 0,
            "outputTokens": 0,
            "lastSuccessAt": None,
            "lastFailure": {"id": "run-1", "at": at, "kind": "timeout", "message": "Too slow."},
        }
    ]
    assert (await panel("GET", f"{PATH}?hours=1")).document["accounts"] == []


@pytest.mark.parametrize("query", ["hours=0", "hours=-1", "hours=many", "hours=1e9", "days=1"])
async def test_a_time_that_is_none_is_refused(store: Store, query: str) -> None:
    told = await Panel(account_usage.routes(store, ManualClock()))("GET", f"{PATH}?{query}")
    assert (told.status, told.kind) == (400, "bad-request")
