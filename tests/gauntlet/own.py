"""A luna as a process of its own, so that what it is denied is denied to nobody else; the look-alike lives in this one.

Owns how it is started, asked and looked at from outside.
"""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import httpcore
import msgspec

from luna.demo.serve import Lookalike
from tests.gauntlet.arena import open_files
from tests.gauntlet.speech import WAYS, Got, Way, understand
from tests.support.command import Serving, serving_beside
from tests.support.lookalike import read_to_end

KEY = "gauntlet-key"
RECOVERY = 15.0
"""Seconds within which luna must be itself again."""
UNLIMITED = {"globalMaxConcurrentRuns": 0, "defaultProviderMaxConcurrentRuns": 0, "defaultAccountMaxConcurrentRuns": 0}


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

    async def settled_files(self) -> int:
        """How many files it has open when nobody asks anything: the same for a second."""
        same, before = 0, 0
        with anyio.fail_after(90):
            while same < 10:
                await anyio.sleep(0.1)
                now = self.files()
                same, before = same + 1 if now == before else 0, now
        return before

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


def in_own_space(prepare: str) -> list[str]:
    """A command that does something to the mounts of a space of its own, and then executes what follows it."""
    return ["unshare", "--map-root-user", "--mount", "sh", "-ec", f'{prepare}; exec "$@"', "sh"]


@asynccontextmanager
async def own_luna(folder: Path, *, room: str = "", **more: str) -> AsyncIterator[Machine]:
    """A `luna serve` with no limits of its own, and the look-alike behind it. `room`: its data directory is a disk of
    its own, so large. `more`: of its environment."""
    data = folder / "data"
    data.mkdir(mode=0o700, parents=True)
    (data / "config.json").write_bytes(msgspec.json.encode({"version": 1, "settings": {"multiThread": UNLIMITED}}))
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
            **more,
        }
        under: list[str] = []
        if room:
            copy = shutil.copytree(data, folder / "prepared")
            under = in_own_space(f"mount -t tmpfs -o size={room},mode=700 tmpfs {data}; cp -p {copy}/* {data}/")
        async with serving_beside(data, environ, under=under) as running:
            # What is mounted there is in sight of that process alone.
            yield Machine(running, Path(f"/proc/{running.process.pid}/root{data}") if room else data)
