"""Tokens, refresh, sign-in and settings behave as the wire document's sections 1.1 and 2.3 say."""

import base64
import hashlib
from typing import Any

import msgspec
import pytest

from luna.demo.serve import Lookalike
from luna.model.ambient import ManualClock
from tests.support.lookalike import Page

ORIGIN = {"x_request_origin": "https://chat.qwen.ai"}
REFRESH = "/api/v2/auths/refresh"


def part(token: str, number: int) -> dict[str, Any]:
    text = token.split(".")[number]
    return dict(msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))))


def refusal(code: str, details: str) -> dict[str, Any]:
    return {"code": code, "details": details}


EXPIRED = refusal("Unauthorized", "Token has expired.")
UNAUTHORIZED = refusal("Unauthorized", "401 Unauthorized")
REVOKED = refusal("Unauthorized", "The token has been revoked, please sign in again.")


async def test_an_access_token_has_the_shape_of_the_real_one(site: Lookalike, clock: ManualClock) -> None:
    session = site.login("anna")
    assert part(session.token, 0) == {"alg": "HS256", "kid": "legacy", "typ": "JWT"}
    claims = part(session.token, 1)
    assert {"id", "last_password_change", "type", "exp", "iat"} <= set(claims)
    assert claims["type"] == "access_token"
    assert claims["iat"] == int(clock.wall())
    assert claims["exp"] - claims["iat"] == 900
    assert set(session.cookies) == {"token", "refresh_token", "acw_tc"}
    assert session.cookies["refresh_token"] == session.refresh_token


async def test_one_label_is_one_user_with_different_tokens(site: Lookalike) -> None:
    one, two, other = site.login("anna"), site.login("anna"), site.login("berta")
    assert part(one.token, 1)["id"] == part(two.token, 1)["id"] != part(other.token, 1)["id"]
    assert one.token != two.token


async def test_no_secret_is_shown(site: Lookalike) -> None:
    session = site.login("anna")
    for shown in (repr(session), repr(site), repr(site.state), repr(site.state.mint)):
        assert session.token not in shown
        assert session.refresh_token not in shown


async def test_a_bearer_alone_and_a_cookie_alone_are_enough(site: Lookalike) -> None:
    session = site.login("anna")
    anyone = Page(site)
    bearer = await anyone.get("/api/v2/user/info", authorization=f"Bearer {session.token}")
    cookie = await anyone.get("/api/v2/user/info", cookie=f"a=b; token={session.cookies['token']}")
    assert bearer.json["data"] == cookie.json["data"]
    assert bearer.json["data"]["email"] == "anna@example.com"
    assert bearer.json["data"]["is_guest"] is False


async def test_tokens_are_good_only_for_their_purpose(site: Lookalike) -> None:
    session = site.login("anna")
    anyone = Page(site)
    wrong = [
        {"authorization": f"Bearer {session.cookies['token']}"},
        {"authorization": f"Bearer {session.refresh_token}"},
        {"authorization": f"Bearer {session.token}x"},
        {"authorization": f"Basic {session.token}"},
        {"authorization": "Bearer"},
        {"cookie": f"token={session.token}"},
        {"cookie": f"refresh_token={session.refresh_token}"},
        {},
    ]
    for headers in wrong:
        said = await anyone.get("/api/v2/user/info", **headers)
        assert (said.status, said.actual, said.json["data"]) == (200, 401, UNAUTHORIZED), headers


async def test_a_stale_bearer_is_refused_although_the_cookie_is_good(site: Lookalike, clock: ManualClock) -> None:
    page = Page(site, site.login("anna"))
    clock.advance(899)
    assert (await page.get("/api/v2/user/info")).json["success"] is True
    clock.advance(1)
    said = await page.get("/api/v2/user/info")
    assert (said.status, said.actual, said.json["data"]) == (200, 401, EXPIRED)
    assert (await page.get("/api/v2/user/info", authorization="")).json["success"] is True


async def test_a_token_can_be_made_to_expire(site: Lookalike) -> None:
    session = site.login("anna")
    page = Page(site, session)
    site.expire(session.token)
    assert (await page.get("/api/v2/user/info")).json["data"] == EXPIRED
    site.expire(session.cookies["token"])
    assert (await page.get("/api/v2/user/info", authorization="")).json["data"] == EXPIRED


async def test_refresh_gives_a_new_access_token_and_rotates(site: Lookalike) -> None:
    session = site.login("anna")
    anyone = Page(site)
    said = await anyone.get(REFRESH, cookie=f"refresh_token={session.refresh_token}", **ORIGIN)
    assert (said.status, said.actual) == (200, 200)
    assert set(said.json) == {"success", "request_id", "data"}
    assert set(said.json["data"]) == {"access_token", "refresh_token"}
    following = said.json["data"]["refresh_token"]
    assert following != session.refresh_token
    assert f"refresh_token={following}; Domain=.qwen.ai; Path=/; HttpOnly; Secure" in said.header_all("set-cookie")
    fresh = said.json["data"]["access_token"]
    assert fresh != session.token
    assert (await anyone.get("/api/v2/user/info", authorization=f"Bearer {fresh}")).json["success"] is True
    assert site.state.counters.refreshes == 1

    used = await anyone.get(REFRESH, cookie=f"refresh_token={session.refresh_token}", **ORIGIN)
    assert (used.status, used.actual, used.json["data"]) == (200, 401, REVOKED)
    again = await anyone.get(REFRESH, cookie=f"refresh_token={following}", **ORIGIN)
    assert again.json["success"] is True


