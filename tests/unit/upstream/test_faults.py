"""Every fault does what it says, to the requests it is meant for, and fails like the real thing."""

import pytest

from luna.model.errors import Kind, LunaError
from luna.upstream.exchange import OutRequest, Timeouts
from luna.upstream.faults import (
    Cut,
    DelayHead,
    FailBeforeHead,
    Fault,
    FaultBackend,
    Garble,
    Refuse,
    Replace,
    Rule,
    SingleBytes,
    Stall,
)
from luna.upstream.replay import ReplayBackend
from tests.support.exchanges import exchange, get, items

PIECES = (b"data: one\n\n", b"data: two\n\n")


class Broken:
    """A backend with one fault in front of a good one, and the time that it claimed to take."""

    def __init__(self, fault: Fault, *, path: str = "/a", times: int | None = None) -> None:
        self.slept: list[float] = []
        self.inner = ReplayBackend([exchange("/a", *PIECES, headers=(("x-a", "1"),)) for _ in range(3)])
        rule = Rule(lambda request: request.url.endswith(path), fault, times)
        self.backend = FaultBackend(self.inner, [rule], sleep=self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


async def failing(broken: Broken, request: OutRequest | None = None) -> tuple[list[bytes], LunaError]:
    """What came, and the error that ended it."""
    seen: list[bytes] = []
    with pytest.raises(LunaError) as raised:
        answer = await broken.backend.open(request or get("/a"))
        chunks = answer.chunks()
        while True:
            seen.append(await anext(chunks))
    return seen, raised.value


async def test_refused() -> None:
    broken = Broken(Refuse())
    _, error = await failing(broken)
    assert (error.kind, error.detail["phase"]) == (Kind.UPSTREAM_BROKEN, "connect")
    assert "upstream.test" in error.message
    assert broken.inner.requests == []


async def test_broken_before_the_head() -> None:
    broken = Broken(FailBeforeHead())
    _, error = await failing(broken)
    assert (error.kind, error.detail["phase"]) == (Kind.UPSTREAM_BROKEN, "head")
    assert len(broken.inner.requests) == 1


async def test_a_late_head() -> None:
    broken = Broken(DelayHead(2.0))
    assert await items(await broken.backend.open(get("/a"))) == list(PIECES)
    assert broken.slept == [2.0]


async def test_a_head_that_is_too_late() -> None:
    broken = Broken(DelayHead(200.0))
    _, error = await failing(broken, OutRequest("GET", "https://upstream.test/a", timeouts=Timeouts(head=30)))
    assert (error.kind, error.detail["phase"]) == (Kind.TIMEOUT, "head")
    assert broken.slept == [30]


@pytest.mark.parametrize("after", [0, 5, 11, 12])
async def test_a_body_that_is_cut(after: int) -> None:
    seen, error = await failing(Broken(Cut(after)))
    assert b"".join(seen) == b"".join(PIECES)[:after]
    assert (error.kind, error.detail["phase"]) == (Kind.UPSTREAM_BROKEN, "body")


async def test_a_body_that_stalls() -> None:
    broken = Broken(Stall(5))
    seen, error = await failing(broken, OutRequest("GET", "https://upstream.test/a", timeouts=Timeouts(idle=7)))
    assert (seen, error.kind, error.detail["phase"]) == ([b"data:"], Kind.TIMEOUT, "body")
    assert broken.slept == [7]


async def test_a_body_shorter_than_the_fault_is_whole() -> None:
    assert await items(await Broken(Cut(1000)).backend.open(get("/a"))) == list(PIECES)


async def test_a_garbled_body() -> None:
    answer = await Broken(Garble(4, b"\xff!")).backend.open(get("/a"))
    assert await items(answer) == [b"data", b"\xff!"]


async def test_single_bytes() -> None:
    seen = await items(await Broken(SingleBytes()).backend.open(get("/a")))
    assert len(seen) == 22
    assert b"".join(seen) == b"".join(PIECES)


async def test_another_response() -> None:
    answer = await Broken(Replace(429, (("retry-after", "3"),), b"slow down")).backend.open(get("/a"))
    assert (answer.status, answer.header("retry-after"), answer.header("x-a")) == (429, "3", "")
    assert await answer.read() == b"slow down"


async def test_what_is_not_replaced_stays() -> None:
    broken = Broken(Replace(500), times=1)
    answer = await broken.backend.open(get("/a"))
    assert (answer.status, answer.header("x-a"), await items(answer)) == (500, "1", list(PIECES))
    empty = await Broken(Replace(body=b"")).backend.open(get("/a"))
    assert (empty.status, await empty.read()) == (200, b"")


async def test_only_the_requests_that_are_meant() -> None:
    broken = Broken(Refuse(), path="/other")
    assert await items(await broken.backend.open(get("/a"))) == list(PIECES)


async def test_only_so_many_times() -> None:
    broken = Broken(Refuse(), times=2)
    for _ in range(2):
        await failing(broken)
    assert await items(await broken.backend.open(get("/a"))) == list(PIECES)


async def test_the_first_rule_that_is_meant_counts() -> None:
    plan = [Rule(lambda _: True, Refuse(), times=1), Rule(lambda _: True, Replace(503))]
    backend = FaultBackend(ReplayBackend([exchange("/a", b"x")]), plan)
    with pytest.raises(LunaError):
        await backend.open(get("/a"))
    answer = await backend.open(get("/a"))
    assert answer.status == 503
    assert repr(backend) == "<FaultBackend rules=2 <ReplayBackend asked=1 left=0>>"
    await answer.aclose()
    await backend.aclose()


async def test_a_plan_can_be_used_again() -> None:
    plan = [Rule(lambda _: True, Refuse(), times=1)]
    for _ in range(2):
        backend = FaultBackend(ReplayBackend([exchange("/a", b"x")]), plan)
        with pytest.raises(LunaError):
            await backend.open(get("/a"))
        assert await items(await backend.open(get("/a"))) == [b"x"]
