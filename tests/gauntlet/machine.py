"""Faults of the machine: no room on the disk, a locked database, no file descriptors, an order to stop.

Owns the list. Luna runs as a process of its own here, so that what it is denied is denied to nobody else; the
look-alike lives in this one.
"""

import resource
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import httpcore
import msgspec

from luna.demo.serve import Lookalike
from luna.model.errors import Kind
from tests.faults.test_killed import serving_beside
from tests.gauntlet.arena import open_files
from tests.gauntlet.record import Row
from tests.gauntlet.speech import WAYS, Got, Way, understand
from tests.support.command import Serving, environment
from tests.support.lookalike import read_to_end

KEY = "gauntlet-key"
STREAMS = 100
CROWD = 48
GRACE = 20.0
"""Seconds for which `luna serve` lets streams go on once it was told to stop."""
RECOVERY = 15.0
"""Seconds within which luna must be itself again."""
_FREE = {"globalMaxConcurrentRuns": 0, "defaultProviderMaxConcurrentRuns": 0, "defaultAccountMaxConcurrentRuns": 0}


@dataclass
class Machine:
    """A luna of its own, and where its data is."""

    running: Serving
    data: Path

    @property
    def pid(self) -> int:
        return self.running.process.pid

    def files(self) -> int:
        """How many it has open, but for the database's."""
        return sum("/luna.db" not in name for name in open_files(self.pid))

    async def ask(self, way: Way, prompt: str) -> Got:
        """One request on a connection of its own; a connection that luna cannot take is an answer, too."""
        try:
            with anyio.fail_after(60):
                async with await anyio.connect_tcp("127.0.0.1", urlsplit(self.running.url).port or 0) as connection:
                    await connection.send(way.request(prompt))
                    return understand(way, await read_to_end(connection))
        except (OSError, anyio.BrokenResourceError) as error:
            return Got(misshapen=f"no connection: {error}")

    async def crowd(self, prompt: str, size: int) -> list[tuple[Way, Got]]:
        """So many clients at once."""
        gots: list[tuple[Way, Got]] = []

        async def one(way: Way) -> None:
            gots.append((way, await self.ask(way, prompt)))

        async with anyio.create_task_group() as tasks:
            for number in range(size):
                tasks.start_soon(one, WAYS[number % len(WAYS)])
        return gots

    async def all_ways(self, prompt: str) -> dict[Way, Got]:
        """All of them at once."""
        gots: dict[Way, Got] = {}

        async def one(way: Way) -> None:
            gots[way] = await self.ask(way, f"{prompt} {way}")

        async with anyio.create_task_group() as tasks:
            for way in WAYS:
                tasks.start_soon(one, way)
        return gots

    async def recovered(self) -> None:
        """Wait until a request is answered again, if it ever is."""
        with anyio.move_on_after(RECOVERY):
            while (await self.ask(WAYS[0], "[[say:back]]")).text != "back":
                await anyio.sleep(0.25)

    async def status_of(self, flow: str) -> str:
        """What its run says."""
        headers = [("authorization", f"Bearer {KEY}")]
        async with httpcore.AsyncConnectionPool() as pool:
            answer = await pool.request("GET", f"{self.running.url}/api/runs/{flow}", headers=headers)
        return str(msgspec.json.decode(answer.content).get("status")) if answer.status == 200 else "no run"

    async def left(self, files: int) -> str:
        """What stays open and taken; "" for nothing."""
        beyond = ""
        headers = [("authorization", f"Bearer {KEY}")]
        with anyio.move_on_after(70):  # its idle connections to the upstream live for 50 s
            while True:
                async with httpcore.AsyncConnectionPool() as pool:
                    answer = await pool.request("GET", f"{self.running.url}/api/runtime", headers=headers)
                held = len(msgspec.json.decode(answer.content)["leases"])
                more = self.files() - files
                beyond = f"leases {held}, files +{more}" if held or more > 0 else ""
                if not beyond:
                    return ""
                await anyio.sleep(0.25)
        return beyond


Play = Callable[[Machine], Awaitable[list[tuple[str, Got, str, str]]]]
"""Gives rows: (way, what the client got, what the run says, what is wrong)."""


@dataclass(frozen=True)
class Scene:
    """Something that the machine does."""

    name: str
    point: str
    play: Play


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


async def _nowhere(machine: Machine) -> list[tuple[str, Got, str, str]]:
    """A luna whose data directory cannot be made does not start, and says why."""
    ended = await anyio.run_process(
        [sys.executable, "-m", "luna", "serve", "--port", "1"], check=False, env=environment(Path("/proc/luna"))
    )
    said = (ended.stdout + ended.stderr).decode()
    plain = ended.returncode != 0 and "/proc/luna" in said and "Traceback" not in said
    return [("luna serve", Got(ended.returncode, text=said), "", "" if plain else f"no plain sentence: {said[-300:]}")]


SCENES = (
    Scene("data directory cannot be written", "at the start", _nowhere),
    Scene("no file can grow", "running", _full),
    Scene("no file descriptors", "running", _no_descriptors),
    Scene("database locked by another process", "running", _locked),
    Scene(f"SIGTERM with {STREAMS} streams", "streaming", _stopped),
)


@asynccontextmanager
async def _machine(folder: Path) -> AsyncIterator[Machine]:
    data = folder / "data"
    data.mkdir(mode=0o700, parents=True)
    (data / "config.json").write_bytes(msgspec.json.encode({"version": 1, "settings": {"multiThread": _FREE}}))
    (data / "config.json").chmod(0o600)
    async with Lookalike(linger=0.0) as lookalike:
        login = lookalike.login("machine")
        environ = {
            "LUNA_ADMIN_KEY": KEY,
            "LUNA_QWEN_BASE_URL": lookalike.url,
            "LUNA_QWEN_AUTH_URL": lookalike.url,
            "QWEN_AI_TOKEN": login.token,
            "QWEN_AI_COOKIES": login.cookie_header,
            "LUNA_LOG": "ERROR",
        }
        async with serving_beside(data, environ) as running:
            yield Machine(running, data)


async def run(scene: Scene, folder: Path) -> list[Row]:
    """Let it happen to a luna of its own."""
    async with _machine(folder / scene.name.replace(" ", "-")) as machine:
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
