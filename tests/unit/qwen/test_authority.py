"""Tokens kept fresh: when, how often, for whom, and what is kept of it."""

from collections.abc import Callable

import anyio
import pytest

from luna.model.ambient import Ids, ManualClock
from luna.model.errors import Kind, LunaError
from luna.qwen.authority import Authority
from luna.qwen.credentials import Credentials
from luna.qwen.endpoints import Site
from luna.upstream.exchange import OutRequest
from tests.support.scripted import STALL, Answer, Says, ScriptedBackend, document, header, refusal, success
from tests.support.tokens import access_token, jwt

SITE = Site()
REFRESH = "/api/v2/auths/refresh"
CHATS = SITE.new_chat()
COOKIES = "token=session-1; refresh_token=refresh-1; cna=1"


class Desk:
    """An authority, the upstream it asks, and what was kept."""

    def __init__(self, *answers: Answer, token: str = "", cookies: str = COOKIES, renewable: bool = True) -> None:
        self.clock = ManualClock()
        self.backend = ScriptedBackend()
        if answers:
            self.backend.on("GET", REFRESH, *answers)
        self.kept: list[Credentials] = []
        self.authority = Authority(
            Credentials.read({"token": token or self.token(), "cookies": cookies}),
            site=SITE,
            backend=self.backend,
            clock=self.clock,
            ids=Ids(b"test"),
            keep=self.keep,
            renewable=renewable,
        )

    def token(self, mark: str = "", age: float = 0, lifetime: float = 900) -> str:
        return access_token(self.clock.wall() - age, lifetime, mark=mark)

    async def keep(self, authority: Authority) -> None:
        self.kept.append(authority.credentials)
        await anyio.sleep(0)

    def fresh(self, mark: str, **more: str) -> Callable[[OutRequest], Says]:
        """Answers a refresh with a new token."""
        return lambda request: success({"access_token": self.token(mark), **more})

    async def sent(self) -> dict[str, str]:
        return dict((await self.authority.access(CHATS)).headers)

    async def bearer(self) -> str:
        return (await self.sent()).get("Authorization", "").removeprefix("Bearer ")


async def test_a_fresh_token_goes_along_with_the_cookies() -> None:
    desk = Desk()
    assert await desk.sent() == {"Authorization": f"Bearer {desk.token()}", "Cookie": COOKIES}
    assert desk.backend.requests == []


async def test_cookies_alone_are_enough() -> None:
    desk = Desk(token=" ", cookies="token=session-1")
    desk.authority = Authority(
        Credentials.read({"cookies": "token=s"}), site=SITE, backend=desk.backend, clock=desk.clock
    )
    assert await desk.sent() == {"Cookie": "token=s"}


@pytest.mark.parametrize(
    "token", ["opaque-token-of-old", jwt(id="u"), jwt(id="u", exp=9e9), jwt(id="u", iat=1.0, exp=9e9)]
)
async def test_old_tokens_are_just_used(token: str) -> None:
    desk = Desk(token=token)
    assert await desk.bearer() == token
    assert desk.backend.requests == []


async def test_the_refresh_goes_to_the_other_host_with_cookies_only() -> None:
    desk = Desk()
    desk.backend.on("GET", REFRESH, desk.fresh("new"))
    desk.clock.advance(900 - 179)
    assert await desk.bearer() == desk.token("new")
    (request,) = desk.backend.requests
    assert request.url == "https://auth.qwen.ai/api/v2/auths/refresh"
    assert header(request, "cookie") == COOKIES
    assert header(request, "x-request-origin") == "https://chat.qwen.ai"
    assert header(request, "source") == "web"
    assert header(request, "authorization") == ""


async def test_with_more_than_three_minutes_left_nothing_is_renewed() -> None:
    desk = Desk()
    desk.clock.advance(900 - 181)
    assert await desk.bearer() != ""
    assert desk.backend.requests == []


async def test_a_token_that_lives_shortly_is_not_renewed_at_every_call() -> None:
    desk = Desk()
    desk.backend.on("GET", REFRESH, lambda request: success({"access_token": desk.token("short", lifetime=20)}))
    desk.clock.advance(900)
    first = await desk.bearer()
    desk.clock.advance(10)
    assert await desk.bearer() == first
    assert len(desk.backend.requests) == 1


