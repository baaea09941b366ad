"""A client whose flow waits at a breakpoint is kept alive in its own protocol, and gets the same answer in the end."""

from pathlib import Path
from typing import Any

import anyio
import httpcore
import msgspec
import pytest

from luna.core.stage import EncodeStage
from luna.protocols.registry import dialect_for
from tests.support.halting import Debugger
from tests.support.house import Running, running_luna

ASKED: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "[[say:one two three]]"}]},
    "/v1/completions": {"prompt": "[[say:one two three]]"},
    "/v1/messages": {"messages": [{"role": "user", "content": "[[say:one two three]]"}], "max_tokens": 100},
    "/v1/responses": {"input": "[[say:one two three]]"},
}
BEATS = 3


def hurry(luna: Running) -> None:
    """Signs of life many times a second."""
    for pipeline in luna.house.config.cell.current.pipelines.values():
        if pipeline.encode is not None and isinstance(pipeline.encode[1], EncodeStage):
            pipeline.encode[1].heartbeat = pipeline.encode[1].commit_after = 0.01


def words(path: str, stream: bytes) -> str:
    """What the client reads, by what each protocol calls a piece of text."""
    said = ""
    for line in stream.split(b"\n"):
        if not line.startswith(b"data: {"):
            continue
        event = msgspec.json.decode(line.removeprefix(b"data: "))
        match path:
            case "/v1/chat/completions":
                said += "".join(choice["delta"].get("content") or "" for choice in event["choices"])
            case "/v1/completions":
                said += "".join(choice["text"] for choice in event["choices"])
            case "/v1/messages":
                said += event.get("delta", {}).get("text", "") if event["type"] == "content_block_delta" else ""
            case _:
                said += event["delta"] if event["type"] == "response.output_text.delta" else ""
    return said


@pytest.mark.parametrize("boundary", ["session.bind", "qwen"], ids=["request", "events"])
@pytest.mark.parametrize("path", ASKED)
async def test_it_is_given_signs_of_life_until_somebody_decides(tmp_path: Path, path: str, boundary: str) -> None:
    heartbeat = dialect_for("POST", path).heartbeat
    body = msgspec.json.encode({"model": "qwen3.7-plus", "stream": True, **ASKED[path]})
    async with running_luna(tmp_path) as luna:
        hurry(luna)
        breakpoints = luna.house.state.breakpoints
        await Debugger(luna).arm(boundary=boundary)
        headers = {"content-type": "application/json"}
        got = b""
        with anyio.fail_after(60):
            async with (
                httpcore.AsyncConnectionPool() as pool,
                pool.stream("POST", luna.url + path, headers=[*headers.items()], content=body) as answer,
            ):
                assert answer.status == 200
                async for piece in answer.aiter_stream():
                    got += piece
                    if breakpoints.halted and got.count(heartbeat) >= BEATS:
                        assert words(path, got) == "", "what waits has not gone out"
                        breakpoints.resume(breakpoints.halted[0].id)
        await luna.settled()
    assert heartbeat and got.count(heartbeat) >= BEATS
    assert words(path, got) == "one two three"
    without = got.replace(heartbeat, b"")
    assert words(path, without) == "one two three", "a sign of life stands between events, never within one"
