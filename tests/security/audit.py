"""Asks whether anything that luna is built from is known to be weak: `python -m tests.security.audit` (`make audit`).

Python's packages are asked after with pip-audit, those of the pages with `npm audit`; both ask a service on the
network. Three ways to end:

    found     something that luna runs with is known to be weak: exit 1
    clear     nothing is known
    not asked the service cannot be reached, or does not know the packages: said on the console, exit 0

What only tests and builds use is told of and fails nothing. That everything is pinned to its digest is
`test_requirements.py`'s, and needs no network.
"""

import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".venv" / "audit"
"""Where pip-audit lives: away from what luna is tested with."""
PATIENCE = 240


@dataclass
class Verdict:
    """What came of one question."""

    about: str
    fails: bool
    """What is found counts."""
    found: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    """Packages that nobody said anything about."""
    problem: str = ""
    """Why nothing could be asked."""

    def __str__(self) -> str:
        if self.problem:
            return f"NOT AUDITED: {self.about}: {self.problem}"
        words = [f"{self.about}: {len(self.found)} known weaknesses", *(f"  {one}" for one in self.found)]
        if self.unknown:
            words.append(f"  NOT AUDITED: {len(self.unknown)} packages that the service does not know")
        return "\n".join(words)

    @property
    def bad(self) -> bool:
        return self.fails and bool(self.found)


class _Vulnerability(msgspec.Struct):
    id: str
    fix_versions: list[str] = []


class _Dependency(msgspec.Struct):
    name: str
    version: str = ""
    vulns: list[_Vulnerability] = []
    skip_reason: str = ""


class _PipAudit(msgspec.Struct):
    dependencies: list[_Dependency]


class _Weak(msgspec.Struct):
    name: str
    severity: str
    range: str = ""


class _NpmAudit(msgspec.Struct):
    vulnerabilities: dict[str, _Weak]


def read_pip(about: str, output: bytes, *, fails: bool) -> Verdict:
    """What pip-audit said."""
    try:
        told = msgspec.json.decode(output, type=_PipAudit).dependencies
    except msgspec.MsgspecError:
        return Verdict(about, fails, problem="pip-audit said nothing that could be read: is its service reachable?")
    unknown = [one.name for one in told if one.skip_reason]
    if len(unknown) == len(told):
        return Verdict(about, fails, problem="the service knows none of the packages")
    found = [
        f"{one.name} {one.version}: {weak.id}, mended in {', '.join(weak.fix_versions) or 'no version yet'}"
        for one in told
        for weak in one.vulns
    ]
    return Verdict(about, fails, found, unknown)


def read_npm(about: str, output: bytes, *, fails: bool) -> Verdict:
    """What `npm audit` said."""
    try:
        told = msgspec.json.decode(output, type=_NpmAudit).vulnerabilities
    except msgspec.MsgspecError:
        return Verdict(about, fails, problem="the service did not answer `npm audit`")
    return Verdict(about, fails, [f"{one.name} {one.range}: {one.severity}" for one in told.values()])


def _python(file: str, *, fails: bool) -> Verdict:
    pip_audit = HOME / "bin" / "pip-audit"
    if not pip_audit.exists():
        venv.create(HOME, with_pip=True)
        wanted = ROOT / "requirements" / "audit.txt"
        pip = [str(HOME / "bin" / "pip"), "--disable-pip-version-check", "--quiet"]
        _run([*pip, "install", "--require-hashes", "-r", str(wanted)])
    if not pip_audit.exists():
        return Verdict(file, fails, problem="pip-audit cannot be installed here")
    asked = ["--format", "json", "--progress-spinner", "off", "--disable-pip", "--require-hashes", "--timeout", "20"]
    return read_pip(file, _run([str(pip_audit), *asked, "-r", str(ROOT / file)]), fails=fails)


def _pages(about: str, *more: str, fails: bool) -> Verdict:
    return read_npm(about, _run(["npm", "audit", "--json", *more], ROOT / "ui"), fails=fails)


def _run(command: Sequence[str], folder: Path = ROOT) -> bytes:
    """What it wrote; nothing where it could not be run, or took too long."""
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, timeout=PATIENCE, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return b""


def main() -> int:
    """The exit code."""
    verdicts = [
        _python("requirements/run.txt", fails=True),
        _python("requirements/test.txt", fails=False),
        _pages("ui: what the pages are made of", "--omit=dev", fails=True),
        _pages("ui: what builds and tests them", fails=False),
    ]
    for verdict in verdicts:
        print(verdict)
    return int(any(verdict.bad for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