async def test_the_site_s_clock_need_not_agree_with_ours() -> None:
    desk = Desk()
    desk.backend.on("GET", REFRESH, lambda request: success({"access_token": desk.token("ahead", age=7200)}))
    desk.clock.advance(900)
    first = await desk.bearer()
    desk.clock.advance(600)
    assert await desk.bearer() == first
    assert len(desk.backend.requests) == 1


async def test_callers_share_one_renewal() -> None:
    desk = Desk()
    desk.backend.on("GET", REFRESH, desk.fresh("new"))
    desk.clock.advance(900)
    got: list[str] = []

    async def ask() -> None:
        got.append(await desk.bearer())

    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(ask)
    assert got == [desk.token("new")] * 8
    assert len(desk.backend.requests) == 1


async def test_waiting_callers_share_a_failure_too() -> None:
    desk = Desk(LunaError(Kind.TIMEOUT, "slow"))
    desk.clock.advance(900)
    kinds: list[Kind] = []

    async def ask() -> None:
        with pytest.raises(LunaError) as caught:
            await desk.bearer()
        kinds.append(caught.value.kind)

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(ask)
    assert kinds == [Kind.TIMEOUT] * 5
    assert len(desk.backend.requests) == 1


async def test_a_later_caller_tries_again_after_a_passing_failure() -> None:
    desk = Desk()
    desk.backend.on("GET", REFRESH, LunaError(Kind.TIMEOUT, "slow"), desk.fresh("new"))
    desk.clock.advance(900)
    with pytest.raises(LunaError, match="slow"):
        await desk.bearer()
    assert await desk.bearer() == desk.token("new")


async def test_rotation_is_kept_even_if_the_caller_has_gone() -> None:
    desk = Desk()
    slow = success({"access_token": desk.token("new"), "refresh_token": "refresh-2"})
    desk.backend.on("GET", REFRESH, Says(slow.steps, slow.status, slow.headers, delay=0.05))
    desk.clock.advance(900)
    with anyio.move_on_after(0.01) as scope:
        await desk.bearer()
        await anyio.sleep(1)
    assert scope.cancelled_caught
    (kept,) = desk.kept
    assert "refresh-2" in kept.secrets()
    assert kept.token == desk.authority.credentials.token == access_token(desk.clock.wall() - 900, mark="new")
    assert desk.authority.generation == 1


async def test_a_cancelled_caller_does_not_spoil_it_for_the_others() -> None:
    desk = Desk()
    answer = success({"access_token": desk.token("new", age=-900)})
    desk.backend.on("GET", REFRESH, Says(answer.steps, answer.status, answer.headers, delay=0.05))
    desk.clock.advance(900)
    got: list[str] = []

    async def leaving() -> None:
        with anyio.move_on_after(0.01):
            await desk.bearer()

    async def staying() -> None:
        got.append(await desk.bearer())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(leaving)
        tasks.start_soon(staying)
    assert got == [desk.token("new")]
    assert len(desk.backend.requests) == 1


async def test_a_rotated_refresh_token_comes_in_the_body_or_by_cookie() -> None:
    lines = (
        ("set-cookie", "refresh_token=refresh-3; Domain=.qwen.ai; Path=/; HttpOnly; Secure"),
        ("set-cookie", "acw_tc=9; Path=/; Max-Age=1800"),
    )
    desk = Desk()
    desk.backend.on(
        "GET",
        REFRESH,
        lambda request: success({"access_token": desk.token("2"), "refresh_token": "refresh-2"}),
        lambda request: success({"access_token": desk.token("3")}, more=lines),
    )
    await desk.authority.renew(0)
    assert header_cookie(await desk.sent()) == "token=session-1; refresh_token=refresh-2; cna=1"
    await desk.authority.renew(1)
    assert header_cookie(await desk.sent()) == "token=session-1; refresh_token=refresh-3; cna=1"
    assert len(desk.kept) == 2


def header_cookie(sent: dict[str, str]) -> str:
    return sent["Cookie"]


