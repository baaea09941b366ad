"""The look-alike's own pages: what a browser needs to sign in. How they work in one is in tests/browser."""

import hashlib

from luna.demo.serve import Lookalike
from tests.support.lookalike import Page


def digest(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


async def test_the_front_page_and_the_form_are_html(site: Lookalike) -> None:
    for path, word in (("/", "Log out"), ("/auth?action=signin", "Password")):
        said = await Page(site).get(path)
        assert (said.status, said.header("content-type")) == (200, "text/html; charset=utf-8")
        assert word in said.body.decode()
        assert '"bx-ua": "look-alike"' in said.body.decode(), "its requests carry headers of the page's own"


async def test_signing_in_gives_a_token_and_cookies_of_this_host(site: Lookalike) -> None:
    site.login("anna")
    said = await Page(site).post("/lookalike/signin", {"email": "anna@example.com", "password": digest("anna")})
    assert said.json["data"]["email"] == "anna@example.com"
    jar = dict(header.split(";")[0].split("=", 1) for header in said.header_all("set-cookie"))
    assert {"token", "refresh_token", "acw_tc"} <= set(jar)
    assert not any("Domain" in header for header in said.header_all("set-cookie") if not header.startswith("acw_tc"))
    token = said.json["data"]["token"]
    assert (await Page(site).get("/api/v2/user/info", authorization=f"Bearer {token}")).json["success"]
    assert (await Page(site).get("/api/v2/user/info", cookie=f"token={jar['token']}")).json["success"]


async def test_a_wrong_password_gives_nothing(site: Lookalike) -> None:
    site.login("anna")
    said = await Page(site).post("/lookalike/signin", {"email": "anna@example.com", "password": digest("wrong")})
    assert (said.json["success"], said.json["data"]["code"]) == (False, "InvalidPassword")
    assert not any(header.startswith(("token", "refresh_token")) for header in said.header_all("set-cookie"))


async def test_signing_out_ends_the_cookies(site: Lookalike) -> None:
    said = await Page(site).post("/lookalike/signout", {})
    ended = {header.partition("=")[0] for header in said.header_all("set-cookie") if "Max-Age=0" in header}
    assert ended == {"token", "refresh_token", "acw_tc"}
