"""What strangers, mistakes and hostile clients get: the right status, in the right shape, and no secret."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from tests.faults.test_reload import own_configuration
from tests.support.house import ADMIN_KEY, Running, running_luna

CHAT = "/v1/chat/completions"
GOOD = b'{"model": "qwen3.7-plus", "messages": [{"role": "user", "content": "[[say:ok]]"}]}'
ADMIN = {"authorization": f"Bearer {ADMIN_KEY}"}


@pytest.fixture
async def luna(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_luna(tmp_path, environ={"LUNA_MAX_BODY": "64KiB"}) as running:
        yield running


def error_of(content: bytes) -> dict[str, Any]:
    error: dict[str, Any] = msgspec.json.decode(content)["error"]
    assert error["message"]
    return error


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{", None),
        (b"\xff\xfe", None),
        (b"[]", None),
        (b"null", None),
        (b'"text"', None),
        (b"[" * 20000, None),
        (b'{"model": 1, "messages": []}', "model"),
        (b'{"model": "m", "messages": {}}', "messages"),
        (b'{"model": "m", "messages": [null]}', "messages[0]"),
        (b'{"model": "m", "messages": [{"role": "king", "content": "x"}]}', "messages[0].role"),
        (b'{"messages": [{"role": "user", "content": "x"}]}', "model"),
        (b'{"model": "m", "messages": [{"role": "user", "content": "x"}], "stop": 4}', "stop"),
        (b'{"model": "m", "messages": [{"role": "user", "content": "\xff"}]}', None),
    ],
)
async def test_a_malformed_body_is_a_400_that_names_the_field(luna: Running, body: bytes, param: str | None) -> None:
    answer = await luna.request("POST", CHAT, body)
    assert answer.status == 400
    error = error_of(answer.content)
    assert error["type"] == "invalid_request_error"
    assert param is None or error["param"] == param


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", CHAT, 405),
        ("DELETE", CHAT, 405),
        ("POST", "/v1/models", 405),
        ("GET", "/v1/nothing", 404),
        ("POST", "/v1", 404),
        ("GET", "/v1/../api/pipeline", 404),
        ("GET", "/v1/models/no-such", 404),
    ],
)
async def test_unknown_paths_and_methods_have_the_protocols_shape(
    luna: Running, method: str, path: str, status: int
) -> None:
    answer = await luna.request(method, path, GOOD if method == "POST" else b"")
    assert answer.status == status
    assert error_of(answer.content)["type"]
    if status == 405:
        assert dict(answer.headers)[b"allow"]


async def test_a_body_that_is_too_large_is_a_clean_413_and_the_connection_lives(luna: Running) -> None:
    answer = await luna.request("POST", CHAT, b'{"x": "' + b"a" * 200_000 + b'"}')
    assert answer.status == 413
    assert error_of(answer.content)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"content-type": "text/plain"}, 415),
    ],
)
async def test_the_guard_answers_in_the_protocols_shape(luna: Running, headers: dict[str, str], status: int) -> None:
    answer = await luna.request("POST", CHAT, GOOD, headers)
    assert answer.status == status
    assert error_of(answer.content)["type"]
    assert b"access-control-allow-origin" not in {name.lower() for name, _ in answer.headers}


API = [("GET", "/api/pipeline"), ("GET", "/api/provider/status"), ("POST", "/api/provider/token")]
API += [("POST", "/api/provider/validate"), ("GET", "/api/nothing"), ("DELETE", "/api/pipeline")]


@pytest.mark.parametrize(("method", "path"), API)
@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic abc", "Bearer", ADMIN_KEY])
async def test_every_api_route_is_closed_to_strangers(
    luna: Running, method: str, path: str, authorization: str | None
) -> None:
    headers = {"authorization": authorization} if authorization else {}
    answer = await luna.request(method, path, b"{}" if method == "POST" else b"", headers)
    assert answer.status == 401
    assert error_of(answer.content)["kind"] == "unauthorized"


async def test_a_browser_logs_in_by_the_printed_url(luna: Running) -> None:
    answer = await luna.request("GET", f"/login?key={ADMIN_KEY}")
    cookie = dict(answer.headers)[b"set-cookie"].decode()
    assert answer.status == 303
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert ADMIN_KEY not in cookie
    session = {"cookie": cookie.partition(";")[0]}
    assert (await luna.request("GET", "/api/pipeline", headers=session)).status == 200
    assert (await luna.request("GET", "/api/pipeline", headers={"cookie": "luna_session=9999999999.0"})).status == 401
    assert (await luna.request("GET", "/login?key=wrong")).status == 401


async def test_credentials_go_in_and_never_come_out(luna: Running, tmp_path: Path) -> None:
    login = luna.lookalike.login("another")
    body = msgspec.json.encode(
        {
            "providerId": "qwen-ai",
            "accountId": "second",
            "credentials": {"token": login.token, "cookies": login.cookie_header},
        }
    )
    saved = await luna.request("POST", "/api/provider/token", body, ADMIN)
    assert (saved.status, msgspec.json.decode(saved.content)) == (200, {"success": True, "accountId": "second"})
    status = await luna.request("GET", "/api/provider/status?providerId=qwen-ai", headers=ADMIN)
    assert msgspec.json.decode(status.content)["status"] == "alive"
    pipeline = await luna.request("GET", "/api/pipeline", headers=ADMIN)
    for answer in (saved, status, pipeline):
        assert login.token.encode() not in answer.content
        assert login.cookie_header.encode() not in answer.content
    file = tmp_path / "credentials.json"
    assert file.stat().st_mode & 0o777 == 0o600
    chat = msgspec.json.encode({**msgspec.json.decode(GOOD), "account": "second"})
    answer = await luna.request("POST", CHAT, chat)
    assert dict(answer.headers)[b"x-luna-account-id"] == b"second"


async def test_validation_says_what_qwen_says(luna: Running) -> None:
    login = luna.lookalike.login("third")
    for token, valid in ((login.token, True), ("not-a-token", False)):
        body = msgspec.json.encode({"providerId": "qwen-ai", "credentials": {"token": token}})
        answer = await luna.request("POST", "/api/provider/validate", body, ADMIN)
        assert msgspec.json.decode(answer.content)["valid"] is valid
        assert token.encode() not in answer.content


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b'{"providerId": "other", "credentials": {"token": "x"}}',
        b'{"providerId": "qwen-ai"}',
        b'{"providerId": "qwen-ai", "credentials": {"token": "  "}}',
        b'{"providerId": "qwen-ai", "credentials": "x"}',
    ],
)
async def test_a_bad_credential_body_is_a_400(luna: Running, body: bytes) -> None:
    answer = await luna.request("POST", "/api/provider/token", body, ADMIN)
    assert answer.status == 400
    assert error_of(answer.content)["kind"] == "bad-request"


async def test_health_is_open_and_tells_nothing(luna: Running) -> None:
    answer = await luna.request("GET", "/health")
    assert (answer.status, msgspec.json.decode(answer.content)) == (200, {"status": "ok"})
    ready = await luna.request("GET", "/health/ready")
    assert (ready.status, msgspec.json.decode(ready.content)["status"]) == (200, "ready")


async def test_the_front_page_has_no_script_of_its_own_and_a_strict_policy(luna: Running) -> None:
    answer = await luna.request("GET", "/")
    headers = dict(answer.headers)
    assert answer.status == 200
    assert headers[b"content-security-policy"].startswith(b"default-src 'none'")
    assert b"unsafe" not in headers[b"content-security-policy"]
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert re.findall(rb"<script[^>]*>(.*?)</script>", answer.content, re.DOTALL) in ([], [b""])


async def test_a_pipelining_client_gets_its_answers_in_order(luna: Running) -> None:
    request = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\nGET /v1/nothing HTTP/1.1\r\nhost: localhost\r\n\r\n"
    got = b""
    async with await anyio.connect_tcp("127.0.0.1", luna.port) as connection:
        await connection.send(request)
        with anyio.fail_after(5):
            while b"No route takes" not in got:
                got += await connection.receive()
    assert got.index(b'{"status":"ok"}') < got.index(b"No route takes")


async def test_beyond_loopback_a_pipeline_that_asks_for_no_key_is_not_served(tmp_path: Path) -> None:
    """Fails closed, also when a reload takes the stage away."""
    routes = own_configuration(tmp_path)
    chat = routes.parent / "pipelines" / "chat.yaml"
    chat.write_text(chat.read_text().replace("  - use: auth\n", ""))
    environ = {"LUNA_ROUTES": str(routes), "LUNA_HOST": "0.0.0.0", "LUNA_PROXY_KEY": "key"}
    async with running_luna(tmp_path / "data", environ=environ) as luna:
        answer = await luna.request("POST", CHAT, GOOD, {"authorization": "Bearer key"})
        assert answer.status == 403
        assert "use: auth" in error_of(answer.content)["message"]
        models = await luna.request("GET", "/v1/models", headers={"authorization": "Bearer key"})
        assert models.status == 200
