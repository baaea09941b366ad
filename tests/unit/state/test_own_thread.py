"""The writer's thread: one for all calls, errors come back, a call that has begun is waited for."""

import threading

import anyio
import pytest

from luna.state.store.thread import OwnThread


async def test_all_calls_run_in_one_thread_that_is_not_the_loops() -> None:
    thread, seen = OwnThread("one"), list[threading.Thread]()
    for _ in range(3):
        await thread.run(lambda: seen.append(threading.current_thread()))
    thread.close()
    assert len(seen) == 3
    assert len(set(seen)) == 1
    assert seen[0] is not threading.current_thread()
    assert not seen[0].is_alive()


async def test_an_error_comes_back_and_the_thread_goes_on() -> None:
    thread, done = OwnThread("one"), list[str]()

    def wrong() -> None:
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        await thread.run(wrong)
    await thread.run(lambda: done.append("next"))
    thread.close()
    assert done == ["next"]


async def test_who_is_cancelled_waits_for_what_has_begun() -> None:
    thread, begun, go_on, order = OwnThread("one"), threading.Event(), threading.Event(), list[str]()

    def work() -> None:
        begun.set()
        go_on.wait()
        order.append("worked")

    async def ask() -> None:
        try:
            await thread.run(work)
        finally:
            order.append("left")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        await anyio.to_thread.run_sync(begun.wait)
        tasks.cancel_scope.cancel()
        threading.Timer(0.05, go_on.set).start()
    thread.close()
    assert order == ["worked", "left"]


async def test_it_may_be_closed_without_a_call_and_begin_again() -> None:
    thread, done = OwnThread("one"), list[int]()
    thread.close()
    await thread.run(lambda: done.append(1))
    thread.close()
    await thread.run(lambda: done.append(2))
    thread.close()
    assert done == [1, 2]
