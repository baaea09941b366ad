"""`luna` as a process of its own, the way a person starts it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread
import httpcore

from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    """This process's environment without anything that luna reads, plus a data directory."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LUNA_", "QWEN_"))}
    return {**kept, "LUNA_DATA_DIR": str(data_dir), "PYTHONUNBUFFERED": "1", **more}


def luna(*arguments: str, data_dir: Path, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "luna", *arguments],
        env=environment(data_dir, **(environ or {})),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@dataclass
class Serving:
    """A `luna serve` that runs."""

    process: subprocess.Popen[str]
    url: str
    log: Path

    def get(self, path: str) -> httpcore.Response:
        return httpcore.request("GET", self.url + path)

    def request(self, method: str, path: str, body: bytes = b"") -> httpcore.Response:
        """Any request; a body is JSON."""
        headers = [("content-type", "application/json")] if body else []
        return httpcore.request(method, self.url + path, headers=headers, content=body or None)

    def chat(self, prompt: str) -> httpcore.Response:
        body = f'{{"model": "qwen3.7-plus", "messages": [{{"role": "user", "content": "{prompt}"}}]}}'
        return httpcore.request(
            "POST",
            f"{self.url}/v1/chat/completions",
            headers={"content-type": "application/json"},
            content=body.encode(),
        )

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the exit code."""
        self.process.send_signal(how)
        return self.process.wait(15)


@contextmanager
def serving(data_dir: Path, *arguments: str, under: Sequence[str] = (), **more: str) -> Iterator[Serving]:
    """Start it, wait until it answers, end it. `under`: a command that ends by executing what follows it."""
    port = free_port()
    log = data_dir.parent / f"{data_dir.name}.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [*under, sys.executable, "-m", "luna", "serve", "--port", str(port), *arguments],
            env=environment(data_dir, **more),
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
        running = Serving(process, f"http://127.0.0.1:{port}", log)
        try:
            _wait(running)
            yield running
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


@asynccontextmanager
async def serving_beside(
    data: Path, environ: Mapping[str, str], *, under: Sequence[str] = ()
) -> AsyncIterator[Serving]:
    """`serving`, whose waiting does not stop this process's own event loop, in which the look-alike lives."""
    manager = serving(data, under=under, **environ)
    running = await anyio.to_thread.run_sync(manager.__enter__)
    try:
        yield running
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(manager.__exit__, None, None, None)


def _wait(running: Serving) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and running.process.poll() is None:
        try:
            running.get("/health")
        except httpcore.ConnectError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(f"luna did not start:\n{running.log.read_text()}")
