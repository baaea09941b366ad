"""Who may speak to luna at all."""

import pytest

from luna.model.errors import Kind, LunaError
from luna.server.guard import REMEMBERED, Guard

HOST = ("host", "127.0.0.1:8080")
JSON = ("content-type", "application/json")
GUARD = Guard(["luna.lan"])


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8080", "127.0.0.1", "localhost:8080", "LOCALHOST", "[::1]:8080", "[::1]", "127.8.9.1:1", "luna.lan:80"],
)
def test_loopback_and_configured_names_are_answered(host: str) -> None:
    GUARD.check("GET", "/health", (("host", host),))


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "10.0.0.1:8080", "", "[::2]", "localhost.evil:80"],
)
def test_a_foreign_host_name_is_refused(host: str) -> None:
    with pytest.raises(LunaError) as caught:
        GUARD.check("GET", "/health", (("host", host),))
    assert caught.value.kind is Kind.FORBIDDEN


@pytest.mark.parametrize("hosts", [(), (HOST, HOST)])
def test_exactly_one_host_header_is_needed(hosts: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(LunaError) as caught:
        GUARD.check("GET", "/health", hosts)
    assert caught.value.kind is Kind.BAD_REQUEST


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/provider/token"), ("DELETE", "/api/x"), ("POST", "/v1/chat/completions"), ("GET", "/v1/models")],
)
@pytest.mark.parametrize(
    "header",
    [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://localhost:3000"),
        ("origin", "http://127.0.0.1:8081"),
        ("origin", "file://127.0.0.1:8080"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ],
)
def test_other_web_pages_may_neither_change_nor_chat(method: str, path: str, header: tuple[str, str]) -> None:
    with pytest.raises(LunaError) as caught:
        GUARD.check(method, path, (HOST, JSON, header))
    assert caught.value.kind is Kind.FORBIDDEN


@pytest.mark.parametrize("header", [("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "same-origin")])
def test_lunas_own_pages_may(header: tuple[str, str]) -> None:
    GUARD.check("POST", "/api/provider/token", (HOST, JSON, header))


def test_reading_a_page_from_a_link_elsewhere_is_fine() -> None:
    GUARD.check("GET", "/", (HOST, ("sec-fetch-site", "cross-site")))


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "application/vnd.x+json"])
def test_json_is_read(kind: str) -> None:
    GUARD.check("POST", "/v1/chat/completions", (HOST, ("content-type", kind)))


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "json"])
def test_anything_else_is_refused(kind: str) -> None:
    headers = (HOST, ("content-type", kind)) if kind else (HOST,)
    with pytest.raises(LunaError) as caught:
        GUARD.check("POST", "/v1/chat/completions", headers)
    assert caught.value.kind is Kind.UNSUPPORTED_MEDIA_TYPE


def test_a_delete_without_a_body_needs_no_content_type() -> None:
    GUARD.check("DELETE", "/api/x", (HOST,))
    with pytest.raises(LunaError):
        GUARD.check("DELETE", "/api/x", (HOST, ("content-length", "3")))


@pytest.mark.parametrize("value", ["websocket", "WebSocket", "websocket, h2c"])
def test_no_model_endpoint_speaks_websocket(value: str) -> None:
    with pytest.raises(LunaError) as caught:
        GUARD.check("GET", "/v1/responses", (HOST, ("connection", "upgrade"), ("upgrade", value)))
    assert caught.value.kind is Kind.UPGRADE_REQUIRED


def test_other_upgrades_and_other_paths_are_passed_over() -> None:
    GUARD.check("GET", "/v1/responses", (HOST, ("connection", "upgrade"), ("upgrade", "h2c")))
    GUARD.check("GET", "/health", (HOST, ("connection", "upgrade"), ("upgrade", "websocket")))


def test_who_has_passed_opens_the_door_for_nobody_else() -> None:
    guard = Guard()
    for _ in range(2):
        guard.check("POST", "/v1/chat/completions", (HOST, JSON))
        guard.check("DELETE", "/api/x", (HOST, ("content-length", "0")))
        guard.check("GET", "/api/x", (HOST, ("origin", "https://evil.example")))
    for method, path, headers, kind in (
        ("POST", "/v1/chat/completions", (HOST, JSON, ("origin", "https://evil.example")), Kind.FORBIDDEN),
        ("POST", "/v1/chat/completions", (("host", "evil.example"), JSON), Kind.FORBIDDEN),
        ("POST", "/v1/chat/completions", (HOST,), Kind.UNSUPPORTED_MEDIA_TYPE),
        ("POST", "/api/x", (HOST, JSON, ("origin", "https://evil.example")), Kind.FORBIDDEN),
        ("GET", "/v1/models", (HOST, ("origin", "https://evil.example")), Kind.FORBIDDEN),
        ("DELETE", "/api/x", (HOST, ("content-length", "5")), Kind.UNSUPPORTED_MEDIA_TYPE),
    ):
        with pytest.raises(LunaError) as caught:
            guard.check(method, path, headers)
        assert caught.value.kind is kind


def test_no_more_is_remembered_than_is_of_use() -> None:
    guard = Guard()
    for number in range(3 * REMEMBERED):
        guard.check("GET", "/health", (("host", f"127.0.0.1:{number}"),))
        assert len(guard._passed) <= REMEMBERED
