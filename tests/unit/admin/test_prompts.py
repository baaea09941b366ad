"""`/api/prompts`: what is listed, what can be set, and what a script of the reference's gets."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.types import Message, Scope

from luna.admin import prompts
from luna.admin.door import Door
from luna.config.live import LiveConfig
from luna.config.overrides import PromptOverrides
from luna.config.settings import Settings
from luna.model.ambient import ManualClock
from luna.server.control import control_plane
from tests.unit.config.shop import ROUTES, SOUND, Shop, write

KEY = "admin"
FILES = {**SOUND, "prompts/greeting.md": "---\nabout: Greets.\nvariables: [name]\n---\nHello {{ name }}."}
ENTRY = {
    "id": "greeting",
    "default": "Hello {{ name }}.",
    "current": "Hello {{ name }}.",
    "description": "Greets.",
    "file": "prompts/greeting.md",
    "variables": ["name"],
    "samples": {"name": "get_weather"},
    "overridden": False,
    "override": None,
    "problem": "",
}
SET = {**ENTRY, "current": "Hi {{ name }}!", "overridden": True, "override": "Hi {{ name }}!"}


class Panel:
    """The control plane with this one subject, in memory."""

    def __init__(self, base: Path, overrides: PromptOverrides, config: LiveConfig) -> None:
        self.base = base
        self.config = config
        self._app = control_plane(door=Door(KEY, ManualClock()), api=prompts.routes(overrides, config), open_routes=[])

    async def __call__(self, method: str, path: str, body: object = None, key: str = KEY) -> tuple[int, Any]:
        """Status and document of an answer."""
        sent: list[Message] = []
        data = msgspec.json.encode(body) if body is not None else b""
        scope: Scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "headers": [(b"authorization", f"Bearer {key}".encode())],
        }

        async def receive() -> Message:
            return {"type": "http.request", "body": data, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        return sent[0]["status"], msgspec.json.decode(b"".join(message.get("body", b"") for message in sent))


@pytest.fixture
async def panel(tmp_path: Path) -> Panel:
    routes = write(tmp_path / "conf", dict(FILES))
    overrides = PromptOverrides(tmp_path / "data" / "prompts.json")
    config = await LiveConfig.load(Settings(routes=routes), Shop(), ManualClock(), {}, overrides.edit)
    return Panel(tmp_path / "conf", overrides, config)


async def test_prompts_are_listed(panel: Panel) -> None:
    assert await panel("GET", "/api/prompts") == (200, [ENTRY])


async def test_a_prompt_is_set_and_in_force_at_once(panel: Panel) -> None:
    answer = await panel("POST", "/api/prompts", {"id": "greeting", "value": "Hi {{ name }}!"})
    assert answer == (200, {"ok": True, "inForce": True, "prompts": [SET]})
    found = panel.config.cell.current.prompts.find("greeting")
    assert found is not None
    assert found.render(name="Ann") == "Hi Ann!"


@pytest.mark.parametrize(
    "body", [{"id": "greeting"}, {"id": "greeting", "value": ""}, {"id": "greeting", "value": None}]
)
async def test_without_a_value_it_is_the_files_again(panel: Panel, body: dict[str, object]) -> None:
    await panel("POST", "/api/prompts", {"id": "greeting", "value": "Hi {{ name }}!"})
    assert await panel("POST", "/api/prompts", body) == (200, {"ok": True, "inForce": True, "prompts": [ENTRY]})


async def test_all_are_reset(panel: Panel) -> None:
    await panel("POST", "/api/prompts", {"id": "greeting", "value": "Hi {{ name }}!"})
    assert await panel("POST", "/api/prompts/reset") == (200, {"ok": True, "inForce": True, "prompts": [ENTRY]})


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"value": "x"}, 400, None),
        ({"id": 5}, 400, "id"),
        ({"id": "openai.toolcall.prompt", "value": "x"}, 404, "id"),
        ({"id": "greeting", "value": "Hi!"}, 400, "value"),
    ],
)
async def test_what_cannot_be_is_refused(panel: Panel, body: object, status: int, param: str | None) -> None:
    got, document = await panel("POST", "/api/prompts", body)
    assert (got, document["error"].get("param")) == (status, param)
    assert await panel("GET", "/api/prompts") == (200, [ENTRY])


async def test_it_says_when_a_change_has_to_wait(panel: Panel) -> None:
    write(panel.base, {"routes.yaml": ROUTES.replace("chat", "chta")})
    status, document = await panel("POST", "/api/prompts", {"id": "greeting", "value": "Hi {{ name }}!"})
    assert (status, document["inForce"]) == (200, False)
    assert document["prompts"] == [{**SET, "current": ENTRY["current"]}]


async def test_what_cannot_be_saved_says_why_and_names_no_path(panel: Panel) -> None:
    write(panel.base.parent, {"data": "a file where the folder should be"})
    status, document = await panel("POST", "/api/prompts", {"id": "greeting", "value": "Hi {{ name }}!"})
    assert status == 500
    assert document["error"]["message"].startswith("The prompts could not be saved: ")
    assert str(panel.base.parent) not in document["error"]["message"]


async def test_what_is_set_and_no_longer_fits_can_still_be_seen(panel: Panel) -> None:
    await panel("POST", "/api/prompts", {"id": "greeting", "value": "Hi {{ name }}!"})
    write(panel.base, {"prompts/greeting.md": "Hello."})
    await panel.config.reload()
    _, (entry,) = await panel("GET", "/api/prompts")
    assert (entry["current"], entry["override"], entry["default"]) == ("Hello.", "Hi {{ name }}!", "Hello.")
    assert entry["problem"] == "the variable 'name' is not declared"


async def test_a_text_is_shown_as_the_model_would_get_it(panel: Panel) -> None:
    asked = {"id": "greeting", "value": "Hi {{ name }}, {{ Name }}!", "variables": {"name": "Ann", "age": "7"}}
    status, document = await panel("POST", "/api/prompts/preview", asked)
    assert (status, document["text"], document["variables"]) == (200, "Hi Ann, {{ Name }}!", {"name": "Ann"})
    assert [(each["line"], each["col"]) for each in document["warnings"]] == [(1, 16)]
    asked = {"id": "greeting", "value": "Hi {{ name }}!"}
    assert (await panel("POST", "/api/prompts/preview", asked))[1]["text"] == "Hi get_weather!"
    assert await panel("GET", "/api/prompts") == (200, [ENTRY])


async def test_a_text_that_cannot_be_says_where(panel: Panel) -> None:
    asked = {"id": "greeting", "value": "Hi {{ name }}!\n\nYou are {{ nam }}."}
    status, document = await panel("POST", "/api/prompts/preview", asked)
    assert status == 422
    error = document["error"]
    assert error["message"] == "Line 3, column 9: the variable 'nam' is not declared."
    assert error["fields"] == [
        {"path": "value:3:9", "message": "the variable 'nam' is not declared — did you mean 'name'?"}
    ]
    asked = {"id": "greeting", "value": "Hi!"}
    status, document = await panel("POST", "/api/prompts/preview", asked)
    assert (status, document["error"]["fields"][0]["path"]) == (422, "value:0:0")
    assert (await panel("POST", "/api/prompts/preview", {"id": "x", "value": ""}))[0] == 404


async def test_the_door_is_in_front(panel: Panel) -> None:
    status, _ = await panel("POST", "/api/prompts/reset", key="wrong")
    assert status == 401
