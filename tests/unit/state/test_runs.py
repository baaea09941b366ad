"""Runs in the store: written once where that is possible, found again after a restart, let go when they are old."""

import logging
from typing import Any

import anyio
import msgspec
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from luna.model.ambient import ManualClock, SystemClock
from luna.model.errors import Kind, LunaError
from luna.model.events import Usage
from luna.model.preferences import LivePreferences, Logging, Preferences
from luna.state.run import NEXT, TERMINAL, Run, RunRecord, folded
from luna.state.run_archive import RunFilter
from luna.state.runs import INTERRUPTED, Runs
from luna.state.store import Store
from luna.state.store.tables import runs as table
from luna.state.store.tables import sessions
from tests.support.stores import Database


def runs_over(store: Store, **logging_: Any) -> tuple[Runs, ManualClock]:
    clock = ManualClock(1_790_000_000.0)
    return Runs(store, clock, LivePreferences(Preferences(logging=Logging(**logging_)))), clock


async def stored(runs: Runs, wanted: RunFilter | None = None, limit: int = 1000) -> list[str]:
    return [record.id for record in (await runs.find(wanted or RunFilter(), limit=limit)).records]


def test_the_record_has_the_columns_of_its_table() -> None:
    assert set(RunRecord.__struct_fields__) == set(table.c.keys())


# Writing


async def test_a_run_that_ends_before_its_beginning_was_taken_is_written_once(store: Store) -> None:
    runs, clock = runs_over(store)
    await store.commit()
    waiting = store.describe()["waiting"]
    run = runs.begin("flow_1", model="qwen3-max", route="chat", pipeline="chat", protocol="openai-chat", stream=True)
    run.running("env")
    run.streaming()
    clock.advance(2.0)
    runs.complete(run, usage=Usage(10, 20, 5))
    runs.end(run, outcome="completed", usage=Usage(10, 20, 5), http_status=200)
    assert store.describe()["waiting"] == waiting + 1
    await store.commit()
    record = await runs.get("flow_1")
    assert record is not None
    assert (record.status, record.duration_ms, record.http_status) == ("completed", 2000.0, 200)
    assert (record.input_tokens, record.output_tokens, record.thinking_tokens) == (10, 20, 5)
    assert (record.account_id, record.model, record.route, record.stream) == ("env", "qwen3-max", "chat", True)
    assert not runs.active()


async def test_what_changes_after_the_row_was_taken_is_written_again(store: Store) -> None:
    runs, _ = runs_over(store)
    run = runs.begin("flow_1")
    assert store.describe()["waiting"] == 0, "a beginning alone costs nothing"
    runs.push()
    await store.commit()
    stored = await runs.archive.get("flow_1")
    assert stored is not None
    assert stored.status == "queued"
    run.running("env")
    assert store.describe()["waiting"] == 0, "a change alone costs nothing"
    runs.push()
    await store.commit()
    assert [r.status for r in (await runs.archive.find(RunFilter(), limit=9)).records] == ["running"]
    runs.end(run, outcome="failed", error=LunaError(Kind.UPSTREAM_BROKEN, "It broke.", stage="qwen"), http_status=502)
    await store.commit()
    record = await runs.get("flow_1")
    assert record is not None
    assert (record.status, record.error_kind, record.error_stage) == ("failed", "upstream-broken", "qwen")
    assert await runs.archive.count() == 1


async def test_a_completed_run_is_in_the_commit_that_follows_and_is_not_written_twice(store: Store) -> None:
    runs, _ = runs_over(store)
    run = runs.begin("flow_1")
    runs.push()
    await store.commit()
    runs.complete(run, usage=Usage(1, 2))
    await store.commit()  # what session.remember does before the last bytes go out
    assert (await runs.archive.get("flow_1") or run.record).status == "completed"
    runs.end(run, outcome="client-gone", http_status=200)
    assert store.describe()["waiting"] == 0
    assert run.status == "completed"


async def test_a_fact_that_comes_after_completion_is_not_lost(store: Store) -> None:
    runs, _ = runs_over(store)
    run = runs.begin("flow_1")
    runs.complete(run)
    await store.commit()
    run.bound("sess_9", "new")
    runs.end(run, outcome="completed")
    record = await runs.get("flow_1")
    assert record is not None
    assert record.session_id == "sess_9"


