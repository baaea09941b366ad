"""`/api/config`: what is shown, changed and refused; and what is never shown."""

from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from luna.admin import config as subject
from luna.admin.config import MASK
from luna.config.preferences import PreferenceFile
from luna.config.settings import Settings
from luna.model.preferences import LivePreferences, Preferences
from luna.state.keys import ProxyKeys
from tests.support.panel import Panel

DEFAULTS = msgspec.to_builtins(Preferences())


class House:
    """What the routes work on."""

    def __init__(self, data: Path, environment: tuple[str, ...] = (), **settings: Any) -> None:
        self.data = data
        self.file = PreferenceFile(data / "config.json", LivePreferences())
        self.keys = ProxyKeys(environment, data / "keys.json")
        self.panel = Panel(
            subject.routes(Settings(**settings), self.file, self.keys, {"LUNA_HOST": "", "LUNA_PORT": "9090"})
        )


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "data")


async def test_what_is_shown(house: House) -> None:
    told = await house.panel("GET", "/api/config")
    document = told.document
    assert (told.status, told.headers["cache-control"]) == (200, "no-store")
    assert list(document) == ["version", "proxy", "settings", "defaults", "sources", "problems"]
    assert document["proxy"] == {"host": "127.0.0.1", "port": 8080, "key": "", "keyFingerprint": ""}
    assert document["settings"] == document["defaults"] == DEFAULTS
    assert set(document["sources"].values()) == {"default"}
    assert {"proxy.host", "proxy.port", "proxy.key", "session.historyLimit"} <= document["sources"].keys()
    assert document["problems"] == []


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_a_part_is_merged_into_the_whole(house: House, method: str) -> None:
    await house.panel(method, "/api/config", {"settings": {"session": {"historyLimit": 3}}})
    told = await house.panel(method, "/api/config", {"settings": {"session": {"rollingHistoryK": 4}}})
    settings = told.document["settings"]
    assert (settings["session"]["historyLimit"], settings["session"]["rollingHistoryK"]) == (3, 4)
    assert house.file.live.current.session.history_limit == 3
    sources = told.document["sources"]
    assert sources["session.historyLimit"] == "file"
    assert sources["session.autoCompact"] == "default"
    assert told.document["defaults"] == DEFAULTS
    reset = await house.panel(method, "/api/config", {"settings": {"session": {"historyLimit": None}}})
    assert reset.document["settings"]["session"]["historyLimit"] == 50
    assert reset.document["sources"]["session.historyLimit"] == "default"


async def test_everything_that_is_wrong_is_said_and_nothing_is_done(house: House) -> None:
    told = await house.panel(
        "POST",
        "/api/config",
        {
            "settings": {
                "session": {"historyLimit": 3, "histroyLimit": 3, "fallbackMode": "x"},
                "egressIsolation": {"mode": "worker"},
                "ui": {"language": "xx"},
            },
            "proxy": {"key": "two words", "host": "0.0.0.0", "port": 9, "prot": 1},
            "logs": None,
            "providers": [],
            "setings": {},
            "version": 7,
        },
    )
    error = told.document["error"]
    assert (told.status, error["kind"]) == (422, "bad-request")
    assert {field["path"]: field["message"] for field in error["fields"]} == {
        "logs": "cannot be set here: logs are in the database",
        "providers": "cannot be set here: accounts are in credentials.json; `luna import` takes them over,"
        " /api/accounts changes them",
        "setings": "there is no such field (did you mean 'settings'?)",
        "version": "must be 1",
        "proxy.host": "luna listens on '127.0.0.1' until it is started with another LUNA_HOST (or --host)",
        "proxy.port": "luna listens on 8080 until it is started with another LUNA_PORT (or --port)",
        "proxy.prot": "there is no such setting (did you mean 'port'?)",
        "proxy.key": "must be one word of printable ASCII characters",
        "session.histroyLimit": "there is no such setting (did you mean 'historyLimit'?)",
        "session.fallbackMode": "luna has no such setting: a conversation that is not found again is always a new one",
        "egressIsolation.mode": "luna has no such setting: the network profile of an account says how it goes out",
        "ui.language": "must be one of: en, vi, zh; got 'xx'",
    }
    assert error["param"] == "logs"
    assert error["hint"] == "Nothing was changed."
    assert not house.data.exists()
    assert "two words" not in told.body.decode()


@pytest.mark.parametrize(
    "body", [{"settings": None}, {"settings": []}, {"proxy": "x"}, {"settings": 5, "proxy": {"key": "fine"}}]
)
async def test_shapes_that_cannot_be(house: House, body: object) -> None:
    told = await house.panel("POST", "/api/config", body)
    assert told.status == 422
    assert told.document["error"]["fields"][0]["message"] == "must be an object"
    assert not house.keys


@pytest.mark.parametrize("body", [[], 5, "x", None])
async def test_a_body_that_is_no_object(house: House, body: object) -> None:
    told = await house.panel("POST", "/api/config", body)
    assert (told.status, told.kind) == (400, "bad-request")


