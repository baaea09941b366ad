"""Every fault of the chaos stage, end to end: the client gets the right error or a whole answer, and is told."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypeGuard

import anthropic
import msgspec
import openai
import pytest

from luna.model.events import Notice, StreamEvent
from luna.qwen.chaos import NAMES
from luna.replay.rerun import replay
from luna.upstream.chaos import MARK
from luna.wire.reader import read
from luna.wire.store import Recordings
from tests.support.house import Running, running_luna
from tests.support.mischief import chaotic_routes

MODEL = "qwen3.7-plus"
SAID = "One two three four five."
ASKED: Any = [{"role": "user", "content": f"[[say:{SAID}]]"}]
ANSWERED = ("silence", "duplicate", "native-call", "expired-login")
"""What luna makes good by itself."""
STATUSES = {"waf-json": 502, "empty": 502, "rate-limit": 429}

Open = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    @asynccontextmanager
    async def opening(accounts: int = 1, **options: object) -> AsyncIterator[Running]:
        options = {"silence": "50ms", **options}
        folder = tmp_path / "config"
        folder.mkdir()
        environ = {"LUNA_ROUTES": str(chaotic_routes(folder, **options)), "LUNA_RECORD": "all"}
        async with running_luna(tmp_path / "data", environ=environ) as luna:
            for number in range(1, accounts):
                login = luna.lookalike.login(f"user-{number}")
                given = {"token": login.token, "cookies": login.cookie_header}
                await luna.house.accounts.save(given, account_id=f"other-{number}")
            yield luna
            await luna.settled()

    return opening


def openai_of(luna: Running) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{luna.url}/v1", api_key="any", max_retries=0)


def anthropic_of(luna: Running) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=luna.url, api_key="any", max_retries=0)


async def openai_says(luna: Running, *, stream: bool = False) -> str:
    async with openai_of(luna) as client:
        if not stream:
            answer = await client.chat.completions.create(model=MODEL, messages=ASKED)
            return answer.choices[0].message.content or ""
        chunks = await client.chat.completions.create(model=MODEL, messages=ASKED, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks if chunk.choices])


async def anthropic_says(luna: Running, *, stream: bool = False) -> str:
    async with anthropic_of(luna) as client:
        if not stream:
            answer = await client.messages.create(model=MODEL, max_tokens=500, messages=ASKED)
            return "".join(block.text for block in answer.content if block.type == "text")
        async with client.messages.stream(model=MODEL, max_tokens=500, messages=ASKED) as streamed:
            return await streamed.get_final_text()


CLIENTS = (openai_says, anthropic_says)


@pytest.mark.parametrize("fault", ANSWERED)
async def test_what_luna_makes_good_is_a_whole_answer(opened: Open, fault: str) -> None:
    async with opened(faults=[fault]) as luna:
        for says in CLIENTS:
            for stream in (False, True):
                assert await says(luna, stream=stream) == SAID
        assert luna.house.state.metrics.chaos.value(fault) == 4
        assert [one.state.word for one in luna.house.accounts.all()] == ["ready"]


@pytest.mark.parametrize("fault", STATUSES)
async def test_what_nobody_can_make_good_is_its_own_error(opened: Open, fault: str) -> None:
    async with opened(faults=[fault]) as luna:
        for says in CLIENTS:
            for stream in (False, True):
                with pytest.raises((openai.APIStatusError, anthropic.APIStatusError)) as caught:
                    await says(luna, stream=stream)
                assert isinstance(caught.value, openai.APIStatusError | anthropic.APIStatusError)
                assert caught.value.status_code == STATUSES[fault]
                assert caught.value.response.headers["x-luna-chaos"] == fault
                assert f"the chaos stage, '{fault}'" in str(caught.value)
        # no account is to blame, or the second request would have found none
        assert [one.state.word for one in luna.house.accounts.all()] == ["ready"]


async def test_a_cut_in_the_middle_of_a_call_is_an_error_in_the_stream(opened: Open) -> None:
    async with opened(faults=["cut-in-tool-call"]) as luna:
        for says in CLIENTS:
            with pytest.raises((openai.APIError, anthropic.APIError)) as caught:
                await says(luna, stream=True)
            assert "the chaos stage, 'cut-in-tool-call'" in str(caught.value)


async def test_another_account_answers_where_one_is_limited(opened: Open) -> None:
    async with opened(accounts=2, faults=["rate-limit"]) as luna:
        for says in CLIENTS:
            assert await says(luna) == SAID
        assert {one.state.word for one in luna.house.accounts.all()} == {"ready"}


async def test_no_half_call_reaches_the_client(opened: Open) -> None:
    tools: Any = [
        {"type": "function", "function": {"name": "Bash", "parameters": {"type": "object", "properties": {}}}}
    ]
    async with opened(faults=["cut-in-tool-call"]) as luna, openai_of(luna) as client:
        called = []
        with pytest.raises(openai.APIError):
            async for chunk in await client.chat.completions.create(
                model=MODEL, messages=ASKED, tools=tools, stream=True
            ):
                called += [call for choice in chunk.choices for call in choice.delta.tool_calls or ()]
        assert not [call for call in called if call.function and call.function.arguments]


async def test_a_leaked_call_with_tools_is_no_call_of_the_clients(opened: Open) -> None:
    tools: Any = [
        {"type": "function", "function": {"name": "Bash", "parameters": {"type": "object", "properties": {}}}}
    ]
    async with opened(faults=["native-call"]) as luna, openai_of(luna) as client:
        answer = await client.chat.completions.create(model=MODEL, messages=ASKED, tools=tools)
        message = answer.choices[0].message
        assert message.content or message.tool_calls
        assert "does not exist" not in (message.content or "")
        assert [call.function.name for call in message.tool_calls or () if call.type == "function"] in ([], ["Bash"])


async def test_always_means_for_every_attempt(opened: Open) -> None:
    async with opened(faults=["expired-login"], times=0) as luna:
        with pytest.raises(openai.APIStatusError) as caught:
            await openai_says(luna)
        assert caught.value.status_code in (401, 502, 503)
        assert luna.house.state.metrics.chaos.value("expired-login") == 2


async def test_a_request_that_the_filter_does_not_want_is_left_in_peace(opened: Open) -> None:
    async with opened(faults=["empty"], filter="~q never") as luna:
        body = msgspec.json.encode({"model": MODEL, "messages": ASKED})
        response = await luna.request("POST", "/v1/chat/completions", body)
        assert response.status == 200
        assert b"x-luna-chaos" not in dict(response.headers)


@pytest.mark.parametrize("fault", NAMES)
async def test_the_recording_says_so_and_a_replay_repeats_it(opened: Open, fault: str) -> None:
    async with opened(faults=[fault], probability=1 - 1e-9) as luna:
        body = msgspec.json.encode({"model": MODEL, "messages": ASKED, "stream": True})
        response = await luna.request("POST", "/v1/chat/completions", body)
        headers = dict(response.headers)
        assert headers[b"x-luna-chaos"] == fault.encode()
        await luna.settled()
        recordings = luna.house.services[Recordings]
        recordings.flush()
        recording = read(recordings.path(headers[b"x-luna-flow"].decode()).read_bytes().splitlines())
        marked = [name for exchange in recording.exchanges for key, name in exchange.headers if key == MARK]
        assert marked == [fault]
        noticed = [event.text for batch in recording.events.get("qwen", []) for event in batch if is_chaos(event)]
        assert recording.failure is None or recording.failure.detail["chaos"] == fault
        assert noticed == ([] if fault in STATUSES else [fault])
        if fault != "expired-login":  # a replay has no login that could be renewed
            done = await replay(recording, luna.house.config.cell.current)
            assert done.differences() == []
            assert done.after.answer == recording.answer
            assert ("x-luna-chaos", fault) in done.after.headers
        assert luna.house.state.metrics.chaos.value(fault) == 1  # the replay injected nothing


def is_chaos(event: StreamEvent) -> TypeGuard[Notice]:
    return isinstance(event, Notice) and event.kind == "chaos"
