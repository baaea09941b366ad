"""Faults of the client: it leaves, reads nothing, sends slowly, too much, or two things at once.

Owns the list, and what each must come to. Every one happens on all six ways of asking, one after the other; then
nothing may be left, and luna answers the next who comes.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio
from anyio.abc import SocketAttribute, SocketStream

from tests.gauntlet.arena import Arena
from tests.gauntlet.record import Row
from tests.gauntlet.relay import COMPLETION, NEW, Late
from tests.gauntlet.speech import WAYS, Way, understand
from tests.support.lookalike import read_to_end

LONG = "[[count:4000]][[pace:2]]"
MANY = "[[count:20000]]"


@dataclass
class Told:
    """What came of it: what the client got, what its run should say ("" for no run), and what is wrong."""

    got: str
    run: str = ""
    wrong: str = ""
    flow: str = ""
    """The id of the flow, where the client was told it."""


Play = Callable[[Arena, Way], Awaitable[Told]]


@dataclass(frozen=True)
class Scene:
    """Something that a client does."""

    name: str
    point: str
    play: Play


def _connect(arena: Arena) -> Awaitable[SocketStream]:
    return anyio.connect_tcp("127.0.0.1", arena.port)


async def _until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(30):
        while not condition():
            await anyio.sleep(0.005)


def _sent(share: float) -> Play:
    """Leaves when so much of its request has gone out."""

    async def play(arena: Arena, way: Way) -> Told:
        request = way.request("[[say:never]]", account=arena.accounts[way])
        async with await _connect(arena) as connection:
            await connection.send(request[: int(len(request) * share)] or b"P")
        return Told("nobody is there")

    return play


def _asked(at: bytes) -> Play:
    """Leaves while the upstream is being asked."""

    async def play(arena: Arena, way: Way) -> Told:
        arena.relay.fault, arena.relay.at = Late(0.4), at
        async with await _connect(arena) as connection:
            await connection.send(way.request(LONG, account=arena.accounts[way]))
            await _until(lambda: arena.relay.held > 0)
        return Told("nobody is there", "client-gone")

    return play


def _received(size: int) -> Play:
    """Leaves when so much of its answer has come."""

    async def play(arena: Arena, way: Way) -> Told:
        completions = arena.lookalike.state.counters.completions
        got = 0
        async with await _connect(arena) as connection:
            await connection.send(way.request(LONG, account=arena.accounts[way]))
            if way.stream:
                while got < size:
                    got += len(await connection.receive())
            else:
                await _until(lambda: arena.lookalike.state.counters.completions > completions)
        return Told("nobody is there", "client-gone")

    return play


async def _reads_nothing(arena: Arena, way: Way) -> Told:
    async with await _connect(arena) as connection:
        connection.extra(SocketAttribute.raw_socket).setsockopt(1, 8, 4096)  # SOL_SOCKET, SO_RCVBUF
        await connection.send(way.request(MANY, account=arena.accounts[way]))
        await _until(lambda: arena.count().runs > 0)
        await anyio.sleep(0.3)
    return Told("nobody reads", "")


async def _reads_slowly(arena: Arena, way: Way) -> Told:
    raw = b""
    async with await _connect(arena) as connection:
        await connection.send(way.request("[[count:60]]", account=arena.accounts[way]))
        try:
            while True:
                raw += await connection.receive(512)
                await anyio.sleep(0.002)
        except anyio.EndOfStream:
            pass
    got = understand(way, raw)
    right = got.text.split() == [*map(str, range(60))] and got.ended
    return Told(str(got), "completed", got.misshapen or ("" if right else "not the whole answer"))


async def _sends_slowly(arena: Arena, way: Way) -> Told:
    request = way.request("[[say:slow but sure]]", account=arena.accounts[way])
    async with await _connect(arena) as connection:
        for start in range(0, len(request), 7):
            await connection.send(request[start : start + 7])
            await anyio.sleep(0.001)
        got = understand(way, await read_to_end(connection))
    return Told(str(got), "completed", got.misshapen or ("" if got.text == "slow but sure" else "another answer"))


async def _sends_too_much(arena: Arena, way: Way) -> Told:
    got = understand(way, await arena.exchange(way.request("x" * 300_000, account=arena.accounts[way])))
    right = got.status == 413 and got.error
    return Told(str(got), "", got.misshapen or ("" if right else "should be 413"))


def _wrong(body: bytes) -> Play:
    """Sends something that is no request."""

    async def play(arena: Arena, way: Way) -> Told:
        got = understand(way, await arena.exchange(way.head(len(body), account=arena.accounts[way]) + body))
        right = got.status == 400 and got.error
        return Told(str(got), "failed", got.misshapen or ("" if right else "should be 400"), got.flow)

    return play


async def _pipelines(arena: Arena, way: Way) -> Told:
    first = way.request("[[say:first]]", account=arena.accounts[way], close=False)
    second = way.request("[[say:second]]", account=arena.accounts[way])
    raw = await arena.exchange(first + second)
    start = raw.find(b"HTTP/1.1 200", 1)
    one, two = understand(way, raw[:start]), understand(way, raw[start:])
    right = (one.text, two.text) == ("first", "second")
    return Told(f"{one}; {two}", "completed", one.misshapen or two.misshapen or ("" if right else "other answers"))


async def _again_after_error(arena: Arena, way: Way) -> Told:
    bad = b'{"model": 1}'
    first = way.head(len(bad), account=arena.accounts[way], close=False) + bad
    second = way.request("[[say:still here]]", account=arena.accounts[way])
    raw = b""
    async with await _connect(arena) as connection:
        await connection.send(first)
        while not raw.endswith(b"}"):
            raw += await connection.receive()
        await connection.send(second)
        got = understand(way, await read_to_end(connection))
    right = raw.startswith(b"HTTP/1.1 400") and got.text == "still here"
    return Told(f"400; {got}", "completed", got.misshapen or ("" if right else "the connection is spoilt"))


SCENES = (
    Scene("vanishes", "before a byte of the request", _sent(0)),
    Scene("vanishes", "in the head", _sent(0.3)),
    Scene("vanishes", "in the body", _sent(0.9)),
    Scene("vanishes", "while a chat is made", _asked(NEW)),
    Scene("vanishes", "before the answer's head", _asked(COMPLETION)),
    Scene("vanishes", "at the first byte", _received(1)),
    Scene("vanishes", "in mid answer", _received(3000)),
    Scene("reads nothing", "the answer", _reads_nothing),
    Scene("reads slowly", "the answer", _reads_slowly),
    Scene("sends slowly", "the request", _sends_slowly),
    Scene("sends too much", "the body", _sends_too_much),
    Scene("sends no JSON", "the body", _wrong(b"{")),
    Scene("sends no text", "the body", _wrong(b"\xff\xfe\x00")),
    Scene("sends no object", "the body", _wrong(b"[]")),
    Scene("pipelines", "two requests", _pipelines),
    Scene("reuses the connection after an error", "two requests", _again_after_error),
)


async def run(arena: Arena, scene: Scene, way: Way) -> Row:
    """Let it happen once."""
    arena.fresh_accounts([way])
    told = await scene.play(arena, way)
    arena.relay.fault = None
    left = await arena.settled()
    wrong, says = told.wrong, "no run"
    record = await (arena.run_of(told.flow) if told.flow else arena.latest(arena.accounts[way]))
    if record is not None:
        says = record.status
    if told.run and says != told.run and not wrong:
        wrong = f"the run should be {told.run}"
    after = await arena.ask(way, "[[say:next]]")
    if after.text != "next" and not wrong:
        wrong = f"the next request is not answered: {after}"
    left = left or await arena.settled()
    return Row("Client", scene.name, scene.point, str(way), told.got, says, left, wrong)


EVERY = tuple((scene, way) for scene in SCENES for way in WAYS)