async def test_lunaproxys_way_to_set_the_key(house: House) -> None:
    told = await house.panel("POST", "/api/config", {"proxy": {"key": " sk_made_elsewhere "}})
    key = house.keys.find("default")
    assert key is not None
    assert house.keys.admit("sk_made_elsewhere") is key
    assert told.document["proxy"] == {
        "host": "127.0.0.1",
        "port": 8080,
        "key": MASK,
        "keyFingerprint": key.fingerprint,
    }
    assert told.document["sources"]["proxy.key"] == "file"
    assert "sk_made_elsewhere" not in told.body.decode()
    assert not any("sk_made_elsewhere" in file.read_text() for file in house.data.iterdir())


async def test_a_document_that_is_sent_back_changes_nothing(house: House) -> None:
    await house.panel("POST", "/api/config", {"proxy": {"key": "sk_key"}, "settings": {"ui": {"language": "vi"}}})
    shown = (await house.panel("GET", "/api/config")).document
    proxy = {name: shown["proxy"][name] for name in ("host", "port", "key")}
    before = house.data.joinpath("keys.json").read_bytes()
    told = await house.panel(
        "POST", "/api/config", {"version": 1, "proxy": proxy, "settings": {"ui": shown["settings"]["ui"]}}
    )
    assert told.status == 200
    assert told.document == shown
    assert house.data.joinpath("keys.json").read_bytes() == before


@pytest.mark.parametrize("nothing", ["", "  ", None])
async def test_an_empty_key_removes_it(house: House, nothing: object) -> None:
    await house.panel("POST", "/api/config", {"proxy": {"key": "sk_key"}})
    told = await house.panel("POST", "/api/config", {"proxy": {"key": nothing}})
    assert (told.status, told.document["proxy"]["key"]) == (200, "")
    assert house.keys.admit("sk_key") is None
    assert (await house.panel("POST", "/api/config", {"proxy": {"key": nothing}})).status == 200


async def test_a_key_of_the_environment_is_shown_as_such_and_stays(tmp_path: Path) -> None:
    house = House(tmp_path / "data", ("of-the-environment",))
    told = await house.panel("POST", "/api/config", {"proxy": {"key": ""}})
    assert told.document["proxy"]["key"] == MASK
    assert told.document["sources"]["proxy.key"] == "environment"
    assert house.keys.admit("of-the-environment") is not None


@pytest.mark.parametrize(
    ("settings", "source"),
    [({"port": 9090}, "environment"), ({"port": 8080}, "default"), ({"port": 7070}, "flag")],
)
async def test_where_the_port_comes_from(tmp_path: Path, settings: dict[str, Any], source: str) -> None:
    told = await House(tmp_path, **settings).panel("GET", "/api/config")
    assert told.document["sources"]["proxy.port"] == source
    assert told.document["sources"]["proxy.host"] == "default"


async def test_an_edit_by_hand_is_shown_with_what_is_wrong_with_it(house: House) -> None:
    house.data.mkdir()
    (house.data / "config.json").write_bytes(b'{"settings": {"ui": {"language": "vi"}, "typo": 1}, "logs": ["prompt"]}')
    told = await house.panel("GET", "/api/config")
    assert told.document["settings"]["ui"]["language"] == "vi"
    assert told.document["problems"] == [
        {"path": "logs", "message": "is not read: logs are in the database"},
        {"path": "typo", "message": "there is no such setting"},
    ]
    assert "prompt" not in told.body.decode()


async def test_no_secret_and_no_path_is_ever_shown(tmp_path: Path) -> None:
    house = House(tmp_path / "data", ("canary-environment",), qwen_token="canary-token", admin_key="canary-admin")
    await house.panel("POST", "/api/config", {"proxy": {"key": "canary-default"}})
    (house.data / "credentials.json").write_text("canary-credentials")
    for path in ("/api/config", "/api/config/schema"):
        body = (await house.panel("GET", path)).body.decode()
        assert "canary" not in body
        assert str(tmp_path) not in body


async def test_what_cannot_be_saved(house: House, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    told = await house.panel("POST", "/api/config", {"settings": {"ui": {"language": "vi"}}})
    assert told.status == 500
    assert told.document["error"]["message"].startswith("The settings could not be saved: ")
    assert str(tmp_path) not in told.body.decode()
    assert house.file.live.current == Preferences()


async def test_settings_that_are_saved_and_a_key_that_is_not(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(name: str, text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(house.keys, "store", full)
    told = await house.panel("POST", "/api/config", {"settings": {"ui": {"language": "vi"}}, "proxy": {"key": "sk_x"}})
    assert (told.status, told.document["error"]["message"]) == (
        500,
        "The settings were saved, but the key could not be saved: No space left on device.",
    )
    assert house.file.live.current.ui.language == "vi"


async def test_the_schema_is_that_of_the_settings(house: House) -> None:
    schema = (await house.panel("GET", "/api/config/schema")).document
    settings = (await house.panel("GET", "/api/config")).document["settings"]
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(settings)
    assert not validator.is_valid({"session": {"historyLimit": -1}})
    field = schema["$defs"]["SessionPreferences"]["properties"]["historyLimit"]
    assert field == {
        "type": "integer",
        "minimum": 0,
        "default": 50,
        "description": "Turns kept for people to read; twice as many messages.",
    }


@pytest.mark.parametrize("key", ["", "wrong"])
async def test_the_door_is_in_front(house: House, key: str) -> None:
    assert (await house.panel("GET", "/api/config", key=key)).status == 401
    assert (await house.panel("POST", "/api/config", {"proxy": {"key": "x"}}, key=key)).status == 401
    assert not house.keys
