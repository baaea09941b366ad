"""Secrets go in and come out nowhere: every kind of request with secrets that can be told, then a look into every sink.

The sinks are the answers of the admin API, the log of the process, the recordings, the database and every other file of
the data directory, but the files that are there to keep the secrets, and which nobody else may read.
"""

import base64
from pathlib import Path
from typing import Any

import httpcore
import msgspec

from tests.fuzz.api import Fuzzed, fuzzed

PASSWORD, WORKER_KEY, OTHER_TOKEN = "canary-of-a-proxy", "canary-of-a-worker-key", "canary-of-another-account"
WRONG_KEY = "canary-of-a-wrong-key"
KEEPERS = ("credentials.json", "network.json", "admin.key")
MODEL = "qwen3.7-plus"
TOOLS = [{"type": "function", "function": {"name": "Read", "parameters": {"type": "object", "properties": {}}}}]
MODELS_ROUTES: list[tuple[str, dict[str, Any]]] = [
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hello!"}]}),
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hello!"}], "stream": True}),
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hello!"}], "tools": TOOLS}),
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": "x" * 60_000}]}),
    ("/v1/messages", {"messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 50}),
    ("/v1/responses", {"input": "Hello!"}),
]


def act(running: Fuzzed) -> list[str]:
    """Everything that has to do with a secret; returns those that were not there before."""
    for path, body in MODELS_ROUTES:
        assert running.request("POST", path, {"model": MODEL, **body}).status == 200, path
    assert running.request("POST", "/v1/chat/completions", {"model": "none", "messages": []}).status >= 400
    for probe in ("qwen-roundtrip", "qwen-wire", "qwen-file-flow"):
        assert msgspec.json.decode(running.request("POST", f"/api/debug/{probe}", {}).content)["ok"], probe
    account = {"id": "other", "credentials": {"token": OTHER_TOKEN, "cookies": f"token={OTHER_TOKEN}"}}
    assert running.request("POST", "/api/accounts", account).status == 201
    running.request("POST", "/api/accounts/other/validate", {})
    running.request("POST", "/v1/chat/completions", {"model": MODEL, "account": "other", **MODELS_ROUTES[0][1]})
    running.request("POST", "/api/provider/validate", {"providerId": "qwen-ai", "credentials": {"token": OTHER_TOKEN}})
    profile = {"id": "p", "mode": "http-proxy", "proxyUrl": f"http://me:{PASSWORD}@127.0.0.1:9"}
    assert running.request("POST", "/api/network-profiles", profile).status == 201
    running.request("POST", "/api/network-profiles/p/verify", {})
    worker = {"id": "w", "baseUrl": "http://127.0.0.1:9", "key": WORKER_KEY}
    assert running.request("POST", "/api/workers", worker).status == 201
    running.request("POST", "/api/workers/verify-all", {})
    running.request("POST", "/api/login", {"key": WRONG_KEY})
    made: str = msgspec.json.decode(running.request("POST", "/api/keys", {"name": "laptop"}).content)["key"]
    headers = [("authorization", f"Bearer {made}"), ("content-type", "application/json")]
    said = msgspec.json.encode({"model": MODEL, **MODELS_ROUTES[0][1]})
    answer = httpcore.request("POST", f"{running.url}/v1/chat/completions", headers=headers, content=said)
    assert answer.status == 200, answer.content
    return [made, PASSWORD, WORKER_KEY, OTHER_TOKEN, WRONG_KEY]


def shown(running: Fuzzed) -> dict[str, bytes]:
    """Every document that the admin API has, with those of every flow and session."""
    described: dict[str, dict[str, Any]] = running.get("/api/openapi.json")["paths"]
    paths = [path for path, methods in described.items() if "get" in methods and "{" not in path]
    paths = [path for path in paths if path != "/api/events"]
    flows = [row["id"] for row in running.get("/api/flows")]
    paths += [f"/api/flows/{flow}" for flow in flows] + [f"/api/runs/{flow}" for flow in flows]
    for flow in flows:
        recording = running.get(f"/api/flows/{flow}").get("recording") or {"exchanges": []}
        for number in range(1, len(recording["exchanges"]) + 1):
            paths += [f"/api/flows/{flow}/face/up-{number}-{side}" for side in ("request", "response")]
    paths += [f"/api/sessions/{row['id']}" for row in running.get("/api/sessions")]
    return {path: running.request("GET", path).content for path in paths}


def test_no_secret_gets_into_any_sink(tmp_path: Path) -> None:
    with fuzzed(tmp_path) as running:
        secrets = [*running.secrets, *act(running)]
        sinks = shown(running)
        assert len(sinks) > 60
        running.process.terminate()
        running.process.wait(30)
        sinks["the log"] = running.log.read_bytes()
        kept = [path for path in running.data.rglob("*") if path.is_file()]
        sinks |= {str(path.relative_to(running.data)): path.read_bytes() for path in kept if not _keeps(path)}
    assert any(name.startswith("recordings/") for name in sinks) and "luna.db" in sinks
    assert any(_keeps(path) for path in kept)
    assert [path for path in kept if path.stat().st_mode & 0o077] == [], "they are nobody else's"
    found = [(secret, name) for name, data in sinks.items() for secret in secrets if _holds(data, secret)]
    assert found == []


def _keeps(path: Path) -> bool:
    return path.name.startswith(KEEPERS)


def _holds(data: bytes, secret: str) -> bool:
    return secret.encode() in data or base64.b64encode(secret.encode()).rstrip(b"=") in data
