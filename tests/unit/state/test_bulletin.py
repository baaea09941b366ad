"""What is published reaches who listens, in order, bounded, and whoever missed something is told so."""

import anyio
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna.model.ambient import ManualClock
from luna.state import bulletin as module
from luna.state.bulletin import LINGER, RESET, Bulletin, Onlooker, Told


@pytest.fixture
def clock() -> ManualClock:
    clock = ManualClock()
    clock.advance(1000)
    return clock


@pytest.fixture
def bulletin(clock: ManualClock) -> Bulletin:
    return Bulletin(clock.monotonic)


async def take(onlooker: Onlooker) -> list[tuple[str, object]]:
    with anyio.fail_after(1):
        return [(told.topic, msgspec.json.decode(told.data)) for told in await onlooker.take()]


async def silent(onlooker: Onlooker) -> bool:
    with anyio.move_on_after(0.01) as limit:
        await onlooker.take()
    return limit.cancelled_caught


async def test_an_onlooker_gets_its_topics_and_no_others(bulletin: Bulletin) -> None:
    with bulletin.listening(["runs", "logs"]) as onlooker:
        bulletin.publish("runs", {"id": 1})
        bulletin.publish("audit", {"id": 2})
        bulletin.publish("logs", [3])
        assert await take(onlooker) == [("runs", {"id": 1}), ("logs", [3])]
        assert await silent(onlooker)
        assert bulletin.onlookers("runs") == {onlooker}
        assert bulletin.onlookers("audit") == frozenset()


async def test_who_waits_is_woken(bulletin: Bulletin) -> None:
    with bulletin.listening(["runs"]) as onlooker:
        async with anyio.create_task_group() as tasks:

            async def later() -> None:
                await anyio.sleep(0.01)
                bulletin.publish("audit", 0)
                bulletin.publish("runs", 1)

            tasks.start_soon(later)
            assert await take(onlooker) == [("runs", 1)]


async def test_without_onlookers_nothing_is_encoded_and_nothing_kept(bulletin: Bulletin, clock: ManualClock) -> None:
    class Unspeakable:
        """Cannot be encoded."""

    assert not bulletin.watched
    bulletin.publish("runs", Unspeakable())
    with bulletin.listening(["runs"]):
        assert bulletin.watched
        bulletin.publish("runs", 1)
    clock.advance(LINGER - 1)
    assert bulletin.watched, "it may be back in a moment"
    clock.advance(1)
    assert not bulletin.watched
    before = bulletin.number
    bulletin.publish("runs", Unspeakable())
    assert bulletin.number == before + 1
    with bulletin.listening(["runs"], before) as onlooker:
        assert await take(onlooker) == [(RESET, None)]


async def test_who_comes_back_in_time_gets_what_it_missed(bulletin: Bulletin, clock: ManualClock) -> None:
    with bulletin.listening(["runs"]):
        bulletin.publish("runs", 1)
        seen = bulletin.number
    clock.advance(LINGER / 2)
    bulletin.publish("runs", 2)
    bulletin.publish("logs", 3)
    bulletin.publish("runs", 4)
    with bulletin.listening(["runs"], seen) as onlooker:
        bulletin.publish("runs", 5)
        assert await take(onlooker) == [("runs", 2), ("runs", 4), ("runs", 5)]
    with bulletin.listening(["runs"], bulletin.number) as onlooker:
        assert await silent(onlooker), "it has seen everything"
    with bulletin.listening(["runs"]) as onlooker:
        assert await silent(onlooker), "who comes for the first time asks for what there is elsewhere"


async def test_a_number_of_another_process_is_a_reset(clock: ManualClock) -> None:
    earlier = Bulletin(clock.monotonic)
    with earlier.listening(["runs"]):
        for _ in range(50):
            earlier.publish("runs", 0)
    clock.advance(2)
    later = Bulletin(clock.monotonic)
    with later.listening(["runs"]):
        for _ in range(100):
            later.publish("runs", 0)
        for number in (earlier.number, later.number + 1, 0):
            with later.listening(["runs"], number) as onlooker:
                assert await take(onlooker) == [(RESET, None)]


