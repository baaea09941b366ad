"""A client that leaves: nothing of its flow is left, and the upstream was told to stop."""

from pathlib import Path

import anyio
import msgspec
import pytest

from tests.support.house import Running, running_luna


async def _leave_after(luna: Running, prompt: str, received: int, *, stream: bool = True) -> None:
    """Send a chat and close the connection once `received` bytes of the answer have come."""
    body = msgspec.json.encode(
        {"model": "qwen3.7-plus", "stream": stream, "messages": [{"role": "user", "content": prompt}]}
    )
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{luna.port}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    got = 0
    async with await anyio.connect_tcp("127.0.0.1", luna.port) as connection:
        await connection.send(head.encode() + body)
        while got < received:
            got += len(await connection.receive())
        if not received:
            with anyio.fail_after(5):
                while not luna.lookalike.state.counters.completions:
                    await anyio.sleep(0.005)


@pytest.mark.parametrize("received", [0, 1, 600, 3000])
async def test_a_client_that_vanishes_in_mid_stream_leaves_nothing(tmp_path: Path, received: int) -> None:
    async with running_luna(tmp_path) as luna:
        counters = luna.lookalike.state.counters
        await _leave_after(luna, "[[count:2000]][[pace:5]]", received)
        await luna.settled()
        with anyio.fail_after(5):
            while not counters.stops:
                await anyio.sleep(0.005)
        assert (counters.completions, counters.stops) == (1, 1)


async def test_a_client_that_leaves_a_whole_answer_stops_it_too(tmp_path: Path) -> None:
    async with running_luna(tmp_path) as luna:
        await _leave_after(luna, "[[count:2000]][[pace:5]]", 0, stream=False)
        await luna.settled()
        assert luna.lookalike.state.counters.stops == 1


async def test_many_clients_that_leave_do_not_wear_luna_out(tmp_path: Path) -> None:
    async with running_luna(tmp_path) as luna:
        for _ in range(5):
            async with anyio.create_task_group() as tasks:
                for _ in range(12):
                    tasks.start_soon(_leave_after, luna, "[[count:2000]][[pace:5]]", 700)
        await luna.settled()
        assert luna.lookalike.state.counters.stops == 60
        answer = await luna.request(
            "POST",
            "/v1/chat/completions",
            b'{"model": "qwen3.7-plus", "messages": [{"role": "user", "content": "[[say:still here]]"}]}',
        )
        assert b"still here" in answer.content
