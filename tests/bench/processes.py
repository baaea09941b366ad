"""Processes under measurement: started on free ports, watched through /proc, stopped at the end."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


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
        """Seconds of user and system time so far."""
        fields = Path(f"/proc/{self.popen.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def cpu_exact(self) -> float:
        """The same to the nanosecond, of the threads that are there."""
        threads = Path(f"/proc/{self.popen.pid}/task").iterdir()
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9

    def rss(self) -> float:
        """Resident memory now, in MB."""
        return self._status("VmRSS") / 1024

    def peak_rss(self) -> float:
        """The most resident memory so far, in MB."""
        return self._status("VmHWM") / 1024

    def _status(self, key: str) -> int:
        for line in Path(f"/proc/{self.popen.pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1])
        raise KeyError(key)

    def stop(self) -> None:
        """End it."""
        self.popen.send_signal(signal.SIGTERM)
        try:
            self.popen.wait(10)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()


def start(
    name: str,
    arguments: Sequence[str],
    port: int,
    *,
    probe: str = "/health",
    env: Mapping[str, str] | None = None,
    listen: bool = False,
) -> Process:
    """Run `python ARGUMENTS` and wait until it answers at `probe`; with `listen`, keep the first line it prints."""
    began = time.monotonic()
    popen = subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE if listen else subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while True:
        if popen.poll() is not None:
            raise RuntimeError(f"{name} ended with {popen.returncode} before it answered")
        if _answers(port, probe):
            took = time.monotonic() - began
            return Process(name, port, popen, took, popen.stdout.readline() if popen.stdout else b"")
        if time.monotonic() - began > 30:
            popen.kill()
            raise RuntimeError(f"{name} did not answer within 30 s")
        time.sleep(0.005)


def _answers(port: int, path: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\r\n".encode())
            return connection.recv(12).startswith(b"HTTP/1.1")
    except OSError:
        return False
