"""What luna counts: flows, runs, tokens, times. The names are what dashboards are built on, so they stay.

Owns the families and what an ended flow adds to them. What others know (accounts, the store, the process) is hung in
beside them by whoever has it (`Metrics.observe`).
"""

import os
import platform
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from luna import __version__
from luna.model.events import Usage
from luna.state.instruments import FIRST, MOMENTS, Counter, Histogram, Labels, Observed, Reading, Registry

UNNAMED = "none"
"""A label's value where there is none."""
IN, OUT = ("in",), ("out",)


class Metrics:
    """Every figure of one process. `started`: when it began, in seconds since the epoch."""

    def __init__(self, started: float) -> None:
        self.registry = registry = Registry()
        self._flows = registry.add(
            Counter(
                "luna_flows_total", "Requests to the model endpoints that are over.", ("route", "protocol", "outcome")
            )
        )
        self._errors = registry.add(Counter("luna_errors_total", "Failed requests, by what went wrong.", ("kind",)))
        self._seconds = registry.add(Histogram("luna_flow_seconds", "From a request's birth to its end.", ("route",)))
        self._first = registry.add(
            Histogram(
                "luna_first_event_seconds", "From a request's birth to the first token.", ("route",), bounds=FIRST
            )
        )
        self._queue = registry.add(Histogram("luna_queue_seconds", "How long runs waited for a place."))
        self._stages = registry.add(
            Histogram("luna_stage_seconds", "Time that request stages took.", ("stage",), bounds=())
        )
        self._events = registry.add(Counter("luna_events_total", "Events that transports have sent."))
        self._bytes = registry.add(
            Counter("luna_client_bytes_total", "Bytes of bodies, from and to clients.", ("direction",))
        )
        self._tokens = registry.add(
            Counter("luna_tokens_total", "Tokens, as the upstream counts them.", ("model", "direction"))
        )
        self._reasks = registry.add(Counter("luna_reasks_total", "How often models were asked again."))
        self._attempts = registry.add(Counter("luna_retries_total", "Attempts at the upstream after the first one."))
        self.uploads = registry.add(Counter("luna_uploads_total", "Files sent upstream, by outcome.", ("outcome",)))
        """For the uploads: `uploads.add("completed")`, `"failed"` or `"reused"`."""
        self.uploaded = registry.add(Counter("luna_upload_bytes_total", "Bytes of files sent upstream."))
        self.drift = registry.add(
            Counter("luna_upstream_drift_total", "Shapes in the upstream's traffic that were new.", ("kind",))
        )
        """For the drift: `drift.add("phase")`."""
        self.chaos = registry.add(Counter("luna_chaos_total", "Faults that the chaos stage injected.", ("fault",)))
        """For the chaos stage: `chaos.add("waf-json")`."""
        self.lag = registry.add(
            Histogram("luna_loop_lag_seconds", "How late the event loop was, twice a second.", bounds=MOMENTS)
        )
        """For the pulse: `lag.observe(0.002)`."""
        build: dict[Labels, float] = {(__version__, platform.python_version(), platform.system().lower()): 1.0}
        self.observe("luna_info", "What runs.", lambda: build, ("version", "python", "system"))
        self._observe_process(started)

    def __repr__(self) -> str:
        return f"<Metrics {self.registry!r}>"

    def observe(
        self,
        name: str,
        about: str,
        read: Callable[[], Reading | None],
        labels: Labels = (),
        kind: Literal["gauge", "counter"] = "gauge",
    ) -> None:
        """Have `read` asked whenever somebody reads the figures: a number, or numbers by label values."""
        self.registry.add(Observed(name, about, read, labels, kind))

    def flow_ended(
        self,
        *,
        route: str,
        protocol: str,
        outcome: str,
        seconds: float,
        first_event: float | None = None,
        error: str = "",
        events: int = 0,
        received: int = 0,
        sent: int = 0,
        stages: Iterable[tuple[str, float]] = (),
    ) -> None:
        """A flow is over. `first_event`: seconds from its birth, None when there was none; `error`: the kind."""
        self._flows.series[route, protocol, outcome].value += 1.0
        self._seconds.observe(seconds, route)
        if first_event is not None:
            self._first.observe(first_event, route)
        if error:
            self._errors.add(error)
        self._events.series[()].value += events
        self._bytes.series[IN].value += received
        self._bytes.series[OUT].value += sent
        took = self._stages.series
        for stage, spent in stages:
            spread = took[stage,]
            spread.counts[0] += 1
            spread.sum += spent

    def run_ended(
        self, *, model: str, usage: Usage | None, queue_seconds: float, attempts: int = 1, reasks: int = 0
    ) -> None:
        """A run is over. `model` is the upstream's."""
        self._queue.observe(queue_seconds)
        self._reasks.series[()].value += reasks
        self._attempts.series[()].value += attempts - 1
        if usage is not None:
            name, tokens = model or UNNAMED, self._tokens.series
            tokens[name, "in"].value += usage.input
            tokens[name, "out"].value += usage.output
            tokens[name, "thinking"].value += usage.reasoning

    def _observe_process(self, started: float) -> None:
        self.observe("process_start_time_seconds", "When the process began, since the epoch.", lambda: started)
        self.observe("process_cpu_seconds_total", "Processor time used.", time.process_time, kind="counter")
        self.observe("process_resident_memory_bytes", "Memory in use.", resident_memory)
        self.observe("process_open_fds", "Open file descriptors.", open_descriptors)
        self.observe("process_max_fds", "How many may be open.", _most_descriptors)
        self.observe("luna_threads", "Threads of the process.", lambda: float(threading.active_count()))


def resident_memory() -> float:
    """Bytes; where the system does not say, the most there ever were."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return float(most if sys.platform == "darwin" else most * 1024)
    return float(pages * os.sysconf("SC_PAGE_SIZE"))


def open_descriptors() -> float | None:
    """Files and sockets that are open; None where the system does not say."""
    try:
        return float(len(os.listdir("/proc/self/fd")))  # noqa: PTH208 - the names alone, and cheaply
    except OSError:
        return None


def _most_descriptors() -> float | None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if limit == resource.RLIM_INFINITY else float(limit)
