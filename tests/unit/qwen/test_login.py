"""What counts as a login, and whose page may say so. The window itself is in tests/browser."""

import pytest

from luna.qwen.login import origin_of, plausible_token, stored_token
from tests.support.tokens import access_token, jwt

OPAQUE = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://chat.qwen.ai/auth?action=signin", "https://chat.qwen.ai"),
        ("https://CHAT.qwen.ai:443/", "https://chat.qwen.ai"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://127.0.0.1:8123/c/1", "http://127.0.0.1:8123"),
        ("http://[::1]:8123/", "http://[::1]:8123"),
        ("https://user:secret@chat.qwen.ai/", "https://chat.qwen.ai"),
    ],
)
def test_origins_are_written_as_browsers_do(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    "url",
    [
        "http://chat.qwen.ai/",
        "https://chat.qwen.ai:8443/",
        "https://chat.qwen.ai.evil.example/",
        "https://evil.example/https://chat.qwen.ai/",
        "https://chat.qwen.ai@evil.example/",
        "https://qwen.ai/",
        "about:blank",
        "https://[broken/",
        "",
    ],
)
def test_nothing_else_is_the_same_origin(url: str) -> None:
    assert origin_of(url) != origin_of("https://chat.qwen.ai")


@pytest.mark.parametrize(
    ("stored", "token"),
    [
        ("abc", "abc"),
        ('"abc"', "abc"),
        (" abc\n", "abc"),
        ('{"value": "abc", "expires": 1}', "abc"),
        ('{"token": "abc"}', "abc"),
        ('{"value": {"a": 1}}', ""),
        ('{"value"', ""),
        ('{"a": "\ud800"}', ""),
        (None, ""),
        (17, ""),
    ],
)
def test_a_stored_token_is_bare_or_in_a_document(stored: object, token: str) -> None:
    assert stored_token(stored) == token


def test_a_token_of_somebody_who_is_logged_in_is_plausible() -> None:
    for token in (access_token(0.0), jwt(email="person@example.com"), OPAQUE):
        assert plausible_token([token]) == token


@pytest.mark.parametrize(
    "token",
    [
        "",
        "short",
        "undefined",
        jwt(email="x@guest.com"),
        f"{OPAQUE} {OPAQUE}",
        f"{OPAQUE}\r\nx: y",
        f"{OPAQUE}\u00e9",
    ],
)
def test_a_guests_and_what_no_header_can_hold_is_not(token: str) -> None:
    assert plausible_token([token]) == ""


def test_the_first_plausible_one_counts() -> None:
    assert plausible_token(["", "short", OPAQUE, access_token(0.0)]) == OPAQUE