async def test_refresh_takes_the_session_cookie_too(site: Lookalike, clock: ManualClock) -> None:
    session = site.login("anna")
    said = await Page(site).get(REFRESH, cookie=f"token={session.cookies['token']}", **ORIGIN)
    assert said.json["success"] is True
    clock.advance(30 * 86400)
    late = await Page(site).get(REFRESH, cookie=f"token={session.cookies['token']}", **ORIGIN)
    assert late.json["data"] == EXPIRED


@pytest.mark.parametrize(
    ("cookie", "origin", "expected"),
    [
        ("", "https://chat.qwen.ai", UNAUTHORIZED),
        ("refresh_token=made.up.token", "https://chat.qwen.ai", REVOKED),
        ("refresh_token={token}", "", UNAUTHORIZED),
    ],
    ids=["no cookie", "unknown token", "no x-request-origin"],
)
async def test_refresh_is_refused(site: Lookalike, cookie: str, origin: str, expected: dict[str, Any]) -> None:
    cookie = cookie.format(token=site.login("anna").refresh_token)
    said = await Page(site).get(REFRESH, cookie=cookie, x_request_origin=origin)
    assert (said.status, said.actual, said.json["data"]) == (200, 401, expected)
    assert site.state.counters.refreshes == 0


async def test_an_expired_refresh_token_is_refused(site: Lookalike, clock: ManualClock) -> None:
    session = site.login("anna")
    clock.advance(30 * 86400)
    said = await Page(site).get(REFRESH, cookie=f"refresh_token={session.refresh_token}", **ORIGIN)
    assert said.json["data"] == REVOKED


async def test_sign_in_sets_the_session_cookies(site: Lookalike) -> None:
    site.login("anna")
    given = {"email": "anna@example.com", "password": hashlib.sha256(b"anna").hexdigest(), "login_type": "email"}
    said = await Page(site).post("/api/v2/auths/signin", given)
    assert said.json["success"] is True
    jar = dict(cookie.split(";")[0].split("=", 1) for cookie in said.header_all("set-cookie"))
    assert {"token", "refresh_token"} <= set(jar)
    assert (await Page(site).get("/api/v2/user/info", cookie=f"token={jar['token']}")).json["success"] is True
    assert site.state.counters.signins == 1


async def test_a_wrong_password_is_refused(site: Lookalike) -> None:
    site.login("anna")
    for given in ({"email": "anna@example.com", "password": "anna"}, {"email": "nobody@example.com", "password": "x"}):
        said = await Page(site).post("/api/v2/auths/signin", given)
        assert (said.json["success"], said.json["data"]["code"]) == (False, "InvalidPassword")


async def test_the_user_is_told_who_they_are(page: Page) -> None:
    for path in ("/api/v1/auths/", "/api/v2/auths/"):
        said = await page.get(path)
        assert {"id", "email", "role"} <= set(said.json)
        assert said.json["email"] == "anna@example.com"
    assert (await page.get("/api/v2/user")).json["data"] == {"name": "anna", "email": "anna@example.com"}


async def test_a_sign_of_life_is_taken_in_any_form(page: Page) -> None:
    assert (await page.post("/api/v2/users/status", {"status": True})).json["success"] is True
    beacon = b'{"typarms":{"typarm1":"web"}}'
    assert (await page.post("/api/v2/users/status", beacon, content_type="text/plain")).json["success"] is True


async def test_built_in_tools_can_be_switched_off_for_one_user(site: Lookalike, page: Page) -> None:
    before = (await page.get("/api/v2/users/user/settings")).json["data"]["tools_enabled"]
    assert before["web_search"] is True
    update = {"tools_enabled": {"web_search": False}}
    changed = await page.post("/api/v2/users/user/settings/update", update)
    assert changed.json["success"] is True
    after = (await page.get("/api/v2/users/user/settings")).json["data"]["tools_enabled"]
    assert after == before | {"web_search": False}
    other = Page(site, site.login("berta"))
    assert (await other.get("/api/v2/users/user/settings")).json["data"]["tools_enabled"] == before


PRIVATE = [
    ("GET", "/api/v1/auths/"),
    ("GET", "/api/v2/auths/"),
    ("GET", "/api/v2/user/info"),
    ("GET", "/api/v2/user"),
    ("POST", "/api/v2/users/status"),
    ("GET", "/api/v2/users/user/settings"),
    ("POST", "/api/v2/users/user/settings/update"),
    ("POST", "/api/v2/chats/new"),
    ("GET", "/api/v2/chats/?page=1"),
    ("DELETE", "/api/v2/chats/"),
    ("GET", "/api/v2/chats/x"),
    ("DELETE", "/api/v2/chats/x"),
    ("POST", "/api/v2/chats/x/title"),
    ("POST", "/api/v2/chats/batch_delete"),
    ("POST", "/api/v2/chat/completions?chat_id=x"),
    ("POST", "/api/v2/chat/completions/stop?chat_id=x"),
    ("GET", "/api/v2/task/status/x"),
    ("GET", "/api/v1/tasks/status/x"),
]


@pytest.mark.parametrize(("method", "target"), PRIVATE)
async def test_what_is_private_asks_for_a_token(site: Lookalike, method: str, target: str) -> None:
    said = await Page(site).call(method, target, {} if method == "POST" else None)
    assert (said.status, said.actual, said.json["data"]) == (200, 401, UNAUTHORIZED)


async def test_a_client_without_the_firewalls_cookie_gets_one(site: Lookalike) -> None:
    fresh = await Page(site).get("/api/models")
    assert [cookie.split("=")[0] for cookie in fresh.header_all("set-cookie")] == ["acw_tc"]
    assert (await Page(site).get("/api/models", cookie="acw_tc=1")).header_all("set-cookie") == []
