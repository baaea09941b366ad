"""A request may name its route or its pipeline, if it comes from whoever has the admin key."""

from pathlib import Path

import msgspec
import pytest

from luna.state.run_archive import RunFilter
from tests.support.house import ADMIN_KEY, Running, running_luna

BODY = msgspec.json.encode({"model": "qwen3.7-plus", "messages": [{"role": "user", "content": "[[say:hello]]"}]})
PATH = "/v1/chat/completions"
_ANY = RunFilter()
ADMIN = {"authorization": f"Bearer {ADMIN_KEY}"}


async def ask(luna: Running, headers: dict[str, str]) -> tuple[int, dict[str, object]]:
    response = await luna.request("POST", PATH, BODY, headers)
    document: dict[str, object] = msgspec.json.decode(response.content)
    return response.status, document


async def test_the_admin_chooses(tmp_path: Path) -> None:
    async with running_luna(tmp_path) as luna:
        status, listed = await ask(luna, ADMIN | {"x-luna-route": "models"})
        assert (status, listed["object"]) == (200, "list")
        status, answered = await ask(luna, ADMIN | {"x-luna-pipeline": "chat"})
        assert (status, answered["object"]) == (200, "chat.completion")
        await luna.settled()
        chosen = [run.route for run in (await luna.house.state.runs.find(_ANY, limit=9)).records]
        assert chosen == ["(chosen)"], "the list of models is no run"


@pytest.mark.parametrize("header", ["x-luna-route", "x-luna-pipeline"])
async def test_nobody_else_does(tmp_path: Path, header: str) -> None:
    async with running_luna(tmp_path, environ={"LUNA_PROXY_KEY": "a-proxy-key"}) as luna:
        for key in ({}, {"authorization": "Bearer a-proxy-key"}, {"authorization": "Bearer wrong"}):
            status, refused = await ask(luna, key | {header: "models"})
            assert status == 403
            assert "admin key" in str(refused["error"])


async def test_the_choice_is_no_way_around_the_proxy_key(tmp_path: Path) -> None:
    async with running_luna(tmp_path, environ={"LUNA_PROXY_KEY": "a-proxy-key"}) as luna:
        assert (await ask(luna, ADMIN | {"x-luna-route": "chat"}))[0] == 401
        assert (await ask(luna, ADMIN | {"x-luna-route": "chat", "x-proxy-key": "a-proxy-key"}))[0] == 200


async def test_what_is_not_there(tmp_path: Path) -> None:
    async with running_luna(tmp_path) as luna:
        status, refused = await ask(luna, ADMIN | {"x-luna-pipeline": "chatt"})
        assert status == 404
        assert "chat" in str(refused["error"])
