"""A recorded upstream answers as it did, in the order in which it did, and says so when it cannot."""

import pytest

from luna.model.errors import Kind, LunaError
from luna.upstream.exchange import OutRequest
from luna.upstream.replay import ReplayBackend
from luna.wire.frames import UpEnd
from tests.support.exchanges import exchange, get, items


async def test_the_same_head_and_the_same_chunks() -> None:
    recorded = exchange("/a", b"one", b"", b"two", status=201, headers=(("x-a", "1"), ("x-a", "2")))
    backend = ReplayBackend([recorded])
    answer = await backend.open(get("/a"))
    assert (answer.status, answer.header("x-a"), answer.headers) == (201, "1", (("x-a", "1"), ("x-a", "2")))
    assert await items(answer) == [b"one", b"two"]
    await answer.aclose()
    await answer.aclose()
    await backend.aclose()


async def test_requests_are_matched_by_method_and_path_in_recorded_order() -> None:
    backend = ReplayBackend([
        exchange("/a?x=1", b"first a"), exchange("/b", b"b"), exchange("/a?x=2", b"second a"),
        exchange("/a", b"posted", method="POST"),
    ])  # fmt: skip
    asked = [get("/a?other=3"), get("/a", "POST"), get("/a"), get("/b")]
    assert [await (await backend.open(request)).read() for request in asked] == [
        b"first a", b"posted", b"second a", b"b",
    ]  # fmt: skip
    assert backend.requests == asked
    assert backend.left == []


async def test_what_was_not_recorded_is_named_with_what_is_left() -> None:
    backend = ReplayBackend([exchange("/a"), exchange("/a"), exchange("/b", method="POST")])
    await backend.open(get("/a"))
    with pytest.raises(LunaError) as refused:
        await backend.open(get("/secret?token=abc"))
    assert refused.value.kind is Kind.UPSTREAM_BROKEN
    assert refused.value.message == ("The recording has no (further) GET /secret; it still has: GET /a, POST /b.")
    assert repr(backend) == "<ReplayBackend asked=2 left=2>"


async def test_what_was_used_up_is_not_there_any_more() -> None:
    backend = ReplayBackend([exchange("/a")])
    await backend.open(get("/a"))
    with pytest.raises(LunaError, match="still has: nothing"):
        await backend.open(get("/a"))


async def test_an_address_without_a_path() -> None:
    backend = ReplayBackend([exchange("/", b"x")])
    assert await (await backend.open(OutRequest("GET", "https://upstream.test"))).read() == b"x"


async def test_errors_are_raised_again() -> None:
    refused = LunaError(Kind.TIMEOUT, "too slow", hint="wait")
    cut = LunaError(Kind.UPSTREAM_BROKEN, "cut off")
    backend = ReplayBackend([
        exchange("/a", status=0, how="broken", error=refused),
        exchange("/b", b"some", how="broken", error=cut),
    ])  # fmt: skip
    with pytest.raises(LunaError) as raised:
        await backend.open(get("/a"))
    assert (raised.value.kind, raised.value.message, raised.value.hint) == (Kind.TIMEOUT, "too slow", "wait")
    chunks = (await backend.open(get("/b"))).chunks()
    assert await anext(chunks) == b"some"
    with pytest.raises(LunaError, match="cut off") as raised:
        await anext(chunks)
    assert raised.value.kind is Kind.UPSTREAM_BROKEN


async def test_an_error_of_a_kind_that_is_no_more_is_still_one() -> None:
    recorded = exchange("/a", status=0, how="broken", error=LunaError(Kind.TIMEOUT, "x"))
    recorded.end = UpEnd(9, 1, "broken", "forgotten", "x")
    with pytest.raises(LunaError) as raised:
        await ReplayBackend([recorded]).open(get("/a"))
    assert raised.value.kind is Kind.UPSTREAM_BROKEN


@pytest.mark.parametrize("how", ["closed", "unfinished"])
async def test_beyond_the_end_of_a_recording_nothing_is_made_up(how: str) -> None:
    recorded = exchange("/a", b"some", how="closed" if how == "closed" else "unfinished")
    chunks = (await ReplayBackend([recorded]).open(get("/a"))).chunks()
    assert await anext(chunks) == b"some"
    with pytest.raises(LunaError, match="the recording of this exchange ends here"):
        await anext(chunks)


async def test_an_exchange_that_was_closed_before_its_head_has_none() -> None:
    with pytest.raises(LunaError, match="ends here"):
        await ReplayBackend([exchange("/a", status=0, how="unfinished")]).open(get("/a"))


@pytest.mark.parametrize(("speed", "factor"), [(1.0, 1.0), (4.0, 0.25)])
async def test_time_passes_as_it_did(speed: float, factor: float) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    recorded = [exchange("/a", b"x", b"y", gap=200_000), exchange("/b", status=0, how="broken", gap=100_000)]
    backend = ReplayBackend(recorded, speed=speed, sleep=sleep)
    await items(await backend.open(get("/a")))
    assert slept == pytest.approx([0.2 * factor] * 4)
    slept.clear()
    with pytest.raises(LunaError):
        await backend.open(get("/b"))
    assert slept == pytest.approx([0.2 * factor])


async def test_as_fast_as_possible_never_sleeps() -> None:
    async def sleep(seconds: float) -> None:
        raise AssertionError(seconds)

    answer = await ReplayBackend([exchange("/a", b"x", gap=10**9)], sleep=sleep).open(get("/a"))
    assert await items(answer) == [b"x"]


async def test_after_closing_nothing_comes() -> None:
    answer = await ReplayBackend([exchange("/a", b"x")]).open(get("/a"))
    await answer.aclose()
    assert await items(answer) == []
