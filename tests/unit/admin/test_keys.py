"""`/api/keys`: what is listed, shown once, and refused."""

from pathlib import Path

import pytest

from luna.admin import keys as subject
from luna.model.ambient import ManualClock
from luna.state.keys import ProxyKeys
from tests.support.panel import Panel


@pytest.fixture
def keys(tmp_path: Path) -> ProxyKeys:
    return ProxyKeys(["of-the-environment"], tmp_path / "keys.json", clock=ManualClock(1000.5))


@pytest.fixture
def panel(keys: ProxyKeys) -> Panel:
    return Panel(subject.routes(keys))


async def test_a_key_is_shown_once(panel: Panel, keys: ProxyKeys) -> None:
    told = await panel("POST", "/api/keys", {"name": " editor "})
    made = told.document
    assert told.status == 201
    assert told.headers["cache-control"] == "no-store"
    admitted = keys.admit(made["key"])
    assert admitted is not None
    assert made == {
        "name": "editor",
        "key": made["key"],
        "fingerprint": admitted.fingerprint,
        "createdAt": 1_000_500,
    }
    listed = await panel("GET", "/api/keys")
    assert made["key"] not in listed.body.decode()
    assert listed.document == {
        "required": True,
        "keys": [
            {"name": "environment", "source": "environment", "fingerprint": keys.all()[0].fingerprint},
            {
                "name": "editor",
                "source": "file",
                "fingerprint": admitted.fingerprint,
                "createdAt": 1_000_500,
                "lastUsedAt": 1_000_500,
            },
        ],
    }


async def test_a_revoked_key_is_refused_from_then_on(panel: Panel, keys: ProxyKeys) -> None:
    text = (await panel("POST", "/api/keys", {"name": "my editor"})).document["key"]
    told = await panel("DELETE", "/api/keys/my editor")
    assert (told.status, told.document) == (200, {"ok": True, "required": True})
    assert keys.admit(text) is None


async def test_the_last_key_says_that_nobody_is_asked_any_more(tmp_path: Path) -> None:
    keys = ProxyKeys((), tmp_path / "keys.json")
    panel = Panel(subject.routes(keys))
    await panel("POST", "/api/keys", {"name": "only"})
    told = await panel("DELETE", "/api/keys/only")
    assert told.document == {"ok": True, "required": False}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "param"),
    [
        ("POST", "/api/keys", {}, 400, None),
        ("POST", "/api/keys", {"name": 5}, 400, "name"),
        ("POST", "/api/keys", {"name": ""}, 400, "name"),
        ("POST", "/api/keys", {"name": "a/b"}, 400, "name"),
        ("POST", "/api/keys", {"name": "environment-9"}, 400, "name"),
        ("POST", "/api/keys", {"name": "environment"}, 409, "name"),
        ("DELETE", "/api/keys/nobody", None, 404, None),
        ("DELETE", "/api/keys/environment", None, 403, None),
        ("PUT", "/api/keys", {"name": "x"}, 405, None),
    ],
)
async def test_what_cannot_be(
    panel: Panel, keys: ProxyKeys, method: str, path: str, body: object, status: int, param: str | None
) -> None:
    told = await panel(method, path, body)
    assert (told.status, told.document["error"].get("param")) == (status, param)
    assert len(keys.all()) == 1


async def test_what_cannot_be_written_says_so(
    panel: Panel, keys: ProxyKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (await panel("POST", "/api/keys", {"name": "editor"})).document["key"]

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    made = await panel("POST", "/api/keys", {"name": "other"})
    assert (made.status, made.document["error"]["message"]) == (
        500,
        "The key could not be saved: No space left on device.",
    )
    revoked = await panel("DELETE", "/api/keys/editor")
    assert revoked.status == 500
    assert "is refused from now on, but that could not be saved" in revoked.document["error"]["message"]
    assert keys.admit(text) is None
    assert str(tmp_path) not in revoked.body.decode()


@pytest.mark.parametrize("key", ["", "wrong"])
async def test_the_door_is_in_front(panel: Panel, key: str) -> None:
    assert (await panel("GET", "/api/keys", key=key)).status == 401
    assert (await panel("POST", "/api/keys", {"name": "x"}, key=key)).status == 401
