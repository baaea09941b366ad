"""What stands on the wire for an `OutRequest`, and what never gets there."""

import pytest

from luna.model.errors import Kind, LunaError
from luna.upstream.exchange import OutRequest
from luna.upstream.request import wire


def fields_of(request: OutRequest) -> list[tuple[str, str]]:
    """In their order, read from the head as it stands on the wire."""
    head = wire(request).head.decode("latin-1")
    assert head.endswith("\r\n\r\n")
    first, *lines = head[:-4].split("\r\n")
    assert first.startswith(f"{request.method} /") and first.endswith(" HTTP/1.1")
    return [(name, value) for name, _, value in (line.partition(": ") for line in lines)]


def headers_of(request: OutRequest) -> dict[str, str]:
    return dict(fields_of(request))


def test_what_is_added() -> None:
    request = OutRequest("POST", "https://chat.qwen.ai/api/v2/chats/new?x=1", (("Version", "0.3"),), b"{}")
    assert headers_of(request) == {
        "host": "chat.qwen.ai", "Version": "0.3", "accept-encoding": "identity", "content-length": "2",
    }  # fmt: skip
    assert wire(request).head.startswith(b"POST /api/v2/chats/new?x=1 HTTP/1.1\r\n")


def test_a_given_address_is_for_the_connection_alone() -> None:
    request = OutRequest("GET", "https://pictures.example/x", address="93.184.215.14")
    given = wire(request)
    assert (given.place.host, headers_of(request)["host"]) == ("pictures.example", "pictures.example")
    assert given.address == "93.184.215.14"
    assert wire(OutRequest("GET", "https://pictures.example/x")).address == ""


def test_what_the_caller_set_stays() -> None:
    own = (("Host", "other"), ("Accept-Encoding", "gzip"), ("Content-Length", "0"))
    assert headers_of(OutRequest("POST", "http://a/", own)) == dict(own)


@pytest.mark.parametrize(
    ("url", "host", "target"),
    [
        ("http://a", "a", b"/"),
        ("http://a:8080/x", "a:8080", b"/x"),
        ("http://a:80/x", "a", b"/x"),
        ("https://a:443/", "a", b"/"),
        ("https://a:80/", "a:80", b"/"),
        ("http://127.0.0.1:9?q", "127.0.0.1:9", b"/?q"),
        ("http://[::1]:9/", "[::1]:9", b"/"),
        ("http://Example.COM/%C3%A4", "example.com", b"/%C3%A4"),
        ("http://bücher.example/", "xn--bcher-kva.example", b"/"),
    ],
)
def test_host_and_target(url: str, host: str, target: bytes) -> None:
    request = OutRequest("GET", url)
    assert headers_of(request)["host"] == host
    assert wire(request).head.startswith(b"GET %b HTTP/1.1\r\n" % target)


def test_a_get_without_a_body_has_no_length_and_a_post_without_one_has() -> None:
    assert "content-length" not in headers_of(OutRequest("GET", "http://a/"))
    assert headers_of(OutRequest("POST", "http://a/"))["content-length"] == "0"


def test_repeated_headers_keep_their_order() -> None:
    request = OutRequest("GET", "http://a/", (("X", "1"), ("Y", "2"), ("X", "3")))
    assert [pair for pair in fields_of(request) if pair[0] in ("X", "Y")] == [("X", "1"), ("Y", "2"), ("X", "3")]


def test_what_looks_like_a_place_for_something_is_none() -> None:
    request = OutRequest("POST", "http://a/100%25?%s", (("x-%s", "%d %s"),), b"{}")
    assert wire(request).head.startswith(b"POST /100%25?%s HTTP/1.1\r\nhost: a\r\nx-%s: %d %s\r\n")


def test_values_may_have_tabs_and_latin_letters() -> None:
    assert headers_of(OutRequest("GET", "http://a/", (("X", "a\tb"), ("Y", "\xe4\xa0"))))["Y"] == "\xe4\xa0"


@pytest.mark.parametrize(
    "value", ["a\r\nx-evil: 1", "a\nb", "a\rb", "nul\0", "zeichen: 人"], ids=["crlf", "lf", "cr", "nul", "wide"]
)
def test_a_header_that_would_break_the_message_apart_is_refused_without_showing_it(value: str) -> None:
    with pytest.raises(LunaError, match="'Cookie'") as refused:
        wire(OutRequest("GET", "http://a/", (("Cookie", "secret-" + value),)))
    assert refused.value.kind is Kind.BAD_REQUEST
    assert "secret" not in refused.value.told


@pytest.mark.parametrize("name", ["x y", "x:", "", "x\r\ny", "ä"])
def test_a_header_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(LunaError):
        wire(OutRequest("GET", "http://a/", ((name, "1"),)))


@pytest.mark.parametrize(
    "url",
    ["", "a", "/x", "ftp://a/", "http://", "http:///x", "http://a:0/", "http://a:99999/", "http://a:b/",
     "http://user:password@a/", "http://a/x y", "http://a/?x y", "http://a/\x00", "http://a/人", "http://[::1/",
     "http://a\x00b/", "http://a b/"],
)  # fmt: skip
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(LunaError) as refused:
        wire(OutRequest("GET", url))
    assert refused.value.kind is Kind.BAD_REQUEST
    assert "password" not in refused.value.told


@pytest.mark.parametrize("method", ["", "GET /x", "GET\r\n"])
def test_a_method_that_is_none_is_refused(method: str) -> None:
    with pytest.raises(LunaError, match="method"):
        wire(OutRequest(method, "http://a/"))
