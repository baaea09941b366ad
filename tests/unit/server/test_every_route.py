"""Every route of the admin API is described, the committed description is fresh, and LunaProxy's routes are all there.

The table is that of LunaProxy's documentation, row by row, with what that left out; each row is asked of a luna that
runs, with the look-alike behind it, and must answer with its status and its fields. What luna answers otherwise than
LunaProxy did stands in docs/api.md, "What differs from LunaProxy". Logins by browser have tests of their own: whether
one can begin depends on the machine.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.routing import BaseRoute, Mount, Route

from luna.admin.openapi import document
from luna.admin.operation import Operation
from luna.config.settings import Settings
from luna.server.assemble import assemble
from luna.state.network import Verified
from tests.support.house import ADMIN_KEY, Running, running_luna
from tests.support.stores import KINDS, database_of

ROOT = Path(__file__).parents[3]
KEY = {"authorization": f"Bearer {ADMIN_KEY}"}
NOT_DESCRIBED = {"/login", "/{path:path}", "/", "/debug/tasks"}
"""For people: the URL that is printed at the start, the pages, and the short address of `/api/debug/tasks`."""


@pytest.fixture(scope="module", params=KINDS)
async def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    directory = tmp_path_factory.mktemp("routes")
    with database_of(request.param, directory) as database:
        async with running_luna(directory, environ={"LUNA_RECORD": "all", **database.environ}) as made:
            yield made


# The description


def leaves(routes: list[BaseRoute]) -> list[BaseRoute]:
    """Every route that an application has, whatever it is mounted in."""
    found: list[BaseRoute] = []
    for route in routes:
        inner = route.app if isinstance(route, Mount) else None
        while inner is not None and not hasattr(inner, "routes"):
            inner = getattr(inner, "_inner", None)
        found += leaves(inner.routes) if inner is not None else [route]
    return found


async def test_every_route_is_an_operation(running: Running) -> None:
    routes = leaves(running.house.control.app.routes)  # type: ignore[attr-defined]
    assert len(routes) > 100
    odd = [route for route in routes if not isinstance(route, Operation)]
    assert {route.path for route in odd if isinstance(route, Route)} <= NOT_DESCRIBED
    described = document(running.house.operations)["paths"]
    for route in routes:
        if isinstance(route, Operation):
            path = ("" if route.open else "/api") + route.path.replace(":path}", "}")
            assert route.method.lower() in described[path], path


async def test_the_committed_description_is_fresh(tmp_path: Path) -> None:
    async with assemble(Settings.from_environment({"LUNA_DATA_DIR": str(tmp_path)})) as house:
        fresh = msgspec.json.decode(msgspec.json.encode(document(house.operations)))
    committed = msgspec.json.decode((ROOT / "ui" / "openapi.json").read_bytes())
    assert fresh["paths"].keys() == committed["paths"].keys(), "run `make ui-types`"
    assert fresh == committed, "run `make ui-types`"


async def test_no_two_structs_share_a_name(running: Running) -> None:
    schemas = document(running.house.operations)["components"]["schemas"]
    assert [name for name in schemas if not name.isidentifier()] == []


# LunaProxy's routes


@dataclass(frozen=True)
class Row:
    """One route: what is sent, and what the answer must have. `{name}` in a path or a body is something that exists."""

    asks: str
    gives: Any = ()
    """Fields of the document; of each entry where it is a list (and there must be one)."""
    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


PROFILE = {"id": "table", "name": "Table", "mode": "http-proxy", "proxyUrl": "http://127.0.0.1:9"}
WORKER = {"id": "w-table", "baseUrl": "http://127.0.0.1:9", "providerId": "qwen-ai"}
TOKEN = {"providerId": "qwen-ai", "accountId": "second", "credentials": {"token": "{token}"}}
CHAT = {"model": "qwen3.6-plus", "messages": [{"role": "user", "content": "Hello!"}]}
MESSAGE = {**CHAT, "max_tokens": 64}
RUNTIME = ("config", "locks", "activeRuns")

TABLE = [
    # liveness and the model endpoints
    Row("GET /health", ["status"]),
    Row("GET /v1/models", ["object", "data"]),
    Row("POST /v1/chat/completions", ["id", "choices", "usage"], CHAT),
    Row("POST /v1/messages", ["id", "content", "stop_reason"], MESSAGE, headers={"anthropic-version": "2023-06-01"}),
    Row("POST /v1/messages/count_tokens", ["input_tokens"], CHAT, headers={"anthropic-version": "2023-06-01"}),
    # configuration, prompts, models
    Row("GET /api/config", ["settings", "proxy"]),
    Row("POST /api/config", ["settings"], {"settings": {"ui": {"language": "vi"}}}),
    Row("POST /api/config", ["error"], {"settings": {"session": {"historyLimit": "many"}}}, 422),
    Row("GET /api/prompts", ["id", "default", "current", "description"]),
    Row("POST /api/prompts", ["ok", "prompts"], {"id": "{prompt}", "value": "{text}"}),
    Row("POST /api/prompts", ["error"], {"value": "x"}, 400),
    Row("POST /api/prompts/reset", ["ok", "prompts"], {}),
    Row("GET /api/models", ["providerId", "source", "items", "updatedAt"]),
    Row("POST /api/models/refresh", ["ok", "providerId", "source", "count", "items", "updatedAt"], {}),
    Row("POST /api/models", ["error"], {}, 405),
    # credentials
    Row("GET /api/provider/status", ["ok", "status", "detail"]),
    Row("GET /api/provider/status?providerId=other", ["error"], status=400),
    Row("POST /api/provider/validate", ["ok", "valid"], {"providerId": "qwen-ai", "credentials": {"token": "{token}"}}),
    Row("POST /api/provider/token", ["success"], TOKEN),
    Row("POST /api/provider/token", ["error"], {"providerId": "qwen-ai"}, 400),
    Row("POST /api/provider/oauth/capture", ["error"], {"providerId": "other"}, 400),
    Row("POST /api/providers/qwen-ai/accounts/env/reset-circuit", ["ok", "providerId", "accountId"], {}),
    Row("GET /auth/start/qwen-ai", status=303),
    Row("GET /auth/callback/qwen-ai?token=planted", ["error"], status=404),
    # runs and what runs now
    Row("GET /api/runs?limit=5", ["id", "status", "createdAt", "providerId", "model", "stream"]),
    Row("GET /api/runs/{run}", ["id", "status", "sessionId", "accountId", "providerChatId", "activeTaskPreview"]),
    Row("GET /api/runs/none", ["error"], status=404),
    Row("POST /api/runs/{run}/cancel", ["ok", "status", "alreadyTerminal"], {}),
    Row("POST /api/runs/none/cancel", ["error"], {}, 404),
    Row("POST /api/runs/{run}/attach-session", ["ok"], {"sessionId": "{session}"}),
    Row("GET /api/runtime", [*RUNTIME, "leases", "workers"]),
    Row("GET /api/provider-runtime", RUNTIME),
    # sessions
    Row("GET /api/sessions", ["id", "source", "threadId", "turnCount", "messageCount", "createdAt", "active"]),
    Row("GET /api/sessions/diagnostics", ["sessionEnabled", "totalSessions", "stats", "dataFile"]),
    Row("GET /api/sessions/{session}", ["id", "messages", "activeRunDetails", "providerBindings", "overflowChain"]),
    Row("GET /api/sessions/none", ["error"], status=404),
    Row("POST /api/sessions/{session}/rename", ["ok"], {"title": "Table"}),
    Row("POST /api/sessions/none/rename", ["error"], {"title": "Table"}, 404),
    Row("POST /api/sessions/{session}/compact", ["ok", "summary"], {}),
    Row("POST /api/sessions/{session}/reset-provider", ["ok"], {"purpose": "main"}),
    Row("POST /api/sessions/reload", ["ok"], {}),
    Row("POST /api/sessions/{session}/clear", ["ok"], {}),
    Row("DELETE /api/sessions/{session}", ["ok"]),
    Row("DELETE /api/sessions/{session}", ["error"], status=404),
    Row("DELETE /api/sessions", ["ok"]),
    # the network
    Row("GET /api/network-profiles", ["id", "name", "mode", "enabled"]),
    Row("POST /api/network-profiles", ["id", "name", "mode"], PROFILE, 201),
    Row("PUT /api/network-profiles/table", ["id", "enabled"], {"enabled": False}),
    Row("POST /api/network-profiles/table/verify", ["profileId", "match"], {}),
    Row("DELETE /api/network-profiles/table", ["ok"]),
    Row("DELETE /api/network-profiles/direct", ["error"], status=409),
    Row("GET /api/egress/direct-ip", ["ip", "source"]),
    Row("POST /api/workers", ["id", "baseUrl", "providerId"], WORKER, 201),
    Row("GET /api/workers", ["id", "baseUrl", "status", "enabled"]),
    Row("PUT /api/workers/w-table", ["id"], {"enabled": False}),
    Row("POST /api/workers/w-table/verify-ip", ["workerId", "match"], {}),
    Row("POST /api/workers/verify-all", ["workerId", "match"], {}),
    Row("DELETE /api/workers/w-table", ["ok"]),
    # probes, cleanup, logs; and forgetting what was asked for above
    Row("POST /api/debug/qwen-roundtrip", ["ok", "chatId", "completionContent", "contentListPhases"], {}),
    Row("POST /api/debug/qwen-wire", ["ok", "chatId", "wire", "firstChunks"], {}),
    Row("POST /api/debug/qwen-file-flow", ["ok", "marker", "upload", "attachTests", "rawAttachTests"], {}),
    Row("GET /api/debug/qwen-wire", ["error"], status=405),
    Row("GET /api/chat-cleanup/status", ["running", "lastResult"]),
    Row("POST /api/chat-cleanup/run", ["ok", "deleted", "failed"], {}),
    Row("GET /api/logs?limit=5", ["level", "message", "timestamp"]),
    Row("GET /api/logs/stats", ["total", "errors", "chatRequests"]),
    Row("DELETE /api/logs", ["ok"]),
    Row("DELETE /api/runs/{run}", ["ok"]),
    Row("DELETE /api/runs/{run}", ["error"], status=404),
    Row("DELETE /api/runs", ["ok"]),
]


async def test_every_route_of_lunaproxy_answers_as_it_should(running: Running) -> None:
    await _ask(running, TABLE[2], {})
    login = running.lookalike.login("second")
    prompts = await _document(running, "/api/prompts")
    known = {
        "token": login.token,
        "run": (await _document(running, "/api/runs"))[0]["id"],
        "session": (await _document(running, "/api/sessions"))[0]["id"],
        "prompt": prompts[0]["id"],
        "text": prompts[0]["default"] + " ",
    }
    for row in TABLE:
        told = await _ask(running, row, known)
        for one in told if isinstance(told, list) else [told]:
            missing = [name for name in row.gives if name not in one]
            assert missing == [], f"{row.asks}: {one}"
        assert told or not row.gives, f"{row.asks}: nothing"


async def _ask(running: Running, row: Row, known: dict[str, str]) -> Any:
    method, _, path = _filled(row.asks, known).partition(" ")
    body = msgspec.json.encode(_filled(row.body, known)) if row.body is not None else b""
    answer = await running.request(method, path, body, KEY | row.headers)
    assert answer.status == row.status, f"{row.asks}: {answer.status} {answer.content[:500]!r}"
    return msgspec.json.decode(answer.content) if answer.content else {}


async def _document(running: Running, path: str) -> Any:
    answer = await running.request("GET", path, headers=KEY)
    assert answer.status == 200
    return msgspec.json.decode(answer.content)


def _filled(said: Any, known: dict[str, str]) -> Any:
    match said:
        case str():
            for name, value in known.items():
                said = said.replace(f"{{{name}}}", value)
            return said
        case dict():
            return {name: _filled(value, known) for name, value in said.items()}
        case _:
            return said


def test_the_table_has_every_route_of_the_documentation() -> None:
    """Those of LunaProxy's README."""
    rows = {row.asks.partition("?")[0] for row in TABLE}
    documented = """
        GET /health, GET /v1/models, POST /v1/chat/completions, POST /v1/messages, POST /v1/messages/count_tokens,
        GET /api/config, POST /api/config, GET /api/prompts, POST /api/prompts, POST /api/prompts/reset,
        GET /api/models, POST /api/models/refresh, POST /api/provider/token, POST /api/provider/validate,
        GET /api/provider/status, POST /api/provider/oauth/capture, GET /api/logs, DELETE /api/logs,
        GET /api/sessions, GET /api/sessions/{session}, DELETE /api/sessions/{session}, DELETE /api/sessions,
        POST /api/sessions/{session}/clear, POST /api/sessions/{session}/compact,
        POST /api/sessions/{session}/rename, POST /api/sessions/{session}/reset-provider,
        POST /api/sessions/reload, GET /api/runs, GET /api/runs/{run}, POST /api/runs/{run}/cancel,
        DELETE /api/runs/{run}, DELETE /api/runs, GET /api/runtime, GET /api/provider-runtime,
        GET /api/network-profiles, GET /api/workers, POST /api/debug/qwen-roundtrip, POST /api/debug/qwen-wire,
        POST /api/debug/qwen-file-flow
    """
    assert {" ".join(one.split()) for one in documented.split(",")} - rows == set()


