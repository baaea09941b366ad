"""A site that keeps chats and nothing else, and a luna's chat ledger and cleanup over it, to be crashed at will."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import anyio.lowlevel

from luna.model.ambient import Ids, ManualClock
from luna.model.errors import LunaError
from luna.model.preferences import ChatCleanup, LivePreferences, Preferences, SessionPreferences
from luna.qwen.authority import Authority
from luna.qwen.client import QwenClient
from luna.qwen.credentials import Credentials
from luna.qwen.endpoints import Site
from luna.state.account import Account
from luna.state.chat_desk import ChatDesk
from luna.state.chat_lanes import Lanes
from luna.state.chat_rows import Chat, Planned, State
from luna.state.chats import ChatLedger
from luna.state.cleanup import Cleanup
from luna.state.store import Store
from luna.upstream.exchange import OutRequest
from tests.support.scripted import Says, ScriptedResponse, body_of, header, refusal, success

PAGE = 5
GONE = refusal("CHAT_NOT_FOUND", "This chat has been deleted.", 404)


@dataclass
class SiteChat:
    """One chat at the site."""

    id: str
    user: str
    title: str
    created_at: float
    updated_at: float
    messages: list[str] = field(default_factory=list)


class ChatSite:
    """A `Backend`. Users are told apart by their session cookie."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.chats: dict[str, SiteChat] = {}
        self._made = 0
        self.calls: list[str] = []
        """`new`, `list N`, `read ID` and `delete ID`, in order."""
        self.before: deque[Says | LunaError | None] = deque()
        """What happens to the next calls, instead of what they ask for; None lets one pass."""
        self.after: deque[LunaError | None] = deque()
        """How the next calls end for the caller once they have been carried out."""
        self.on_call: Callable[[str], None] = lambda call: None

    def add(self, user: str, title: str = "My own", **fields: float) -> SiteChat:
        """A chat that somebody made."""
        now = self.clock.wall()
        self._made += 1
        chat = SiteChat(f"chat-{self._made}-{user}", user, title, now, now)
        for name, value in fields.items():
            setattr(chat, name, value)
        self.chats[chat.id] = chat
        return chat

    def titles(self) -> list[str]:
        return [chat.title for chat in self.chats.values()]

    async def open(self, request: OutRequest) -> ScriptedResponse:
        await anyio.lowlevel.checkpoint()
        parts = urlsplit(request.url)
        if parts.path.endswith("/auths/refresh"):
            return ScriptedResponse(refusal("Unauthorized", "The token has been revoked.", 401), lambda: None)
        name = parts.path.removeprefix("/api/v2/chats/")
        match request.method, name:
            case "POST", "new":
                call = "new"
            case "GET", "":
                call = f"list {parse_qs(parts.query)['page'][0]}"
            case "GET", _:
                call = f"read {name}"
            case "DELETE", _:
                call = f"delete {name}"
            case other:
                raise AssertionError(f"luna must never ask for {other}")
        self.calls.append(call)
        self.on_call(call)
        instead = self.before.popleft() if self.before else None
        if isinstance(instead, LunaError):
            raise instead
        says = instead if instead is not None else self._answer(call, request)
        error = self.after.popleft() if self.after else None
        if error is not None:
            raise error
        return ScriptedResponse(says, lambda: None)

    def _answer(self, call: str, request: OutRequest) -> Says:
        user = header(request, "cookie").removeprefix("token=")
        what, _, name = call.partition(" ")
        if what == "new":
            return success({"id": self.add(user, body_of(request).get("title", "New Chat")).id})
        if what == "list":
            assert name != "", "a page has a number"
            own = [chat for chat in self.chats.values() if chat.user == user]
            own.sort(key=lambda chat: chat.updated_at, reverse=True)
            page = own[(int(name) - 1) * PAGE : int(name) * PAGE]
            rows = [
                {"id": c.id, "title": c.title, "created_at": int(c.created_at), "updated_at": int(c.updated_at)}
                for c in page
            ]
            return success(rows)
        assert name, "never without an id: that would be all of them"
        chat = self.chats.get(name)
        if chat is None or chat.user != user:
            return GONE
        if what == "read":
            return success({"chat": {"history": {"messages": {text: {"id": text} for text in chat.messages}}}})
        del self.chats[name]
        return success({"status": True})

    async def aclose(self) -> None:
        await anyio.lowlevel.checkpoint()


