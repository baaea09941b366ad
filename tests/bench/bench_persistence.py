"""What it costs a request that everything is written down: a luna with its database beside one that only remembers.

Run with `python -m tests.bench.bench_persistence`. The same requests go to both in turns, a few at a time, so that a
noisy machine disturbs them alike; processor time is that of all threads of each process, to the nanosecond.
"""

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import msgspec

from tests.bench.load import Target, chat_body
from tests.bench.processes import Process, start
from tests.support.ports import free_port

LIMIT = 0.3
"""Milliseconds of processor time that persistence may add to a request."""
TOGETHER = 20
"""Requests to one luna before it is the other's turn."""

Work = Callable[[Target, int], Awaitable[None]]


async def new_chats(target: Target, number: int) -> None:
    """Each request begins a conversation of its own."""
    for request in range(TOGETHER):
        await target.chat(f"[[say:ok]] {number} {request}", stream=False)


async def one_chat(target: Target, number: int) -> None:
    """Each request goes on with the one before."""
    said: list[dict[str, str]] = []
    for request in range(TOGETHER):
        said.append({"role": "user", "content": f"[[say:ok]] {number} {request} in one"})
        await target.chat("", body=chat_body(said, stream=False))
        said.append({"role": "assistant", "content": "ok"})


async def measure(kept: Process, forgetful: Process, rounds: int) -> bool:
    """Print the figures; whether they are within the limit."""
    print(f"{'CPU per request':24}{'kept':>10}{'memory':>10}{'ratio':>8}{'added':>11}")
    within = True
    works: tuple[tuple[str, Work], ...] = (("a chat for each", new_chats), ("one chat goes on", one_chat))
    for name, work in works:
        spent: dict[str, list[float]] = {kept.name: [], forgetful.name: []}
        for number in range(rounds + 2):
            for process in (kept, forgetful) if number % 2 else (forgetful, kept):
                before = process.cpu_exact()
                await work(Target(process.name, process.port), number)
                taken = (process.cpu_exact() - before) / TOGETHER * 1000
                if number >= 2:  # the first two warm up
                    spent[process.name].append(taken)
        ours, theirs = spent[kept.name], spent[forgetful.name]
        added = statistics.median(one - other for one, other in zip(ours, theirs, strict=True))
        one, other = statistics.median(ours), statistics.median(theirs)
        verdict = "" if added < LIMIT else f"  over {LIMIT} ms"
        print(f"{name:24}{one:7.3f} ms{other:7.3f} ms{one / other:8.2f}{added:8.3f} ms{verdict}")
        within = within and added < LIMIT
    return within


def luna(name: str, module: str, scratch: str, upstream: int, login: dict[str, str]) -> Process:
    """One that serves, at its first answer."""
    port = free_port()
    env = {
        "LUNA_PORT": str(port),
        "LUNA_DATA_DIR": str(Path(scratch, name)),
        "LUNA_QWEN_BASE_URL": f"http://127.0.0.1:{upstream}",
        "LUNA_QWEN_AUTH_URL": f"http://127.0.0.1:{upstream}",
        "QWEN_AI_TOKEN": login["token"],
        "QWEN_AI_COOKIES": login["cookies"],
        "LUNA_LOG": "warning",
    }
    return start(name, ["-m", module, "serve"], port, env=env)


def main() -> int:
    """Start the servers, measure, stop them."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_persistence", description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    rounds: int = parser.parse_args().rounds
    running: list[Process] = []
    with tempfile.TemporaryDirectory() as scratch:
        try:
            port = free_port()
            running.append(start("upstream", ["-m", "luna.demo", "--port", str(port)], port, listen=True))
            login = msgspec.json.decode(running[0].said, type=dict[str, str])
            for name, module in (("kept", "luna"), ("forgetful", "tests.bench.forgetful")):
                running.append(luna(name, module, scratch, port, login))
            within = anyio.run(measure, running[1], running[2], rounds)
        finally:
            for process in reversed(running):
                process.stop()
    print(f"\n{os.cpu_count()} cores; medians of {rounds} rounds of {TOGETHER} requests, in turns.")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
