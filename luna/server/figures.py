"""Which figure of `/metrics` asks whom.

Owns that wiring, and the start of what measures beside the requests. What the figures are is `luna.admin.observed'`.
"""

from pathlib import Path

from luna.admin.observed import observe_house, observe_traces, observe_workings
from luna.core.live import LiveFlows
from luna.model.ambient import Clock
from luna.server.pulse import Pulse
from luna.server.state import State
from luna.wire.store import Recordings


def observe(state: State, live: LiveFlows, clock: Clock, data_dir: Path) -> None:
    """From now on all of them are told."""
    metrics = state.metrics
    observe_house(
        metrics,
        live=live,
        runs=state.runs,
        accounts=state.accounts,
        store=state.store,
        clock=clock,
        chats=lambda: {word.value: count for word, count in state.chats.ledger.counts().items()},
    )
    pulse = Pulse(metrics, state.services[Recordings], data_dir, clock)
    observe_workings(
        metrics,
        pulse=pulse,
        pools=state.egress.usage,
        live=live,
        accounts=state.accounts,
        lines_lost=lambda: state.logs.lost,
        halted=lambda: len(state.breakpoints.halted),
    )
    if state.traces is not None:
        telling = state.traces.export.telling
        observe_traces(metrics, lambda: telling.sent, lambda: telling.lost)
    state.background.keep("the pulse", pulse.beat)
    state.background.keep("the look at the disk", pulse.look)
