"""Where a worker goes for another luna, and where not."""

import pytest

from luna.model.errors import Kind, LunaError
from luna.server.worker_targets import Targets
from luna.upstream.exchange import OutRequest

QWEN = ["https://chat.qwen.ai", "https://auth.qwen.ai"]
LOCAL = ["http://127.0.0.1:8099", "http://localhost:8099"]


def goes(sites: list[str], url: str, *, address: str = "", method: str = "GET", body: bytes = b"") -> bool:
    try:
        Targets(sites).check(OutRequest(method, url, body=body, address=address))
    except LunaError as error:
        assert error.kind is Kind.FORBIDDEN
        assert error.message.startswith("This worker does not go to")
        return False
    return True


@pytest.mark.parametrize(
    "url",
    [
        "https://chat.qwen.ai/api/v2/chats/new",
        "https://chat.qwen.ai:443/x",
        "https://CHAT.qwen.ai/x",
        "https://auth.qwen.ai/",
        "https://chat2.qwen.ai/",
        "https://qwen-webui-prod.oss-ap-southeast-1.aliyuncs.com/user/file.txt",
        "https://bucket.chat.qwen.ai/key",
    ],
)
def test_it_goes_to_qwen_and_its_stores(url: str) -> None:
    assert goes(QWEN, url)
    assert not goes(LOCAL, url)


@pytest.mark.parametrize(
    "url",
    [
        "http://chat.qwen.ai/",
        "https://chat.qwen.ai:8443/",
        "https://chat.qwen.ai.evil.example/",
        "https://evilqwen.ai/",
        "https://qwen.ai@evil.example/",
        "https://evil.example/chat.qwen.ai",
        "https://aliyuncs.com/",
        "https://oss-ap-southeast-1.aliyuncs.com/",
        "https://a.b.oss-ap-southeast-1.aliyuncs.com/",
        "https://ecs.aliyuncs.com/",
        "https://bucket.oss-x.aliyuncs.com.evil.example/",
        "http://bucket.oss-x.aliyuncs.com/",
        "https://bucket.oss-x.aliyuncs.com:8443/",
        "http://127.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "https://example.com/",
        "ftp://chat.qwen.ai/",
        "chat.qwen.ai",
        "https://[::1",
        "https://chat.qwen.ai:port/",
        "",
    ],
)
def test_it_goes_nowhere_else(url: str) -> None:
    assert not goes(QWEN, url)


def test_a_look_alike_is_its_own_port_by_any_name_of_this_machine() -> None:
    assert goes(LOCAL, "http://127.0.0.1:8099/x")
    assert goes(LOCAL, "http://[::1]:8099/x")
    assert goes(LOCAL, "http://localhost:8099/x")
    assert not goes(LOCAL, "http://127.0.0.1:8098/x")
    assert not goes(LOCAL, "https://127.0.0.1:8099/x")
    assert not goes(LOCAL, "https://x.localhost/")
    assert not goes(["http://10.0.0.1"], "https://x.10.0.0.1/")


def test_a_link_is_fetched_at_the_address_that_was_judged_and_is_judged_again() -> None:
    assert goes(QWEN, "https://pictures.example/cat.png?x=1", address="93.184.216.34")
    assert goes(QWEN, "https://pictures.example/cat.png", address="2606:2800:220:1::1")
    for address in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "pictures.example", "1"):
        assert not goes(QWEN, "https://pictures.example/cat.png", address=address)


@pytest.mark.parametrize(
    "url",
    [
        "http://pictures.example/cat.png",
        "https://localhost/",
        "https://printer.local/",
        "https://10.0.0.1/",
        "https://user@pictures.example/",
        "https://pictures.example/a b",
        "https://PICTURES.example/",
    ],
)
def test_a_link_is_a_plain_public_one(url: str) -> None:
    assert not goes(QWEN, url, address="93.184.216.34")


def test_a_link_is_only_fetched() -> None:
    for sites in (QWEN, LOCAL):
        assert not goes(sites, "https://pictures.example/", address="93.184.216.34", method="POST")
        assert not goes(sites, "https://pictures.example/", address="93.184.216.34", body=b"x")


def test_an_address_does_not_lead_a_site_elsewhere() -> None:
    assert not goes(LOCAL, "http://127.0.0.1:8099/x", address="127.0.0.1")
    assert not goes(QWEN, "https://chat.qwen.ai/api", address="10.0.0.1")
