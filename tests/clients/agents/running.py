"""Runs a client's program in a fresh home, with nothing but loopback within reach.

Owns the environment, the process and its end. Nothing of this process's own environment is passed on.
"""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from string import Template

import anyio

from tests.clients.agents.clients import Agent, Outcome
from tests.clients.agents.installs import NODE

LIMIT = 120.0
"""Seconds that one program may take."""
NOWHERE = "http://127.0.0.1:9"
"""A proxy that nobody runs."""


@dataclass(frozen=True)
class Surroundings:
    """Where a client runs, and against what."""

    folder: Path
    url: str
    model: str
    key: str = "sk-any"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def work(self) -> Path:
        return self.folder / "work"

    def make(self) -> None:
        """Make the folders."""
        for folder in (self.home, self.work, self.folder / "tmp"):
            folder.mkdir(parents=True)

    def fill(self, text: str, task: str = "") -> str:
        """The text with the places of an `Agent` filled in."""
        return Template(text).safe_substitute(
            url=self.url, model=self.model, key=self.key, home=self.home, work=self.work, task=task
        )

    def environment(self, own: Mapping[str, str]) -> dict[str, str]:
        """All that the program gets."""
        proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), NOWHERE)
        base = {
            "PATH": f"{NODE.program('')}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "TMPDIR": str(self.folder / "tmp"),
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "NO_COLOR": "1",
            "NO_PROXY": "127.0.0.1,localhost",
            "npm_config_registry": NOWHERE,
            **proxies,
        }
        lower = {name.lower(): value for name, value in base.items() if name.endswith("_PROXY")}
        return base | lower | {name: self.fill(value) for name, value in own.items()}

    async def run(self, agent: Agent, task: str) -> Outcome:
        """Set the agent up, give it the task, and wait for its end."""
        for name, text in agent.files.items():
            file = self.home / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self.fill(text))
        environment = self.environment(agent.environment)
        for command in agent.before:
            done = await self.start([self.fill(word) for word in command], agent, environment)
            assert done.code == 0, f"{' '.join(command)}:\n{done.output}\n{done.errors}"
        return await self.start([self.fill(word, task) for word in agent.command], agent, environment)

    async def start(self, command: Sequence[str], agent: Agent, environment: Mapping[str, str]) -> Outcome:
        """Run one program of the agent's installation."""
        program, *arguments = command
        return await run([agent.install.program(program), *arguments], self.work, environment)


async def run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Outcome:
    """Run a program until it ends or its time is up; then whatever it has started is ended too."""
    output, errors = folder.parent / "output.txt", folder.parent / "errors.txt"
    with output.open("wb") as out, errors.open("wb") as err:
        process = await anyio.open_process(
            list(command),
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            with anyio.move_on_after(LIMIT):
                await process.wait()
        finally:
            code = process.returncode
            _end_group(process.pid)
            with anyio.CancelScope(shield=True):
                await process.aclose()
    said, complained = (file.read_text(errors="replace") for file in (output, errors))
    if code is None:
        raise AssertionError(f"{command[0]} did not end within {LIMIT:.0f} s:\n{said}\n{complained}")
    return Outcome(code, said, complained, folder)


def _end_group(leader: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