async def test_the_request_is_described_as_soon_as_somebody_knows(store: Store) -> None:
    runs, _ = runs_over(store)
    known: list[str] = []

    def fill(run: Run) -> bool:
        if known:
            run.describe(model=known[0], target="t", stream=False, preview="Hello", client="", agent="codex")
        return bool(known)

    run = runs.begin("flow_1", model="?", fill=fill)
    run.queued("full")
    assert run.record.model == "?"
    known.append("qwen")
    run.running("env")
    await checkpoint()  # whoever runs waits for something
    known.append("never read again")
    known[0] = "other"
    run.streaming()
    await checkpoint()
    assert (run.record.model, run.record.preview) == ("qwen", "Hello")
    ended_early = runs.begin("flow_2", fill=fill)
    runs.end(ended_early, outcome="failed")
    assert ended_early.record.model == "other"


async def test_text_from_outside_is_what_any_database_takes(store: Store) -> None:
    runs, _ = runs_over(store)
    run = runs.begin("flow_1", model="m\0\ud800" + "x" * 500)
    run.describe(model="m\0", target="t" * 999, stream=False, preview="a\0b", client="c" * 999, agent="generic")
    run.bound("s" * 500, "r\0", thread="t" * 500)
    run.chat("c" * 500)
    run.queued("full\0")
    run.running("a" * 500, "w" * 500, "p" * 500, "i" * 500)
    error = LunaError(Kind.INTERNAL, "e\0" * 3000, hint="h\0", stage="s" * 500)
    runs.end(run, outcome="failed", error=error)
    await store.commit()
    assert store.describe()["lost"] == 0
    assert await stored(runs) == ["flow_1"]


