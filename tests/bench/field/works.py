"""What is measured, and how: each work drives one server once and gives the figures of some rows.

Owns loads and durations. A work is bounded by time, not by a number of requests, so that a slow server does not hold up
the run; of streams as fast as they go, a server that is very slow gets fewer deltas than the others.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.field.bodies import Bodies
from tests.bench.field.native import Answers, Load, ask
from tests.bench.field.servers import Running

OPEN = 200
CROWD = 50
MANY = 100
FAST, FAST_EACH, LEAST = 40_000, 2_000, 1_000
"""Deltas of one fast stream, of each of many, and what even a very slow server gets in all."""
PACE = 50
"""Milliseconds between the deltas of a paced stream."""
RAMP = 1.913
"""Seconds over which paced streams begin; no multiple of the pace, so that they do not speak in step."""


@dataclass(frozen=True)
class Effort:
    """How long and how often."""

    rounds: int
    seconds: float
    """Of most works, for each server."""
    paced: int
    """Deltas of each paced stream."""
    starts: int


FULL = Effort(rounds=3, seconds=1.2, paced=80, starts=3)
QUICK = Effort(rounds=1, seconds=0.7, paced=40, starts=1)


@dataclass
class Bench:
    """What works need: the load client and the bodies."""

    program: Path
    bodies: Bodies
    effort: Effort
    prices: dict[str, float] = field(default_factory=dict)
    """Seconds of processor time for each delta, about, by server."""

    def ask(self, running: Running, load: Load) -> Answers:
        """LoadError when an answer was not what it must be."""
        return ask(self.program, running.port, load, running.headers)

    def spent(self, running: Running, load: Load) -> tuple[Answers, float]:
        """With the processor time that it took, in seconds."""
        before = running.process.reading()
        found = self.ask(running, load)
        return found, running.process.cpu_since(before)

    def bearable(self, running: Running, deltas: int, seconds: float) -> int:
        """That many deltas, or as many as the server can be given in that time of its processor; never very few."""
        if running.name not in self.prices:
            found, cpu = self.spent(running, Load(self.bodies.stream(LEAST), requests=1, deltas=LEAST))
            self.prices[running.name] = cpu / found.deltas
        return min(deltas, max(LEAST, round(seconds / self.prices[running.name])))

    def stream(self, deltas: int, clients: int = 1) -> Load:
        """Streamed answers, for as long as works take."""
        return Load(self.bodies.stream(deltas), clients, seconds=self.effort.seconds, deltas=deltas)


Do = Callable[[Bench, Running], dict[str, float]]


@dataclass(frozen=True)
class Work:
    """One thing to do, with each server in turn."""

    name: str
    keys: tuple[str, ...]
    """The rows that it gives."""
    do: Do
    once: bool = False
    """Memory can only be filled once."""
    quick: bool = True
    """Part of the short run, too."""


def memory(bench: Bench, running: Running) -> dict[str, float]:
    """Of a server that was just started: at rest, and for each stream that is open, when it has answered some."""
    idle = running.process.rss()
    bench.ask(running, Load(bench.bodies.stream(20), clients=4, requests=20, deltas=20))
    before = running.process.rss()
    running.process.forget_peak()
    load = Load(bench.bodies.stream(8, pace=500), clients=OPEN, requests=OPEN, ramp=RAMP, deltas=8)
    bench.ask(running, load)
    return {"idle-rss": idle, "stream-rss": max(0.0, running.process.peak_rss() - before) * 1024 / OPEN}


def warm(bench: Bench, running: Running) -> dict[str, float]:
    """Let it be as it is after a while."""
    bench.ask(running, bench.stream(20, clients=4))
    return {}


def first_token(bench: Bench, running: Running) -> dict[str, float]:
    """One request after the other."""
    found = bench.ask(running, bench.stream(20))
    return {"first-p50": found.first_p50, "first-p99": found.first_p99, "rate-1": found.per_second}


def crowd(bench: Bench, running: Running) -> dict[str, float]:
    """50 streams of a second each, paced, with 100 KB bodies: 50 new ones each second."""
    body = bench.bodies.stream(20, pace=PACE, size=100_000)
    found = bench.ask(running, Load(body, CROWD, requests=CROWD * 4, ramp=RAMP / 2, deltas=20))
    return {"crowd-p99": found.first_p99}


def short(bench: Bench, running: Running) -> dict[str, float]:
    """Short answers in one piece."""
    found, cpu = bench.spent(running, Load(bench.bodies.short(), seconds=bench.effort.seconds))
    return {"json-latency": found.total_p50, "json-cpu": cpu / found.answers * 1e3}


def together(clients: int) -> Do:
    """Streamed answers to that many clients."""

    def do(bench: Bench, running: Running) -> dict[str, float]:
        return {f"rate-{clients}": bench.ask(running, bench.stream(20, clients)).per_second}

    return do


def one_fast(bench: Bench, running: Running) -> dict[str, float]:
    """One stream as fast as it goes."""
    deltas = bench.bearable(running, FAST, 1.5)
    found, cpu = bench.spent(running, Load(bench.bodies.stream(deltas), requests=1, deltas=deltas))
    return {"one-rate": found.deltas / found.seconds, "one-cpu": cpu / found.deltas * 1e6}


def many_fast(bench: Bench, running: Running) -> dict[str, float]:
    """100 streams as fast as they go."""
    deltas = bench.bearable(running, MANY * FAST_EACH, 5) // MANY
    found, cpu = bench.spent(running, Load(bench.bodies.stream(deltas), MANY, requests=MANY, deltas=deltas))
    return {"many-rate": found.deltas / found.seconds, "many-cpu": cpu / found.deltas * 1e6}


def paced(bench: Bench, running: Running) -> dict[str, float]:
    """200 streams, 20 deltas a second each."""
    running.process.forget_peak()
    deltas = bench.effort.paced
    load = Load(bench.bodies.stream(deltas, pace=PACE), OPEN, requests=OPEN, ramp=RAMP, deltas=deltas)
    found, cpu = bench.spent(running, load)
    return {
        "paced-cpu": cpu / found.deltas * 1e6,
        "paced-age": found.age_p99,
        "paced-rss": running.process.peak_rss(),
    }


def large(key: str, size: int) -> Do:
    """Short answers to bodies of that many bytes, with tools."""

    def do(bench: Bench, running: Running) -> dict[str, float]:
        found, cpu = bench.spent(running, Load(bench.bodies.tools(size), seconds=bench.effort.seconds))
        return {key: cpu / found.answers * 1e3}

    return do


WORKS = (
    Work("memory", ("idle-rss", "stream-rss"), memory, once=True),
    Work("warming up", (), warm, once=True),
    Work("first token", ("first-p50", "first-p99", "rate-1"), first_token),
    Work("50 streams with 100 KB bodies", ("crowd-p99",), crowd, quick=False),
    Work("short JSON answers", ("json-latency", "json-cpu"), short),
    Work("16 clients", ("rate-16",), together(16)),
    Work("64 clients", ("rate-64",), together(64)),
    Work("one fast stream", ("one-rate", "one-cpu"), one_fast),
    Work("100 fast streams", ("many-rate", "many-cpu"), many_fast),
    Work("200 paced streams", ("paced-cpu", "paced-age", "paced-rss"), paced),
    Work("100 KB bodies", ("body-100k",), large("body-100k", 100_000), quick=False),
    Work("1 MB bodies", ("body-1m",), large("body-1m", 1_000_000)),
    Work("5 MB bodies", ("body-5m",), large("body-5m", 5_000_000), quick=False),
)
"""In this order: memory first, while the servers are fresh, and the large bodies, which make them fat, last."""