async def test_cookies_that_the_site_deletes_are_gone() -> None:
    gone = (("set-cookie", "refresh_token=; Domain=.qwen.ai; Path=/; Max-Age=0"),)
    revoked = document(
        {"success": False, "data": {"code": "Unauthorized", "details": "revoked"}}, actual=401, more=gone
    )
    desk = Desk(revoked)
    with pytest.raises(LunaError):
        await desk.authority.renew(0)
    assert [cookie.name for cookie in desk.kept[0].cookies] == ["token", "cna"]


async def test_the_other_shape_of_the_reply() -> None:
    desk = Desk()
    desk.backend.on("GET", REFRESH, lambda request: success({"token": desk.token("alt")}))
    await desk.authority.renew(0)
    assert await desk.bearer() == desk.token("alt")


async def test_a_reply_without_a_token() -> None:
    desk = Desk(success({}))
    with pytest.raises(LunaError) as caught:
        await desk.authority.renew(0)
    assert caught.value.kind is Kind.UPSTREAM_BROKEN


async def test_a_revoked_login_is_asked_about_once() -> None:
    desk = Desk(refusal("Unauthorized", "The token has been revoked, please sign in again.", 401))
    desk.clock.advance(800)
    for _ in range(3):
        with pytest.raises(LunaError) as caught:
            await desk.bearer()
        assert caught.value.kind is Kind.UPSTREAM_LOGIN
        assert "POST /api/provider/token" in caught.value.hint
    assert len(desk.backend.requests) == 1


async def test_a_redirect_is_a_login_wall_and_is_not_followed() -> None:
    desk = Desk(Says((), 302, (("location", "https://elsewhere/"),)))
    with pytest.raises(LunaError) as caught:
        await desk.authority.renew(0)
    assert caught.value.kind is Kind.UPSTREAM_LOGIN
    assert len(desk.backend.requests) == 1


async def test_a_passing_failure_does_not_matter_while_the_token_lives() -> None:
    desk = Desk(LunaError(Kind.TIMEOUT, "slow"))
    old = desk.token()
    desk.clock.advance(800)
    assert await desk.bearer() == old


async def test_without_a_session_cookie_the_token_is_used_to_its_end_and_the_error_says_why() -> None:
    desk = Desk(cookies="cna=1")
    old = desk.token()
    desk.clock.advance(1000)
    assert await desk.bearer() == old, "our clock may be wrong; Qwen decides"
    with pytest.raises(LunaError) as caught:
        await desk.authority.renew(0)
    assert caught.value.kind is Kind.UPSTREAM_LOGIN
    assert "has expired" in caught.value.message
    assert desk.backend.requests == []


async def test_credentials_on_trial_are_never_rotated() -> None:
    desk = Desk(renewable=False)
    desk.clock.advance(1000)
    assert await desk.sent() == {"Cookie": COOKIES}, "the expired token is left at home"
    with pytest.raises(LunaError):
        await desk.authority.renew(0)
    assert desk.backend.requests == []


async def test_whoever_comes_with_an_old_generation_gets_what_is_there() -> None:
    desk = Desk()
    desk.backend.on("GET", REFRESH, desk.fresh("new"))
    await desk.authority.renew(0)
    await desk.authority.renew(0)
    assert len(desk.backend.requests) == 1


async def test_a_renewal_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("luna.qwen.authority.PATIENCE", 0.02)
    desk = Desk(Says(delay=STALL))
    with pytest.raises(LunaError) as caught:
        await desk.authority.renew(0)
    assert caught.value.kind is Kind.TIMEOUT


async def test_cookies_of_any_reply_are_taken_in_and_kept_when_asked() -> None:
    desk = Desk()
    desk.authority.absorb((("set-cookie", "acw_tc=1; Path=/; Max-Age=60"),), CHATS)
    assert desk.authority.changed
    assert (await desk.sent())["Cookie"].endswith("acw_tc=1")
    await desk.authority.keep()
    await desk.authority.keep()
    assert len(desk.kept) == 1
    desk.authority.absorb((("set-cookie", "acw_tc=1; Path=/; Max-Age=60"),), CHATS)
    assert not desk.authority.changed


async def test_no_secret_in_a_repr() -> None:
    desk = Desk()
    access = await desk.authority.access(CHATS)
    shown = f"{desk.authority!r} {access!r}"
    assert shown.startswith("<Authority token for 900 s, <CookieJar cna refresh_token token>, renewed 0x>")
    assert "session-1" not in shown
    assert desk.token() not in shown
