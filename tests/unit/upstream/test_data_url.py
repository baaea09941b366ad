"""Data URLs: what is in them, exactly, or why it cannot be told."""

import base64
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luna.upstream.data_url import decode, size_at_least


@settings(max_examples=80)
@given(st.binary(max_size=200), st.booleans(), st.booleans())
def test_base64_with_and_without_padding_and_escapes(data: bytes, padded: bool, escaped: bool) -> None:
    payload = base64.b64encode(data).decode()
    payload = payload if padded else payload.rstrip("=")
    url = f"data:image/png;base64,{quote(payload, safe='') if escaped else payload}"
    assert decode(url) == (data, "image/png")
    if not escaped:
        assert size_at_least(url) <= len(data)


@settings(max_examples=80)
@given(st.binary(max_size=200))
def test_percent(data: bytes) -> None:
    url = f"data:text/plain,{quote(data, safe='')}"
    assert decode(url) == (data, "text/plain")
    assert size_at_least(url) <= max(1, len(data))


@given(st.binary(min_size=500, max_size=600))
def test_lines_of_76_letters(data: bytes) -> None:
    url = "data:image/png;base64," + base64.encodebytes(data).decode().replace("\n", "\r\n")
    assert decode(url).data == data
    assert size_at_least(url) <= len(data)


@pytest.mark.parametrize(
    ("url", "data", "media_type"),
    [
        ("data:,hi", b"hi", ""),
        ("DATA:,hi%21", b"hi!", ""),
        ("data:;base64,aGk=", b"hi", ""),
        ("data:text/plain;charset=utf-8,h%20i", b"h i", "text/plain"),
        ("data:Image/PNG; BASE64 ,aGk", b"hi", "image/png"),
        ("data:image/svg+xml;charset=utf-8;base64,aGk=", b"hi", "image/svg+xml"),
        ("data:,a,b", b"a,b", ""),
        ("data:base64,aGk=", b"aGk=", "base64"),
        ("data:,%C3%BC", "ü".encode(), ""),
        ("data:,ü", "ü".encode(), ""),
        ("data:;base64,", b"", ""),
    ],
)
def test_forms(url: str, data: bytes, media_type: str) -> None:
    assert decode(url) == (data, media_type)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("data:image/png;base64", "no comma"),
        ("http://a/b", "no data URL"),
        ("data:;base64,aGk", ""),
        ("data:;base64,aGk==", "padding"),
        ("data:;base64,a", "cut off"),
        ("data:;base64,a===", "cut off"),
        ("data:;base64,a-b_", "not base64"),
        ("data:;base64,aG=k", "not base64"),
        ("data:;base64,aGk=aGk=", "not base64"),
        ("data:;base64,äöü", "not base64"),
        ("data:;base64,aGk!", "not base64"),
        ("data:,100%", "percent"),
        ("data:,%zz", "percent"),
    ],
)
def test_what_is_not_right_is_said(url: str, why: str) -> None:
    if not why:
        assert decode(url).data == b"hi"
        return
    with pytest.raises(ValueError, match=why):
        decode(url)
