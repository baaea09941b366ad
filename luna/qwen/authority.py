"""One account's right to speak: its token and cookies, kept fresh.

Owns the life of the short access token (wire document section 2.3): when it is renewed, that one renewal at a
time serves all who wait, that what the site rotated is kept even if every caller has gone. Knows nothing of
chats, and nothing of files: keeping is handed in.

The renewal is `GET {auth}/api/v2/auths/refresh` with cookies alone. An older client renewed with
`POST {base}/api/v2/auths/refresh` and a body `{refresh_token}`; nobody has seen that answer lately, so luna does
not try it.
"""

import logging
import math
from collections.abc import Awaitable, Callable
from functools import lru_cache
from urllib.parse import urlsplit

import anyio
import msgspec

from luna.model.ambient import Clock, Ids
from luna.model.errors import Kind, LunaError
from luna.qwen.cookies import CookieJar
from luna.qwen.credentials import SESSION_COOKIES, Credentials
from luna.qwen.endpoints import Site
from luna.qwen.errors import understood
from luna.qwen.refusals import LOGIN_HINT
from luna.qwen.tokens import read_claims
from luna.upstream.exchange import Backend, Headers, OutRequest, Timeouts

log = logging.getLogger("luna.qwen.authority")

MARGIN = 180.0
"""Seconds before its end at which a token is renewed; of a token that lives very shortly, its last quarter."""
PATIENCE = 15.0
"""Seconds that one renewal may take. It cannot be cancelled, so this also bounds how long a flow may linger."""
_TIMEOUTS = Timeouts(connect=5.0, head=10.0, idle=5.0)

Keep = Callable[["Authority"], Awaitable[None]]


class Access:
    """What goes along with one request, and which token that was."""

    def __init__(self, token: str, cookies: str, generation: int) -> None:
        self.token = token
        self.cookies = cookies
        self.generation = generation
        bearer = (("Authorization", f"Bearer {token}"),) if token else ()
        self.headers: Headers = (*bearer, *_cookie(cookies))

    def __repr__(self) -> str:
        return f"<Access generation={self.generation}>"


def _cookie(cookies: str) -> Headers:
    return (("Cookie", cookies),) if cookies else ()


