"""The official `openai` SDK against a whole luna."""

from collections.abc import AsyncIterator
from pathlib import Path

import openai
import pytest
from openai import AsyncOpenAI

from tests.support.house import Running, running_luna

MODEL = "qwen3.7-plus"


@pytest.fixture
async def luna(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_luna(tmp_path) as running:
        yield running


@pytest.fixture
async def client(luna: Running) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{luna.url}/v1", api_key="any", max_retries=0) as client:
        yield client


async def test_a_whole_answer(client: AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "[[say:Hello there.]]"}]
    )
    choice = answer.choices[0]
    assert (choice.message.content, choice.finish_reason) == ("Hello there.", "stop")
    assert answer.model == MODEL
    assert answer.usage is not None
    assert answer.usage.prompt_tokens > 0
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


async def test_a_streamed_answer(client: AsyncOpenAI) -> None:
    text, reasons, ids, usage = "", [], set(), None
    stream = await client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": "[[say:One two three four five.]]"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    async for chunk in stream:
        ids.add(chunk.id)
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            reasons.append(choice.finish_reason)
    assert text == "One two three four five."
    assert [reason for reason in reasons if reason] == ["stop"]
    assert len(ids) == 1
    assert usage is not None
    assert usage.completion_tokens > 0


async def test_the_history_reaches_the_model(client: AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(
        model=MODEL,
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "My name is Zebulon."},
            {"role": "assistant", "content": "Nice to meet you."},
            {"role": "user", "content": "What is my name?"},
        ],
    )
    assert "Zebulon" in (answer.choices[0].message.content or "")


async def test_reasoning_arrives_beside_the_answer(client: AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": "[[think:Let me see.]][[say:Four.]]"}],
        reasoning_effort="high",
    )
    message = answer.choices[0].message
    assert message.content == "Four."
    assert "Let me see." in message.model_extra["reasoning_content"]  # type: ignore[index]


async def test_stop_and_max_tokens_end_the_answer(client: AsyncOpenAI) -> None:
    stopped = await client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "[[say:one two STOP three]]"}], stop=["STOP"]
    )
    assert (stopped.choices[0].message.content, stopped.choices[0].finish_reason) == ("one two ", "stop")
    cut = await client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "[[count:500]]"}], max_tokens=20
    )
    assert cut.choices[0].finish_reason == "length"
    assert len((cut.choices[0].message.content or "").split()) < 60


async def test_an_ignored_field_is_named(client: AsyncOpenAI) -> None:
    raw = await client.chat.completions.with_raw_response.create(
        model=MODEL, messages=[{"role": "user", "content": "[[say:ok]]"}], temperature=0.3, seed=7
    )
    assert set(raw.headers["x-luna-ignored"].split(",")) == {"temperature", "seed"}


async def test_the_models_can_be_listed_and_fetched(client: AsyncOpenAI) -> None:
    ids = [model.id async for model in client.models.list()]
    assert MODEL in ids
    assert (await client.models.retrieve(MODEL)).id == MODEL
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("no-such-model")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("fault", "expected", "status"),
    [
        ("rate-limit", openai.RateLimitError, 429),
        ("waf-json", openai.InternalServerError, 502),
        ("waf-html", openai.InternalServerError, 502),
        ("empty", openai.InternalServerError, 502),
        ("http-503", openai.InternalServerError, None),
    ],
)
async def test_an_upstream_error_is_the_right_exception(
    luna: Running,
    client: AsyncOpenAI,
    fault: str,
    expected: type[openai.APIStatusError],
    status: int | None,
    stream: bool,
) -> None:
    with pytest.raises(expected) as caught:
        await client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": f"[[fault:{fault}]]"}], stream=stream
        )
    assert status is None or caught.value.status_code == status
    assert "flow_" in str(caught.value)
    await luna.settled()


async def test_an_error_in_mid_stream_is_raised_while_iterating(luna: Running, client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "[[fault:content-filter]]"}], stream=True
    )
    text = ""
    with pytest.raises(openai.APIError) as caught:
        async for chunk in stream:
            text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
    assert text
    assert not isinstance(caught.value, openai.APIConnectionError)
    await luna.settled()


async def test_bad_requests_are_named(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await client.chat.completions.create(model=MODEL, messages=[])
    assert caught.value.param == "messages"
    with pytest.raises(openai.BadRequestError) as caught:
        await client.chat.completions.create(
            model=MODEL, messages=[], extra_body={"messages": [{"role": "user", "content": 3}]}
        )
    assert (caught.value.param or "").startswith("messages[0]")


async def test_a_wrong_proxy_key_is_an_authentication_error(tmp_path: Path) -> None:
    async with running_luna(tmp_path, environ={"LUNA_PROXY_KEY": "right-key"}) as luna:
        for key, works in (("wrong-key", False), ("right-key", True)):
            async with AsyncOpenAI(base_url=f"{luna.url}/v1", api_key=key, max_retries=0) as client:
                if works:
                    assert [model.id async for model in client.models.list()]
                    continue
                with pytest.raises(openai.AuthenticationError):
                    await client.models.list()
                with pytest.raises(openai.AuthenticationError):
                    await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "hi"}])


async def test_without_an_account_a_chat_says_what_to_do(tmp_path: Path) -> None:
    async with (
        running_luna(tmp_path, account=False) as luna,
        AsyncOpenAI(base_url=f"{luna.url}/v1", api_key="any", max_retries=0) as client,
    ):
        with pytest.raises(openai.InternalServerError) as caught:
            await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "hi"}])
    assert caught.value.status_code == 503
    assert "QWEN_AI_TOKEN" in str(caught.value)


async def test_the_demo_says_that_it_is_one(tmp_path: Path) -> None:
    async with (
        running_luna(tmp_path, account=False, demo=True) as luna,
        AsyncOpenAI(base_url=f"{luna.url}/v1", api_key="any", max_retries=0) as client,
    ):
        raw = await client.chat.completions.with_raw_response.create(
            model=MODEL, messages=[{"role": "user", "content": "Hello!"}]
        )
    assert raw.headers["x-luna-demo"] == "true"
    assert "look-alike" in (raw.parse().choices[0].message.content or "")
