"""Where Qwen's web chat lives and what every request to it carries.

Owns addresses and descriptive headers (wire document sections 1 and 2.1). Knows no tokens and no
cookies (that is `luna.qwen.authority`) and sends nothing.

Two things are left out on purpose: `bx-v`, `bx-ua` and `bx-umidtoken` are the output of the page's own
fingerprint SDK on one device, and `sec-ch-ua*` describe one browser. luna invents none of them; it sends
them only when they were captured in the user's own browser together with the cookies.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from urllib.parse import quote, urlsplit

import msgspec

from luna.model.errors import Kind, LunaError
from luna.upstream.exchange import Headers

WEB_VERSION = "0.3.11"
"""The web client whose wire format luna speaks. Some backends answer `Bad_Request` when the header is missing."""

USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36"
"""A current desktop browser, for accounts whose own user agent is not known. Cookies that carry a risk score are
bound to the browser that earned them, so an account should bring its own (`userAgent` among its credentials)."""

PAGE_HEADERS = frozenset(
    {"bx-v", "bx-ua", "bx-umidtoken", "sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform", "accept-language"}
)
"""Headers (lower case) of the user's own page that may go along, when they were captured."""

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
"""Means itself in a path and in a query."""
_JSON = (("Content-Type", "application/json"),)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Site(msgspec.Struct, frozen=True):
    """One deployment of the web chat: the real one, or a look-alike. URLs without a trailing slash."""

    base_url: str = "https://chat.qwen.ai"
    auth_url: str = "https://auth.qwen.ai"

    def __post_init__(self) -> None:
        for name in ("base_url", "auth_url"):
            url = getattr(self, name).rstrip("/")
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
                raise ValueError(f"expected an address like https://chat.qwen.ai, got {url!r}")
            msgspec.structs.force_setattr(self, name, url)

    def completions(self, chat_id: str) -> str:
        """`POST`: one turn, answered as a stream (section 1.4)."""
        return f"{self.base_url}/api/v2/chat/completions?chat_id={_quoted(chat_id)}"

    def stop(self, chat_id: str) -> str:
        """`POST`: end a running generation (section 1.3)."""
        return f"{self.base_url}/api/v2/chat/completions/stop?chat_id={_quoted(chat_id)}"

    def new_chat(self) -> str:
        """`POST`: create a chat."""
        return f"{self.base_url}/api/v2/chats/new"

    def chats(self, page: int) -> str:
        """`GET`: one page of the user's chats, the latest first; pages count from 1 (section 1.3)."""
        return f"{self.base_url}/api/v2/chats/?page={page}&exclude_project=true"

    def chat(self, chat_id: str) -> str:
        """`GET`: one chat with its messages; `DELETE`: remove it. Never without an id: that would mean all chats."""
        if not chat_id:
            raise ValueError("a chat id is needed")
        if chat_id in (".", ".."):  # no quoting makes a name of them: they are the list of all chats, and what is above
            raise LunaError(Kind.CHAT_GONE, f"There is no chat '{chat_id}' at Qwen.", hint="Leave its id out.")
        return f"{self.base_url}/api/v2/chats/{_quoted(chat_id)}"

    def page(self, chat_id: str) -> str:
        """The page that shows a chat, as `Referer`."""
        return f"{self.base_url}/c/{_quoted(chat_id)}" if chat_id else f"{self.base_url}/"

    def models(self) -> str:
        """`GET`: the models of this account (section 1.2)."""
        return f"{self.base_url}/api/v2/models/"

    def upload_permits(self) -> tuple[str, ...]:
        """`POST`: where a file may be put, and with what; the newest first (section 6)."""
        return (f"{self.base_url}/api/v2/files/getstsToken", f"{self.base_url}/api/v1/files/getstsToken")

    def parse(self) -> str:
        """`POST`: have an uploaded document read."""
        return f"{self.base_url}/api/v2/files/parse"

    def parse_status(self) -> str:
        """`POST`: how far that is."""
        return f"{self.base_url}/api/v2/files/parse/status"

    def users(self) -> tuple[str, ...]:
        """`GET`: who the credentials belong to; the newest first, older ones for when it is gone (section 1.1)."""
        return (f"{self.base_url}/api/v1/auths/", f"{self.base_url}/api/v2/user/info")

    def user_settings(self) -> str:
        """`GET`: the user's settings of the page (section 1.4)."""
        return f"{self.base_url}/api/v2/users/user/settings"

    def refresh(self) -> str:
        """`GET`, cookies only: a new access token (section 1.1)."""
        return f"{self.auth_url}/api/v2/auths/refresh"


class Browser(msgspec.Struct, frozen=True, dict=True):
    """What the user's own browser says of itself."""

    user_agent: str = USER_AGENT
    page_headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Captured headers by lower-case name; only those in `PAGE_HEADERS` are ever sent."""

    def __repr__(self) -> str:
        return f"<Browser {self.user_agent!r}>"

    def headers(
        self, site: Site, url: str, *, request_id: str, now: float, chat_id: str = "", body: bool = False
    ) -> Headers:
        """The headers of a request to `url`, without credentials. `now` in seconds since the epoch; `body`: it has
        one (JSON); `chat_id`: of the chat whose page would send it."""
        language, page = self._page
        return (
            ("Accept", "application/json"),
            language,
            ("User-Agent", self.user_agent),
            ("source", "web"),
            ("Version", WEB_VERSION),
            ("Timezone", timezone(int(now))),
            ("X-Request-Id", request_id),
            ("Origin", site.base_url),
            ("Referer", site.page(chat_id)),
            ("Sec-Fetch-Dest", "empty"),
            ("Sec-Fetch-Mode", "cors"),
            ("Sec-Fetch-Site", "same-origin" if url.startswith(f"{site.base_url}/") else "same-site"),
            *(_JSON if body else ()),
            *page,
        )

    @cached_property
    def _page(self) -> tuple[tuple[str, str], Headers]:
        """The language, and what else of the page goes along."""
        page = {name: value for name, value in self.page_headers.items() if name in PAGE_HEADERS}
        return ("Accept-Language", page.pop("accept-language", "en-US,en;q=0.9")), tuple(page.items())


@lru_cache(maxsize=256)
def _quoted(chat_id: str) -> str:
    """As a part of a path or a query."""
    return chat_id if _PLAIN.fullmatch(chat_id) else quote(chat_id, safe="")


@lru_cache(maxsize=16)
def timezone(now: int) -> str:
    """Local time as the web client writes it: `Sat Sep 26 2026 00:12:28 GMT+0700`, without a zone name."""
    local = datetime.fromtimestamp(now, UTC).astimezone()
    day, month = _DAYS[local.weekday()], _MONTHS[local.month - 1]
    return f"{day} {month} {local.day:02d} {local.year} {local:%H:%M:%S} GMT{local:%z}"
