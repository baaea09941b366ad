"""A flow on whose way the account's token was renewed comes out the same when it is replayed."""

import base64
from pathlib import Path

import anyio.to_thread
import msgspec
import pytest

from luna.model.ambient import SystemClock
from luna.replay.rerun import Rerun, replay
from luna.wire.reader import Recording, read
from luna.wire.store import Recordings
from tests.support.house import Running, running_luna


def token(seconds: float) -> str:
    """One that ends in so many seconds."""
    claims = base64.urlsafe_b64encode(msgspec.json.encode({"exp": SystemClock().wall() + seconds})).decode().rstrip("=")
    return f"e30.{claims}.x"


async def ask(luna: Running) -> Recording:
    """The recording of one request."""
    body = {"model": "qwen3.7-plus", "stream": True, "messages": [{"role": "user", "content": "Hello!"}]}
    answer = await luna.request("POST", "/v1/chat/completions", msgspec.json.encode(body))
    await luna.settled()
    flow = dict(answer.headers)[b"x-luna-flow"].decode()
    recordings = luna.house.services[Recordings]
    await anyio.to_thread.run_sync(recordings.flush)
    return read(recordings.path(flow).read_bytes().splitlines(keepends=True))


async def again(luna: Running, recording: Recording) -> Rerun:
    return await replay(recording, luna.house.config.cell.current)


def renewals(recording: Recording) -> list[int]:
    """Which of its exchanges are renewals, from 0."""
    asked = [exchange.opened.url for exchange in recording.exchanges]
    return [number for number, url in enumerate(asked) if "/auths/refresh" in url]


@pytest.mark.parametrize("left", [60.0, -60.0], ids=["soon", "over"])
async def test_a_token_that_was_about_to_end(tmp_path: Path, left: float) -> None:
    async with running_luna(tmp_path, environ={"LUNA_RECORD": "all", "QWEN_AI_TOKEN": token(left)}) as luna:
        recording = await ask(luna)
        done = await again(luna, recording)
    assert renewals(recording) == [0] and recording.failure is None
    assert (done.differences(), done.left) == ([], [])
    assert renewals(done.after) == [0]


async def test_a_token_that_was_refused(tmp_path: Path) -> None:
    async with running_luna(tmp_path, environ={"LUNA_RECORD": "all"}) as luna:
        luna.lookalike.expire(luna.house.settings.qwen_token)
        recording = await ask(luna)
        done = await again(luna, recording)
    assert renewals(recording) == [1] and recording.failure is None
    assert (done.differences(), done.left) == ([], [])
    assert renewals(done.after) == [1]


async def test_a_login_that_is_over(tmp_path: Path) -> None:
    async with running_luna(tmp_path, environ={"LUNA_RECORD": "all", "QWEN_AI_TOKEN": token(-60)}) as luna:
        for secret in luna.house.accounts.secrets():
            luna.lookalike.expire(secret)
        recording = await ask(luna)
        done = await again(luna, recording)
    assert renewals(recording) == [0] and recording.failure is not None
    assert recording.failure.kind == "upstream-login"
    assert (done.differences(), done.left) == ([], [])
