"""Secrets go in and come out nowhere: every kind of request with secrets that can be told, then a look into every sink.

The sinks are the answers of the admin API with the faces and the bundle of every flow, the figures, what the commands
`export` and `doctor` print and write, the log of the process, the recordings, the database and every other file of the
data directory, but the files that are there to keep the secrets, and which nobody else may read. What the pages show
is tests/browser/test_hostile.py's.

A secret is what luna holds, and what its surroundings tell: headers, cookies, fields and parameters by their names. A
name of a file is content: a secret that luna holds is taken out of it everywhere but where the conversation itself is
kept, word for word, because it must go on: in the database, and in what is exported of it.
"""

import base64
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpcore
import msgspec

from tests.fuzz.api import KEY, Fuzzed, fuzzed
from tests.support.command import luna
from tests.support.samples import PNG, data_url

PASSWORD, WORKER_KEY, OTHER_TOKEN = "canary-of-a-proxy", "canary-of-a-worker-key", "canary-of-another-account"
WRONG_KEY = "canary-of-a-wrong-key"
KEEPERS = ("credentials.json", "network.json", "admin.key")
"""The files that keep secrets, and their generations before; `keys.json` holds digests and is looked into."""
HEADERS = ("cookie", "x-api-key", "x-auth-token", "x-client-secret", "proxy-authorization", "bx-ua", "x-goog-api-key")
FIELDS = ("api_key", "access_token", "refresh_token", "password", "cookie", "client_secret", "authorization", "secret")
PARAMETERS = ("key", "token", "access_token", "api_key", "password", "signature")
FAULTS = ("waf-json", "waf-html", "internal", "content-filter", "rate-limit")
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


def speak(running: Fuzzed, key: str, name: str) -> list[str]:
    """On every protocol, whole and streamed, answered and refused, with files, a secret of its own in each place that
    tells of one; returns them. `key` is a client's, `name` a file's."""
    planted: list[str] = []

    def canary(where: str) -> str:
        planted.append(f"canary-{len(planted)}-in-{where}-4fQ9zR2m")
        return planted[-1]

    def ask(path: str, body: dict[str, Any]) -> int:
        query = "&".join(f"{name}={canary(name)}" for name in PARAMETERS)
        headers = [(name, f"a={canary(name)}" if name == "cookie" else canary(name)) for name in HEADERS]
        headers += [("content-type", "application/json"), ("authorization", f"Bearer {key}")]
        content = msgspec.json.encode({"model": MODEL, **body, "metadata": {name: canary(name) for name in FIELDS}})
        return httpcore.request("POST", f"{running.url}{path}?{query}", headers=headers, content=content).status

    for path, body in MODELS_ROUTES:
        assert [ask(path, body | more) for more in ({}, {"stream": True}, {"model": "none"})] == [200, 200, 404]
    named = {"filename": f"{name}.txt", "file_data": data_url(b"some notes", "text/plain")}
    picture = {"type": "image_url", "image_url": {"url": data_url(PNG, "image/png")}}
    said = [{"type": "text", "text": "Hello!"}, picture, {"type": "file", "file": named}]
    assert ask("/v1/chat/completions", {"messages": [{"role": "user", "content": said}]}) == 200
    for fault in FAULTS:
        for path in ("/v1/chat/completions", "/v1/messages"):
            body = {"messages": [{"role": "user", "content": f"[[fault:{fault}]]"}], "max_tokens": 50}
            assert ask(path, body) >= 400, fault
    return planted


def commands(running: Fuzzed, folder: Path) -> Iterator[tuple[str, bytes]]:
    """What `luna export` writes and `luna doctor` says, while luna runs."""
    environ = {"LUNA_ADMIN_KEY": KEY, "QWEN_AI_TOKEN": running.secrets[1], "QWEN_AI_COOKIES": running.secrets[2]}
    for name, more in (("export", [str(folder)]), ("doctor", []), ("doctor --json", ["--json"])):
        done = luna(name.split()[0], *more, data_dir=running.data, environ=environ)
        yield f"luna {name}", (done.stdout + done.stderr).encode()
    for path in folder.rglob("*"):
        if path.is_file():
            yield f"export/{path.name}", path.read_bytes()


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
    paths += [f"/api/flows/{flow}/face/client-{side}" for flow in flows for side in ("request", "response")]
    paths += [f"/api/sessions/{row['id']}" for row in running.get("/api/sessions")]
    found = {path: running.request("GET", path).content for path in [*paths, "/metrics", "/health/ready", "/"]}
    for flow in flows[:12]:
        packed = running.request("GET", f"/api/flows/{flow}/bundle")
        assert packed.status in (200, 403, 404, 409), packed.content
        found[f"bundle of {flow}"] = packed.content
        if packed.status == 200:
            with zipfile.ZipFile(io.BytesIO(packed.content)) as bundle:
                found |= {f"bundle of {flow}: {name}": bundle.read(name) for name in bundle.namelist()}
    return found


def test_no_secret_gets_into_any_sink(tmp_path: Path) -> None:
    with fuzzed(tmp_path) as running:
        more = act(running)
        planted = speak(running, more[0], OTHER_TOKEN)
        secrets = [*running.secrets, *planted, *more]
        assert len(planted) > 500
        sinks = shown(running) | dict(commands(running, tmp_path / "exported"))
        assert len(sinks) > 200 and "export/config.json" in sinks
        assert any(name.startswith("bundle of") and ": " in name for name in sinks)
        running.process.terminate()
        running.process.wait(30)
        sinks["the log"] = running.log.read_bytes()
        kept = [path for path in running.data.rglob("*") if path.is_file()]
        sinks |= {str(path.relative_to(running.data)): path.read_bytes() for path in kept if not _keeps(path)}
    assert any(name.startswith("recordings/") for name in sinks) and "luna.db" in sinks
    assert any(_keeps(path) for path in kept)
    assert [path for path in kept if path.stat().st_mode & 0o077] == [], "they are nobody else's"
    found = [(secret, name) for name, data in sinks.items() for secret in secrets if _holds(data, secret)]
    assert [(secret, name) for secret, name in found if not (secret == OTHER_TOKEN and _is_conversation(name))] == []


def _is_conversation(name: str) -> bool:
    return name.startswith(("luna.db", "export/sessions.json"))


def _keeps(path: Path) -> bool:
    return path.name.startswith(KEEPERS)


def _holds(data: bytes, secret: str) -> bool:
    return secret.encode() in data or base64.b64encode(secret.encode()).rstrip(b"=") in data
