"""The log as data: what is kept of a line, that no secret gets into it, and that it stays within its bounds."""

import logging
import threading
from collections.abc import Iterator
from typing import Any

import anyio
import msgspec
import pytest
from sqlalchemy import select

from luna.model.ambient import ManualClock
from luna.model.errors import Kind, LunaError
from luna.model.preferences import LivePreferences, Logging, Preferences
from luna.state.discretion import Discretion
from luna.state.log_archive import LogEntry, LogFilter
from luna.state.logs import BATCH, MESSAGE, PENDING, TRACEBACK, Logs, level_word
from luna.state.runs import Runs
from luna.state.store import Store, tables
from tests.support.stores import Database

CANARIES = ("c4n4ry-known-secret", "c4n4ry-cookie-value", "c4n4ry-client-key", "c4n4ry-in-a-field")

log = logging.getLogger("luna.test.logs")


@pytest.fixture(autouse=True)
def everything_is_said() -> Iterator[None]:
    log.setLevel(logging.DEBUG)
    yield
    log.setLevel(logging.NOTSET)


def logs_over(store: Store, **kept: Any) -> tuple[Logs, ManualClock]:
    clock = ManualClock(1_790_000_000.0)
    preferences = LivePreferences(Preferences(logging=Logging(**kept)))
    return Logs(store, clock, preferences, Discretion(lambda: [CANARIES[0]])), clock


async def found(logs: Logs, wanted: LogFilter | None = None) -> list[LogEntry]:
    return (await logs.find(wanted or LogFilter(), limit=1000)).entries


async def everything_in(store: Store) -> bytes:
    rows = await store.read(select(tables.logs))
    return msgspec.json.encode([dict(row._mapping) for row in rows])


async def test_what_is_kept_of_a_line(store: Store) -> None:
    logs, clock = logs_over(store)
    with logs.listening():
        log.info("flow %s: %d events", "flow_1", 3, extra={"flow": "flow_1", "fields": {"events": 3}})
        clock.advance(1.5)
        log.error("no flow at all")
    log.info("nobody listens any more")
    second, first = await found(logs)
    assert (first.at, first.level, first.logger, first.message) == (
        1_790_000_000.0, "info", "luna.test.logs", "flow flow_1: 3 events",
    )  # fmt: skip
    assert (first.flow, first.fields) == ("flow_1", {"events": 3})
    assert (second.at, second.level, second.flow, second.fields) == (1_790_000_001.5, "error", "", {})
    assert second.id > first.id == 1_790_000_000_000_000
    assert logs.recent() == [first, second]


def say_secrets_in_every_way() -> None:
    known, cookie, key, field = CANARIES
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
        log.log(level, "the token is %s", known)
        words = f"cookie: a={cookie}; b={cookie}"
        log.log(level, words)
        log.log(level, "headers %r", {"Authorization": f"Bearer {key}"})
        log.log(level, "fields", extra={"fields": {"refresh_token": field, "list": [{"cookie": cookie}], "s": known}})
        log.log(level, "stack", stack_info=True, extra={"flow": known})
        try:
            try:
                raise LunaError(Kind.INTERNAL, f"set-cookie: token={cookie}; Path=/")
            except LunaError as cause:
                cause.add_note(f"x-api-key: {key}")
                raise RuntimeError(f"{known} and password={field}") from cause
        except RuntimeError:
            log.log(level, "it failed", exc_info=True)


async def test_no_secret_gets_into_any_entry(store: Store) -> None:
    logs, _ = logs_over(store)
    seen: list[LogEntry] = []
    logs.watch(seen.extend)
    with logs.listening():
        say_secrets_in_every_way()
    logs.note("info", f"key {CANARIES[0]}", fields={"token": CANARIES[1]})
    entries = await found(logs)
    assert len(entries) == 5 * 6 + 1
    sinks = (await everything_in(store), msgspec.json.encode(seen), msgspec.json.encode(entries), repr(logs).encode())
    for sink in (*sinks, msgspec.json.encode(logs.recent())):
        assert b"c4n4ry" not in sink
    assert sinks[0].count(b"RuntimeError") >= 5, "tracebacks are kept"


