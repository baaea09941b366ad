"""What a token says of itself."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna.qwen.tokens import Claims, read_claims
from tests.support.tokens import jwt


def test_an_access_token() -> None:
    claims = read_claims(jwt(id="u1", type="access_token", iat=1000, exp=1900, last_password_change=1))
    assert claims == Claims("access_token", "u1", "", 1000.0, 1900.0)
    assert claims.lifetime == 900.0
    assert not claims.guest


def test_a_guest() -> None:
    claims = read_claims(jwt(id="u1", email="Somebody@Guest.com"))
    assert claims is not None
    assert claims.guest
    assert claims.lifetime is None


@pytest.mark.parametrize(
    "token", ["", "abc", "a.b", "a.b.c.d", "a.!!!.c", "a.e30.c.", "a.WzFd.c", "a.Ingi.c", "a.\u00e9.c"]
)
def test_garbage_says_nothing(token: str) -> None:
    assert read_claims(token) is None


@pytest.mark.parametrize("odd", [True, "1900", None, [], {}, -5, 10**400])
def test_odd_times_are_no_times(odd: object) -> None:
    token = f"a.{base64.urlsafe_b64encode(repr(odd).encode()).decode()}.c" if odd == 10**400 else jwt(exp=odd)
    claims = read_claims(token)
    assert claims is None or claims.expires is None


@given(st.text())
def test_nothing_raises(token: str) -> None:
    read_claims(token)


@given(st.binary())
def test_no_payload_raises(payload: bytes) -> None:
    read_claims(f"a.{base64.urlsafe_b64encode(payload).decode()}.c")
