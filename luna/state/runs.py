"""Runs: who is at work now, and the record of who was.

Owns the runs that are going on, the moment at which each is written, and the rules for all of them (what a restart
makes of them, how long they are kept). What a run is belongs to `luna.state.run`, what is written of the finished ones
to `luna.state.run_archive`. What is new of a run that goes on is written a few times a second, and how it ends with
whatever is committed next, however many runs are stored; a short one is written once.
"""

import logging
from collections.abc import Callable, Iterable
from functools import partial

import anyio
import msgspec

from luna.filters.conditions import Condition
from luna.filters.predicate import holds
from luna.model.alarm import soon
from luna.model.ambient import Clock
from luna.model.errors import Kind, LunaError
from luna.model.events import Usage
from luna.model.preferences import LivePreferences
from luna.state.run import TERMINAL, Run, RunRecord, plain
from luna.state.run_archive import Page, RunArchive, RunFilter
from luna.state.run_spans import Figures
from luna.state.run_writing import COLUMNS, LatestRow
from luna.state.store import Store
from luna.state.store.form import Form
from luna.state.store.tables import runs as table

log = logging.getLogger("luna.state.runs")

PUSH_SECONDS = 0.25
"""How often what is new of runs that go on is written, so that a crash leaves a true picture of them. One that is over
before is written once."""
TIDY_SECONDS = 600.0
DAY = 86_400.0
INTERRUPTED = "luna ended while this run was going on."

Watcher = Callable[[Run], None]


