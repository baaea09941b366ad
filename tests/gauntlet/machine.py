"""Faults of the machine: no room on the disk, a locked database, no file descriptors, an order to stop.

Owns the list. Luna runs as a process of its own here, so that what it is denied is denied to nobody else; the
look-alike lives in this one.
"""

import resource
import signal
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import anyio.to_thread

from luna.model.errors import Kind
from tests.gauntlet.arena import open_files
from tests.gauntlet.own import Machine, in_own_space, own_luna
from tests.gauntlet.record import Row
from tests.gauntlet.speech import WAYS, Got, Way, understand
from tests.support.command import ROOT, environment
from tests.support.lookalike import read_to_end
from tests.support.ports import free_port

ROOM = "24m"
STREAMS = 100
CROWD = 48
GRACE = 20.0
"""Seconds for which `luna serve` lets streams go on once it was told to stop."""


Play = Callable[[Machine], Awaitable[list[tuple[str, Got, str, str]]]]
"""Gives rows: (way, what the client got, what the run says, what is wrong)."""


@dataclass(frozen=True)
class Scene:
    """Something that the machine does."""

    name: str
    point: str
    play: Play
    room: str = ""
    """Its data directory is a disk of its own, so large."""


def _fair(way: Way, got: Got, prompt: str) -> str:
    """While the machine fails, a client gets the answer or an error of its protocol."""
    return got.misshapen or ("" if got.error or (got.text == prompt and got.ended) else "half an answer")


@contextmanager
def _limit(machine: Machine, which: int, soft: int) -> Iterator[None]:
    before = resource.prlimit(machine.pid, which)
    resource.prlimit(machine.pid, which, (soft, before[1]))
    try:
        yield
    finally:
        resource.prlimit(machine.pid, which, before)


async def _full(machine: Machine) -> list[tuple[str, Got, str, str]]:
    with _limit(machine, resource.RLIMIT_FSIZE, 0):
        gots = await machine.all_ways("[[say:in need]]")
    return [(str(way), got, "not asked", _fair(way, got, "in need")) for way, got in gots.items()]


async def _no_descriptors(machine: Machine) -> list[tuple[str, Got, str, str]]:
    """Room for a few clients, and for fewer connections to the upstream."""
    with _limit(machine, resource.RLIMIT_NOFILE, len(open_files(machine.pid)) + 12):
        gots = await machine.crowd("[[say:in need]][[pace:100]]", CROWD)
    return [(str(way), got, "not asked", _fair(way, got, "in need")) for way, got in gots]


async def _locked(machine: Machine) -> list[tuple[str, Got, str, str]]:
    rows: list[tuple[str, Got, str, str]] = []
    lock = sqlite3.connect(machine.data / "luna.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    try:
        gots = await machine.all_ways("[[say:in need]]")
    finally:
        lock.execute("ROLLBACK")
        lock.close()
    for way, got in gots.items():
        says = await machine.status_of(got.flow)
        wrong = _fair(way, got, "in need") or (
            "" if says == ("failed" if got.error else "completed") else "another end"
        )
        rows.append((str(way), got, says, wrong))
    return rows


async def _stopped(machine: Machine) -> list[tuple[str, Got, str, str]]:
    """SIGTERM with a hundred streams open: each is told, and luna ends within its deadline."""
    gots: list[tuple[Way, Got]] = []
    begun = 0

    async def client(number: int) -> None:
        nonlocal begun
        way = WAYS[number % len(WAYS)]
        async with await anyio.connect_tcp("127.0.0.1", urlsplit(machine.running.url).port or 0) as connection:
            await connection.send(way.request(f"[[count:20000]][[pace:50]] {number}"))
            raw = await connection.receive() if way.stream else b""
            begun += 1
            try:
                gots.append((way, understand(way, raw + await read_to_end(connection))))
            except anyio.BrokenResourceError:
                gots.append((way, Got(misshapen="the connection was reset")))

    late = True
    async with anyio.create_task_group() as tasks:
        for number in range(STREAMS):
            tasks.start_soon(client, number)
        with anyio.fail_after(60):
            while begun < STREAMS:
                await anyio.sleep(0.02)
        await anyio.sleep(1.0)
        machine.running.process.send_signal(signal.SIGTERM)
        with anyio.move_on_after(GRACE + 15):
            await anyio.to_thread.run_sync(machine.running.process.wait, abandon_on_cancel=True)
            late = False
    rows = []
    for way, got in gots:
        wrong = got.misshapen or ("" if got.error == way.word(Kind.DRAINING) and got.ended else "not told")
        rows.append((str(way), Got(got.status, error=got.error, ended=got.ended, misshapen=got.misshapen), "", wrong))
    code = machine.running.process.poll()
    ended = "too late" if late else "" if code == 0 else f"exit code {code}"
    rows.append(("the process", Got(code or 0, text="ended"), "", ended))
    return rows


async def _no_room(machine: Machine) -> list[tuple[str, Got, str, str]]:
    """The disk is full, to the last byte."""
    filling = machine.data / "filling"
    with filling.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(65536)) == 65536:
            pass
    with filling.open("ab", buffering=0) as file, suppress(OSError):
        while file.write(b"."):
            pass
    try:
        gots = await machine.all_ways("[[say:in need]]")
    finally:
        filling.unlink()
    rows: list[tuple[str, Got, str, str]] = []
    for way, got in gots.items():
        rows.append((str(way), got, "not asked", _fair(way, got, "in need")))
    return rows


