"""Has every flow told to OpenTelemetry, where traces are switched on.

Owns the switch: `luna.traces` and the SDK are imported here, when it is on, and nowhere else; what is off costs nothing
because nothing of it is there. What is told of a flow is `luna.traces.story`'s.
"""

import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from luna.config.settings import Settings, SettingsError
from luna.core.flow import Flow
from luna.model.ambient import Clock
from luna.server.bookkeeping import Bookkeeping
from luna.state.accounts import Accounts
from luna.state.discretion import Discretion
from luna.state.logs import Logs
from luna.state.metrics import Metrics
from luna.state.run import Run
from luna.state.runs import Runs
from luna.upstream.exchange import Backend

if TYPE_CHECKING:
    from luna.traces.exchanges import Exchanges
    from luna.traces.export import Export

log = logging.getLogger("luna.server.tracing")

MISSING = "LUNA_TRACES is on, and OpenTelemetry is not installed: pip install 'luna-proxy[traces]'."


class Traces:
    """What a traced process has more than another."""

    def __init__(self, exchanges: "Exchanges", export: "Export") -> None:
        self.exchanges = exchanges
        self.export = export

    def __repr__(self) -> str:
        return f"<Traces {self.export!r}>"

    def around(self, inner: Backend) -> Backend:
        """The backend whose exchanges are told of."""
        return self.exchanges.around(inner)


def open_traces(settings: Settings, discretion: Discretion, clock: Clock, stack: AsyncExitStack) -> Traces | None:
    """None where traces are off; `stack` sends what is left at the end. Raises SettingsError without the SDK."""
    if not settings.traces:
        return None
    try:
        from luna.traces.exchanges import Exchanges
        from luna.traces.export import Export
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "opentelemetry":
            raise
        raise SettingsError(MISSING) from error
    export = Export(discretion)
    stack.push_async_callback(export.aclose)
    return Traces(Exchanges(clock), export)


def keep_books(runs: Runs, metrics: Metrics, logs: Logs, traces: Traces | None, accounts: Accounts) -> Bookkeeping:
    """The bookkeeping of a process that is traced, or is not."""
    return Bookkeeping(runs, metrics, logs) if traces is None else TracedBooks(runs, metrics, logs, traces, accounts)


class TracedBooks(Bookkeeping):
    """Bookkeeping that tells each flow, once it is over."""

    def __init__(self, runs: Runs, metrics: Metrics, logs: Logs, traces: Traces, accounts: Accounts) -> None:
        super().__init__(runs, metrics, logs)
        self._traces = traces
        self._accounts = accounts

    def open(self, flow: Flow) -> Run | None:
        self._traces.exchanges.expect(flow.id)
        return super().open(flow)

    def close(self, flow: Flow, run: Run | None, *, status: int = 0, sent: int = 0) -> None:
        super().close(flow, run, status=status, sent=sent)
        try:
            self._tell(flow, run, status)
        except Exception as error:  # the flow is over and written down; a trace of it is not worth a failure
            said = "flow %s: its trace could not be made: %s"
            log.warning(said, flow.id, type(error).__name__, extra={"flow": flow.id})

    def _tell(self, flow: Flow, run: Run | None, status: int) -> None:
        from luna.traces.story import Facts, tell

        record = run.record if run is not None else None
        account = self._accounts.find(record.account_id) if record is not None and record.account_id else None
        facts = Facts(
            flow,
            flow.clock.monotonic(),
            status,
            record,
            account.label if account is not None else "",
            self._traces.exchanges.take(flow.id),
        )
        self._traces.export.flow(tell(facts), flow.client.header("traceparent"))
