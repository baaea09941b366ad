"""`protocol.decode` on a flow: refusals, aliases, ignored fields."""

from typing import Any

import pytest

from luna.core.routing import Alias
from luna.model.errors import Kind, LunaError
from luna.model.values import Globs
from luna.stages.protocol_decode import ProtocolDecode
from tests.support.play import Play, a_client


def body(**fields: object) -> dict[str, Any]:
    return {"model": "qwen3-max", "messages": [{"role": "user", "content": "Hello"}], **fields}


async def test_the_request_is_on_the_flow_afterwards() -> None:
    play = Play(ProtocolDecode, client=a_client(body(stream=True), x_luna_source="cli"))
    assert not play.flow.decoded
    chat = await play.down()
    assert (chat.model, chat.target, chat.stream, chat.binding.source) == ("qwen3-max", "qwen3-max", True, "cli")
    assert chat.messages[0].text == "Hello"
    assert play.flow.headers == {}


async def test_a_body_that_could_not_be_read_is_refused_here() -> None:
    play = Play(ProtocolDecode, client=a_client(b'{"model": 5}'))
    with pytest.raises(LunaError, match="model: expected") as raised:
        await play.down()
    assert (raised.value.kind, raised.value.param) == (Kind.BAD_REQUEST, "model")


async def test_a_field_that_is_wrong_in_meaning_is_refused_too() -> None:
    play = Play(ProtocolDecode, client=a_client(body(messages=[])))
    with pytest.raises(LunaError, match="messages: must hold"):
        await play.down()


ALIASES = (
    Alias(Globs(["gpt-*", "claude-fast"]), "qwen3-max-2026-01-23"),
    Alias(Globs(["qwen3"]), "qwen3-max"),
)


@pytest.mark.parametrize(
    ("model", "target"),
    [
        ("gpt-5", "qwen3-max-2026-01-23"),
        ("gpt-5-thinking", "qwen3-max-2026-01-23"),
        ("claude-fast", "qwen3-max-2026-01-23"),
        ("claude", "claude"),
        ("qwen3", "qwen3-max"),
        ("qwen3-fast", "qwen3-max"),
        ("qwen3-vl-plus-fast", "qwen3-vl-plus"),
    ],
)
async def test_an_alias_covers_the_whole_name_first(model: str, target: str) -> None:
    chat = await Play(ProtocolDecode, client=a_client(body(model=model)), aliases=ALIASES).down()
    assert (chat.model, chat.target) == (model, target)


async def test_an_alias_to_itself_keeps_a_name_whole() -> None:
    aliases = (Alias(Globs(["qwen-fast"]), "qwen-fast"), Alias(Globs(["qwen"]), "other"))
    chat = await Play(ProtocolDecode, client=a_client(body(model="qwen-fast")), aliases=aliases).down()
    assert chat.target == "qwen-fast"


async def test_ignored_fields_are_named_in_a_header() -> None:
    play = Play(ProtocolDecode, client=a_client(body(temperature=0.1, seed=3, user="me")))
    await play.down()
    assert play.flow.headers == {"x-luna-ignored": "temperature,seed"}
    assert not play.flow.strict


async def test_strict_refuses_them() -> None:
    play = Play(ProtocolDecode, {"strict": True}, client=a_client(body(seed=3)))
    with pytest.raises(LunaError, match="cannot honour: seed") as raised:
        await play.down()
    assert (raised.value.kind, raised.value.param) == (Kind.BAD_REQUEST, "seed")
    assert play.flow.strict


async def test_strict_has_nothing_against_a_plain_request() -> None:
    assert (await Play(ProtocolDecode, {"strict": True}, client=a_client(body(temperature=1))).down()).ignored == []