class Runs:
    """Every run, now and before."""

    def __init__(self, store: Store, clock: Clock, preferences: LivePreferences | None = None) -> None:
        self._store = store
        self._clock = clock
        self._preferences = preferences or LivePreferences()
        self._upsert = Form(store.upsert(table), COLUMNS)
        self._active: dict[str, Run] = {}
        self.find_active: Callable[[str], Run | None] = self._active.get
        """The run of that id, if it goes on."""
        self._watchers: list[Watcher] = []
        self.archive = RunArchive(store)

    def __repr__(self) -> str:
        return f"<Runs {len(self._active)} active>"

    # Going on

    def begin(
        self,
        id: str,
        *,
        born: float | None = None,
        begun: float | None = None,
        provider: str = "qwen-ai",
        model: str = "",
        stream: bool = False,
        protocol: str = "",
        route: str = "",
        pipeline: str = "",
        recording: str = "",
        bytes_in: int | None = None,
        fill: Callable[[Run], bool] | None = None,
    ) -> Run:
        """A run is born, under its flow's id. `born` and `begun`: the same moment, by the wall's clock and the
        monotonic one. `fill` is asked what the request is (`Run.describe`) until it knows."""
        born = self._clock.wall() if born is None else born
        record = RunRecord(
            id=id,
            created_at=born,
            queued_at=born,
            provider_id=provider,
            model=plain(model, 200),
            stream=stream,
            protocol=protocol,
            route=route,
            pipeline=pipeline,
            recording=recording,
            bytes_in=bytes_in,
        )
        begun = self._clock.monotonic() if begun is None else begun
        run = self._active[id] = Run(record, clock=self._clock, begun=begun, moved=self._moved, fill=fill)
        if self._watchers:
            self._tell(run)
        return run

    def active(self) -> list[Run]:
        """Those that go on, the oldest first."""
        return list(self._active.values())

    def complete(self, run: Run, *, usage: Usage | None = None, http_status: int = 200, reasks: int = 0) -> None:
        """The answer is whole, and its last bytes are about to go out: have that written with whatever is committed
        next. Call it in a step of `flow.settle`."""
        if run.record.status not in TERMINAL:
            _fill(run)
            run.close("completed", usage=usage, http_status=http_status, reasks=reasks)
            self._write(run)

    def cancel(self, run: Run) -> bool:
        """Somebody ended it; its flow is told elsewhere. False when it had come to an end before."""
        return not run.terminal and run.move("cancelled")

    def end(
        self,
        run: Run,
        *,
        outcome: str,
        error: LunaError | None = None,
        usage: Usage | None = None,
        http_status: int | None = None,
        reasks: int = 0,
    ) -> None:
        """The flow is over and cleaned up. `outcome`: completed, failed, cancelled or client-gone."""
        if not run.closed:
            _fill(run)
            run.close(outcome, error=error, usage=usage, http_status=http_status, reasks=reasks)
        if run.fresh:
            self._write(run)
        self._active.pop(run.id, None)

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call `watcher` with the run at every change of its state. It must be quick and must not raise. Returns
        what ends it."""
        self._watchers = [*self._watchers, watcher]

        def end() -> None:  # one may end itself while it is told
            self._watchers = [other for other in self._watchers if other is not watcher]

        return end

    # Before

    async def recover(self) -> int:
        """Call it before the first run begins: what was going on when the last process ended was interrupted."""
        left = await self.archive.interrupt(INTERRUPTED)
        if left:
            log.warning("%d runs were interrupted by the end of the last process", left)
        return left

    async def find(self, wanted: RunFilter, *, limit: int, before: str = "") -> Page:
        """A page of runs, the newest first, those that go on among them as they are now."""
        await self._catch_up()
        return await self.archive.find(wanted, limit=limit, before=before)

    async def by_target(self, within: float) -> dict[str, int]:
        """How many began in the last `within` seconds, for each model that was meant."""
        await self._catch_up()
        return await self.archive.by_target(self._clock.wall() - within)

    async def among(self, ids: Iterable[str], condition: Condition | None) -> list[RunRecord]:
        """Those of the ids that a filter wants, as they are now. What goes on costs no look at the database."""
        wanted = frozenset(ids)
        active = [run for id in wanted if (run := self._active.get(id)) is not None]
        for run in active:
            _fill(run)
        found = [msgspec.structs.replace(run.record) for run in active if holds(condition, run.record)]
        if over := wanted - {run.id for run in active}:
            page = await self.find(RunFilter(condition=condition, ids=over), limit=len(over))
            found += page.records
        return found

    async def count(self, condition: Condition | None) -> tuple[int, int]:
        """How many a filter wants, and how many of them are over."""
        await self._catch_up()
        return await self.archive.count_wanted(condition)

    async def figures(self, since: float, until: float, width: float) -> Figures:
        """What the runs of a while come to (`luna.state.run_figures`)."""
        from luna.state import run_figures  # brings SQLAlchemy, which nobody needs who is not asked for figures

        await self._catch_up()
        return await self._store.run(lambda connection: run_figures.read(connection, since, until, width))

    async def get(self, id: str) -> RunRecord | None:
        """One run, as it is now."""
        run = self._active.get(id)
        if run is not None:
            _fill(run)
            return msgspec.structs.replace(run.record)
        await self._catch_up()
        return await self.archive.get(id)

    async def delete(self, id: str) -> bool:
        """Forget a run. False when there is none; raises LunaError(CONFLICT) while it goes on."""
        if id in self._active:
            raise LunaError(Kind.CONFLICT, "This run is still going on.", hint="Cancel it first.")
        await self._catch_up()
        return await self.archive.remove(id)

    async def delete_all(self) -> int:
        """Forget all that are over: how many."""
        await self._catch_up()
        return await self.archive.remove_all()

    async def delete_wanted(self, condition: Condition | None) -> tuple[int, list[str]]:
        """Forget all that a filter wants and that are over: how many, and the recordings they had."""
        await self._catch_up()
        return await self.archive.remove_wanted(condition)

    async def attach_session(self, id: str, session: str) -> None:
        """Say that a run belongs to a session. Raises LunaError(NOT_FOUND) when one of them is unknown."""
        run = self._active.get(id)
        if run is None and await self.get(id) is None:
            raise unknown_run(id)
        if not await self.archive.has_session(session):
            raise LunaError(
                Kind.NOT_FOUND,
                f"There is no session {session[:64]!r}.",
                hint="GET /api/sessions lists them.",
                param="sessionId",
            )
        if run is not None:
            run.bound(session, "attached by hand")
        await self.archive.attach(id, session)

    async def tidy(self) -> int:
        """Let go of what is older, or more, than the preferences say: how many."""
        kept = self._preferences.current.logging
        since = self._clock.wall() - kept.max_age_days * DAY
        removed = await self.archive.prune(keep=kept.max_runs, since=since)
        if removed:
            log.info("%d old runs were forgotten", removed)
        return removed

    # Writing

    async def keep(self) -> None:
        """Write what changes, and tidy up from time to time. Runs until cancelled; then it writes the rest."""
        try:
            while True:
                with anyio.move_on_after(TIDY_SECONDS):
                    while True:
                        await anyio.sleep(PUSH_SECONDS)
                        self.push()
                try:
                    await self.tidy()
                except LunaError as error:
                    log.warning("runs could not be tidied up: %s", error.message)
        finally:
            self.push()

    def push(self) -> None:
        """Queue what has changed of those that go on."""
        for run in self._active.values():
            if run.fresh:
                self._write(run)

    async def _catch_up(self) -> None:
        """Have everything written down that is known, if the database takes it."""
        self.push()
        if not self._store.problem:
            try:
                await self._store.commit()
            except LunaError as error:
                log.warning("runs are shown as they were last written: %s", error.message)

    def _write(self, run: Run) -> None:
        run.fresh = False
        if run.row is None or run.row.taken:
            run.row = latest = LatestRow(run)
            self._store.write(self._upsert, latest)

    def _moved(self, run: Run) -> None:
        if self._watchers:
            _fill(run)
            self._tell(run)
        elif run.fill is not None:
            soon(partial(_fill, run))

    def _tell(self, run: Run) -> None:
        for watcher in self._watchers:
            try:
                watcher(run)
            except Exception as error:  # whoever looks on must not harm who is looked at
                log.warning("a watcher of runs failed: %s", type(error).__name__)


def _fill(run: Run) -> None:
    if run.fill is not None and run.fill(run):
        run.fill = None


def unknown_run(id: str) -> LunaError:
    """There is no such run."""
    return LunaError(Kind.NOT_FOUND, f"There is no run {id[:64]!r}.", hint="GET /api/runs lists them.")
