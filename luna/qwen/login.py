"""Waits in the user's browser until the user has logged in to Qwen, and takes along what the page has.

Owns the look at the pages: the origin check before anything is read, what counts as a login, and which cookies and
headers go along. What it takes is the user's own. It fills in no form, solves nothing, and reads no page but the
site's. Opening and closing the browser is `luna.qwen.window`'s business; whether a login is good is for the caller to
say.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import anyio
import msgspec

from luna.model.errors import Kind, LunaError
from luna.qwen.cookies import Cookie
from luna.qwen.credentials import Credentials
from luna.qwen.endpoints import PAGE_HEADERS, Site
from luna.qwen.tokens import read_claims
from luna.qwen.window import Window, opened

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Page, Request

Step = Literal["opening", "waiting", "reading"]
Tell = Callable[[Step], None]
Judge = Callable[[Credentials], Awaitable[bool]]
"""Says whether a login is the wanted one."""

PATH = "/auth?action=signin"
LOOK_EVERY = 0.4
"""Seconds between two looks at the pages."""
SETTLE = 3.0
"""Seconds after the login in which the page may send the requests whose headers are wanted, and store its token."""
JUDGE_AGAIN = 30.0
"""Seconds until a login that was no good is shown to the judge again."""
REQUESTS = 60
"""Of the page's latest requests, so many are remembered for their headers."""
DEVICE = "bx-ua"
"""The last of the page's own headers to appear: its script has to be loaded first."""
_SHORTEST = 32
"""Characters of a token that is no JWT."""

# The origin is checked by the page itself in the same breath: between two messages it may have gone elsewhere.
_LOOK = """(origin) => window.location.origin !== origin ? null
  : {token: window.localStorage.getItem("token"), agent: window.navigator.userAgent}"""


class _Found(msgspec.Struct, frozen=True):
    """What says that somebody is logged in."""

    token: str
    """Of the page's storage; "" when only the session cookie says so."""
    session: str
    agent: str

    def __repr__(self) -> str:
        return f"<_Found {'token' if self.token else 'session'}>"

    @property
    def mark(self) -> str:
        """Tells two of them apart. A secret."""
        return self.token or self.session


async def log_in(site: Site, window: Window, tell: Tell, judge: Judge, *, path: str = PATH) -> Credentials:
    """Open the window at the site and wait for a login that the judge accepts. `tell` hears what is going on. Waits
    without end: limit it from outside. Raises LunaError: CANCELLED when the window is closed before, UPSTREAM_BROKEN
    when the site cannot be reached, CONFLICT and INTERNAL when the browser cannot be used; and what the judge
    raises."""
    from playwright.async_api import Error

    tell("opening")
    async with opened(window) as context:
        try:
            return await _Visit(site, context).wait(tell, judge, path)
        except Error:
            raise _closed() from None


