"""What recordings cost, whether they stay inside their quota, and how fast a long one opens.

    python -m tests.bench.bench_recording [--rounds N]

First the CPU of two whole lunas, one of which records everything, in turns: many paced streams, one fast stream, short
requests. Then a folder with a small quota into which many flows are recorded at once. Last a recorded flow of 20,000
deltas, each a read of its own, opened through the inspector's route. Exits with 1 where a figure is over its limit.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path

import anyio
import httpcore
import msgspec

from luna.model.ambient import SystemClock
from luna.model.chat import ChatRequest, Message, Text
from luna.model.dialect import ClientRequest
from luna.model.events import Finish, Opened, StreamEvent, TextDelta
from luna.wire.recorder import Recorder
from luna.wire.shelf import Quota
from luna.wire.store import Recordings
from tests.bench.load import Target
from tests.bench.processes import Process, start
from tests.support.ports import free_port

MOST_CPU = 1.25
"""Times the CPU of a luna that records nothing."""
MOST_SECONDS = 1.0
"""Until a flow of 20,000 deltas is open."""
DELTAS = 20_000
QUOTA = Quota(size=4 * 1024 * 1024, count=50)
FLOWS, BESIDE = 400, 8
ADMIN_KEY = "bench-recording-admin"
SSE = (("content-type", "text/event-stream"),)
READ = b'data: {"choices":[{"delta":{"role":"assistant","content":" word","phase":"answer","status":"typing"}}]}\n\n'
SENT = b'data: {"id":"chatcmpl-0","choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}]}\n\n'


async def paced(target: Target) -> int:
    """Streams beside one another at 20 deltas a second: each delta is a read of its own."""
    async with anyio.create_task_group() as tasks:
        for number in range(50):
            tasks.start_soon(target.chat, f"[[count:40]][[pace:50]] {number}")
    return 50 * 40


async def fast(target: Target) -> int:
    """One stream as fast as it goes."""
    await target.chat(f"[[count:{DELTAS}]][[pace:0]]")
    return DELTAS


async def short(target: Target) -> int:
    """Short answers in one piece, one after the other."""
    for _ in range(150):
        await target.chat("[[say:ok]]", stream=False)
    return 150


WORK: dict[str, Callable[[Target], Awaitable[int]]] = {
    "50 paced streams, per delta": paced,
    "one fast stream, per delta": fast,
    "short request": short,
}


async def cpu(lunas: list[Process], rounds: int) -> dict[str, tuple[float, float]]:
    """Microseconds of CPU, unrecorded and recorded: the least of the rounds, because what others do on the machine only
    ever adds to it."""
    found: dict[str, tuple[float, float]] = {}
    for name, work in WORK.items():
        taken: dict[str, list[float]] = {luna.name: [] for luna in lunas}
        for turn in range(rounds + 1):  # the first is to warm up
            for luna in lunas if turn % 2 else reversed(lunas):
                before = luna.cpu_exact()
                units = await work(Target(luna.name, luna.port))
                await anyio.sleep(0.2)  # what is written down after the answer counts as well
                if turn:
                    taken[luna.name].append((luna.cpu_exact() - before) / units * 1e6)
        off, all_ = (min(taken[luna.name]) for luna in lunas)
        found[name] = off, all_
    return found


def begin(recordings: Recordings, flow: str) -> Recorder:
    """A flow that has been asked for an answer and got its first event."""
    body = msgspec.json.encode({"model": "m", "messages": [{"role": "user", "content": "hi"}]})
    client = ClientRequest("POST", "/v1/chat/completions", "", (("host", "127.0.0.1"),), body)
    recorder = recordings.begin(
        "all",
        flow=flow,
        born=SystemClock().wall(),
        seed=bytes(16),
        route="chat",
        pipeline="chat",
        snapshot="0" * 64,
        client=client,
        secrets=["sk-luna-0123456789abcdef"],
    )
    assert recorder is not None
    recorder.document("protocol.decode", ChatRequest(model="m", messages=[Message("user", [Text("hi")])]))
    return recorder


def answer(recorder: Recorder, deltas: int) -> None:
    """An answer of so many deltas, each a read of its own."""
    tape = recorder.exchange("POST", "https://upstream/api/v2/chat/completions", (), b"{}")
    tape.head(200, SSE)
    recorder.started(200, SSE)
    events: list[StreamEvent] = [Opened("r", "m"), *(TextDelta(" word") for _ in range(deltas)), Finish("stop")]
    for event in events:
        tape.data(READ)
        for boundary in ("qwen", "require-answer", "session.remember"):
            recorder.events(boundary, (event,))
        recorder.sent(SENT)
    tape.end("complete")
    recorder.ended("completed")


def kept_within(folder: Path) -> tuple[int, int, int]:
    """Recordings made, the most bytes and the most recordings that stood in the folder at a time."""
    recordings = Recordings(folder, luna="0", clock=SystemClock(), quota=QUOTA)
    most_bytes = most_files = 0
    for number in range(0, FLOWS, BESIDE):
        together = [begin(recordings, f"flow_{number + each}") for each in range(BESIDE)]
        for each, recorder in enumerate(together):
            answer(recorder, 20 + 60 * (each + number // 64))
        recordings.flush()
        sizes = [entry.size for entry in recordings.list()]
        most_bytes, most_files = max(most_bytes, sum(sizes)), max(most_files, len(sizes))
    recordings.close()
    return FLOWS, most_bytes, most_files


def opening(luna: Process, folder: Path) -> float:
    """Seconds until the inspector has the whole axis of a long flow: the best of five times, each from the file."""
    recordings = Recordings(folder, luna="0", clock=SystemClock())
    answer(begin(recordings, "flow_long"), DELTAS)
    recordings.close()
    path = recordings.path("flow_long")
    url = f"http://127.0.0.1:{luna.port}/api/flows/flow_long/timeline"
    taken: list[float] = []
    for turn in range(5):
        os.utime(path, (turn, turn))  # so that it is read again
        begun = time.perf_counter()
        reply = httpcore.request("GET", url, headers={"authorization": f"Bearer {ADMIN_KEY}"})
        taken.append(time.perf_counter() - begun)
        said = msgspec.json.decode(reply.content)
        if reply.status != 200 or said["batches"] != DELTAS + 2:
            raise RuntimeError(f"the inspector said {reply.status}: {reply.content[:200]!r}")
    return min(taken)


def lunas(scratch: Path, running: ExitStack) -> list[Process]:
    """One that records nothing, one that records everything, and no limit to what may run at once."""
    port = free_port()
    upstream = start("upstream", ["-m", "luna.demo", "--port", str(port)], port, listen=True)
    running.callback(upstream.stop)
    login = msgspec.json.decode(upstream.said)
    made: list[Process] = []
    for record in ("off", "all"):
        data, own = scratch / record, free_port()
        data.mkdir(mode=0o700)
        settings = {"version": 1, "settings": {"multiThread": {"enabled": False}}}
        (data / "config.json").write_bytes(msgspec.json.encode(settings))
        env = {
            "LUNA_PORT": str(own),
            "LUNA_DATA_DIR": str(data),
            "LUNA_ADMIN_KEY": ADMIN_KEY,
            "LUNA_QWEN_BASE_URL": f"http://127.0.0.1:{port}",
            "LUNA_QWEN_AUTH_URL": f"http://127.0.0.1:{port}",
            "QWEN_AI_TOKEN": login["token"],
            "QWEN_AI_COOKIES": login["cookies"],
            "LUNA_RECORD": record,
            "LUNA_LOG": "warning",
        }
        made.append(start(record, ["-m", "luna", "serve"], own, env=env))
        running.callback(made[-1].stop)
    return made


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_recording")
    parser.add_argument("--rounds", type=int, default=5)
    rounds: int = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as running:
        made, bytes_, files = kept_within(Path(scratch, "quota"))
        both = lunas(Path(scratch), running)
        opened = opening(both[1], Path(scratch, "all", "recordings"))
        figures = anyio.run(cpu, both, rounds)
    over = False
    for name, (off, all_) in figures.items():
        ratio = all_ / off
        print(f"{name}: {off:.1f} us of CPU, recorded {all_:.1f} us: {ratio:.2f} times (to stay under {MOST_CPU})")
        over = over or ratio > MOST_CPU
    print(f"{made} recordings: never more than {bytes_} bytes (of {QUOTA.size}) in {files} files (of {QUOTA.count})")
    print(f"a flow of {DELTAS} deltas opens in {opened:.2f} s (to stay under {MOST_SECONDS})")
    print(f"\n{os.cpu_count()} cores; the least of {rounds} rounds, in turns.")
    return int(over or bytes_ > QUOTA.size or files > QUOTA.count or opened > MOST_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