class Authority:
    """The credentials of one account at one site. `keep` is awaited whenever the site rotated them; `renewable`
    is False for credentials that are only being tried, which must not be rotated."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        site: Site,
        backend: Backend,
        clock: Clock,
        ids: Ids | None = None,
        keep: Keep | None = None,
        renewable: bool = True,
    ) -> None:
        self.site = site
        self.backend = backend
        self.browser = credentials.browser
        self.generation = 0
        """Counts renewals."""
        self.changed = False
        """The site changed a cookie since the credentials were last kept."""
        self._credentials = credentials
        self._clock = clock
        self._ids = ids or Ids()
        self._keep = keep
        self._renewable = renewable
        self._jar = CookieJar(credentials.cookies)
        self._made = Access("", "", 0)
        """The last one; most are alike."""
        self._token = credentials.token
        self._expires: float | None
        self._margin: float
        self._due: float
        """When the token is to be renewed: seconds since the epoch."""
        self._lives(*_life(self._token))
        self._turn = anyio.Lock()
        self._attempts = 0
        self._failure: LunaError | None = None

    def __repr__(self) -> str:
        token = "no token" if not self._token else "token"
        if self._token and self._expires is not None:
            token += f" for {self._expires - self._clock.wall():.0f} s"
        return f"<Authority {token}, {self._jar!r}, renewed {self.generation}x>"

    @property
    def credentials(self) -> Credentials:
        """As they stand now."""
        return msgspec.structs.replace(self._credentials, token=self._token, cookies=tuple(self._jar.cookies()))

    @property
    def renewable(self) -> bool:
        """True when there is a cookie that a new token can be had with."""
        return self._renewable and self._has_session()

    async def access(self, url: str) -> Access:
        """The credentials for a request to `url`: the token, renewed when it is about to end, and the cookies; the
        cookies alone where there is no token. Raises LunaError(UPSTREAM_LOGIN) when the login is over, and what
        a renewal raises when the old token is of no use any more."""
        left = self._left()
        if left is not None and left < self._margin and self.renewable:
            try:
                await self.renew(self.generation)
            except LunaError as error:
                if error.kind is Kind.UPSTREAM_LOGIN or left <= 0:
                    raise
                log.warning("the token lasts %.0f s more and cannot be renewed now: %r", left, error)
        return self._access(url, self._clock.wall())

    def at_hand(self, url: str) -> Access | None:
        """What `access` gives when it need not wait; None where there is a token to be renewed."""
        now = self._clock.wall()
        return self._access(url, now) if now < self._due else None

    def _access(self, url: str, now: float) -> Access:
        cookies = self._cookies(url, now)
        token = "" if now >= self._due and self._expired() and self._has_session() else self._token
        access = self._made
        if access.cookies != cookies or access.token != token or access.generation != self.generation:
            access = self._made = Access(token, cookies, self.generation)
        return access

    async def renew(self, generation: int) -> None:
        """The token of that generation is of no use: get another, unless somebody just did. Whoever comes while a
        renewal runs shares its outcome. Raises LunaError(UPSTREAM_LOGIN) when the login is over."""
        if not self.renewable:
            raise self._nothing_to_renew_with()
        attempts = self._attempts
        async with self._turn:
            if self.generation != generation:
                return
            if self._failure is not None and (attempts != self._attempts or self._failure.kind is Kind.UPSTREAM_LOGIN):
                raise _again(self._failure)
            # Shielded: once the site has rotated the cookies, losing its answer would lose the account.
            with anyio.CancelScope(shield=True):
                await self._renew()

    def absorb(self, headers: Headers, url: str) -> None:
        """Take in the cookies that a reply sets."""
        if self._jar.absorb(headers, *_host_and_path(url.partition("?")[0]), self._clock.wall()):
            self.changed = True

    async def keep(self) -> None:
        """Have the credentials written down if the site changed them."""
        if self.changed and self._keep is not None:
            self.changed = False
            await self._keep(self)

    async def _renew(self) -> None:
        self._attempts += 1
        try:
            with anyio.fail_after(PATIENCE):
                self._token = await self._fetch()
        except LunaError as error:
            self._failure = error
            raise
        except TimeoutError:
            self._failure = LunaError(
                Kind.TIMEOUT, "Qwen took too long to renew the access token.", hint="Send the request again."
            )
            raise self._failure from None
        finally:
            await self.keep()
        self._failure = None
        self.generation += 1
        # Counted from now where it can be: the site's clock and ours need not agree.
        self._lives(*_life(self._token, born=self._clock.wall()))

    async def _fetch(self) -> str:
        url = self.site.refresh()
        headers = self.browser.headers(self.site, url, request_id=self._ids.uuid(), now=self._clock.wall())
        origin = ("x-request-origin", self.site.base_url)
        request = OutRequest(
            "GET", url, (*headers, origin, *_cookie(self._cookies(url, self._clock.wall()))), timeouts=_TIMEOUTS
        )
        response = await self.backend.open(request)
        try:
            self.absorb(response.headers, url)
            body = await response.read()
        finally:
            await response.aclose()
        return self._take(understood(response, body))

    def _take(self, document: object) -> str:
        """The token in the reply; a new refresh token beside it goes into the jar."""
        flat = document if isinstance(document, dict) else {}
        data = flat["data"] if isinstance(flat.get("data"), dict) else flat
        token = data.get("access_token") or data.get("token")
        if not isinstance(token, str) or not token:
            raise LunaError(Kind.UPSTREAM_BROKEN, "Qwen renewed the login without sending a token.", hint="Try again.")
        rotated = data.get("refresh_token")
        if isinstance(rotated, str) and rotated:
            self._jar.put("refresh_token", rotated)
        self.changed = True
        return token

    def _lives(self, expires: float | None, margin: float) -> None:
        self._expires, self._margin = expires, margin
        self._due = math.inf if expires is None or not self._token else expires - margin

    def _has_session(self) -> bool:
        return any(self._jar.get(name) for name in SESSION_COOKIES)

    def _expired(self) -> bool:
        left = self._left()
        return left is not None and left <= 0

    def _left(self) -> float | None:
        return None if not self._token or self._expires is None else self._expires - self._clock.wall()

    def _cookies(self, url: str, now: float) -> str:
        return self._jar.header(*_host_and_path(url.partition("?")[0]), now)

    def _nothing_to_renew_with(self) -> LunaError:
        what = "The access token has expired" if self._expired() else "Qwen does not accept the account's credentials"
        return LunaError(
            Kind.UPSTREAM_LOGIN, f"{what}, and there is no session cookie to renew it with.", hint=LOGIN_HINT
        )


def _life(token: str, born: float | None = None) -> tuple[float | None, float]:
    """When the token ends (seconds since the epoch, None if it does not say), and how long before that to renew."""
    claims = read_claims(token)
    if claims is None:
        return None, MARGIN
    lifetime = claims.lifetime
    if lifetime is None:
        return claims.expires, MARGIN
    return claims.expires if born is None else born + lifetime, min(MARGIN, lifetime / 4)


@lru_cache(maxsize=256)
def _host_and_path(address: str) -> tuple[str, str]:
    """Of a URL without its query."""
    parts = urlsplit(address)
    return parts.hostname or "", parts.path or "/"


def _again(error: LunaError) -> LunaError:
    """The same error for another task: an exception object belongs to one traceback."""
    return LunaError(error.kind, error.message, hint=error.hint, retry_after=error.retry_after, detail=error.detail)
