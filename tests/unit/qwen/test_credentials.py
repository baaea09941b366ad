"""Credentials as people hand them over."""

import pytest

from luna.model.errors import Kind, LunaError
from luna.qwen.credentials import Credentials
from luna.qwen.endpoints import USER_AGENT


@pytest.mark.parametrize("key", ["token", "accessToken", "access_token", "apiKey"])
@pytest.mark.parametrize("pasted", ["abc.def", "  abc.def\n", '"abc.def"', "Bearer abc.def", "'bearer abc.def'"])
def test_a_token(key: str, pasted: str) -> None:
    assert Credentials.read({key: pasted}).token == "abc.def"


def test_cookies_and_the_rest() -> None:
    fields = {"cookie": "token=t; cna=1", "refreshToken": "r", "userAgent": "Mine/1", "BX-UA": "x", "ticket": "no"}
    read = Credentials.read(fields)
    assert [(cookie.name, cookie.value) for cookie in read.cookies] == [
        ("token", "t"),
        ("cna", "1"),
        ("refresh_token", "r"),
    ]
    assert read.browser.user_agent == "Mine/1"
    assert read.browser.page_headers == {"bx-ua": "x"}
    assert set(read.secrets()) == {"t", "1", "r", "x"}


def test_the_first_that_is_not_empty_counts() -> None:
    assert Credentials.read({"token": " ", "apiKey": "k"}).token == "k"


def test_nothing_is_no_credentials() -> None:
    assert not Credentials.read({})
    assert not Credentials.read({"token": ""})
    assert Credentials.read({"cookies": "a=1"})
    assert Credentials().browser.user_agent == USER_AGENT


def test_what_is_given_replaces_and_what_is_empty_clears() -> None:
    base = Credentials.read({"token": "t", "cookies": "a=1", "userAgent": "U"})
    assert Credentials.read({}, base) == base
    assert Credentials.read({"token": "t2"}, base).cookies == base.cookies
    assert Credentials.read({"token": ""}, base).token == ""
    assert Credentials.read({"cookies": ""}, base).cookies == ()
    assert Credentials.read({"refresh_token": "r"}, base).secrets() == ["t", "1", "r"]
    assert Credentials.read({"refresh_token": ""}, Credentials.read({"refresh_token": "r"})).cookies == ()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("token", "a b"),
        ("token", "a\nb"),
        ("token", "t\u00f6ken"),
        ("userAgent", "x\r\ny"),
        ("cookies", "nonsense"),
        ("bx-ua", "\x00"),
    ],
)
def test_what_cannot_be_sent_is_refused_without_showing_it(field: str, value: str) -> None:
    with pytest.raises(LunaError) as caught:
        Credentials.read({field: value})
    assert caught.value.kind is Kind.BAD_REQUEST
    assert caught.value.param == f"credentials.{field}"
    assert value not in caught.value.told


def test_no_secret_in_a_repr() -> None:
    read = Credentials.read({"token": "SECRET", "cookies": "a=SECRET"})
    assert repr(read) == "<Credentials token=yes cookies=1>"
    assert "SECRET" not in f"{read} {read.browser!r}"
    assert len(read.fingerprint) == 8
    assert read.fingerprint != Credentials.read({"token": "OTHER"}).fingerprint
