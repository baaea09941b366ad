"""`kill -9`, again and again, at random moments: while luna starts, and in the middle of streams.

Owns the killing and what must hold after each restart: what a client was told to its end is there, whatever else was
going on says so, every file can be read, and no chat is left at the upstream that luna does not know of. The look-alike
lives in this process and outlives luna, so it can be asked which chats there are.
"""

import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpcore
import msgspec

from luna.demo.serve import Lookalike
from tests.gauntlet.own import UNLIMITED
from tests.gauntlet.record import Row
from tests.support.command import ROOT, Serving, environment, serving_beside
from tests.support.ports import free_port

KEY = "kill-test"
AUTH = [("authorization", f"Bearer {KEY}"), ("content-type", "application/json")]
CLIENTS = 24
STARTING = 0.15
"""How many of the kills hit luna while it starts."""
RECOVERY = 60.0
"""Seconds for luna to settle what a kill left behind at the upstream."""


@dataclass
class Killing:
    """A data directory whose luna is killed. `environ`: what each luna gets beside the account."""

    lookalike: Lookalike
    data: Path
    environ: Mapping[str, str]
    sqlite: bool = True
    told: set[str] = field(default_factory=set)
    """Flows whose clients saw the end."""
    lost: int = 0
    """Clients whose connection broke."""

    @asynccontextmanager
    async def luna(self) -> AsyncIterator[Serving]:
        """One that is there until it is killed."""
        async with serving_beside(self.data, self.environ) as running:
            yield running

    async def in_mid_stream(
        self, running: Serving, chance: random.Random, between: tuple[float, float], clients: int
    ) -> None:
        """So many clients; some are done when luna is killed, the others are not. `between`: seconds until then."""
        async with anyio.create_task_group() as tasks:
            for number in range(clients):
                tasks.start_soon(self._client, running, number, chance)
            await anyio.sleep(chance.uniform(*between))
            await _kill(running.process)

    async def while_it_starts(self, chance: random.Random) -> None:
        """So early that nobody can have asked it."""
        command = [sys.executable, "-m", "luna", "serve", "--port", str(free_port())]
        quiet = subprocess.DEVNULL
        environ = environment(self.data, **self.environ)
        process = subprocess.Popen(command, env=environ, cwd=ROOT, stdout=quiet, stderr=quiet)
        await anyio.sleep(chance.uniform(0.1, 2.5))
        await _kill(process)

    async def _client(self, running: Serving, number: int, chance: random.Random) -> None:
        said = f"[[count:{chance.randint(1, 60)}]] [[pace:20]] client {number} {chance.random()}"
        body = {"model": "qwen3.7-plus", "stream": True, "messages": [{"role": "user", "content": said}]}
        try:
            async with (
                httpcore.AsyncConnectionPool() as pool,
                pool.stream(
                    "POST", f"{running.url}/v1/chat/completions", headers=AUTH[1:], content=msgspec.json.encode(body)
                ) as response,
            ):
                flow = dict(response.headers)[b"x-luna-flow"].decode()
                read = b""
                async for piece in response.aiter_stream():
                    read += piece
                if b"data: [DONE]" in read:
                    self.told.add(flow)
        except (httpcore.NetworkError, httpcore.ProtocolError):
            self.lost += 1

    def unsound(self) -> str:
        """A file that cannot be read; "" where all can."""
        for path in (*self.data.glob("*.json"), *self.data.glob("*/*.json")):
            try:
                msgspec.json.decode(path.read_bytes())
            except msgspec.DecodeError as error:
                return f"{path.name}: {error}"
        if self.sqlite and (self.data / "luna.db").exists():
            with sqlite3.connect(self.data / "luna.db") as connection:
                found = connection.execute("PRAGMA integrity_check").fetchone()
            return "" if found == ("ok",) else f"luna.db: {found}"
        return ""

    async def misremembered(self, running: Serving) -> str:
        """What is lost of what clients were told, or never ended; "" for nothing. Looks at the latest thousand runs."""
        runs = {run["id"]: run for run in await _get(running, "/api/runs?limit=1000")}
        told = self.told & runs.keys() if len(runs) == 1000 else self.told
        if missing := told - runs.keys():
            return f"{len(missing)} of {len(told)} turns that were told are gone"
        if others := {runs[flow]["status"] for flow in told} - {"completed"}:
            return f"a turn that was told says {others}"
        if others := {run["status"] for run in runs.values()} - {"completed", "interrupted"}:
            return f"a run says {others}"
        sessions = {runs[flow]["sessionId"] for flow in told}
        return "" if len(sessions) == len(told) else "two conversations became one"

    async def orphans(self, running: Serving) -> str:
        """Chats at the upstream that stand nowhere in the ledger, once it has been brought up to date; "" for none."""
        deadline = time.monotonic() + RECOVERY
        while time.monotonic() < deadline:
            status = await _get(running, "/api/chat-cleanup/status")
            if not status["counts"]["planned"]:
                break
            await anyio.sleep(0.25)
        listed: set[str] = set()
        cursor = ""
        while True:
            after = f"&before={cursor}" if cursor else ""
            page = await _get(running, f"/api/chats?limit=500&state=open,deleting{after}")
            listed |= {chat["chatId"] for chat in page["chats"]}
            cursor = page.get("nextCursor") or ""
            if not cursor:
                break
        orphans = {chat.id for chat in self.lookalike.state.chats} - listed
        return f"{len(orphans)} chats are orphaned" if orphans else ""