class Directory(dict[str, Account]):
    """The accounts by their ids."""

    def find(self, account_id: str) -> Account | None:
        return self.get(account_id)


class ChatHouse:
    """One luna's ledger and cleanup, at a store that outlives it."""

    def __init__(self, store: Store, *, accounts: tuple[str, ...] = ("a",), policy: ChatCleanup | None = None) -> None:
        self.store = store
        self.clock = ManualClock()
        self.site = ChatSite(self.clock)
        self.accounts = Directory()
        for name in accounts:
            self.add_account(name)
        self.generating: set[str] = set()
        self.forgotten: list[str] = []
        """What sessions were told, in order."""
        self.preferences = LivePreferences(_preferences(policy or ChatCleanup()))
        self._born = 0
        self.crash()

    def add_account(self, name: str) -> Account:
        credentials = Credentials.read({"cookies": f"token={name}"})
        authority = Authority(credentials, site=Site(), backend=self.site, clock=self.clock)
        self.accounts[name] = Account(name, label=name, source="file", authority=authority, clock=self.clock)
        return self.accounts[name]

    def crash(self) -> None:
        """The process is gone, and another one begins; nothing of the old one is left but what was committed."""
        self._born += 1
        self.ledger = ChatLedger(self.store, self.clock, Ids(b"ledger%d" % self._born))
        self.lanes = Lanes(self.accounts, self.clock, sleep=self._sleep)
        self.cleanup = Cleanup(
            self.ledger,
            self.lanes,
            self.preferences,
            self.clock,
            generating=self.generating.__contains__,
            on_deleted=self.forgotten.append,
        )
        self.desk = ChatDesk(self.ledger, self.cleanup, self.lanes, self.clock)

    async def restart(self) -> None:
        """Crash, and begin as a process does."""
        self.crash()
        await self.ledger.load()

    def obey(self, policy: ChatCleanup) -> None:
        self.preferences.replace(_preferences(policy))

    def client(self, account: str = "a") -> QwenClient:
        return self.accounts[account].client(Ids(b"client"))

    async def _sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await anyio.lowlevel.checkpoint()

    async def plan(self, account: str = "a", purpose: str = "main") -> Planned:
        return await self.ledger.plan(account, purpose=purpose, run="flow_1")

    async def chat(self, account: str = "a", purpose: str = "main", *, used: bool = True) -> str:
        """A chat, made as the transport makes one."""
        client = self.client(account)
        chat_id = await self.ledger.create(
            lambda title: client.create_chat("m", title), account, purpose=purpose, run="flow_1"
        )
        if used:
            self.ledger.used(chat_id)
            self.site.chats[chat_id].messages.append("Hi")
        return chat_id

    async def rest(self, seconds: float = 0.0) -> None:
        """Let the cleanup work for that long, and until nothing is due."""
        end = self.clock.monotonic() + seconds
        for _ in range(500):
            pause = await self.cleanup.step()
            left = end - self.clock.monotonic()
            if pause > max(left, 1.0):
                self.clock.advance(max(left, 0.0))
                return
            self.clock.advance(max(pause, 0.01))
        raise AssertionError("it never comes to rest")

    async def leap(self, seconds: float) -> None:
        """Let so much time pass at once, and then let the cleanup work."""
        self.clock.advance(seconds)
        await self.rest()

    async def row(self, name: str) -> Chat:
        found = await self.ledger.find(name)
        assert found is not None
        return found

    async def state(self, name: str) -> State:
        return (await self.row(name)).state

    async def counted(self) -> dict[str, int]:
        """The counts that are not zero, which must be what the table says."""
        await self.ledger.settle()
        counts = self.ledger.counts()
        await self.store.commit()
        again = ChatLedger(self.store, self.clock)
        await again.load()
        assert again.counts() == counts
        return {state.value: number for state, number in counts.items() if number}


def _preferences(policy: ChatCleanup) -> Preferences:
    return Preferences(session=SessionPreferences(chat_cleanup=policy))
