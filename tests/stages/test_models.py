"""Which models there are, as OpenAI's clients ask for it."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from luna.core.flow import Flow
from luna.core.routing import Alias
from luna.core.stage import StageOptions
from luna.model.dialect import ClientRequest, Headers, Reply
from luna.model.errors import Kind, LunaError
from luna.model.values import Globs
from luna.qwen.catalogue import shipped
from luna.stages.models import Models
from tests.support.machine import CONTEXT
from tests.support.qwen_desk import QwenDesk
from tests.support.scripted import refusal, success

LIVE = success(
    {
        "data": [
            {"id": "qwen9-max", "name": "Qwen9-Max", "info": {"meta": {"max_context_length": 5000}, "created_at": 7}}
        ]
    }
)
PATH = "/api/v2/models/"


@pytest.fixture
def desk(tmp_path: Path) -> QwenDesk:
    return QwenDesk(tmp_path)


async def get(desk: QwenDesk, path: str = "/v1/models", *aliases: Alias, headers: Headers = ()) -> Reply:
    flow: Flow = desk.flow()
    flow.client = ClientRequest("GET", path, "", headers, b"")
    flow.snapshot = msgspec.structs.replace(flow.snapshot, aliases=aliases)
    reply = await Models(StageOptions(), CONTEXT).answer(flow)
    assert desk.accounts.leases == 0
    return reply


def body(reply: Reply) -> Any:
    return msgspec.json.decode(reply.body)


async def test_the_live_list(desk: QwenDesk) -> None:
    desk.backend.on("GET", PATH, LIVE)
    reply = await get(desk)
    assert body(reply) == {
        "object": "list",
        "data": [
            {
                "id": "qwen9-max",
                "object": "model",
                "created": 7,
                "owned_by": "qwen-ai",
                "name": "Qwen9-Max",
                "context_length": 5000,
                "modalities": ["text"],
            }
        ],
    }
    assert dict(reply.headers) == {"cache-control": "no-store", "x-luna-models": "live"}
    await get(desk)
    assert len(desk.backend.requests) == 1


async def test_without_an_account_the_shipped_list(tmp_path: Path) -> None:
    desk = QwenDesk(tmp_path, account=False)
    reply = await get(desk)
    entries = body(reply)["data"]
    assert [entry["id"] for entry in entries] == [model.id for model in shipped().models]
    assert entries[0]["context_length"] == 1_000_000
    assert entries[0]["modalities"] == ["text", "image", "video"]
    assert dict(reply.headers)["x-luna-models"] == "shipped"
    assert dict(reply.headers)["x-luna-models-problem"] == "no-account"


async def test_a_list_that_cannot_be_had_is_said_to_be_the_shipped_one(desk: QwenDesk) -> None:
    desk.backend.on("GET", PATH, refusal("internal_error", "", 500))
    headers = dict((await get(desk)).headers)
    assert headers["x-luna-models"] == "shipped"
    assert headers["x-luna-models-problem"].startswith("upstream-transient")


async def test_aliases_are_listed_unless_they_are_patterns(desk: QwenDesk) -> None:
    desk.backend.on("GET", PATH, LIVE)
    aliases = (
        Alias(Globs(["gpt-4o", "gpt-*"]), "qwen9-max"),
        Alias(Globs(["lost"]), "nowhere"),
        Alias(Globs(["qwen9-max"]), "qwen9-max"),
    )
    reply = await get(desk, "/v1/models", *aliases)
    assert [entry["id"] for entry in body(reply)["data"]] == ["qwen9-max", "gpt-4o"]
    one = body(await get(desk, "/v1/models/gpt-4o", *aliases))
    assert (one["id"], one["name"]) == ("gpt-4o", "Qwen9-Max")


@pytest.mark.parametrize(
    ("asked", "id"),
    [
        ("qwen3.6-plus", "qwen3.6-plus"),
        ("QWEN3.6-plus", "qwen3.6-plus"),
        ("Qwen3", "qwen3-max-2026-01-23"),
        ("Qwen3-Max", "qwen3-max-2026-01-23"),
    ],
)
async def test_one_model_by_any_name(tmp_path: Path, asked: str, id: str) -> None:
    desk = QwenDesk(tmp_path, account=False)
    assert body(await get(desk, f"/v1/models/{asked}"))["id"] == id


async def test_a_slash_at_the_end_means_the_list(desk: QwenDesk) -> None:
    desk.backend.on("GET", PATH, LIVE)
    assert body(await get(desk, "/v1/models/"))["object"] == "list"


async def test_an_unknown_model(desk: QwenDesk) -> None:
    desk.backend.on("GET", PATH, LIVE)
    with pytest.raises(LunaError) as caught:
        await get(desk, "/v1/models/qwen9-mx")
    assert (caught.value.kind, caught.value.param) == (Kind.NOT_FOUND, "model")
    assert "qwen9-max" in caught.value.hint


async def test_an_anthropic_client_gets_its_own_shape(desk: QwenDesk) -> None:
    desk.backend.on("GET", PATH, LIVE)
    document = body(await get(desk, "/v1/models", headers=(("anthropic-version", "2023-06-01"),)))
    assert document["data"][0]["type"] == "model"
    assert document["first_id"] == document["data"][0]["id"]
    one = body(await get(desk, f"/v1/models/{document['first_id']}", headers=(("anthropic-version", "2023-06-01"),)))
    assert (one["type"], one["id"]) == ("model", document["first_id"])
