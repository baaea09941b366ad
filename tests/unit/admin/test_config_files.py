"""`/api/config-files`: reading, saving and refusing, as they look from outside."""

from pathlib import Path

import pytest

from luna.admin import files
from luna.config.editing import ConfigFiles
from luna.config.live import LiveConfig
from luna.config.settings import Settings
from luna.disk import ordinary
from luna.model.ambient import ManualClock
from tests.support.panel import Panel
from tests.unit.config.shop import CHAT, ROUTES, SOUND, Shop, write

MISTAKE = ROUTES.replace("chat", "chta")


@pytest.fixture
async def panel(tmp_path: Path) -> Panel:
    routes = write(tmp_path, dict(SOUND))
    config = await LiveConfig.load(Settings(routes=routes), Shop(), ManualClock(), {})
    return Panel(api=files.routes(ConfigFiles(config)))


async def hash_of(panel: Panel, name: str = "routes.yaml") -> str:
    found: str = (await panel("GET", f"/api/config-files/{name}")).document["hash"]
    return found


async def test_the_files_and_their_texts(panel: Panel) -> None:
    listing = (await panel("GET", "/api/config-files")).document
    assert [each["name"] for each in listing["files"]] == ["routes.yaml", "pipelines/chat.yaml"]
    assert listing["packaged"] is False
    one = (await panel("GET", "/api/config-files/pipelines/chat.yaml")).document
    assert (one["text"], one["kind"], one["hash"]) == (CHAT, "pipeline", listing["files"][1]["hash"])


@pytest.mark.parametrize("path", ["../secret", "pipelines/../../secret", "pipelines/nothing.yaml", "%2e%2e/secret"])
async def test_nothing_outside(panel: Panel, path: str) -> None:
    told = await panel("GET", f"/api/config-files/{path}")
    assert (told.status, told.kind) == (404, "not-found")


async def test_a_change_is_saved_and_in_force(panel: Panel, tmp_path: Path) -> None:
    text = ROUTES.replace("all,", "all, record: off,")
    told = await panel("PUT", "/api/config-files/routes.yaml", {"text": text, "hash": await hash_of(panel)})
    assert told.status == 200
    assert told.document["version"] == 2
    assert (told.document["saved"], told.document["inForce"], told.document["diagnostics"]) == (True, True, [])
    assert told.document["hash"] == await hash_of(panel)
    assert (tmp_path / "routes.yaml").read_text() == text


async def test_a_mistake_is_refused_with_its_place(panel: Panel, tmp_path: Path) -> None:
    body = {"text": MISTAKE, "hash": await hash_of(panel)}
    for draft in (False, True):
        told = await panel("PUT", "/api/config-files/routes.yaml", {**body, "draft": draft})
        assert told.status == 422
        error = told.document["error"]
        assert error["message"] == "routes.yaml:3:27: pipeline 'chta' does not exist."
        assert error["fields"] == [
            {"path": "routes.yaml:3:27", "message": "pipeline 'chta' does not exist — did you mean 'chat'?"}
        ]
    assert (tmp_path / "routes.yaml").read_text() == ROUTES


async def test_a_draft_is_only_tried(panel: Panel, tmp_path: Path) -> None:
    body = {"text": ROUTES + "# more\n", "hash": "", "draft": True}
    told = await panel("PUT", "/api/config-files/routes.yaml", body)
    assert (told.status, told.document["saved"], told.document["inForce"]) == (200, False, False)
    assert (tmp_path / "routes.yaml").read_text() == ROUTES


async def test_somebody_elses_change_is_a_conflict(panel: Panel, tmp_path: Path) -> None:
    known = await hash_of(panel)
    (tmp_path / "routes.yaml").write_text(ROUTES + "\n")
    told = await panel("PUT", "/api/config-files/routes.yaml", {"text": ROUTES, "hash": known})
    assert (told.status, told.kind) == (409, "conflict")


async def test_an_edit_is_checked_and_planned(panel: Panel) -> None:
    told = await panel("POST", "/api/config-files/check", {"path": "routes.yaml", "text": MISTAKE})
    assert (told.status, told.document["ok"]) == (200, False)
    assert told.document["diagnostics"][0] == {
        "file": "routes.yaml",
        "line": 3,
        "col": 27,
        "message": "pipeline 'chta' does not exist",
        "hint": "did you mean 'chat'?",
        "severity": "error",
    }
    text = ROUTES.replace("all,", "all, record: all,")
    told = await panel("POST", "/api/config-files/plan", {"path": "routes.yaml", "text": text})
    assert told.document["changes"] == [
        {
            "how": "changed",
            "what": "route",
            "within": "",
            "name": "all",
            "aspect": "record",
            "before": "errors",
            "after": "all",
        }
    ]
    told = await panel("POST", "/api/config-files/plan", {"path": "pipelines/chat.yaml"})
    assert (told.document["ok"], told.document["changes"]) == (False, [])


async def test_a_file_comes_and_goes(panel: Panel, tmp_path: Path) -> None:
    told = await panel("PUT", "/api/config-files/pipelines/aside.yaml", {"text": CHAT, "hash": ""})
    assert (told.status, [each["severity"] for each in told.document["diagnostics"]]) == (200, ["warning"])
    known = told.document["hash"]
    assert (await panel("DELETE", "/api/config-files/pipelines/aside.yaml?hash=wrong")).status == 409
    assert (await panel("DELETE", "/api/config-files/pipelines/aside.yaml")).status == 400
    assert (await panel("DELETE", f"/api/config-files/pipelines/aside.yaml?hash={known}")).status == 200
    assert not (tmp_path / "pipelines" / "aside.yaml").exists()


async def test_what_cannot_be_written_says_why_and_names_no_path(
    panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path / "routes.yaml"))

    known = await hash_of(panel)
    monkeypatch.setattr(ordinary, "write", refuse)
    told = await panel("PUT", "/api/config-files/routes.yaml", {"text": ROUTES + "\n", "hash": known})
    assert (told.status, told.document["error"]["message"]) == (
        500,
        "routes.yaml could not be saved: Permission denied.",
    )
    assert str(tmp_path) not in told.body.decode()


async def test_ones_own_files_need_no_copy(panel: Panel) -> None:
    told = await panel("POST", "/api/config-files/eject")
    assert (told.status, told.kind) == (409, "conflict")


async def test_the_door_is_in_front(panel: Panel) -> None:
    assert (await panel("PUT", "/api/config-files/routes.yaml", {"text": "", "hash": ""}, key="wrong")).status == 401
