"""What the site remembers: users, their sessions, chats and tasks, and what was done to it.

Owns who may do what with which token, and the counters and the ledger that tests read. Knows no HTTP.
"""

import hashlib
import math
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields

from luna.demo.conversation import Chats
from luna.demo.refusal import LIMIT, WAIT, Refusal
from luna.demo.shelf import Shelf
from luna.demo.streams import AllStreams
from luna.demo.tokens import Mint
from luna.model.ambient import Clock, Ids

LEDGER_LENGTH = 10_000
MAX_TASKS = 1_000


@dataclass
class User:
    """Somebody with an account."""

    id: str
    email: str
    name: str
    password: str
    """SHA-256 of the password, hexadecimal: what a sign-in sends."""
    created_at: int
    tools_enabled: dict[str, bool] = field(default_factory=dict)
    """The user's settings for the site's built-in tools."""


@dataclass(frozen=True, repr=False)
class Credentials:
    """What a signed-in browser holds."""

    token: str
    """The access token, as in `localStorage`."""
    refresh_token: str
    cookies: Mapping[str, str]
    """The whole jar: `token` (the session token), `refresh_token`, `acw_tc`."""

    def __repr__(self) -> str:
        return f"<Credentials cookies={','.join(self.cookies)}>"

    @property
    def cookie_header(self) -> str:
        """The jar as a `Cookie` header."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())


@dataclass
class Counters:
    """How often something happened since the start."""

    requests: int = 0
    completions: int = 0
    """Generations that began."""
    finished: int = 0
    """Generations that were sent to their end."""
    stopped: int = 0
    """Generations that a stop call ended."""
    left: int = 0
    """Generations whose client went away before the end."""
    cut: int = 0
    """Generations that a fault broke off."""
    refused: int = 0
    """Requests answered with `success: false`."""
    faults: int = 0
    """Requests that were answered with a fault."""
    stops: int = 0
    """Stop calls, whether or not something was running."""
    chats_created: int = 0
    chats_deleted: int = 0
    refreshes: int = 0
    signins: int = 0
    streams_now: int = 0
    """Answers that are being given."""
    streams_peak: int = 0
    """The most that there ever were at a time."""
    permits: int = 0
    """Permits to store a file."""
    uploads: int = 0
    """Files that were stored."""
    store_refusals: int = 0
    """Requests that the store did not believe."""
    parses: int = 0
    """Documents that were to be read."""


@dataclass(frozen=True)
class Entry:
    """One line of the ledger."""

    what: str
    """`chat.created`, `chat.deleted`, `chats.wiped`, `turn`, `stop`, `refresh`, `signin`, `file.permit`,
    `file.stored`, `file.parse`, `file.used`."""
    user: str
    id: str
    at: float
    """Seconds since the epoch."""


@dataclass
class Task:
    """A film in the making."""

    id: str
    user: str
    chat: str
    chat_type: str
    polls: int = 0


class State:
    """The whole site's memory."""

    def __init__(
        self,
        clock: Clock,
        ids: Ids,
        *,
        linger: float,
        settle: float,
        max_streams: int | None = None,
        parse_polls: int = 0,
    ) -> None:
        self.clock = clock
        self.ids = ids
        self.linger = linger
        self.settle = settle
        self.mint = Mint(clock, ids)
        self.users: dict[str, User] = {}
        self.chats = Chats()
        self.tasks: dict[str, Task] = {}
        self.shelf = Shelf(clock, ids, polls=parse_polls)
        self.streams = AllStreams(max_streams)
        self.counters = Counters()
        self.ledger: deque[Entry] = deque(maxlen=LEDGER_LENGTH)
        self._refreshable: dict[str, str] = {}
        self._ended: set[str] = set()
        self._limited: dict[str, float] = {}

    def __repr__(self) -> str:
        counters = self.counters
        told = " ".join(f"{f.name}={v}" for f in fields(counters) if (v := getattr(counters, f.name)))
        return f"<State users={len(self.users)} chats={len(self.chats)} {told or 'untouched'}>"

    def note(self, what: str, user: str, id: str) -> None:
        """Write a line into the ledger."""
        self.ledger.append(Entry(what, user, id, self.clock.wall()))

    def noted(self, what: str) -> list[str]:
        """The ids in the ledger's lines of that kind, in order."""
        return [entry.id for entry in self.ledger if entry.what == what]

    # Accounts

    def user_named(self, label: str) -> User:
        """The user `label@example.com`, whose password is `label`; made when there is none."""
        email = label if "@" in label else f"{label}@example.com"
        for user in self.users.values():
            if user.email == email:
                return user
        user = User(
            id=self.ids.uuid(),
            email=email,
            name=label,
            password=hashlib.sha256(label.encode()).hexdigest(),
            created_at=int(self.clock.wall()),
        )
        self.users[user.id] = user
        return user

    def sign_in(self, user: User) -> Credentials:
        """A fresh session."""
        refresh = self._refresh_token(user.id)
        session = self.mint.make(user.id, "session_token")
        return Credentials(
            token=self.mint.make(user.id, "access_token"),
            refresh_token=refresh,
            cookies={"token": session, "refresh_token": refresh, "acw_tc": self.ids.token("acw_")},
        )

    def expire(self, token: str) -> None:
        """Make a token, of any type, worthless from now on."""
        self._ended.add(token)
        self._refreshable.pop(token, None)

    def _refresh_token(self, user: str) -> str:
        token = self.mint.make(user, "refresh_token")
        self._refreshable[token] = user
        return token

    def rotate(self, refresh_token: str, session_token: str) -> tuple[str, str]:
        """(access token, the next refresh token). A refresh token serves once; without one the session token
        serves. Raises Refusal. The wire document, sections 1.1 and 2.3."""
        if refresh_token:
            user = self._refreshable.pop(refresh_token, None)
            claims = self.mint.read(refresh_token)
            if user is None or claims is None or self.mint.expired(claims):
                raise Refusal("Unauthorized", "The token has been revoked, please sign in again.", 401)
        else:
            user = self._bearer_of(session_token, "session_token").id
        self.counters.refreshes += 1
        self.note("refresh", user, "")
        return self.mint.make(user, "access_token"), self._refresh_token(user)

    def authenticate(self, authorization: str, session_token: str) -> User:
        """Who is calling: a bearer token decides where there is one, else the session cookie. Raises Refusal."""
        scheme, _, bearer = authorization.partition(" ")
        if scheme:
            if scheme.lower() != "bearer":
                raise Refusal("Unauthorized", "401 Unauthorized", 401)
            return self._bearer_of(bearer.strip(), "access_token")
        return self._bearer_of(session_token, "session_token")

    def _bearer_of(self, token: str, kind: str) -> User:
        claims = self.mint.read(token) if token else None
        if claims is None or claims.type != kind or claims.id not in self.users:
            raise Refusal("Unauthorized", "401 Unauthorized", 401)
        if token in self._ended or self.mint.expired(claims):
            raise Refusal("Unauthorized", "Token has expired.", 401)
        return self.users[claims.id]

    # Limits

    def limit(self, user: User, hours: float) -> None:
        """Let a user's cap for the day be reached for so many hours from now; 0 lifts it."""
        self._limited[user.id] = self.clock.wall() + hours * 3600

    def check_cap(self, user: User) -> None:
        """Raises Refusal while the user's cap is reached; it names the hours that are left, whole ones."""
        left = self._limited.get(user.id, 0.0) - self.clock.wall()
        if left > 0:
            raise Refusal("RateLimited", LIMIT, 429, template=WAIT, num=math.ceil(left / 3600))

    @contextmanager
    def streaming(self, user: str) -> Iterator[None]:
        """While an answer is given."""
        counters, streams = self.counters, self.streams
        try:
            with streams.opened(user):
                counters.streams_now, counters.streams_peak = streams.now, streams.peak
                yield
        finally:
            counters.streams_now = streams.now

    # Films

    def film(self, user: str, chat: str, chat_type: str) -> Task:
        """Begin a film."""
        task = Task(self.ids.token("task-"), user, chat, chat_type)
        self.tasks[task.id] = task
        if len(self.tasks) > MAX_TASKS:
            del self.tasks[next(iter(self.tasks))]
        return task