class _Visit:
    """One look after the other."""

    def __init__(self, site: Site, context: BrowserContext) -> None:
        self._context = context
        self._address = site.base_url
        self._origin = origin_of(site.base_url)
        self._origins = {self._origin, origin_of(site.auth_url)}
        self._hosts = {urlsplit(url).hostname or "" for url in (site.base_url, site.auth_url)}
        self._requests: deque[Request] = deque(maxlen=REQUESTS)
        self._gone = anyio.Event()
        self._sure_at = 0.0
        context.on("request", self._seen)
        context.on("close", lambda _: self._gone.set())

    async def wait(self, tell: Tell, judge: Judge, path: str) -> Credentials:
        await self._go(f"{self._address}{path}")
        tell("waiting")
        judged: dict[str, float] = {}
        while True:
            found = await self._look()
            if found is not None and judged.get(found.mark, 0.0) <= anyio.current_time():
                tell("reading")
                credentials = await self._take(found)
                if await judge(credentials):
                    return credentials
                judged[found.mark] = anyio.current_time() + JUDGE_AGAIN
                tell("waiting")
            await self._pause()

    async def _go(self, url: str) -> None:
        from playwright.async_api import Error

        page = self._context.pages[0] if self._context.pages else await self._context.new_page()
        try:
            await page.goto(url, wait_until="commit", timeout=60_000)
        except Error as error:
            reason = re.search(r"net::ERR_\w+", error.message)
            if reason is not None and reason[0] != "net::ERR_ABORTED":
                raise LunaError(
                    Kind.UPSTREAM_BROKEN,
                    f"The browser cannot open {self._address} ({reason[0]}).",
                    hint="See that this machine reaches it, then begin again.",
                ) from None
            # Too slow, or somebody went elsewhere meanwhile: the window is the user's.

    async def _pause(self) -> None:
        """Until the next look. Raises LunaError(CANCELLED) when there is nothing left to look at."""
        with anyio.move_on_after(LOOK_EVERY):
            await self._gone.wait()
        if self._gone.is_set() or not self._context.pages:
            raise _closed()

    async def _look(self) -> _Found | None:
        """What the first page of the site says that has something to say; other pages are not touched."""
        session = plausible_token((await self._cookies_named("token"))[-1:])
        for page in self._context.pages:
            seen = await self._ask(page) if origin_of(page.url) == self._origin else None
            token = plausible_token([stored_token(seen["token"])]) if seen is not None else ""
            if seen is not None and token:
                return _Found(token, session, seen["agent"])
            if seen is not None and session and self._settled():
                return _Found("", session, seen["agent"])
        if not session:
            self._sure_at = 0.0
        return None

    def _settled(self) -> bool:
        """True once the page has had time to store a token beside the cookie."""
        now = anyio.current_time()
        self._sure_at = self._sure_at or now + SETTLE
        return now >= self._sure_at

    async def _ask(self, page: Page) -> dict[str, Any] | None:
        from playwright.async_api import Error

        try:
            seen: dict[str, Any] | None = await page.evaluate(_LOOK, self._origin)
        except Error as error:
            if "has been closed" not in error.message or page.is_closed():
                return None  # it went to another page while it was asked, or broke: it will be asked again
            await self._pause()
            if page.is_closed() or page not in self._context.pages:
                return None
            raise  # nobody closed it: the driver itself has gone
        return seen

    async def _take(self, found: _Found) -> Credentials:
        headers = await self._page_headers()
        agent = headers.pop("user-agent", "") or found.agent
        cookies = [_cookie(one) for one in await self._context.cookies() if self._of_the_site(one["domain"])]
        jar = {cookie.key: cookie for cookie in cookies if cookie.value and cookie.sendable}
        return Credentials(
            token=found.token, cookies=tuple(jar.values()), user_agent=_line(agent), page_headers=headers
        )

    async def _cookies_named(self, name: str) -> list[str]:
        jar = await self._context.cookies(self._address)
        return [cookie["value"] for cookie in jar if cookie["name"] == name]

    def _of_the_site(self, domain: str) -> bool:
        """True for a cookie of one of the site's hosts, or of a domain that they belong to."""
        bare = domain.lstrip(".")
        return any(host == bare or host.endswith(f".{bare}") for host in self._hosts)

    # What the page says of its browser

    def _seen(self, request: Request) -> None:
        from playwright.async_api import Error

        url = urlsplit(request.url)
        if origin_of(request.url) not in self._origins or not url.path.startswith("/api/"):
            return
        try:
            asked_by = request.frame.url
        except Error:
            return  # a worker's, or a page that has gone
        if origin_of(asked_by) in self._origins:
            self._requests.append(request)

    async def _page_headers(self) -> dict[str, str]:
        """The headers of the page's own requests, the latest counting; and its user agent."""
        with anyio.move_on_after(SETTLE):
            while not any(DEVICE in request.headers for request in self._requests):
                await self._pause()
        kept = PAGE_HEADERS | {"user-agent"}
        found: dict[str, str] = {}
        for request in list(self._requests):
            headers = await self._all_headers(request)
            found |= {name: value for name, value in headers.items() if name in kept and _line(value)}
        return found

    async def _all_headers(self, request: Request) -> dict[str, str]:
        from playwright.async_api import Error

        headers = request.headers
        with anyio.move_on_after(1.0):  # of one that is not sent yet there is no more to know
            try:
                headers = await request.all_headers()
            except Error:
                return headers
        return headers


def origin_of(url: str) -> str:
    """Scheme, host and port, as a browser writes them (RFC 6454 section 6.2)."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{host}" if port in (None, usual) else f"{parts.scheme}://{host}:{port}"


def stored_token(stored: object) -> str:
    """What the storage holds as the token: bare, in quotes, or in a document under `value` or `token`."""
    if not isinstance(stored, str):
        return ""
    text = stored.strip()
    if text.startswith("{"):
        try:
            document = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return ""
        text = next((document[name] for name in ("value", "token") if isinstance(document.get(name), str)), "")
    return text.strip().strip('"')


def plausible_token(tokens: list[str]) -> str:
    """The first that may be the token of somebody who is logged in."""
    for token in tokens:
        claims = read_claims(token)
        if _line(token) and " " not in token and (len(token) >= _SHORTEST if claims is None else not claims.guest):
            return token
    return ""


def _line(value: str) -> str:
    """The value, if it can stand in a header."""
    return value if value.isascii() and value.isprintable() else ""


def _cookie(one: Any) -> Cookie:
    """A cookie as the browser tells it."""
    return Cookie(
        name=one["name"],
        value=one["value"],
        domain=one["domain"].lstrip("."),
        host_only=not one["domain"].startswith("."),
        path=one["path"],
        expires=one["expires"] if one["expires"] > 0 else None,
    )


def _closed() -> LunaError:
    return LunaError(
        Kind.CANCELLED, "The login window was closed before the login was complete.", hint="Begin the login again."
    )
