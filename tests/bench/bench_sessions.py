"""What it costs to find a conversation, with 100,000 sessions stored.

Run with `python -m tests.bench.bench_sessions`. Warm: its last answer is at hand. Cold: nothing is, and the database is
read once. The ratio is to a lookup in a dictionary of as many entries.
"""

import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio

from luna.conversation.digest import History
from luna.model.chat import Message
from luna.state import session_rows as rows
from luna.state.sessions import Sessions
from luna.state.store import Store
from luna.tools.profiles import GENERIC
from tests.support.sessions import asked, history

STORED = 100_000
TURNS = 60
LIMIT = 200e-6
"""Seconds."""


async def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as directory:
        async with Store.opened(Path(directory)) as store:
            digests = await fill(store)
            said = [text for turn in range(TURNS) for text in (f"question {turn} " * 20, f"answer {turn} " * 60)]
            for turn in range(TURNS):
                await converse(store, said[: 2 * turn + 1], said[2 * turn + 1], turn)
            await figures(store, said, digests)


async def fill(store: Store) -> dict[bytes, str]:
    """Sessions of one turn each; returns their digests."""
    made: dict[bytes, str] = {}
    for begin in range(0, STORED, 1000):
        for number in range(begin, begin + 1000):
            digest = History.of(history(f"question {number}", "answer"), GENERIC, "").digest
            made[digest] = name = f"session-{number}"
            store.write(rows.ADD_SESSION.statement, session_row(name, number))
            store.write(rows.ADD_NODE.statement, node_row(name, digest))
        await store.commit()
    return made


def session_row(name: str, number: int) -> dict[str, object]:
    about = {"scope": "", "source": "auto", "thread_id": name, "title": f"question {number}", "mode": "persistent"}
    return {"id": name, "turn_count": 1, "message_count": 2, "created_at": number, "updated_at": number} | about


def node_row(session: str, digest: bytes) -> dict[str, object]:
    place = {"account_id": "env", "chat_id": f"chat-of-{session}", "response_id": f"r-{session}", "model": "m"}
    node = {"id": f"n-{session}", "digest": digest, "asked": digest, "session_id": session, "created_at": 1.0}
    return node | place | {"system": "", "instructions": "", "depth": 2, "position": 0}


async def converse(store: Store, said: list[str], answer: str, turn: int) -> None:
    """One turn of the long conversation."""
    digest = History.of(history(*said, answer), GENERIC, "").digest
    if turn == 0:
        store.write(rows.ADD_SESSION.statement, session_row("long", 0))
    store.write(rows.ADD_NODE.statement, node_row("long", digest) | {"id": f"long-{turn}", "depth": 2 * turn + 2})
    await store.commit()


async def figures(store: Store, said: list[str], digests: dict[bytes, str]) -> None:
    request = asked(*said, "and now?")
    warm, wanted = Sessions(store), next(iter(request.history.prefixes()))[0]
    found = await warm.find(request)
    assert found.known == 2 * TURNS

    async def look_warm() -> None:
        (await warm.find(request)).release()

    async def look_cold() -> None:
        cold = Sessions(store)
        assert (await cold.find(request)).known == 2 * TURNS

    async def look_new() -> None:
        await warm.find(asked_new)

    async def look_unknown() -> None:
        assert (await Sessions(store).find(foreign)).node is None

    async def hop() -> None:
        await store.look_up(lambda _: None)

    asked_new = asked("something new")
    foreign = asked(*(f"{text}!" for text in said), "and now?")
    plain = per_call(lambda: digests.get(wanted), 200_000)
    messages: list[Message] = list(request.history.messages)
    kilobytes = sum(len(message.text) for message in messages) / 1000
    digest = per_call(lambda: History.of(messages, GENERIC), 50)
    print(f"{STORED:,} sessions stored; a conversation of {TURNS} turns, {kilobytes:.0f} KB")
    print(f"{'a dictionary':34}{plain * 1e6:9.2f} µs")
    for name, look, rounds in (
        ("a reader's thread, nothing read", hop, 1000),
        ("a new conversation", look_new, 2000),
        ("warm", look_warm, 2000),
        ("cold: one read", look_cold, 300),
        ("a history that nobody knows", look_unknown, 300),
    ):
        quick, median, high = await timed(look, rounds)
        verdict = "" if quick < LIMIT else f"  over {LIMIT * 1e6:.0f} µs"
        told = f"best tenth {quick * 1e6:8.1f} µs   median {median * 1e6:8.1f} µs   p99 {high * 1e6:8.1f} µs"
        print(f"{name:34}{told}   x{quick / plain:7.0f}{verdict}")
    print(
        f"{'to read the history and digest it':34}{digest * 1e6:9.2f} µs   ({digest * 1e6 / kilobytes:.2f} µs for a KB)"
    )
    tracemalloc.start()
    empty = Sessions(store)
    size, _ = tracemalloc.get_traced_memory()
    print(f"an empty service: {size} bytes; {empty!r}")
    before = size
    for number in range(2000):
        await empty.find(asked(f"question {number}", "answer", "more"))
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(f"an answer at hand: {(size - before) / len(empty.hot):.0f} bytes")


def per_call(work: Callable[[], object], rounds: int) -> float:
    """Seconds of one call, the best of five tries."""
    best = float("inf")
    for _ in range(5):
        begun = time.perf_counter()
        for _ in range(rounds):
            work()
        best = min(best, (time.perf_counter() - begun) / rounds)
    return best


async def timed(look: Callable[[], Awaitable[None]], rounds: int) -> tuple[float, float, float]:
    """Seconds: the slowest of the best tenth, which is what it costs when nobody else wants the processor, the median,
    and the 99th of a hundred."""
    taken: list[float] = []
    for _ in range(rounds):
        begun = time.perf_counter()
        await look()
        taken.append(time.perf_counter() - begun)
    shares = statistics.quantiles(taken, n=100)
    return shares[9], shares[49], shares[98]


if __name__ == "__main__":
    anyio.run(main, backend_options={"use_uvloop": True})