# What is seen of them


@pytest.mark.parametrize(
    ("path", "field_name"),
    [
        ("/v1/chat/completions", "messages"),
        ("/v1/messages", "messages"),
        ("/v1/responses", "input"),
        ("/v1/completions", "prompt"),
    ],
)
async def test_requests_of_every_protocol_are_seen_alike(running: Running, path: str, field_name: str) -> None:
    words = f"Hello by {path}"
    asked = [{"role": "user", "content": words}] if field_name == "messages" else words
    limit = {} if field_name == "input" else {"max_tokens": 200}
    body = {"model": "qwen3.6-plus", field_name: asked, **limit}
    answer = await running.request("POST", path, msgspec.json.encode(body), KEY)
    assert answer.status == 200, answer.content
    flow = dict(answer.headers)[b"x-luna-flow"].decode()
    run = await _document(running, f"/api/runs/{flow}")
    assert (run["status"], run["activeTaskPreview"]) == ("completed", words)
    assert run["sessionId"] and run["accountId"] and run["providerChatId"] and run["outputTokens"]
    assert any(row["id"] == flow for row in await _document(running, "/api/flows"))
    lines = (await _document(running, f"/api/flows/{flow}"))["log"]
    assert any(path in line["message"] for line in lines)


async def test_a_run_says_by_which_address_it_left(running: Running) -> None:
    network = running.house.state.network
    await network.note_profile(network.profile("direct"), Verified(1.0, ip="198.51.100.7", at=1.0))
    answer = await running.request("POST", "/v1/chat/completions", msgspec.json.encode(CHAT), KEY)
    run = await _document(running, f"/api/runs/{dict(answer.headers)[b'x-luna-flow'].decode()}")
    assert run["outboundIp"] == "198.51.100.7"
    assert "workerId" not in run


async def test_no_answer_tells_where_luna_keeps_its_files(running: Running) -> None:
    described = document(running.house.operations)["paths"]
    paths = [path for path, methods in described.items() if "get" in methods and "{" not in path]
    home = [str(running.house.settings.data_dir), str(ROOT), str(Path.home())]
    for path in paths:
        if path == "/api/events":
            continue
        told = (await running.request("GET", path, headers=KEY)).content.decode()
        assert [place for place in home if place in told] == [], path