async def _kill(process: subprocess.Popen[Any]) -> None:
    process.send_signal(signal.SIGKILL)
    await anyio.to_thread.run_sync(process.wait)


async def _get(running: Serving, path: str) -> Any:
    async with httpcore.AsyncConnectionPool() as pool:
        response = await pool.request("GET", f"{running.url}{path}", headers=AUTH)
    assert response.status == 200, response.content
    return msgspec.json.decode(response.content)


def killing(lookalike: Lookalike, data: Path, environ: Mapping[str, str], *, sqlite: bool = True) -> Killing:
    """With an account of the look-alike's, and a data directory, which does not exist yet."""
    login = lookalike.login("killed")
    data.mkdir(mode=0o700)
    (data / "config.json").write_bytes(msgspec.json.encode({"version": 1, "settings": {"multiThread": UNLIMITED}}))
    named = {
        "LUNA_ADMIN_KEY": KEY,
        "LUNA_QWEN_BASE_URL": lookalike.url,
        "LUNA_QWEN_AUTH_URL": lookalike.url,
        "QWEN_AI_TOKEN": login.token,
        "QWEN_AI_COOKIES": login.cookie_header,
        "LUNA_LOG": "ERROR",
        **environ,
    }
    return Killing(lookalike, data, named, sqlite)


async def run(folder: Path, tell: Callable[[Row], None], *, kills: int, seed: int) -> None:
    """So many kills of one luna; a row for each. Each tenth is followed by a look for orphans."""
    chance = random.Random(seed)
    point = got = wrong = ""
    async with Lookalike(linger=0.0) as lookalike:
        it = killing(lookalike, folder / "data", {})
        for number in range(kills + 1):
            async with it.luna() as running:
                if number:
                    wrong = wrong or await it.misremembered(running)
                    left = "" if number % 10 and number != kills else await it.orphans(running)
                    tell(
                        Row(
                            "Kills",
                            "kill -9",
                            point,
                            f"{CLIENTS} clients",
                            got,
                            "completed or interrupted",
                            left,
                            wrong,
                        )
                    )
                if number < kills:
                    lost, told = it.lost, len(it.told)
                    await it.in_mid_stream(running, chance, (0.05, 1.5), CLIENTS)
                    got = f"{len(it.told) - told} were told to the end, {it.lost - lost} were cut off"
            point = "in mid stream"
            if chance.random() < STARTING:
                point += ", and while it starts again"
                await it.while_it_starts(chance)
            wrong = it.unsound()
