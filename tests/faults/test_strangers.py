"""Every route there is, walked as somebody who must not: a stranger, another web page, a page by another name.

The routes are those of `/api/openapi.json`, the model endpoints of routes.yaml, the pages, and what one luna asks
another.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpcore
import msgspec
import pytest

from luna.admin.door import Door
from luna.admin.openapi import document
from luna.admin.operation import Operation
from luna.model.ambient import SystemClock
from tests.support.house import ADMIN_KEY, Running, running_luna

PROXY_KEY = "sk-of-a-client"
SECURE = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
}
MODELS = [
    ("GET", "/v1/models"),
    ("GET", "/v1/models/qwen3.6-plus"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/completions"),
    ("POST", "/v1/responses"),
    ("GET", "/v1/responses/x"),
    ("DELETE", "/v1/responses/x"),
    ("POST", "/v1/messages"),
    ("POST", "/v1/messages/count_tokens"),
]
PAGES = [("GET", "/"), ("GET", "/accounts"), ("GET", "/assets/none.js"), ("GET", "/login"), ("GET", "/nothing.txt")]
PAGES += [("GET", "/debug/tasks")]
WORKER = [("POST", "/worker/exchange"), ("GET", "/worker/egress-ip")]
OPEN = {"/health", "/health/ready", "/metrics", "/api/login", "/api/logout", "/auth/start/x", "/auth/callback/x"}
"""What strangers may ask: how luna is, and for a way in or out."""


@dataclass(frozen=True)
class Walk:
    """A luna, and every route that it has."""

    luna: Running
    routes: list[tuple[str, str]]

    async def ask(self, method: str, path: str, **headers: str) -> httpcore.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        body = b"{}" if method in ("POST", "PUT", "PATCH") else b""
        answer = await self.luna.request(method, path, body, named)
        told = {name.lower(): value for name, value in answer.headers}
        assert {name: told.get(name) for name in SECURE} == SECURE, f"{method} {path}: {told}"
        assert not any(name.startswith(b"access-control-") for name in told), f"{method} {path} lets other pages read"
        return answer

    def session(self) -> dict[str, str]:
        """Of somebody who is signed in, whatever was guessed from here."""
        door = Door(ADMIN_KEY, SystemClock(), port=self.luna.port)
        return {"cookie": f"{door.cookie}={door.session()}"}

    def changes(self) -> list[tuple[str, str]]:
        return [(method, path) for method, path in [*self.routes, *MODELS] if method != "GET"]


@pytest.fixture(scope="module")
async def walk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Walk]:
    folder = tmp_path_factory.mktemp("strangers")
    async with running_luna(folder, environ={"LUNA_PROXY_KEY": PROXY_KEY}) as running:
        described = document(running.house.operations)["paths"]
        routes = [
            (method.upper(), re.sub(r"\{\w+\}", "x", path)) for path, methods in described.items() for method in methods
        ]
        yield Walk(running, routes)


async def _kept(walk: Walk) -> bytes:
    """What a change would show in."""
    await walk.luna.house.state.store.commit()
    accounts = [account.view() for account in walk.luna.house.accounts.all()]
    settings = walk.luna.house.state.preferences.live.current
    keys = [key.name for key in walk.luna.house.state.keys.all()]
    network = [*walk.luna.house.state.network.profiles(), *walk.luna.house.state.network.workers()]
    return msgspec.json.encode([accounts, settings, keys, network])


def kind_of(answer: httpcore.Response) -> str:
    kind: str = msgspec.json.decode(answer.content)["error"]["kind"]
    return kind


async def test_a_stranger_gets_nothing_and_changes_nothing(walk: Walk) -> None:
    before = await _kept(walk)
    for method, path in walk.routes:
        if path in OPEN:
            continue
        for shown in ({}, {"authorization": "Bearer wrong"}, {"cookie": f"luna_session_{walk.luna.port}=1.2.3"}):
            if shown and method == "GET":
                continue  # wrong keys are counted, and there are many routes
            answer = await walk.ask(method, path, **shown)
            expected = (401, 429) if "authorization" in shown else (401,)
            assert answer.status in expected, f"{method} {path} {shown}: {answer.status}"
            assert kind_of(answer) in ("unauthorized", "rate-limited")
    for method, path in MODELS:
        assert (await walk.ask(method, path)).status == 401, f"{method} {path}"
        assert (await walk.ask(method, path, authorization=f"Bearer {ADMIN_KEY}")).status == 401, "it is another key"
    for method, path in WORKER:
        assert (await walk.ask(method, path)).status in (401, 403, 404), f"{method} {path}"
    assert await _kept(walk) == before


async def test_what_is_open_is_known(walk: Walk) -> None:
    routes = walk.luna.house.operations
    stranger = {re.sub(r"\{\w+\}", "x", one.path) for one in routes if isinstance(one, Operation) and one.open}
    assert stranger == OPEN


@pytest.mark.parametrize(
    "mark",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
    ids=str,
)
async def test_another_web_page_changes_nothing_although_its_reader_is_signed_in(
    walk: Walk, mark: dict[str, str]
) -> None:
    before = await _kept(walk)
    session = walk.session()
    assert (await walk.ask("GET", "/api/overview", **session)).status == 200
    for method, path in walk.changes():
        answer = await walk.ask(method, path, **session, **mark)
        assert answer.status == 403, f"{method} {path}: {answer.status}"
    for method, path in MODELS:
        assert (await walk.ask(method, path, authorization=f"Bearer {PROXY_KEY}", **mark)).status == 403, path
    assert await _kept(walk) == before


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8080", "luna.local"])
async def test_by_another_name_nobody_is_answered(walk: Walk, host: str) -> None:
    for method, path in [*walk.routes, *MODELS, *PAGES]:
        answer = await walk.ask(method, path, host=host, authorization=f"Bearer {ADMIN_KEY}")
        assert answer.status == 403, f"{method} {path}: {answer.status}"


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"])
async def test_a_form_changes_nothing(walk: Walk, kind: str) -> None:
    before = await _kept(walk)
    for method, path in walk.changes():
        if method == "DELETE":
            continue  # no form can send it
        answer = await walk.ask(method, path, content_type=kind, authorization=f"Bearer {ADMIN_KEY}")
        assert answer.status == 415, f"{method} {path}: {answer.status}"
    assert await _kept(walk) == before


async def test_what_browsers_ask_before_a_foreign_request_is_refused(walk: Walk) -> None:
    for path in ("/api/config", "/v1/chat/completions", "/"):
        answer = await walk.ask("OPTIONS", path, origin="https://evil.example", access_control_request_method="POST")
        assert answer.status >= 400


async def test_pages_say_nothing_that_is_secret_and_everything_else_is_not_there(walk: Walk) -> None:
    for method, path in PAGES:
        answer = await walk.ask(method, path)
        assert answer.status in (200, 401, 404), f"{path}: {answer.status}"
        for secret in (ADMIN_KEY, PROXY_KEY, *walk.luna.house.accounts.secrets()):
            assert secret.encode() not in answer.content
    for path in ("/../luna.db", "/%2e%2e/credentials.json", "/assets/../../admin.key", "/.git/config", "//etc/passwd"):
        answer = await walk.ask("GET", path)
        assert answer.status in (200, 404)
        assert b"root:" not in answer.content and b"luna-" not in answer.content


async def test_no_link_plants_anything(walk: Walk) -> None:
    before = await _kept(walk)
    for query in ("token=planted", "code=planted&state=x", "error=%3Cscript%3Ealert(1)%3C/script%3E"):
        answer = await walk.ask("GET", f"/auth/callback/qwen-ai?{query}")
        assert (answer.status, kind_of(answer)) == (404, "not-found")
        assert b"planted" not in answer.content and b"<script" not in answer.content
    sent = await walk.ask(
        "GET", "/auth/start/qwen-ai?redirect=https://evil.example", host=f"127.0.0.1:{walk.luna.port}"
    )
    assert (sent.status, dict(sent.headers)[b"location"]) == (303, b"/accounts")
    assert await _kept(walk) == before


async def test_a_session_ends_when_it_is_signed_out_of_and_who_came_is_written_down(walk: Walk) -> None:
    given = await walk.luna.request("POST", "/api/login", msgspec.json.encode({"key": ADMIN_KEY}))
    session = dict(given.headers)[b"set-cookie"].decode().partition(";")[0]
    assert (await walk.ask("GET", "/api/overview", cookie=session)).status == 200
    assert (await walk.ask("POST", "/api/logout", cookie=session)).status == 200
    assert (await walk.ask("GET", "/api/overview", cookie=session)).status == 401
    wrong = await walk.luna.request("POST", "/api/login", msgspec.json.encode({"key": "a-wrong-key"}))
    assert wrong.status == 401
    entries = msgspec.json.decode((await walk.ask("GET", "/api/audit?limit=3", **walk.session())).content)
    assert [(one["path"], one["status"]) for one in entries] == [
        ("/api/login", 401),
        ("/api/logout", 200),
        ("/api/login", 200),
    ]
    said = msgspec.json.encode(entries)
    assert ADMIN_KEY.encode() not in said and b"a-wrong-key" not in said
