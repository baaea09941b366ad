"""What luna is measured beside and does not bring: `python -m tests.bench.field.peers` installs it.

LiteLLM and Portkey's gateway come from PyPI and npm into `.bench/`, each in a folder of its own, in the versions that
stand here. nginx comes from the system's packages, by apt-get where this is root. What could not be had leaves its
reason behind, and stands in the table as not measured, with it.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from tests.clients.agents.installs import Install

BENCH = Path(__file__).parents[3] / ".bench"
SYSTEM_FOLDERS = "/usr/sbin:/usr/local/sbin"
"""nginx is not in everybody's PATH."""


@dataclass(frozen=True)
class Peer(Install):
    """A package in `.bench/`."""

    overrides: Mapping[str, str] = field(default_factory=dict)
    """Versions of what npm packages need, where the newest does not work."""

    @property
    def folder(self) -> Path:
        return BENCH / self.name

    @property
    def failure(self) -> str:
        return super().failure.replace("make agents", "make bench-setup")

    @property
    def version(self) -> str:
        return self.packages[0].rpartition("@" if self.registry == "npm" else "==")[2]

    @property
    def _stamp(self) -> str:
        return "\n".join((super()._stamp, *(f"{name}@{wanted}" for name, wanted in self.overrides.items())))

    def _commands(self) -> list[list[str]]:
        commands = super()._commands()
        if self.overrides:
            document = {"private": True, "overrides": self.overrides}
            (self.folder / "package.json").write_bytes(msgspec.json.encode(document))
        return commands


LITELLM = Peer("litellm", "pypi", ("litellm[proxy]==1.102.4",))
PORTKEY = Peer("portkey", "npm", ("@portkey-ai/gateway@1.15.2",), overrides={"@hono/node-server": "1.14.1"})
"""With a newer @hono/node-server it answers no streamed request (Portkey-AI/gateway issue 1389)."""
PEERS = (LITELLM, PORTKEY)


def program(name: str) -> str:
    """The path of a program of the system; "" when there is none."""
    return shutil.which(name) or shutil.which(name, path=SYSTEM_FOLDERS) or ""


def version_of(*command: str) -> str:
    """The first thing like a version in what a program says of itself; "" when it says none."""
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r"\d+(\.\d+)+", said.stdout + said.stderr)
    return found.group() if found else ""


def nginx_from_debian() -> str:
    """Install nginx unless it is there; why it is not there, "" when it is."""
    if program("nginx"):
        return ""
    if not (apt := program("apt-get")):
        return "nginx is not installed, and there is no apt-get to install it with"
    if os.geteuid():
        return "nginx is not installed: run `apt-get install nginx` as root"
    quiet: dict[str, str] = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in ([apt, "update"], [apt, "install", "--yes", "--no-install-recommends", "nginx"]):
        done = subprocess.run(command, env=quiet, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"{' '.join(command[1:])}: {' '.join(done.stderr.split())[-200:]}"
    return "" if program("nginx") else "nginx is not there after its installation"


def main(_arguments: Sequence[str] = ()) -> int:
    """Install what is missing. What fails is told and does not end the command."""
    print(f"nginx: {nginx_from_debian() or version_of(program('nginx'), '-v')}", flush=True)
    for peer in PEERS:
        print(f"{peer.name}: {peer.install() or peer.version}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
