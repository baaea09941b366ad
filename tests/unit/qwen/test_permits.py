"""What Qwen says about uploads is checked before anything is sent anywhere."""

from typing import Any

import pytest

from luna.model.errors import Kind, LunaError
from luna.qwen.endpoints import Site
from luna.qwen.permits import parse_item, read_permit

REAL = Site()
LOOPBACK = Site("http://127.0.0.1:8090", "http://127.0.0.1:8090")
SECRETS = ("the-secret", "the-security-token")


def reply(**changes: Any) -> dict[str, Any]:
    return {
        "access_key_id": "STS.abc",
        "access_key_secret": SECRETS[0],
        "security_token": SECRETS[1],
        "file_url": "https://qwen-webui-prod.oss-accelerate.aliyuncs.com/u1/f1_a.png?Expires=1&Signature=s",
        "file_path": "u1/f1_a b.png",
        "file_id": "f1",
        "bucketname": "qwen-webui-prod",
        "region": "oss-ap-southeast-1",
        "endpoint": "oss-accelerate.aliyuncs.com",
    } | changes


def test_a_permit() -> None:
    permit = read_permit(reply(), REAL)
    assert permit.put_url == "https://qwen-webui-prod.oss-accelerate.aliyuncs.com/u1/f1_a%20b.png"
    assert (permit.file_id, permit.user, permit.key, permit.region) == (
        "f1", "u1", "u1/f1_a b.png", "oss-ap-southeast-1",
    )  # fmt: skip
    assert permit.keys.secret == SECRETS[0]
    assert not any(secret in repr(permit) for secret in (*SECRETS, "Signature=s"))


def test_older_spellings_and_what_may_be_missing() -> None:
    older = reply(id="f9", url="https://a.example/x", endpoint="https://oss-ap-southeast-1.aliyuncs.com/")
    for name in ("file_id", "file_url", "region"):
        del older[name]
    permit = read_permit(older, REAL)
    assert (permit.file_id, permit.file_url) == ("f9", "https://a.example/x")
    assert permit.region == "oss-ap-southeast-1"
    assert permit.put_url.startswith("https://qwen-webui-prod.oss-ap-southeast-1.aliyuncs.com/u1/")


@pytest.mark.parametrize("endpoint", ["files.qwen.ai", "https://chat.qwen.ai", "upload.chat.qwen.ai"])
def test_the_sites_own_hosts_are_trusted(endpoint: str) -> None:
    assert ".qwen.ai/u1/" in read_permit(reply(endpoint=endpoint), REAL).put_url


@pytest.mark.parametrize(
    "endpoint",
    [
        "evil.example",
        "aliyuncs.com",
        "oss-x.aliyuncs.com.evil.example",
        "evilaliyuncs.com",
        "thing.fc.aliyuncs.com",
        "x.oss-ap-southeast-1.aliyuncs.com",
        "notqwen.ai",
        "http://oss-ap-southeast-1.aliyuncs.com",
        "oss-ap-southeast-1.aliyuncs.com:8443",
        "127.0.0.1:9000",
        "http://127.0.0.1:9000",
        "http://localhost:9000",
        "[::1]:9000",
        "10.0.0.1",
        "169.254.169.254",
    ],
)
def test_keys_go_to_no_other_store(endpoint: str) -> None:
    with pytest.raises(LunaError, match="does not trust") as refused:
        read_permit(reply(endpoint=endpoint), REAL)
    assert refused.value.kind is Kind.UPSTREAM_BROKEN
    assert not any(secret in f"{refused.value!r} {refused.value.hint}" for secret in SECRETS)


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        ("http://127.0.0.1:8090", "http://127.0.0.1:8090/qwen-webui-prod/u1/f1_a%20b.png"),
        ("https://127.0.0.1:8091/", "https://127.0.0.1:8091/qwen-webui-prod/u1/f1_a%20b.png"),
        ("http://[::1]:80", "http://[::1]:80/qwen-webui-prod/u1/f1_a%20b.png"),
        ("http://localhost:1", "http://localhost:1/qwen-webui-prod/u1/f1_a%20b.png"),
        ("oss-a.aliyuncs.com", "https://qwen-webui-prod.oss-a.aliyuncs.com/u1/f1_a%20b.png"),
    ],
)
def test_a_loopback_site_may_name_a_loopback_store(endpoint: str, address: str) -> None:
    assert read_permit(reply(endpoint=endpoint), LOOPBACK).put_url == address


