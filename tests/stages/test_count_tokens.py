"""`count-tokens`: the figure, where it comes from, and that a request is read as it is for an answer."""

from typing import Any

import anyio
import msgspec
import pytest

from luna.model.chat import Attachment, ChatRequest, Text, Tool, ToolResult
from luna.model.dialect import Reply
from luna.protocols import counting, pieces, vocabulary
from luna.protocols.anthropic_messages import AnthropicMessages
from luna.stages.count_tokens import CountTokens
from luna.stages.protocol_decode import ProtocolDecode
from tests.support.play import Play, a_chat, a_client


class Words:
    """A vocabulary in which every word is a token."""

    def count(self, text: str) -> int:
        return len(text.split())


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "installed", lambda: None)


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "installed", Words)


async def counted(chat: ChatRequest, options: dict[str, object] | None = None) -> tuple[int, Reply]:
    play = Play(CountTokens, options, chat=chat)
    reply = await play.stage.answer(play.flow)
    assert reply.status == 200
    assert dict(reply.headers)["request-id"] == play.flow.id
    return msgspec.json.decode(reply.body)["input_tokens"], reply


@pytest.mark.usefixtures("bare")
async def test_without_the_extra_the_figure_is_an_estimate() -> None:
    chat = a_chat("The river had been rising since noon.")
    tokens, reply = await counted(chat)
    assert tokens == counting.count(chat, pieces.estimate)
    assert ("x-luna-tokens", "estimated") in reply.headers
    assert reply.body == b'{"input_tokens":%d}' % tokens


@pytest.mark.usefixtures("exact")
async def test_with_the_extra_it_is_exact_unless_that_is_switched_off() -> None:
    chat = a_chat("internationalization of the river")
    tokens, reply = await counted(chat)
    assert tokens == counting.count(chat, Words().count)
    assert ("x-luna-tokens", "exact") in reply.headers
    _, estimated = await counted(chat, {"exact": False})
    assert ("x-luna-tokens", "estimated") in estimated.headers


@pytest.mark.usefixtures("bare")
async def test_schemas_results_and_pictures_count() -> None:
    plain, _ = await counted(a_chat("x"))
    with_tool, with_result, with_picture = a_chat("x"), a_chat("x"), a_chat("x")
    with_tool.tools = [Tool("Read", "", {"type": "object", "properties": {"path": {"type": "string"}}})]
    with_result.messages[0].parts.append(ToolResult("c", [Text("one two three four five six")]))
    with_picture.messages[0].parts.append(Attachment("image", "https://x.example/a.png"))
    assert (await counted(with_tool))[0] - plain > 15
    assert (await counted(with_result))[0] - plain >= 10
    assert (await counted(with_picture))[0] - plain == 1026


@pytest.mark.usefixtures("bare")
async def test_many_at_once() -> None:
    chats = [a_chat("word " * times) for times in range(24)]
    figures: dict[int, int] = {}

    async def one(index: int) -> None:
        figures[index] = (await counted(chats[index]))[0]

    async with anyio.create_task_group() as tasks:
        for index in range(len(chats)):
            tasks.start_soon(one, index)
    assert figures == {index: counting.count(chat, pieces.estimate) for index, chat in enumerate(chats)}


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"system": "Be brief.", "tools": [{"name": "Read", "input_schema": {"type": "object"}}]},
        {"thinking": {"type": "enabled", "budget_tokens": 2000}, "tool_choice": {"type": "auto"}},
    ],
)
async def test_what_clients_send_to_be_counted_is_read(fields: dict[str, Any]) -> None:
    """No `max_tokens`, no `stream`; some counts have no tools."""
    body = {"model": "qwen3-max", "messages": [{"role": "user", "content": "Hello"}], **fields}
    client = a_client(body, path="/v1/messages/count_tokens", anthropic_version="2023-06-01")
    play = Play(ProtocolDecode, client=client, dialect=AnthropicMessages())
    tokens, _ = await counted(await play.down())
    assert tokens > 0