async def test_beginning_and_ending_read_nothing_however_many_runs_there_are(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, _ = runs_over(store)

    async def no_reading(*_: object) -> None:
        raise AssertionError("a run was looked up")

    monkeypatch.setattr(store, "read", no_reading)
    monkeypatch.setattr(store, "run", no_reading)
    run = runs.begin("flow_1")
    assert runs.find_active("flow_1") is run
    run.running("env")
    runs.complete(run)
    runs.end(run, outcome="completed")
    assert runs.find_active("flow_1") is None


# Watching


async def test_whoever_watches_hears_of_every_change_and_harms_nobody(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    runs, _ = runs_over(store)
    heard: list[tuple[str, str, str]] = []

    def fails(_: Run) -> None:
        raise ValueError

    runs.watch(fails)
    stop = runs.watch(lambda run: heard.append((run.id, run.status, run.record.account_id)))
    run = runs.begin("flow_1", model="qwen")
    run.running("env")
    run.streaming()
    runs.complete(run)
    runs.end(run, outcome="completed")
    stop()
    runs.begin("flow_2")
    assert heard == [
        ("flow_1", status, "env" if status != "queued" else "")
        for status in ("queued", "running", "streaming", "completed")
    ]
    assert "a watcher of runs failed" in caplog.text


# Restart


async def test_what_was_going_on_when_the_process_ended_was_interrupted(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async with database.opened() as store:
        runs, _ = runs_over(store)
        for status in ("queued", "running", "streaming"):
            run = runs.begin(f"flow_{status}")
            if status != "queued":
                run.running("env")
            if status == "streaming":
                run.streaming()
        done = runs.begin("flow_done")
        runs.complete(done)
        runs.end(done, outcome="completed")
        runs.push()
        await store.commit()
    async with database.opened() as store:
        runs, _ = runs_over(store)
        with caplog.at_level(logging.WARNING):
            assert await runs.recover() == 3
        fresh = runs.begin("flow_fresh")
        found = {record.id: record for record in (await runs.find(RunFilter(), limit=9)).records}
        assert {key: record.status for key, record in found.items()} == {
            "flow_queued": "interrupted",
            "flow_running": "interrupted",
            "flow_streaming": "interrupted",
            "flow_done": "completed",
            "flow_fresh": "queued",
        }
        assert found["flow_streaming"].error_message == INTERRUPTED
        assert (found["flow_streaming"].account_id, found["flow_streaming"].completed_at) == ("env", None)
        assert "3 runs were interrupted" in caplog.text
        assert await runs.recover() == 1, "what runs now is not spared: it is for the start alone"
        assert fresh.status == "queued"


async def test_nothing_to_recover_costs_no_write(store: Store) -> None:
    runs, _ = runs_over(store)
    before = store.describe()["commits"]
    assert await runs.recover() == 0
    assert store.describe()["commits"] == before


# Finding


def a_record(number: int, **more: Any) -> RunRecord:
    return RunRecord(id=f"flow_{number:04}", created_at=1_790_000_000.0 + number, **more)


async def put(store: Store, records: list[RunRecord]) -> None:
    store.write(insert(table), [msgspec.structs.asdict(record) for record in records])
    await store.commit()


async def test_pages_hold_every_run_once_even_those_of_one_moment(store: Store) -> None:
    runs, _ = runs_over(store)
    records = [a_record(n, status="completed") for n in range(25)]
    for record in records[5:15]:
        record.created_at = 1_790_000_005.123456
    await put(store, records)
    seen: list[str] = []
    cursor = ""
    while True:
        page = await runs.find(RunFilter(), limit=4, before=cursor)
        seen += [record.id for record in page.records]
        if not page.cursor:
            break
        assert len(page.records) == 4
        cursor = page.cursor
    assert seen == [r.id for r in sorted(records, key=lambda r: (r.created_at, r.id), reverse=True)]


@pytest.mark.parametrize("cursor", ["x", "12", "nan_flow_1", "inf_flow_1", "_flow", "1e999_x"])
async def test_a_place_that_is_none(store: Store, cursor: str) -> None:
    runs, _ = runs_over(store)
    with pytest.raises(LunaError) as refused:
        await runs.find(RunFilter(), limit=4, before=cursor)
    assert (refused.value.kind, refused.value.param) == (Kind.BAD_REQUEST, "before")


async def test_runs_that_go_on_are_listed_as_they_are_now(store: Store) -> None:
    runs, _ = runs_over(store)
    run = runs.begin("flow_1", model="m")
    await store.commit()
    run.running("env")
    assert await stored(runs, RunFilter(statuses=frozenset({"running"}))) == ["flow_1"]
    run.streaming()
    live = await runs.get("flow_1")
    assert live is not None
    assert live.status == "streaming"
    run.chat("chat-1")
    assert live.chat_id == "", "what was shown does not change any more"
    assert await stored(runs, RunFilter(statuses=frozenset({"running"}))) == []


MODELS, ACCOUNTS, SESSIONS = ("qwen", "qwen3", ""), ("env", "work", ""), ("s1", "s2", "")
WORDS = ("Xin CHÀO", "100%_sure", "straße", "a/b\\c", "", "Hello there", "%", "你好")


def naive(records: list[RunRecord], wanted: RunFilter) -> list[str]:
    def fits(run: RunRecord) -> bool:
        return (
            (not wanted.statuses or run.status in wanted.statuses)
            and (not wanted.model or wanted.model in (run.model, run.target))
            and (not wanted.account or run.account_id == wanted.account)
            and (not wanted.session or run.session_id == wanted.session)
            and (not wanted.client or wanted.client in (run.client, run.agent))
            and (not wanted.route or run.route == wanted.route)
            and (not wanted.error or run.error_kind == wanted.error)
            and (wanted.since is None or run.created_at >= wanted.since)
            and (wanted.until is None or run.created_at < wanted.until)
            and folded(wanted.text) in folded(run.preview)
        )

    newest_first = sorted(records, key=lambda run: (run.created_at, run.id), reverse=True)
    return [run.id for run in newest_first if fits(run)]


def every_kind() -> list[RunRecord]:
    """Runs in which every value meets many others."""
    states = sorted(NEXT)
    records = []
    for n in range(96):
        preview = WORDS[n % 8]
        records.append(
            a_record(
                n // 3,
                status=states[n % len(states)],
                model=MODELS[n % 3],
                target=MODELS[n % 2],
                account_id=ACCOUNTS[n // 2 % 3],
                session_id=SESSIONS[n // 3 % 3],
                client=("ci", "")[n % 2],
                agent=("codex", "ci", "generic")[n % 3],
                route=("chat", "other")[n // 5 % 2],
                error_kind=("internal", "", "")[n % 3],
                preview=preview,
                preview_folded=folded(preview),
            )
        )
        records[-1].id += f"_{n}"
    return records


TIMES = st.none() | st.integers(-1, 33).map(lambda n: 1_790_000_000.0 + n)
FILTERS = st.builds(
    RunFilter,
    statuses=st.frozensets(st.sampled_from(sorted(NEXT)), max_size=3),
    model=st.sampled_from(MODELS),
    account=st.sampled_from(ACCOUNTS),
    session=st.sampled_from(SESSIONS),
    client=st.sampled_from(("", "", "ci", "codex", "nobody")),
    route=st.sampled_from(("", "", "chat")),
    error=st.sampled_from(("", "", "internal")),
    since=TIMES,
    until=TIMES,
    text=st.sampled_from(("", "", "", *WORDS, "chào", "CHÀO", "STRASSE", "_", "\\", "好", "nothing")),
)


@pytest.fixture
async def filled(store: Store) -> Runs:
    await put(store, every_kind())
    return runs_over(store)[0]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=FILTERS, limit=st.integers(1, 40))
@example(wanted=RunFilter(text="%"), limit=40)
@example(wanted=RunFilter(text="_"), limit=40)
@example(wanted=RunFilter(text="\\"), limit=40)
@example(wanted=RunFilter(since=1_790_000_004.0, until=1_790_000_009.0), limit=40)
async def test_filters_find_what_a_loop_would_find(filled: Runs, wanted: RunFilter, limit: int) -> None:
    expected = naive(every_kind(), wanted)
    page = await filled.find(wanted, limit=limit)
    assert [record.id for record in page.records] == expected[:limit]
    assert bool(page.cursor) == (len(expected) > limit)


# Letting go


async def test_a_run_that_goes_on_is_not_deleted(store: Store) -> None:
    runs, _ = runs_over(store)
    run = runs.begin("flow_1")
    with pytest.raises(LunaError) as refused:
        await runs.delete("flow_1")
    assert refused.value.kind is Kind.CONFLICT
    runs.end(run, outcome="completed")
    assert await runs.delete("flow_1")
    assert await runs.get("flow_1") is None
    assert not await runs.delete("flow_1")


async def test_deleting_all_spares_what_goes_on(store: Store) -> None:
    runs, _ = runs_over(store)
    await put(store, [a_record(n, status=sorted(TERMINAL)[n % 5]) for n in range(2100)])
    runs.begin("flow_live").running("env")
    assert await runs.delete_all() == 2100
    assert await stored(runs) == ["flow_live"]


async def test_old_runs_and_too_many_go_but_never_those_that_go_on(store: Store) -> None:
    runs, clock = runs_over(store, max_runs=10, max_age_days=2.0)
    now = clock.wall()
    records = [a_record(n, status="completed") for n in range(30)]
    for n, record in enumerate(records):
        record.created_at = now - n * 3600 * 4  # 30 runs in five days
    records[29].status = "streaming"
    await put(store, records)
    assert await runs.tidy() == 19
    assert await stored(runs) == [*(f"flow_{n:04}" for n in range(10)), "flow_0029"]
    assert await runs.tidy() == 0
    kept, _ = runs_over(store, max_runs=100, max_age_days=1.0)
    assert await kept.tidy() == 3


async def test_changes_are_written_by_themselves_and_old_runs_let_go(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("luna.state.runs.PUSH_SECONDS", 0.001)
    monkeypatch.setattr("luna.state.runs.TIDY_SECONDS", 0.02)
    runs, _ = runs_over(store, max_runs=2)
    await put(store, [a_record(n, status="completed") for n in range(5)])
    run = runs.begin("flow_live")
    await store.commit()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(runs.keep)
        run.running("env")
        with anyio.fail_after(5):
            while not (await runs.archive.find(RunFilter(account="env"), limit=1)).records:
                await anyio.sleep(0.005)
            while await runs.archive.count() != 3:
                await anyio.sleep(0.005)
        run.streaming()
        tasks.cancel_scope.cancel()
    await store.commit()
    (record,) = (await runs.archive.find(RunFilter(account="env"), limit=9)).records
    assert record.status == "streaming"


async def test_a_session_is_attached_only_if_both_are_there(store: Store) -> None:
    runs, _ = runs_over(store)
    store.write(
        insert(sessions),
        {"id": "sess_1", "thread_id": "t", "created_at": 0.0, "updated_at": 0.0, "scope": "", "source": "auto"},
    )
    run = runs.begin("flow_1")
    await store.commit()
    for run_id, session in (("flow_1", "sess_2"), ("flow_2", "sess_1")):
        with pytest.raises(LunaError) as refused:
            await runs.attach_session(run_id, session)
        assert refused.value.kind is Kind.NOT_FOUND
    await runs.attach_session("flow_1", "sess_1")
    assert run.record.session_id == "sess_1"
    runs.end(run, outcome="completed")
    other = runs.begin("flow_3")
    runs.end(other, outcome="completed")
    await runs.attach_session("flow_3", "sess_1")
    assert await stored(runs, RunFilter(session="sess_1")) == ["flow_3", "flow_1"]


async def test_a_database_that_refuses_shows_what_was_written_last(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    runs = Runs(store, SystemClock())
    run = runs.begin("flow_1")
    runs.push()
    await store.commit()
    run.running("env")

    async def refuses() -> None:
        raise LunaError(Kind.INTERNAL, "luna cannot write.")

    monkeypatch.setattr(store, "commit", refuses)
    assert await stored(runs) == ["flow_1"]
    assert "as they were last written" in caplog.text
