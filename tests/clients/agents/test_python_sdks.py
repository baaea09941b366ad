"""The official SDKs for Python against a whole luna: their own loops for tools and hand-made ones, streamed and not."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio
import msgspec
import pytest
from anthropic import AsyncAnthropic, beta_async_tool
from anthropic.types import Message
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionMessage
from openai.types.responses import Response
from pydantic import BaseModel

from tests.clients.agents.conftest import KEY, MODEL
from tests.clients.agents.running import Surroundings
from tests.support.agent_model import SECRET, AgentModel, reading_task
from tests.support.house import Running

SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"path": {"type": "string", "description": "The file."}},
    "required": ["path"],
    "additionalProperties": False,
}
TOOL = {"name": "read_file", "description": "Reads a file."}
CHAT_TOOL: Any = {"type": "function", "function": {**TOOL, "parameters": SCHEMA, "strict": True}}
MESSAGES_TOOL: Any = {**TOOL, "input_schema": SCHEMA}
RESPONSES_TOOL: Any = {"type": "function", **TOOL, "parameters": SCHEMA, "strict": True}

Step = Callable[[AsyncOpenAI, list[Any]], Awaitable[ChatCompletionMessage]]


@pytest.fixture
async def openai(luna: Running) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{luna.url}/v1", api_key=KEY, max_retries=0) as client:
        yield client


@pytest.fixture
async def anthropic(luna: Running) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(base_url=luna.url, api_key=KEY, max_retries=0) as client:
        yield client


@pytest.fixture
def task(around: Surroundings) -> str:
    return reading_task(around.work / SECRET)


@pytest.fixture(autouse=True)
async def one_round(luna: Running, model: AgentModel) -> AsyncIterator[None]:
    """Each of these tests is one call and one answer."""
    yield
    assert model.acts == ["call read_file", "answer"]
    await luna.settled()


async def read(arguments: str | dict[str, Any]) -> str:
    decoded = msgspec.json.decode(arguments) if isinstance(arguments, str) else arguments
    return await anyio.Path(decoded["path"]).read_text()


async def whole_chat(client: AsyncOpenAI, messages: list[Any]) -> ChatCompletionMessage:
    answer = await client.chat.completions.create(model=MODEL, messages=messages, tools=[CHAT_TOOL])
    message = answer.choices[0].message
    assert answer.choices[0].finish_reason == ("tool_calls" if message.tool_calls else "stop")
    return message


async def streamed_chat(client: AsyncOpenAI, messages: list[Any]) -> ChatCompletionMessage:
    async with client.chat.completions.stream(model=MODEL, messages=messages, tools=[CHAT_TOOL]) as stream:
        return (await stream.get_final_completion()).choices[0].message


async def raw_chat(client: AsyncOpenAI, messages: list[Any]) -> ChatCompletionMessage:
    """Added up by hand, as clients without a helper do."""
    text, calls = "", dict[int, dict[str, str]]()
    chunks = await client.chat.completions.create(model=MODEL, messages=messages, tools=[CHAT_TOOL], stream=True)
    async for chunk in chunks:
        for choice in chunk.choices:
            text += choice.delta.content or ""
            for delta in choice.delta.tool_calls or ():
                call = calls.setdefault(delta.index, {"id": delta.id or "", "name": "", "arguments": ""})
                assert delta.function is not None
                call["name"] += delta.function.name or ""
                call["arguments"] += delta.function.arguments or ""
    made = [
        {"id": call["id"], "type": "function", "function": {"name": call["name"], "arguments": call["arguments"]}}
        for call in calls.values()
    ]
    return ChatCompletionMessage.model_validate({"role": "assistant", "content": text, "tool_calls": made or None})


@pytest.mark.parametrize("step", [whole_chat, streamed_chat, raw_chat])
async def test_on_chat_completions(step: Step, openai: AsyncOpenAI, task: str, secret: str) -> None:
    messages: list[Any] = [{"role": "user", "content": task}]
    message = await step(openai, messages)
    assert message.tool_calls
    messages.append(message.model_dump(exclude_none=True, include={"role", "content", "tool_calls"}))
    for call in message.tool_calls:
        assert call.type == "function"
        content = await read(call.function.arguments)
        messages.append({"role": "tool", "tool_call_id": call.id, "content": content})
    assert (await step(openai, messages)).content == f"The marker is {secret}."


async def respond(client: AsyncOpenAI, *, stream: bool, **asked: Any) -> Response:
    if not stream:
        answer: Response = await client.responses.create(model=MODEL, tools=[RESPONSES_TOOL], **asked)
        return answer
    async with client.responses.stream(model=MODEL, tools=[RESPONSES_TOOL], **asked) as events:
        return await events.get_final_response()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("continued", [False, True], ids=["whole-history", "previous-response"])
async def test_on_responses(openai: AsyncOpenAI, task: str, secret: str, stream: bool, continued: bool) -> None:
    question: list[Any] = [{"role": "user", "content": task}]
    first = await respond(openai, stream=stream, input=question)
    results: list[Any] = [
        {"type": "function_call_output", "call_id": item.call_id, "output": await read(item.arguments)}
        for item in first.output
        if item.type == "function_call"
    ]
    said: list[Any] = [] if continued else [*question, *(item.model_dump(exclude_none=True) for item in first.output)]
    before = {"previous_response_id": first.id} if continued else {}
    last = await respond(openai, stream=stream, input=[*said, *results], **before)
    assert last.output_text == f"The marker is {secret}."


class Found(BaseModel):
    """A structured answer."""

    marker: str


async def test_a_parsed_answer_on_chat_completions(openai: AsyncOpenAI, task: str, secret: str) -> None:
    messages: list[Any] = [{"role": "user", "content": task}]
    asked: Any = {"model": MODEL, "messages": messages, "tools": [CHAT_TOOL], "response_format": Found}
    first = (await openai.chat.completions.parse(**asked)).choices[0].message
    messages.append(first.model_dump(exclude_none=True, include={"role", "content", "tool_calls"}))
    for call in first.tool_calls or ():
        content = await read(call.function.arguments)
        messages.append({"role": "tool", "tool_call_id": call.id, "content": content})
    last = (await openai.chat.completions.parse(**asked)).choices[0].message
    assert last.parsed == Found(marker=secret)


async def test_a_parsed_answer_on_responses(openai: AsyncOpenAI, task: str, secret: str) -> None:
    said: list[Any] = [{"role": "user", "content": task}]
    asked: Any = {"model": MODEL, "input": said, "tools": [RESPONSES_TOOL], "text_format": Found}
    first = await openai.responses.parse(**asked)
    said += [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in first.output]
    said += [
        {"type": "function_call_output", "call_id": item.call_id, "output": await read(item.arguments)}
        for item in first.output
        if item.type == "function_call"
    ]
    assert (await openai.responses.parse(**asked)).output_parsed == Found(marker=secret)


async def test_a_parsed_answer_on_messages(anthropic: AsyncAnthropic, task: str, secret: str) -> None:
    messages: list[Any] = [{"role": "user", "content": task}]
    asked: Any = {
        "model": MODEL,
        "max_tokens": 1000,
        "messages": messages,
        "tools": [MESSAGES_TOOL],
        "output_format": Found,
    }
    first = await anthropic.messages.create(**{name: value for name, value in asked.items() if name != "output_format"})
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": await read(block.input)}
        for block in first.content
        if block.type == "tool_use"
    ]
    messages += [{"role": "assistant", "content": first.content}, {"role": "user", "content": results}]
    last = await anthropic.messages.parse(**asked)
    assert last.parsed_output == Found(marker=secret)


def words(message: Any) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


@pytest.mark.parametrize("stream", [False, True])
async def test_on_messages(anthropic: AsyncAnthropic, task: str, secret: str, stream: bool) -> None:
    async def ask(messages: list[Any]) -> Message:
        asked: Any = {"model": MODEL, "max_tokens": 1000, "messages": messages, "tools": [MESSAGES_TOOL]}
        if not stream:
            answer: Message = await anthropic.messages.create(**asked)
            return answer
        async with anthropic.messages.stream(**asked) as events:
            return await events.get_final_message()

    messages: list[Any] = [{"role": "user", "content": task}]
    message = await ask(messages)
    assert message.stop_reason == "tool_use"
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": await read(block.input)}
        for block in message.content
        if block.type == "tool_use"
    ]
    messages += [{"role": "assistant", "content": message.content}, {"role": "user", "content": results}]
    last = await ask(messages)
    assert (words(last), last.stop_reason) == (f"The marker is {secret}.", "end_turn")


@pytest.mark.parametrize("stream", [False, True])
async def test_with_the_runner_that_asks_for_threads_first(
    anthropic: AsyncAnthropic, task: str, secret: str, stream: bool
) -> None:
    @beta_async_tool
    async def read_file(path: str) -> str:
        """Reads a file."""
        return await anyio.Path(path).read_text()

    asked: Any = {
        "model": MODEL,
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": task}],
        "tools": [read_file],
        "stream": stream,
    }
    last = await anthropic.beta.messages.tool_runner(**asked).until_done()
    assert words(last) == f"The marker is {secret}."