@pytest.mark.parametrize("endpoint", ["http://192.168.1.4:80", "http://evil.example", "http://0.0.0.0:1"])
def test_but_no_other(endpoint: str) -> None:
    with pytest.raises(LunaError, match="does not trust"):
        read_permit(reply(endpoint=endpoint), LOOPBACK)


def test_a_plain_address_of_a_file_only_at_a_loopback_site() -> None:
    plain = reply(file_url="http://127.0.0.1:8090/b/k?x=1")
    assert read_permit(plain, LOOPBACK).file_url == "http://127.0.0.1:8090/b/k?x=1"
    for site, url in ((REAL, plain["file_url"]), (LOOPBACK, "http://evil.example/k"), (REAL, "http://evil.example/k")):
        with pytest.raises(LunaError, match="file_url"):
            read_permit(reply(file_url=url), site)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("file_path", "../etc/passwd"),
        ("file_path", "u1/../../x"),
        ("file_path", "u1//x"),
        ("file_path", "u1/./x"),
        ("file_path", "u1\\x"),
        ("file_path", "u1/a\r\nx: y"),
        ("file_path", "u1/" + "x" * 1100),
        ("file_path", ""),
        ("file_path", 7),
        ("file_id", ""),
        ("file_id", 'f"1'),
        ("file_id", "f" * 65),
        ("file_url", "ftp://a/b"),
        ("file_url", "https://user@a/b"),
        ("file_url", "https://a:x/b"),
        ("file_url", "javascript:1"),
        ("bucketname", "evil.example/"),
        ("bucketname", "UPPER"),
        ("bucketname", "a@b"),
        ("endpoint", "oss-a.aliyuncs.com/path"),
        ("endpoint", "oss-a.aliyuncs.com?x=1"),
        ("endpoint", "user@oss-a.aliyuncs.com"),
        ("endpoint", "ftp://oss-a.aliyuncs.com"),
        ("endpoint", "https://"),
        ("region", "x y"),
        ("access_key_id", "a\nb"),
        ("access_key_secret", None),
        ("security_token", "tok en"),
    ],
)
def test_what_makes_no_sense_is_named_but_not_shown(field: str, value: object) -> None:
    with pytest.raises(LunaError) as refused:
        read_permit(reply(**{field: value}), REAL)
    error = refused.value
    assert error.kind is Kind.UPSTREAM_BROKEN
    assert f"({field})" in error.message
    assert not any(secret in f"{error!r} {error.hint} {error.detail}" for secret in SECRETS)


ITEM = {"file_id": "f1", "status": "pending"}


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"data": [ITEM]}, ITEM),
        ({"data": [{"file_id": "f0", "status": "failed"}, ITEM]}, ITEM),
        ({"data": {"list": [ITEM]}}, ITEM),
        ({"data": {"data": [ITEM]}}, ITEM),
        ({"data": ITEM}, ITEM),
        ({"data": [{"status": "success"}]}, {"status": "success"}),
        ({"data": [{"file_id": "f0", "status": "success"}]}, {}),
        ({"data": [{"status": "success"}, {"status": "failed"}]}, {}),
        ({"data": []}, {}),
        ({"data": ["f1", None]}, {}),
        ({"data": None}, {}),
        ({}, {}),
    ],
)
def test_how_far_the_reading_is(said: dict[str, Any], found: dict[str, Any]) -> None:
    assert parse_item(said, "f1") == found
