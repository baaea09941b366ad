"""Signatures of the object store: published vectors, and a store that makes them by itself."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luna.demo import oss as store
from luna.demo.http import Request
from luna.demo.shelf import BUCKET, File, Shelf
from luna.model.ambient import Ids, ManualClock
from luna.qwen.oss import StoreKeys, authorization, encoded, signed_headers
from luna.upstream.exchange import Headers

NOW = 1_790_000_000.0
PUBLISHED: Headers = (
    ("x-oss-head1", "value"),
    ("abc", "value"),
    ("ZAbc", "value"),
    ("XYZ", "value"),
    ("content-type", "text/plain"),
    ("x-oss-content-sha256", "UNSIGNED-PAYLOAD"),
)
ASKED = (
    ("param1", "value1"),
    ("+param1", "value3"),
    ("|param1", "value4"),
    ("+param2", ""),
    ("|param2", ""),
    ("param2", ""),
)


@pytest.mark.parametrize(
    ("date", "more", "signature"),
    [
        ("20231216T162057Z", (), "e21d18daa82167720f9b1047ae7e7f1ce7cb77a31e8203a7d5f4624fa0284afe"),
        (
            "20231217T034736Z",
            (("x-oss-security-token", "token"),),
            "b94a3f999cf85bcdc00d332fbd3734ba03e48382c36fa4d5af5df817395bd9ea",
        ),
    ],
)
def test_the_vectors_that_the_stores_own_libraries_are_tested_with(date: str, more: Headers, signature: str) -> None:
    proof = authorization(
        "PUT",
        "bucket",
        "1234+-/123/1.txt",
        (*PUBLISHED, ("x-oss-date", date), *more),
        key_id="ak",
        secret="sk",
        region="cn-hangzhou",
        date=date,
        query=ASKED,
    )
    assert proof == (
        f"OSS4-HMAC-SHA256 Credential=ak/{date[:8]}/cn-hangzhou/oss/aliyun_v4_request,Signature={signature}"
    )


def permit(name: str, size: int) -> tuple[Shelf, File]:
    shelf = Shelf(ManualClock(NOW), Ids(b"store"))
    return shelf, shelf.permit("user-1", name, size, "file")


def signed(file: File, body: bytes, *, now: float = NOW, secret: str = "", headers: Headers = ()) -> Request:
    """The request as the store sees it."""
    keys = StoreKeys(file.access_key, secret or file.secret, file.token)
    own: Headers = (("Content-Type", "text/plain"), *headers)
    made = signed_headers("PUT", BUCKET, file.key, own, keys=keys, region="oss-ap-southeast-1", now=now)
    return Request("PUT", f"/{BUCKET}/{file.key}", {}, tuple((name.lower(), value) for name, value in made), body)


def denial(request: Request, file: File, shelf: Shelf, now: float = NOW) -> str:
    with pytest.raises(store.Denied) as denied:
        store.judge(request, file.key, shelf, now)
    return denied.value.code


names = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30)
values = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)


@settings(max_examples=60)
@given(names, st.binary(max_size=64), st.dictionaries(st.from_regex(r"x-oss-meta-[a-z]{1,8}", fullmatch=True), values))
def test_the_store_believes_every_name_content_and_header(name: str, body: bytes, more: dict[str, str]) -> None:
    shelf, file = permit(name, len(body))
    request = signed(file, body, headers=tuple(more.items()))
    assert store.judge(request, file.key, shelf, NOW) is file


@settings(max_examples=40)
@given(names, values, st.data())
def test_what_is_changed_after_signing_is_not_believed(name: str, other: str, data: st.DataObject) -> None:
    shelf, file = permit(name, 1)
    request = signed(file, b"x")
    changeable = [key for key, _ in request.headers if key in ("content-type", "x-oss-security-token")]
    chosen = data.draw(st.sampled_from(changeable))
    headers = tuple((key, f"{value}{other}" if key == chosen else value) for key, value in request.headers)
    assert denial(replace(request, headers=headers), file, shelf) in ("SignatureDoesNotMatch", "InvalidSecurityToken")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"secret": "another"}, "SignatureDoesNotMatch"),
        ({"now": NOW - 901}, "RequestTimeTooSkewed"),
        ({"now": NOW + 901}, "RequestTimeTooSkewed"),
    ],
)
def test_another_secret_or_a_wrong_clock(change: dict[str, object], code: str) -> None:
    shelf, file = permit("a.txt", 1)
    assert denial(signed(file, b"x", **change), file, shelf) == code  # type: ignore[arg-type]


@pytest.mark.parametrize("off", [-899, 0, 899])
def test_a_clock_that_is_a_little_wrong(off: float) -> None:
    shelf, file = permit("a.txt", 1)
    assert store.judge(signed(file, b"x", now=NOW + off), file.key, shelf, NOW) is file


@pytest.mark.parametrize(
    ("missing", "code"),
    [
        ("authorization", "AccessDenied"),
        ("x-oss-date", "AccessDenied"),
        ("x-oss-security-token", "InvalidSecurityToken"),
        ("x-oss-content-sha256", "InvalidArgument"),
        ("content-type", "InvalidArgument"),
    ],
)
def test_a_header_that_is_missing(missing: str, code: str) -> None:
    shelf, file = permit("a.txt", 1)
    request = signed(file, b"x")
    headers = tuple((name, value) for name, value in request.headers if name != missing)
    assert denial(replace(request, headers=headers), file, shelf) == code


def test_another_size_another_object_an_old_permit_and_a_stranger() -> None:
    shelf, file = permit("a.txt", 1)
    assert denial(signed(file, b"xy"), file, shelf) == "InvalidArgument"
    other = replace(file, key="user-2/theirs")
    assert denial(signed(other, b"x"), other, shelf) == "AccessDenied"
    late = NOW + 3601
    assert denial(signed(file, b"x", now=late), file, shelf, late) == "SecurityTokenExpired"
    assert denial(signed(replace(file, access_key="STS.unknown"), b"x"), file, shelf) == "InvalidAccessKeyId"


def test_the_same_request_has_the_same_signature_and_headers_keep_their_order() -> None:
    keys = StoreKeys("ak", "sk", "token")
    given_headers: Headers = (("Content-Type", "a/b"), ("X-Other", "1"))
    once, again = (
        signed_headers("PUT", "b", "k", given_headers, keys=keys, region=region, now=NOW)
        for region in ("oss-ap-southeast-1", "ap-southeast-1")
    )
    assert once == again
    assert once[:2] == given_headers
    assert [name for name, _ in once[2:]] == [
        "x-oss-content-sha256", "x-oss-date", "x-oss-security-token", "Authorization",
    ]  # fmt: skip


def test_secrets_do_not_show() -> None:
    assert "sk" not in repr(StoreKeys("ak", "sk-secret", "tok-secret"))
    assert "secret" not in repr(StoreKeys("ak", "sk-secret", "tok-secret")).replace("secret=", "")


def test_names_in_addresses() -> None:
    assert encoded("u/a b+ü~(1).png") == "u/a%20b%2B%C3%BC~%281%29.png"
