"""A request that is over leaves nothing behind that only the garbage collector would find: to look for some hundred
objects of each was a twentieth of all that luna did."""

import gc
from pathlib import Path

import anyio
import msgspec
import pytest

from luna.core.flow import Flow
from luna.state.run import Run
from tests.support.house import running_luna


def alive() -> list[object]:
    return [one for one in gc.get_objects() if type(one) in (Flow, Run)]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_flow_goes_without_the_garbage_collector(tmp_path: Path, stream: bool) -> None:
    said = [{"role": "user", "content": "Hello there."}]
    body = msgspec.json.encode({"model": "qwen3.7-plus", "messages": said, "stream": stream})
    async with running_luna(tmp_path) as luna:
        gc.collect()
        gc.disable()
        try:
            for _ in range(3):
                answer = await luna.request("POST", "/v1/chat/completions", body)
                assert answer.status == 200
            await luna.settled()
            with anyio.fail_after(30):
                while alive():  # what a finished run writes is on its way to the database for a moment
                    await anyio.sleep(0.02)
        finally:
            gc.enable()