async def test_who_is_too_slow_is_told_to_look_again_and_goes_on_from_there(
    bulletin: Bulletin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITING", 3)
    with bulletin.listening(["runs"]) as slow, bulletin.listening(["runs"]) as quick:
        for number in range(5):
            bulletin.publish("runs", number)
            assert await take(quick) == [("runs", number)]
        assert slow.waiting == 2
        assert await take(slow) == [(RESET, None), ("runs", 4)]


async def test_neither_memory_nor_queues_grow_by_large_events(
    bulletin: Bulletin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITING_BYTES", 1000)
    monkeypatch.setattr(module, "REMEMBERED_BYTES", 1000)
    with bulletin.listening(["logs"]) as slow:
        first = bulletin.number
        for _ in range(10):
            bulletin.publish("logs", "x" * 398)
        assert slow.waiting <= 3
        assert (await take(slow))[0] == (RESET, None)
        assert sum(len(told.data) for told in bulletin._remembered) <= 1000
        bulletin.publish("logs", "x" * 5000)
        assert await take(slow) == [(RESET, None)], "larger than anybody may wait for"
    with bulletin.listening(["logs"], first) as onlooker:
        assert await take(onlooker) == [(RESET, None)]


async def test_at_the_end_everybody_is_let_go(bulletin: Bulletin) -> None:
    with bulletin.listening(["runs"]) as onlooker:
        bulletin.publish("runs", 1)
        bulletin.close()
        assert await take(onlooker) == [("runs", 1)]
        assert await take(onlooker) == []
    with bulletin.listening(["runs"]) as late:
        assert await take(late) == []


async def test_one_that_waits_at_the_end_is_let_go(bulletin: Bulletin) -> None:
    async with anyio.create_task_group() as tasks:

        async def wait() -> None:
            with bulletin.listening(["runs"]) as onlooker:
                assert await take(onlooker) == []

        tasks.start_soon(wait)
        await anyio.sleep(0.01)
        bulletin.close()
    assert bulletin.onlookers("runs") == frozenset()


async def test_leaving_by_an_error_leaves_no_onlooker(bulletin: Bulletin) -> None:
    with pytest.raises(ValueError, match="gone"), bulletin.listening(["runs"]):
        raise ValueError("gone")
    assert repr(bulletin).endswith(" 0 onlookers>")


@given(st.lists(st.one_of(st.sampled_from(["runs", "logs"]), st.just("break"), st.just("take")), max_size=60))
async def test_whatever_breaks_each_event_of_the_topic_comes_once_and_in_order_or_a_reset_says_otherwise(
    steps: list[str],
) -> None:
    """A browser that loses its connection again and again, at any moment."""
    clock = ManualClock()
    clock.advance(5)
    bulletin = Bulletin(clock.monotonic)
    published: list[int] = []
    seen: list[int] = []
    last: int | None = None
    missed = False

    async def drain(onlooker: Onlooker) -> None:
        nonlocal last, missed
        if onlooker.waiting:
            for told in await onlooker.take():
                last = told.number
                if told.topic == RESET:
                    missed = True
                else:
                    seen.append(told.number)

    queue = [*steps, "take"]
    while queue:
        start = bulletin.number if last is None else last
        with bulletin.listening(["runs"], last) as onlooker:
            last = start
            while queue:
                step = queue.pop(0)
                if step == "break":
                    break
                if step == "take":
                    await drain(onlooker)
                else:
                    bulletin.publish(step, None)
                    if step == "runs":
                        published.append(bulletin.number)
    with bulletin.listening(["runs"], last) as onlooker:
        await drain(onlooker)
    assert seen == sorted(set(seen))
    assert missed or seen == published


def test_words_for_people() -> None:
    onlooker = Onlooker(frozenset({"b", "a"}))
    onlooker.give(Told(1, "a", b"1"))
    assert repr(onlooker) == "<Onlooker a,b waiting=1>"
