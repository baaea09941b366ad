"""What each account did lately, summed up from the runs."""

from typing import Any

from sqlalchemy import insert

from luna.state.account_usage import usage_since
from luna.state.store import Store
from luna.state.store.tables import runs

NOW = 1_790_000_000.0


async def keep(store: Store, *rows: dict[str, Any]) -> None:
    plain = {
        "account_id": "a",
        "status": "completed",
        "stream": False,
        "attempts": 1,
        "reasks": 0,
        "input_tokens": None,
        "output_tokens": None,
        "completed_at": None,
        "error_kind": None,
        "error_message": None,
    }
    for number, row in enumerate(rows):
        store.write(insert(runs), {"id": f"run-{number}", "created_at": NOW + number, **plain, **row})
    await store.commit()


async def test_runs_are_counted_for_each_account(store: Store) -> None:
    await keep(
        store,
        {"input_tokens": 10, "output_tokens": 5, "completed_at": NOW + 1},
        {"input_tokens": 7, "completed_at": NOW + 9},
        {"status": "failed", "completed_at": NOW + 20, "error_kind": "timeout", "error_message": "Too slow."},
        {"status": "client-gone"},
        {"status": "running", "account_id": "b"},
        {"status": "failed", "account_id": ""},
        {"status": "failed", "account_id": None},
    )
    one, other = await usage_since(store, NOW)
    assert (one.account, one.runs, one.completed, one.failed) == ("a", 4, 2, 1)
    assert (one.input_tokens, one.output_tokens, one.last_success_at) == (17, 5, NOW + 9)
    assert one.last_failure is not None
    assert (one.last_failure.run, one.last_failure.at, one.last_failure.kind) == ("run-2", NOW + 2, "timeout")
    assert (other.account, other.runs, other.completed, other.failed) == ("b", 1, 0, 0)
    assert (other.input_tokens, other.last_success_at, other.last_failure) == (0, None, None)


async def test_the_latest_failure_counts(store: Store) -> None:
    await keep(
        store,
        {"status": "interrupted", "error_message": "first"},
        {"status": "failed", "error_message": "second"},
        {},
        {"status": "failed", "account_id": "b", "error_message": "another's"},
    )
    found = {one.account: one.last_failure for one in await usage_since(store, NOW)}
    assert {name: failure.message for name, failure in found.items() if failure} == {"a": "second", "b": "another's"}


async def test_what_was_before_is_left_out(store: Store) -> None:
    await keep(store, {"status": "failed"}, {}, {})
    (usage,) = await usage_since(store, NOW + 1)
    assert (usage.runs, usage.failed, usage.last_failure) == (2, 0, None)
    assert await usage_since(store, NOW + 3) == []