async def test_a_secret_may_stand_on_the_edge_of_what_is_kept(store: Store) -> None:
    logs, _ = logs_over(store)
    for cut in range(len(CANARIES[0]) + 2):
        logs.note("info", "x" * (MESSAGE - cut) + CANARIES[0] + "y" * 100)
        logs.note("info", "t", traceback="a\n" * 10 + CANARIES[0] + "\n" + "z" * (TRACEBACK - cut))
        logs.note("info", "t", traceback="q" * 64_000 + CANARIES[0] + "z" * (64_000 - cut))
    data = await everything_in(store) + msgspec.json.encode(await found(logs))
    for size in range(8, len(CANARIES[0]) + 1):
        assert CANARIES[0][:size].encode() not in data
        assert CANARIES[0][-size:].encode() not in data
    assert all(len(entry.message) <= MESSAGE for entry in logs.recent())
    assert all(len(entry.fields.get("traceback", "")) <= TRACEBACK for entry in logs.recent())


async def test_an_argument_that_cannot_be_written_harms_nobody(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __str__(self) -> str:
            raise OSError

    logs, _ = logs_over(store)
    alone = logging.getLogger("nobody.else.listens")
    monkeypatch.setattr(alone, "propagate", False)
    with logs.listening(alone.name):
        alone.error("%s", Broken())
        alone.error("%d %d", 1)
    first, second = reversed(await found(logs))
    assert first.message == "'%s' (its arguments cannot be written: OSError)"
    assert second.message == "'%d %d' (its arguments cannot be written: TypeError)"


async def test_text_from_outside_is_what_any_database_takes(store: Store) -> None:
    logs, _ = logs_over(store)
    logs.note("info", "a\0b\ud800", flow="f" * 500, logger="l" * 500, fields={"k\0": "v\0", "n": float("nan")})
    entry = (await found(logs))[0]
    assert (entry.message, entry.flow, len(entry.logger)) == ("ab?", "", 80)
    assert store.describe()["lost"] == 0


async def test_lines_from_other_threads_are_kept_in_order(store: Store) -> None:
    logs, _ = logs_over(store)

    def speak(name: str) -> None:
        for number in range(200):
            log.info("%s %d", name, number)

    with logs.listening():
        threads = [threading.Thread(target=speak, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    said = [entry.message for entry in reversed(await found(logs))]
    assert len(said) == 600
    for name in "abc":
        assert [line for line in said if line.startswith(name)] == [f"{name} {n}" for n in range(200)]
    ids = [entry.id for entry in await found(logs)]
    assert ids == sorted(set(ids), reverse=True)


async def test_what_comes_too_fast_is_dropped_and_counted(store: Store) -> None:
    logs, _ = logs_over(store)
    for number in range(PENDING + 7):
        logs.note("info", str(number))
    assert logs.dropped == 7
    assert logs.flush(BATCH) == BATCH
    logs.flush()
    assert logs.dropped == 0
    assert logs.recent(1)[0].message == "7 log lines came too fast and were dropped."
    assert (await logs.stats()).total == PENDING + 1
    assert len(logs.recent()) == 1000


async def test_searching(store: Store) -> None:
    logs, clock = logs_over(store)
    logs.note("info", "Xin CHÀO 100%", flow="flow_1")
    clock.advance(10)
    logs.note("warning", "nothing", flow="flow_2")
    clock.advance(10)
    logs.note("error", "failed", flow="flow_1", traceback="KeyError: chào")

    async def messages(**wanted: Any) -> list[str]:
        return [entry.message for entry in await found(logs, LogFilter(**wanted))]

    assert await messages() == ["failed", "nothing", "Xin CHÀO 100%"]
    assert await messages(text="chào") == ["failed", "Xin CHÀO 100%"]
    assert await messages(text="%") == ["Xin CHÀO 100%"]
    assert await messages(text="keyerror") == ["failed"]
    assert await messages(levels=frozenset({"error", "warning"})) == ["failed", "nothing"]
    assert await messages(flow="flow_1") == ["failed", "Xin CHÀO 100%"]
    assert await messages(since=1_790_000_010.0) == ["failed", "nothing"]
    assert await messages(flow="flow_1", text="chào", levels=frozenset({"info"})) == ["Xin CHÀO 100%"]


async def test_pages(store: Store) -> None:
    logs, _ = logs_over(store)
    for number in range(23):
        logs.note("info", str(number))
    seen: list[str] = []
    before: int | None = None
    while True:
        page = await logs.find(LogFilter(), limit=5, before=before)
        seen += [entry.message for entry in page.entries]
        before = page.before
        if before is None:
            break
    assert seen == [str(number) for number in reversed(range(23))]


async def test_numbers_go_on_after_a_restart_even_when_the_clock_was_put_back(database: Database) -> None:
    async with database.opened() as store:
        logs, clock = logs_over(store)
        clock.advance(1000)
        logs.note("info", "before")
        logs.flush()
    async with database.opened() as store:
        logs, _ = logs_over(store)
        await logs.recover()
        logs.note("info", "after")
        assert [entry.message for entry in await found(logs)] == ["after", "before"]


async def test_lines_are_taken_in_by_themselves_and_old_ones_let_go(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("luna.state.logs.FLUSH_SECONDS", 0.001)
    monkeypatch.setattr("luna.state.logs.TIDY_SECONDS", 0.02)
    logs, _ = logs_over(store, max_logs=60)
    for number in range(BATCH * 3):
        logs.note("info", str(number))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(logs.keep)
        with anyio.fail_after(5):
            while (await logs.stats()).total != 60:
                await anyio.sleep(0.005)
        logs.note("info", "the last word")
        tasks.cancel_scope.cancel()
    assert logs.recent(1)[0].message == "the last word"


async def test_old_lines_and_too_many_go(store: Store) -> None:
    logs, clock = logs_over(store, max_logs=10, max_age_days=1.0)
    logs.note("info", "old")
    clock.advance(2 * 86_400)
    for number in range(30):
        logs.note("info", str(number))
    logs.flush()
    await store.commit()
    assert await logs.tidy() == 21
    assert [entry.message for entry in await found(logs)] == [str(number) for number in reversed(range(20, 30))]
    assert await logs.tidy() == 0


async def test_clearing_clears_lines_and_nothing_else(store: Store) -> None:
    logs, clock = logs_over(store)
    runs = Runs(store, clock)
    runs.end(runs.begin("flow_1"), outcome="completed")
    for level in ("info", "error", "error"):
        logs.note(level, level)
    stats = await logs.stats()
    assert (stats.total, stats.errors) == (3, 2)
    assert await logs.clear() == 3
    assert (await logs.stats(), logs.recent()) == ((0, 0), [])
    assert await runs.get("flow_1") is not None


async def test_a_watcher_that_fails_keeps_no_line_from_being_written(store: Store) -> None:
    logs, _ = logs_over(store)

    def fails(_: list[LogEntry]) -> None:
        raise ValueError

    stop = logs.watch(fails)
    logs.note("info", "said")
    logs.flush()
    stop()
    assert [entry.message for entry in await found(logs)] == ["a watcher of the log failed: ValueError", "said"]


@pytest.mark.parametrize(
    ("level", "word"),
    [(5, "debug"), (10, "debug"), (20, "info"), (25, "info"), (30, "warning"), (40, "error"), (50, "error")],
)
def test_levels(level: int, word: str) -> None:
    assert level_word(level) == word
