"""The native ends of the benchmark: the scripted upstream and the load client, compiled when they are needed.

Owns what is asked of the load client and how its one line of output is read. Knows no server by name.
"""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

SOURCES = Path(__file__).parents[1] / "native"
PATH = "/v1/chat/completions"
PATIENCE = 180
"""Seconds that one piece of load may take."""


class LoadError(Exception):
    """The load client could not do what it was asked, or the answers were not what they must be."""


class Answers(msgspec.Struct, frozen=True):
    """What the load client saw. Times in milliseconds; `age` is that of a delta when the client has it."""

    answers: int
    failed: int
    wrong_status: int
    seconds: float
    deltas: int
    bytes: int
    first_p50: float
    first_p99: float
    total_p50: float
    total_p99: float
    age_p50: float
    age_p99: float

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


@dataclass(frozen=True)
class Load:
    """What clients do: each asks again when it has its answer, on the connection that it has."""

    body: Path
    clients: int = 1
    requests: int = 200_000
    """At most."""
    seconds: float = 0
    """After which no request is begun; 0: all of them are."""
    ramp: float = 0
    """Seconds over which the clients come."""
    deltas: int | None = None
    """That each answer must have; None: it is not streamed."""


def compiler() -> str:
    """The C compiler; "" when there is none."""
    return shutil.which("gcc") or shutil.which("cc") or ""


def build(folder: Path) -> dict[str, Path]:
    """Compile both into `folder`; their paths by name. LoadError when there is no compiler."""
    if not (cc := compiler()):
        raise LoadError("there is no C compiler: install gcc")
    built: dict[str, Path] = {}
    for source in sorted(SOURCES.glob("*.c")):
        built[source.stem] = folder / source.stem
        done = subprocess.run(
            [cc, "-O2", "-o", built[source.stem], source], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise LoadError(f"{source.name}: {done.stderr}")
    return built


def ask(program: Path, port: int, load: Load, headers: Sequence[str] = ()) -> Answers:
    """Let the load client do that. LoadError when an answer failed, was refused, or was not whole."""
    command = [
        str(program),
        str(port),
        PATH,
        str(load.body),
        f"{load.clients}/{load.ramp * 1e3:.0f}" if load.ramp else f"{load.clients}",
        f"{load.requests}/{load.seconds:.3f}" if load.seconds else f"{load.requests}",
        *headers,
    ]
    try:
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise LoadError(f"not over within {PATIENCE} s") from None
    if done.returncode:
        raise LoadError(done.stderr.decode(errors="replace").strip() or f"the load client ended with {done.returncode}")
    return read_answers(done.stdout, load.deltas)


def read_answers(line: bytes, deltas: int | None = None) -> Answers:
    """The load client's line. LoadError when an answer failed, was refused, or has not that many deltas."""
    try:
        found = msgspec.json.decode(line, type=Answers)
    except msgspec.DecodeError as error:
        raise LoadError(f"the load client said {line[:200]!r}: {error}") from None
    if found.failed or found.wrong_status:
        raise LoadError(f"{max(found.failed, found.wrong_status)} of {found.answers} answers failed")
    if not found.answers:
        raise LoadError("no answer came")
    if deltas is not None and found.deltas != deltas * found.answers:
        raise LoadError(f"{found.deltas} deltas in {found.answers} answers, not {deltas} in each")
    return found
