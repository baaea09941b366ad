"""`POST /api/explain`: a described request is judged as the gateway would judge it."""

from pathlib import Path
from typing import Any

import pytest

from luna.admin import explain
from luna.config.live import LiveConfig
from luna.config.settings import Settings
from luna.model.ambient import ManualClock
from luna.protocols.registry import dialect_for
from tests.support.panel import Panel
from tests.unit.config.shop import SOUND, Shop, write

ROUTES = """\
version: 1
aliases:
  - {model: "gpt-*", as: qwen3.6-plus}
routes:
  - {name: team, match: {header: {authorization: "Bearer hush"}}, pipeline: chat}
  - {name: tools, match: {path: /v1/*, tools: Bash, size: {max: 1KiB}}, pipeline: chat, with: {far: {attempts: 2}}}
  - {name: stream, match: {stream: true, model: "qwen*"}, pipeline: chat, record: all}
  - {name: rest, match: {method: POST, path: /v1/chat/completions}, pipeline: chat}
"""
CHAT = "/v1/chat/completions"


@pytest.fixture
async def panel(tmp_path: Path) -> Panel:
    routes = write(tmp_path, {**SOUND, "routes.yaml": ROUTES})
    config = await LiveConfig.load(Settings(routes=routes), Shop(), ManualClock(), {})
    return Panel(api=explain.routes(config, dialect_for))


def openai(**more: Any) -> dict[str, Any]:
    return {"model": "gpt-5", "messages": [{"role": "user", "content": "Hi"}], **more}


BASH = {"type": "function", "function": {"name": "Bash", "parameters": {"type": "object"}}}


@pytest.mark.parametrize(
    ("asked", "route"),
    [
        ({"path": CHAT, "body": openai()}, "rest"),
        ({"path": CHAT, "body": openai(tools=[BASH])}, "tools"),
        ({"path": "/v1/messages", "body": {"model": "x", "messages": [], "max_tokens": 1, "tools": [
            {"name": "Bash", "input_schema": {"type": "object"}}]}}, "tools"),
        ({"path": CHAT, "body": openai(tools=[BASH], user="x" * 2000)}, "rest"),
        ({"path": CHAT, "tools": ["Bash"], "size": 2000}, "rest"),
        ({"path": CHAT, "tools": ["Bash"]}, "tools"),
        ({"path": CHAT, "body": openai(stream=True), "model": "qwen3"}, "stream"),
        ({"path": f"{CHAT}?x=1", "body": openai(stream=True)}, "rest"),
        ({"path": CHAT, "headers": {"Authorization": "Bearer hush"}}, "team"),
        ({"path": CHAT, "method": "get"}, None),
    ],
)  # fmt: skip
async def test_the_route_is_found(panel: Panel, asked: dict[str, Any], route: str | None) -> None:
    told = await panel("POST", "/api/explain", asked)
    assert (told.status, told.document["route"]) == (200, route)


async def test_the_whole_decision(panel: Panel) -> None:
    document = (await panel("POST", "/api/explain", {"path": CHAT, "body": openai(tools=[BASH])})).document
    assert [(each["route"], each["verdict"], each["reason"]) for each in document["routes"]] == [
        ("team", "refuses", "header authorization is absent"),
        ("tools", "matches", "path is /v1/*; a tool is Bash; body has at most 1024 bytes"),
        ("stream", "not asked", ""),
        ("rest", "not asked", ""),
    ]
    assert (document["pipeline"], document["record"]) == ("chat", "errors")
    assert (document["model"], document["target"], document["problem"]) == ("gpt-5", "qwen3.6-plus", "")
    far = next(stage for stage in document["stages"] if stage["name"] == "far")
    assert next(option["value"] for option in far["options"] if option["name"] == "attempts") == 2


async def test_a_body_that_cannot_be_read_says_so_and_still_has_a_route(panel: Panel) -> None:
    document = (await panel("POST", "/api/explain", {"path": CHAT, "body": '{"model": '})).document
    assert (document["route"], document["model"]) == ("rest", None)
    assert document["problem"]


async def test_no_key_is_repeated(panel: Panel) -> None:
    told = await panel("POST", "/api/explain", {"path": "/v2", "headers": {"authorization": "Bearer s3cret"}})
    assert told.document["routes"][0]["reason"] == "header authorization does not match"
    assert b"s3cret" not in told.body
    assert b"hush" not in told.body


async def test_a_request_needs_a_path(panel: Panel) -> None:
    assert (await panel("POST", "/api/explain", {"method": "GET"})).status == 400
    assert (await panel("POST", "/api/explain", {"path": ""})).status == 400
