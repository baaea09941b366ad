"""Processes under measurement: started on free ports, watched through /proc with their children, stopped in the end."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")
HERE = (sys.executable,)
LAST_WORDS = 300
"""Characters of what a process said last that are told when it does not start."""


@dataclass
class Process:
    """A server under measurement."""

    name: str
    port: int
    popen: subprocess.Popen[bytes]
    started_in: float
    """Seconds from the start of the process to its first answer."""
    said: bytes = b""
    """The first line it printed, where that was asked for."""

    def cpu(self) -> float:
        """Seconds of user and system time so far, of its children, too."""
        return sum(_ticks(pid) for pid in self._pids()) / TICKS

    def cpu_exact(self) -> float:
        """The same to the nanosecond, of the threads that are there."""
        return sum(self.reading().threads.values()) / 1e9

    def reading(self) -> "Reading":
        """What to hold against a later reading; see `cpu_since`."""
        return Reading(
            self.cpu(), {thread: spent for pid in self._pids() for thread, spent in _nanoseconds(pid).items()}
        )

    def cpu_since(self, before: "Reading") -> float:
        """Seconds of user and system time since then: to the nanosecond, unless a thread has ended in between."""
        after = self.reading()
        if before.threads.keys() <= after.threads.keys():
            return (sum(after.threads.values()) - sum(before.threads.values())) / 1e9
        return after.seconds - before.seconds

    def rss(self) -> float:
        """Resident memory now, in MB."""
        return self._status("VmRSS") / 1024

    def peak_rss(self) -> float:
        """The most resident memory since the start or `forget_peak`, in MB."""
        return self._status("VmHWM") / 1024

    def forget_peak(self) -> None:
        """The peak of resident memory begins anew."""
        for pid in self._pids():
            (PROC / str(pid) / "clear_refs").write_text("5")

    def _pids(self) -> list[int]:
        return list(_family(self.popen.pid))

    def _status(self, key: str) -> int:
        found = 0
        for pid in self._pids():
            for line in (PROC / str(pid) / "status").read_text().splitlines():
                if line.startswith(key + ":"):
                    found += int(line.split()[1])
        if not found:
            raise KeyError(key)
        return found

    def stop(self) -> None:
        """End it."""
        self.popen.send_signal(signal.SIGTERM)
        try:
            self.popen.wait(10)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()


@dataclass(frozen=True)
class Reading:
    """Processor time that a process and its children had taken at one moment."""

    seconds: float
    """In steps of the kernel's clock, of threads that have ended, too."""
    threads: Mapping[int, int]
    """Nanoseconds, by thread."""


def start(
    name: str,
    arguments: Sequence[str],
    port: int,
    *,
    program: Sequence[str] = HERE,
    probe: str = "/health",
    env: Mapping[str, str] | None = None,
    listen: bool = False,
    patience: float = 30,
    log: Path | None = None,
) -> Process:
    """Run `PROGRAM ARGUMENTS`, this Python if nothing else is said, and wait until it answers at `probe`.

    With `listen`, the first line that it prints is kept. `log` takes what it says of its troubles; its end stands in
    the RuntimeError when it ends before it answers, or does not answer within `patience` seconds.
    """
    with (log or Path(os.devnull)).open("wb") as errors:
        began = time.monotonic()
        popen = subprocess.Popen(
            [*program, *arguments],
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if listen else errors,
            stderr=errors,
        )
    while True:
        if popen.poll() is not None:
            raise RuntimeError(f"{name} ended with {popen.returncode} before it answered{_last_words(log)}")
        if answers(port, probe):
            took = time.monotonic() - began
            return Process(name, port, popen, took, popen.stdout.readline() if popen.stdout else b"")
        if time.monotonic() - began > patience:
            popen.kill()
            popen.wait()
            raise RuntimeError(f"{name} did not answer within {patience:.0f} s{_last_words(log)}")
        time.sleep(0.005)


def answers(port: int, path: str) -> bool:
    """Whether something speaks HTTP there."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\r\n".encode())
            return connection.recv(12).startswith(b"HTTP/1.1")
    except OSError:
        return False


def _family(pid: int) -> Iterator[int]:
    yield pid
    with suppress(OSError):
        for thread in (PROC / str(pid) / "task").iterdir():
            for child in (thread / "children").read_text().split():
                yield from _family(int(child))


def _ticks(pid: int) -> int:
    fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _nanoseconds(pid: int) -> dict[int, int]:
    found: dict[int, int] = {}
    for thread in (PROC / str(pid) / "task").iterdir():
        with suppress(OSError):  # it may end while it is looked at
            found[int(thread.name)] = int((thread / "schedstat").read_text().split()[0])
    return found


def _last_words(log: Path | None) -> str:
    said = " ".join(log.read_text(errors="replace").split())[-LAST_WORDS:] if log else ""
    return f": {said}" if said else ""
