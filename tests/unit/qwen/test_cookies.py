"""Cookies: pasted, set, sent."""

import pytest

from luna.qwen.cookies import Cookie, CookieJar

CHAT, AUTH = "chat.qwen.ai", "auth.qwen.ai"
NOW = 1_000_000.0


def header(jar: CookieJar, host: str = CHAT, path: str = "/api/v2/chats/new", now: float = NOW) -> str:
    return jar.header(host, path, now)


def set_cookie(jar: CookieJar, *lines: str, host: str = CHAT, path: str = "/api/v2/x") -> bool:
    return jar.absorb(tuple(("set-cookie", line) for line in lines), host, path, NOW)


def test_a_pasted_header_is_sent_unchanged_to_both_hosts() -> None:
    pasted = "token=abc; acw_tc=1=2==; ssxmod_itna=x-y/z; qwen-theme=dark"
    jar = CookieJar.parse(pasted)
    assert header(jar) == pasted
    assert header(jar, AUTH) == pasted


@pytest.mark.parametrize(
    ("pasted", "sent"),
    [
        ("", ""),
        ("Cookie: a=1; b=2", "a=1; b=2"),
        ("cookie:a=1", "a=1"),
        ("a=1\r\nb=2\n", "a=1; b=2"),
        (";;; a=1 ;; ; ", "a=1"),
        ("nonsense; a=1; =2", "a=1"),
        ('quoted="x y"', 'quoted="x y"'),
        ("a=1; a=2", "a=2"),
        ("a=caf\u00e9; b=\x01; c=ok; d\x7f=1", "c=ok"),
        ("empty=; a=1", "empty=; a=1"),
    ],
)
def test_what_people_paste(pasted: str, sent: str) -> None:
    assert header(CookieJar.parse(pasted)) == sent


def test_a_cookie_of_the_domain_goes_to_both_hosts_and_hides_the_pasted_one() -> None:
    jar = CookieJar.parse("token=old; cna=1")
    assert set_cookie(jar, "token=new; Domain=.qwen.ai; Path=/; HttpOnly; Secure; SameSite=Lax")
    assert header(jar) == "token=new; cna=1"
    assert header(jar, AUTH) == "token=new; cna=1"


def test_a_host_only_cookie_stays_with_its_host() -> None:
    jar = CookieJar.parse("acw_tc=pasted")
    set_cookie(jar, "acw_tc=mine; Path=/; Max-Age=1800")
    assert header(jar) == "acw_tc=mine"
    assert header(jar, AUTH) == "acw_tc=pasted"


def test_a_path_is_obeyed() -> None:
    jar = CookieJar()
    set_cookie(jar, "a=1; Path=/api/v2/chats", "b=2; Path=/other", host=CHAT)
    assert header(jar) == "a=1"
    assert header(jar, path="/api/v2/chatsmore") == ""
    assert header(jar, path="/other") == "b=2"


def test_without_a_path_the_directory_of_the_request_counts() -> None:
    jar = CookieJar()
    set_cookie(jar, "a=1", path="/api/v2/x")
    assert header(jar, path="/api/v2/chats") == "a=1"
    assert header(jar, path="/api/v1/x") == ""


def test_a_foreign_domain_is_refused() -> None:
    jar = CookieJar()
    assert not set_cookie(jar, "a=1; Domain=evil.com", "b=2; Domain=ai", "c=3; Domain=other.qwen.ai")
    assert len(jar) == 0


def test_an_address_may_set_its_own() -> None:
    jar = CookieJar()
    set_cookie(jar, "a=1; Path=/", "b=2; Domain=.qwen.ai; Path=/", host="127.0.0.1")
    assert header(jar, "127.0.0.1") == "a=1"


@pytest.mark.parametrize(
    "attributes",
    ["Max-Age=0", "max-age=-1", "Expires=Thu, 01 Jan 1970 00:00:00 GMT", "Expires=Thu, 01-Jan-1970 00:00:00 GMT"],
)
def test_a_deletion_also_takes_the_pasted_one(attributes: str) -> None:
    jar = CookieJar.parse("token=x; cna=1")
    assert set_cookie(jar, f"token=; Domain=.qwen.ai; Path=/; {attributes}")
    assert header(jar) == "cna=1"


def test_an_expired_cookie_is_not_sent() -> None:
    jar = CookieJar()
    set_cookie(jar, "a=1; Path=/; Max-Age=60", "b=2; Path=/; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT")
    assert header(jar, now=NOW + 59) == "a=1; b=2"
    assert header(jar, now=NOW + 60) == ""


@pytest.mark.parametrize(
    "line", ["", ";", "novalue", "=x", "a\x00=1", "a=1\r\nX: y", "a b=1", "a=1; Max-Age=--5", "a=1; Expires=soon"]
)
def test_garbage_never_raises_and_never_breaks_a_header(line: str) -> None:
    jar = CookieJar()
    set_cookie(jar, line)
    sent = header(jar, path="/api/v2/y")
    assert "\n" not in sent
    assert sent in ("", "a=1")


def test_only_a_changed_value_counts_as_a_change() -> None:
    jar = CookieJar()
    assert set_cookie(jar, "a=1; Path=/; Max-Age=60")
    assert not set_cookie(jar, "a=1; Path=/; Max-Age=1800")
    assert header(jar, now=NOW + 1000) == "a=1"
    assert set_cookie(jar, "a=2; Path=/")


def test_put_changes_a_value_where_it_stands() -> None:
    jar = CookieJar()
    set_cookie(jar, "refresh_token=1; Domain=.qwen.ai; Path=/")
    jar.put("refresh_token", "2")
    jar.put("new", "3")
    assert header(jar) == "refresh_token=2; new=3"
    assert [cookie.domain for cookie in jar.cookies()] == ["qwen.ai", ""]
    jar.put("bad", "a\nb")
    assert jar.get("bad") == ""
    assert jar.get("refresh_token") == "2"


def test_a_jar_can_be_stored() -> None:
    jar = CookieJar.parse("a=1; b=2")
    set_cookie(jar, "c=3; Domain=qwen.ai; Path=/; Max-Age=60", "d=4")
    assert header(CookieJar(jar.cookies()), path="/api/v2/x") == header(jar, path="/api/v2/x")


def test_no_value_in_a_repr() -> None:
    jar = CookieJar.parse("token=SECRET; cna=1")
    assert repr(jar) == "<CookieJar cna token>"
    assert repr(CookieJar()) == "<CookieJar empty>"
    assert "SECRET" not in repr(jar.cookies())
    assert repr(Cookie("a", "SECRET", domain="qwen.ai")) == "<Cookie a for qwen.ai/>"