async def _read_only(machine: Machine) -> list[tuple[str, Got, str, str]]:
    """A luna whose data directory lies on a disk that is mounted read-only does not start, and says why."""
    folder = machine.data.parent / "read-only"
    folder.mkdir(mode=0o700)
    mounted = f"mount --bind {folder} {folder} && mount -o remount,bind,ro {folder}"
    ended = await anyio.run_process(
        [*in_own_space(mounted), sys.executable, "-m", "luna", "serve", "--port", str(free_port())],
        check=False,
        cwd=ROOT,
        env=environment(folder),
    )
    said = (ended.stdout + ended.stderr).decode()
    plain = ended.returncode != 0 and str(folder) in said and "Traceback" not in said
    return [("luna serve", Got(ended.returncode, text=said), "", "" if plain else f"no plain sentence: {said[-300:]}")]


async def _nowhere(machine: Machine) -> list[tuple[str, Got, str, str]]:
    """A luna whose data directory cannot be made does not start, and says why."""
    ended = await anyio.run_process(
        [sys.executable, "-m", "luna", "serve", "--port", str(free_port())],
        check=False,
        env=environment(Path("/proc/luna")),
    )
    said = (ended.stdout + ended.stderr).decode()
    plain = ended.returncode != 0 and "/proc/luna" in said and "Traceback" not in said
    return [("luna serve", Got(ended.returncode, text=said), "", "" if plain else f"no plain sentence: {said[-300:]}")]


SCENES = (
    Scene("data directory cannot be made", "at the start", _nowhere),
    Scene("data directory is mounted read-only", "at the start", _read_only),
    Scene(f"disk full: a tmpfs of {ROOM}", "running", _no_room, room=ROOM),
    Scene("disk full: no file can grow", "running", _full),
    Scene("no file descriptors", "running", _no_descriptors),
    Scene("database locked by another process", "running", _locked),
    Scene(f"SIGTERM with {STREAMS} streams", "streaming", _stopped),
)


async def run(scene: Scene, folder: Path) -> list[Row]:
    """Let it happen to a luna of its own."""
    async with own_luna(folder / str(SCENES.index(scene)), room=scene.room) as machine:
        await machine.all_ways("[[say:warm]]")
        files = machine.files()
        found = await scene.play(machine)
        left = ""
        if machine.running.process.poll() is None:
            await machine.recovered()
            for way, got in (await machine.all_ways("[[say:still here]]")).items():
                wrong = got.misshapen or ("" if got.text == "still here" else f"no answer: {got.message}")
                found.append((f"{way}, then again", got, await machine.status_of(got.flow), wrong))
            left = await machine.left(files)
    return [Row("Machine", scene.name, scene.point, way, str(got), says, left, no) for way, got, says, no in found]
