"""Puts the clients that the tests drive into `.agents/`, each in a folder of its own.

`python -m tests.clients.agents.installs [NAME…]`. Owns the versions and the folders. What is installed is not asked for
again; what could not be installed leaves its reason behind, and the tests of that client are skipped with it. Only npm
and pip are used, as they are configured.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).parents[3]
AGENTS = ROOT / ".agents"
AT_ONCE = 2
PATIENCE = 600
"""Seconds that one installation may take."""
_STAMP = ".installed"
_FAILURE = ".failed"


@dataclass(frozen=True)
class Install:
    """What one folder holds."""

    name: str
    registry: Literal["npm", "pypi"]
    packages: tuple[str, ...]
    """With exact versions."""
    scripts: bool = False
    """The packages put their own parts into place with npm's install scripts."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """For the installation only."""

    @property
    def folder(self) -> Path:
        return AGENTS / self.name

    @property
    def installed(self) -> bool:
        """True when exactly these packages are there."""
        return _read(self.folder / _STAMP) == self._stamp

    @property
    def failure(self) -> str:
        """Why it is not there; "" when it is."""
        if self.installed:
            return ""
        return _read(self.folder / _FAILURE) or "not installed: run `make agents`"

    @property
    def unavailable(self) -> str:
        """Why it cannot run; "" when it can. What npm brought runs on `NODE`."""
        needed = (NODE, self) if self.registry == "npm" else (self,)
        return next((f"{install.name}: {install.failure}" for install in needed if install.failure), "")

    def program(self, name: str) -> str:
        """The path of a command that the packages brought."""
        folder = "node_modules/.bin" if self.registry == "npm" else "venv/bin"
        return str(self.folder / folder / name)

    def install(self) -> str:
        """Install it unless it is there; the failure, "" when there is none."""
        if self.installed:
            return ""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        failure = self._run_all()
        (self.folder / (_FAILURE if failure else _STAMP)).write_text(failure or self._stamp)
        return failure

    @property
    def _stamp(self) -> str:
        return "\n".join((self.registry, *self.packages))

    def _run_all(self) -> str:
        for command in self._commands():
            try:
                done = subprocess.run(
                    command,
                    cwd=self.folder,
                    env=os.environ | self.environment,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    timeout=PATIENCE,
                    check=False,
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                return f"{command[0]}: {error}"
            if done.returncode:
                return f"{' '.join(command)}: {_end(done.stderr or done.stdout)}"
        return ""

    def _commands(self) -> list[list[str]]:
        if self.registry == "pypi":
            return [
                [sys.executable, "-m", "venv", "venv"],
                ["venv/bin/python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *self.packages],
            ]
        (self.folder / "package.json").write_text('{"private": true}')
        quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error", "--save-exact"]
        scripts = [] if self.scripts else ["--ignore-scripts"]
        return [["npm", "install", "--prefix", ".", *quiet, *scripts, *self.packages]]


NODE = Install("node", "npm", ("node@22.23.3",), scripts=True)
"""Several clients need a newer Node than many systems have."""
CLAUDE_CODE = Install("claude-code", "npm", ("@anthropic-ai/claude-code@2.1.330",), scripts=True)
CODEX = Install("codex", "npm", ("@openai/codex@0.169.0",))
QWEN_CODE = Install("qwen-code", "npm", ("@qwen-code/qwen-code@0.24.4",))
OPENCODE = Install("opencode", "npm", ("opencode-ai@1.18.33",), scripts=True)
CLINE = Install("cline", "npm", ("cline@3.0.65",), scripts=True)
AIDER = Install("aider", "pypi", ("aider-chat==0.86.2",))
PI = Install("pi", "npm", ("@mariozechner/pi-coding-agent@0.73.1",))
NODE_SDKS = Install("node-sdks", "npm", ("openai@7.57.0", "@anthropic-ai/sdk@1.12.0"))

INSTALLS = (NODE, AIDER, CLINE, CLAUDE_CODE, CODEX, QWEN_CODE, OPENCODE, PI, NODE_SDKS)
"""The slowest stand first."""


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""


def _end(output: str) -> str:
    """The last lines, in one."""
    return " ".join(output.split())[-600:]


def _timed(install: Install) -> str:
    there, began = install.installed, time.monotonic()
    failure = install.install()
    said = failure or ("was there" if there else f"installed in {time.monotonic() - began:.0f} s")
    return f"{install.name}: {said}"


def main(names: list[str]) -> int:
    """Install those, or all. What fails is printed and skipped later."""
    known = {install.name: install for install in INSTALLS}
    if unknown := [name for name in names if name not in known]:
        print(f"Unknown: {', '.join(unknown)}. There are: {', '.join(known)}.", file=sys.stderr)
        return 2
    with ThreadPoolExecutor(AT_ONCE) as workers:
        for line in workers.map(_timed, [known[name] for name in names] or INSTALLS):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
