"""What of the house is shown at `/metrics`, beside what `luna.state.metrics` counts itself.

Owns these figures' names and words. Who may read them is `luna.admin.metrics`'.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Protocol

import anyio

from luna.core.live import LiveFlows
from luna.model.ambient import Clock
from luna.state.accounts import Accounts
from luna.state.metrics import Metrics
from luna.state.run import NEXT, TERMINAL
from luna.state.runs import Runs
from luna.state.store import Store
from luna.upstream.exchange import Usage


def observe_house(
    metrics: Metrics,
    *,
    live: LiveFlows,
    runs: Runs,
    accounts: Accounts,
    store: Store,
    clock: Clock,
    chats: Callable[[], Mapping[str, int]] | None = None,
) -> None:
    """Show what the parts of this process know. `chats` counts the ledger's chats by their state."""

    def oldest_in_queue() -> float:
        waiting = [run.record.created_at for run in runs.active() if run.status == "queued"]
        return max(0.0, clock.wall() - min(waiting)) if waiting else 0.0

    def by_status() -> dict[tuple[str, ...], float]:
        counted = Counter(run.status for run in runs.active())
        return {(status,): float(counted[status]) for status in NEXT if status not in TERMINAL}

    def by_state() -> dict[tuple[str, ...], float]:
        return {(state,): float(n) for state, n in Counter(a.state.word for a in accounts.all()).items()}

    def kept(name: str) -> Callable[[], float]:
        return lambda: float(store.describe()[name])

    metrics.observe("luna_flows_active", "Requests to the model endpoints that are being answered.", lambda: len(live))
    metrics.observe("luna_runs_active", "Runs that go on, by state.", by_status, ("status",))
    metrics.observe("luna_tasks", "Tasks of the event loop.", lambda: len(anyio.get_running_tasks()))
    metrics.observe("luna_queue_oldest_seconds", "Age of the oldest run that waits for a place.", oldest_in_queue)
    metrics.observe("luna_accounts", "Accounts, by state.", by_state, ("state",))
    metrics.observe("luna_store_queue", "Writes that wait for the database.", kept("waiting"))
    metrics.observe("luna_store_commits_total", "Commits to the database.", kept("commits"), kind="counter")
    metrics.observe("luna_store_commit_seconds_total", "Time spent on them.", kept("seconds"), kind="counter")
    metrics.observe("luna_store_lost_total", "Writes that were given up.", kept("lost"), kind="counter")
    metrics.observe("luna_store_writable", "1 while the database takes writes.", lambda: 0.0 if store.problem else 1.0)
    if chats is not None:
        counts = chats
        metrics.observe(
            "luna_chats",
            "Chats that luna made in its accounts, by state.",
            lambda: {(state,): float(number) for state, number in counts().items()},
            ("state",),
        )


class Measured(Protocol):
    """What is measured beside the requests (`luna.server.pulse`); None: not yet."""

    recordings: float | None
    recorded: float | None
    free: float | None

    def worst(self) -> float:
        """Seconds that the event loop was late at most, lately."""
        ...


def observe_workings(
    metrics: Metrics,
    *,
    pulse: Measured,
    pools: Callable[[], list[Usage]],
    live: LiveFlows,
    accounts: Accounts,
    lines_lost: Callable[[], int],
    halted: Callable[[], int],
) -> None:
    """Show how the process is: its connections, what it holds, and how late it is."""

    def connections() -> dict[tuple[str, ...], float]:
        seen = pools()
        idle = sum(one.idle for one in seen)
        return {("idle",): float(idle), ("busy",): float(sum(one.connections for one in seen) - idle)}

    def exchanges() -> dict[tuple[str, ...], float]:
        seen = pools()
        return {
            ("open",): float(sum(one.exchanges for one in seen)),
            ("waiting",): float(sum(one.waiting for one in seen)),
        }

    observe = metrics.observe
    observe("luna_loop_lag_worst_seconds", "How late the event loop was at most, in the last minute.", pulse.worst)
    observe("luna_upstream_connections", "Connections to the upstream, by state.", connections, ("state",))
    observe("luna_upstream_exchanges", "Exchanges with the upstream, open or in wait.", exchanges, ("state",))
    observe("luna_leases", "Accounts that are held by requests, each as often.", lambda: float(accounts.leases))
    observe("luna_snapshots", "Configurations that requests still run under.", lambda: float(len(live.by_snapshot())))
    observe("luna_halted", "Requests that wait at a breakpoint.", lambda: float(halted()))
    observe("luna_draining", "1 once no more requests are taken.", lambda: float(live.draining))
    lost = "Log lines that came too fast and were dropped."
    observe("luna_log_lines_lost_total", lost, lambda: float(lines_lost()), kind="counter")
    observe("luna_recordings", "Recordings on the disk.", lambda: pulse.recordings)
    observe("luna_recordings_bytes", "Bytes of the recordings on the disk.", lambda: pulse.recorded)
    observe("luna_disk_free_bytes", "Bytes free on the disk of the data directory.", lambda: pulse.free)


def observe_traces(metrics: Metrics, sent: Callable[[], int], lost: Callable[[], int]) -> None:
    """Show how spans get on that are sent to a collector."""
    metrics.observe(
        "luna_spans_total",
        "Spans for OpenTelemetry's collector, by outcome.",
        lambda: {("sent",): float(sent()), ("lost",): float(lost())},
        ("outcome",),
        "counter",
    )
