"""One run: the servers are started, take turns at every work, and are stopped.

Owns the order: within a work, every round goes through all servers, each other round backwards, so that a noisy
machine disturbs them alike. A server that cannot be started, or fails at a work, leaves the reason in its place.
"""

import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.bench.field.bodies import Bodies
from tests.bench.field.figures import DIRECT, Figures
from tests.bench.field.native import LoadError, build
from tests.bench.field.servers import Place, Running, Server, field_of
from tests.bench.field.works import Bench, Effort, Work
from tests.support.ports import free_port

Say = Callable[[str], None]


def aloud(line: str) -> None:
    """How far it is, for whoever waits."""
    print(line, file=sys.stderr, flush=True)


def run(effort: Effort, works: Sequence[Work], only: Sequence[str] = (), say: Say = aloud) -> Figures:
    """Measure those works; `only`: with these servers, and the upstream itself. LoadError when there
    is no C compiler, or no such server."""
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        folder = Path(scratch)
        field = field_of(folder / "upstream")
        if unknown := set(only) - {server.name for server in field}:
            raise LoadError(f"no such server: {'; '.join(unknown)}. There are: {'; '.join(s.name for s in field)}")
        servers = [server for server in field if not only or server.name in {*only, DIRECT}]
        native = build(folder)
        figures = Figures([s.name for s in servers], [s.name for s in servers if s.kind == "peer"])
        (folder / "bodies").mkdir()
        bench = Bench(native["load"], Bodies(folder / "bodies"), effort)
        say(f"starting {len(servers)} servers")
        running = _start(servers, folder, effort.starts, figures, stack)
        for work in works:
            say(f"{work.name}: {', '.join(server.name for server in running)}")
            for turn in range(1 if work.once else effort.rounds):
                for server in reversed(running) if turn % 2 else running:
                    take_turn(work, bench, server, turn, figures, say)
        return figures


def _start(servers: Sequence[Server], folder: Path, starts: int, figures: Figures, stack: ExitStack) -> list[Running]:
    upstream, *others = servers
    port = free_port()
    direct = upstream.start(Place(port, port, folder / "direct"))
    stack.callback(direct.process.stop)
    running: dict[str, Running] = {DIRECT: direct}
    for turn in range(starts):
        for place, server in enumerate(others):
            if server.missing or server.name in figures.absent:
                figures.absent.setdefault(server.name, server.missing)
                continue
            if before := running.pop(server.name, None):
                before.process.stop()
            try:
                up = server.start(Place(free_port(), port, folder / str(place)))
            except (RuntimeError, OSError) as error:
                figures.absent[server.name] = str(error)
                continue
            stack.callback(up.process.stop)
            running[server.name] = up
            figures.add(server.name, turn, {"start": up.process.started_in})
    return [running[server.name] for server in servers if server.name in running]


def take_turn(work: Work, bench: Bench, server: Running, turn: int, figures: Figures, say: Say) -> None:
    """One work with one server. Where it has failed once, it is not asked again."""
    if (work.name, server.name) in figures.failures:
        return
    try:
        figures.add(server.name, turn, work.do(bench, server))
    except (LoadError, OSError, KeyError) as error:
        figures.failures[work.name, server.name] = str(error)
        say(f"  {server.name}: {error}")
