"""Addresses and descriptive headers."""

import pytest

from luna.model.errors import LunaError
from luna.qwen.endpoints import WEB_VERSION, Browser, Site, timezone

SITE = Site()


def test_addresses_of_the_real_site() -> None:
    assert SITE.completions("c1") == "https://chat.qwen.ai/api/v2/chat/completions?chat_id=c1"
    assert SITE.stop("c1") == "https://chat.qwen.ai/api/v2/chat/completions/stop?chat_id=c1"
    assert SITE.new_chat() == "https://chat.qwen.ai/api/v2/chats/new"
    assert SITE.models() == "https://chat.qwen.ai/api/v2/models/"
    assert SITE.refresh() == "https://auth.qwen.ai/api/v2/auths/refresh"


def test_a_chat_id_cannot_leave_its_place() -> None:
    assert SITE.chat("../../users?x#y") == "https://chat.qwen.ai/api/v2/chats/..%2F..%2Fusers%3Fx%23y"
    assert SITE.completions("a&b=c") == "https://chat.qwen.ai/api/v2/chat/completions?chat_id=a%26b%3Dc"


def test_a_chat_without_an_id_would_be_all_chats() -> None:
    with pytest.raises(ValueError, match="chat id"):
        SITE.chat("")


@pytest.mark.parametrize("url", ["", "chat.qwen.ai", "ftp://x", "https://", "https://x/?a=b"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="expected an address"):
        Site(url, "https://auth.qwen.ai")


def test_a_trailing_slash_does_not_count() -> None:
    assert Site("http://127.0.0.1:9/", "http://127.0.0.1:9/").models() == "http://127.0.0.1:9/api/v2/models/"


def headers_of(browser: Browser, **options: object) -> dict[str, str]:
    url = str(options.pop("url", SITE.models()))
    pairs = browser.headers(SITE, url, request_id="id-1", now=1_790_000_000.0, **options)  # type: ignore[arg-type]
    names = [name.lower() for name, _ in pairs]
    assert len(names) == len(set(names)), "each header once"
    return {name.lower(): value for name, value in pairs}


def test_every_request_describes_itself() -> None:
    said = headers_of(Browser())
    assert said["version"] == WEB_VERSION
    assert said["source"] == "web"
    assert said["accept"] == "application/json"
    assert said["x-request-id"] == "id-1"
    assert said["origin"] == "https://chat.qwen.ai"
    assert said["referer"] == "https://chat.qwen.ai/"
    assert said["sec-fetch-site"] == "same-origin"
    assert "content-type" not in said


def test_a_request_of_a_chat_comes_from_its_page() -> None:
    said = headers_of(Browser(), chat_id="c 1", body=True)
    assert said["referer"] == "https://chat.qwen.ai/c/c%201"
    assert said["content-type"] == "application/json"


def test_the_other_host_is_another_site() -> None:
    assert headers_of(Browser(), url=SITE.refresh())["sec-fetch-site"] == "same-site"


def test_no_fingerprint_is_invented() -> None:
    said = headers_of(Browser())
    assert not [name for name in said if name.startswith(("bx-", "sec-ch-ua"))]


def test_captured_page_headers_go_along_and_others_do_not() -> None:
    page = {"bx-ua": "mine", "accept-language": "de", "authorization": "no", "host": "no"}
    said = headers_of(Browser("My Browser", page))
    assert said["bx-ua"] == "mine"
    assert said["accept-language"] == "de"
    assert said["user-agent"] == "My Browser"
    assert "authorization" not in said
    assert "host" not in said


def test_the_time_has_no_zone_name(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Asia/Ho_Chi_Minh")
    time.tzset()
    try:
        assert timezone(1_790_442_748.0) == "Sun Sep 27 2026 00:12:28 GMT+0700"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("name", [".", ".."])
def test_a_chat_id_that_would_be_a_step_is_none(name: str) -> None:
    with pytest.raises(LunaError, match="no chat"):
        SITE.chat(name)
