"""The chat ledger: every chat that luna creates in somebody's account, written down before it is created.

Owns the rows, the states that a row passes through, and their counts. Knows neither Qwen nor the policy by which chats
are deleted: that is `luna.state.cleanup`, which obeys one rule of this file: only what stands here is ever deleted.

    planned ──▶ open ──▶ deleting ──▶ deleted          it is gone because luna deleted it
       │          └──────────┴──────▶ lost             it is gone, and luna did not do it
       ├──▶ failed                                     it was never made
       └──▶ orphaned                                   it may have been made, and cannot be found

`created`, `failed` and `used` are on the path of a request: they queue a write and read nothing. Whatever else changes
a row goes through `change`, which reads it first and is one at a time.
"""

from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

import anyio
import msgspec

from luna.model.ambient import Clock, Ids
from luna.model.errors import Kind, LunaError
from luna.state.chat_rows import ENDED, LIVE, MAIN, Chat, Made, Planned, State, read_chat, row_of, state_of, title_of
from luna.state.store import Store
from luna.state.store.sql import Connection, Select, bindparam, delete, func, insert, or_, select, update
from luna.state.store.tables import chats, meta

T = TypeVar("T")
Make = Callable[[str], Awaitable[str]]  # a chat of that title; gives its id

UNUSED = 100
"""Chats that were made and not used, of which it is remembered until they are written down."""
PLAN_LIFE = 300.0
"""Seconds after which a plan that nobody reported on is taken for given up: no call to Qwen lasts that long."""
_REFUSALS = frozenset(
    {
        Kind.UPSTREAM_LOGIN,
        Kind.UPSTREAM_BLOCKED,
        Kind.UPSTREAM_REJECTED,
        Kind.RATE_LIMITED,
        Kind.QUOTA_EXHAUSTED,
        Kind.MODEL_GONE,
        Kind.CONTENT_FILTERED,
    }
)
"""After these Qwen has surely made no chat; after anything else it may have, and the answer was lost."""
_PRUNED = "chats.pruned"

_PLAN = insert(chats)
_CREATED = (
    update(chats)
    .where(chats.c.id == bindparam("key"))
    .values(state=State.OPEN, chat_id=bindparam("chat"), used_at=bindparam("used"), ended_at=None, error=None)
)
_FAILED = (
    update(chats)
    .where(chats.c.id == bindparam("key"), chats.c.state == State.PLANNED)
    .values(state=State.FAILED, ended_at=bindparam("at"), error=bindparam("why"))
)
_USED = (
    update(chats)
    .where(chats.c.chat_id == bindparam("chat"), chats.c.state == State.OPEN)
    .values(used_at=bindparam("at"))
)
_CHANGE = (
    update(chats)
    .where(chats.c.id == bindparam("key"))
    .values({name: bindparam(f"new_{name}") for name in ("state", "chat_id", "ended_at", "attempts", "next_try")})
    .values({name: bindparam(f"new_{name}") for name in ("reason", "error")})
)
_PRUNE = delete(chats).where(chats.c.id == bindparam("key"))
_COUNTS = select(chats.c.state, func.count().label("number")).group_by(chats.c.state)


class Cleaner(Protocol):
    """Who deletes: `luna.state.cleanup`, or nobody yet."""

    def wake(self) -> None:
        """There may be something to do."""
        ...

    def after_response(self, chat_id: str) -> None:
        """A turn in the chat has been answered."""
        ...

    async def discard(self, chat_id: str) -> None:
        """Delete it now."""
        ...


class ChatLedger:
    """All chats that luna made. `load` it before its first use."""

    def __init__(self, store: Store, clock: Clock, ids: Ids | None = None) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids or Ids()
        self._counts: Counter[State] = Counter()
        self._planned: dict[str, Planned] = {}
        """As long as nobody has said how they went."""
        self._made: dict[str, Made] = {}
        """By upstream's id: those that no turn was sent to."""
        self._missing: deque[str] = deque()
        self._changing = anyio.Lock()
        self._cleaner: Cleaner | None = None

    def __repr__(self) -> str:
        told = " ".join(f"{state.value}={count}" for state, count in self.counts().items() if count)
        return f"<ChatLedger {told or 'empty'}>"

    async def load(self) -> None:
        """Count what earlier processes wrote down. Raises LunaError(INTERNAL)."""
        await self._store.settle()
        found = Counter[State]()
        for row in await self._store.read(_COUNTS):
            found[state_of(row.state)] += int(row.number)
        self._counts = found + await self._pruned()

    def attach(self, cleaner: Cleaner) -> None:
        """Whom to tell when there is something to delete."""
        self._cleaner = cleaner

    # On the path of a request

    async def plan(self, account: str, *, purpose: str = MAIN, run: str, session: str = "", key: str = "") -> Planned:
        """Write down that a chat is about to be created; durable on return. Create it with `planned.title`, then say
        how it went: `created` or `failed`. A flow brings the `key` of its own ids, so that a replay says the same.
        Raises LunaError(INTERNAL) when it cannot be written down."""
        key = key or self._ids.token("chat_")
        planned = Planned(key, account, title_of(key), purpose, self._clock.wall())
        self._planned[key] = planned
        self._counts[State.PLANNED] += 1
        self._store.write(_PLAN, row_of(planned, run=run, session=session))
        durable = False
        try:
            await self._store.commit()
            durable = True
        finally:
            if not durable:
                self.abandoned(planned)
        return planned

    def created(self, planned: Planned, chat_id: str) -> None:
        """Qwen made it."""
        self._counts[planned.state] -= 1
        self._counts[State.OPEN] += 1
        planned.state = State.OPEN
        self._planned.pop(planned.id, None)
        if len(self._made) >= UNUSED:
            self._made = {chat: made for chat, made in self._made.items() if not made.taken}
        made = self._made[chat_id] = Made(planned.id, chat_id)
        self._store.write(_CREATED, made)

    def failed(self, planned: Planned, error: LunaError | None = None) -> None:
        """It was not made. Name the `error`: after some it may have been made all the same, and is looked for."""
        if error is not None and error.kind not in _REFUSALS and error.detail.get("phase") != "connect":
            self.abandoned(planned)
            return
        if planned.state is State.PLANNED:
            self._count(State.PLANNED, State.FAILED)
            planned.state = State.FAILED
            self._planned.pop(planned.id, None)
            row = {"key": planned.id, "at": self._clock.wall(), "why": error.message if error is not None else None}
            self._store.write(_FAILED, row)

    def abandoned(self, planned: Planned) -> None:
        """Nobody will say how it went: it is looked for in the account. Does nothing after `created` and `failed`."""
        if planned.state is State.PLANNED and not planned.given_up:
            planned.given_up = True
            self._planned.pop(planned.id, None)
            self._wake()

    async def create(
        self, make: Make, account: str, *, purpose: str = MAIN, run: str, session: str = "", key: str = ""
    ) -> str:
        """All of it: plan a chat, have it made by `make(title)`, note how that went, however it ends. Returns the
        chat's id; raises what `make` raises."""
        planned = await self.plan(account, purpose=purpose, run=run, session=session, key=key)
        try:
            chat_id = await make(planned.title)
            self.created(planned, chat_id)
        except LunaError as error:
            self.failed(planned, error)
            raise
        finally:
            if planned.state is State.PLANNED:
                self.abandoned(planned)
        return chat_id

    def used(self, chat_id: str) -> None:
        """A turn is being sent there. Say so before it is sent: a chat never used is taken for empty."""
        at, made = self._clock.wall(), self._made.pop(chat_id, None)
        if made is not None:
            made.used = at
        if made is None or made.taken:
            self._store.write(_USED, {"chat": chat_id, "at": at})

    def lost(self, chat_id: str) -> None:
        """Qwen says that it is gone. For chats that are not in the ledger this means nothing."""
        self._missing.append(chat_id)
        self._wake()

    def after_response(self, chat_id: str) -> None:
        """A turn there has been answered to its end: delete it now if that is the policy."""
        if self._cleaner is not None:
            self._cleaner.after_response(chat_id)

    async def discard(self, chat_id: str) -> None:
        """Delete it now, whatever the policy; an attempt that fails is repeated later. Never raises LunaError."""
        if self._cleaner is not None:
            await self._cleaner.discard(chat_id)

    # What there is

    def counts(self) -> dict[State, int]:
        """How many chats are in each state, those included whose rows were pruned."""
        return {state: self._counts[state] for state in State}

    @property
    def made(self) -> int:
        """How many chats luna has ever created."""
        return sum(self._counts[state] for state in (State.OPEN, State.DELETING, State.DELETED, State.LOST))

    def underway(self, key: str) -> bool:
        """Whether a flow of this process may still say how that plan went."""
        planned = self._planned.get(key)
        if planned is None or planned.given_up or planned.state is not State.PLANNED:
            return False
        return self._clock.wall() - planned.at < PLAN_LIFE

    async def find(self, name: str) -> Chat | None:
        """The chat of that upstream id, or the row of that id. Raises LunaError(INTERNAL)."""
        found = await self.read(select(chats).where(or_(chats.c.chat_id == name, chats.c.id == name)))
        return min(found, key=lambda chat: chat.state in ENDED, default=None)

    async def read(self, statement: Select[Any]) -> list[Chat]:
        """Chats by a select over the table `chats`; sees all that was said before. Raises LunaError(INTERNAL)."""
        rows = await self.ask(lambda connection: connection.execute(statement).fetchall())
        return [read_chat(row) for row in rows]

    async def ask(self, work: Callable[[Connection], T]) -> T:
        """What `work` makes of a connection to the table as it stands now. Raises LunaError(INTERNAL)."""
        await self.settle()
        await self._store.settle()
        return await self._store.run(work)

    # Off the path of requests

    async def settle(self) -> None:
        """Bring in what `lost` was told. Raises LunaError(INTERNAL)."""
        while self._missing:
            chat_id = self._missing.popleft()
            await self._store.settle()
            for row in await self._store.read(select(chats.c.id).where(chats.c.chat_id == chat_id)):
                await self.change(row.id, self._is_lost)

    async def change(self, key: str, decide: Callable[[Chat], Chat | None]) -> Chat | None:
        """Make of the row what `decide` makes of it as it stands now; None leaves it. One at a time, and durable on
        return. `used_at` stays as it is. Returns the changed chat. Raises LunaError(INTERNAL)."""
        async with self._changing:
            await self._store.settle()
            found = await self._store.read(select(chats).where(chats.c.id == key))
            old = read_chat(found[0]) if found else None
            new = decide(old) if old is not None else None
            if old is None or new is None:
                return None
            self._store.write(
                _CHANGE,
                {
                    "key": key,
                    "new_state": new.state,
                    "new_chat_id": new.chat or None,
                    "new_ended_at": new.ended_at,
                    "new_attempts": new.attempts,
                    "new_next_try": new.next_try,
                    "new_reason": new.reason or None,
                    "new_error": new.error or None,
                },
            )
            self._count(old.state, new.state)
            planned = self._planned.get(key)
            if planned is not None:
                planned.state = new.state  # should its flow have something to say after all
                if new.state in ENDED:
                    del self._planned[key]
            await self._store.commit()
            return new

    async def prune(self, before: float, limit: int = 500) -> int:
        """Forget up to `limit` chats that ended before that time; they stay counted. Raises LunaError(INTERNAL)."""
        async with self._changing:
            statement = select(chats.c.id, chats.c.state).where(chats.c.state.in_(ENDED), chats.c.ended_at < before)
            old = await self._store.read(statement.limit(limit))
            if old:
                pruned = await self._pruned() + Counter(State(row.state) for row in old)
                self._store.write(_PRUNE, [{"key": row.id} for row in old])
                value = msgspec.json.encode(pruned).decode()
                self._store.write(self._store.upsert(meta), {"name": _PRUNED, "value": value})
                await self._store.commit()
            return len(old)

    async def _pruned(self) -> Counter[State]:
        statement = select(meta.c.value).where(meta.c.name == _PRUNED)
        value = await self._store.run(lambda connection: connection.scalar(statement))
        try:
            return Counter(msgspec.json.decode(value, type=dict[State, int])) if value else Counter()
        except msgspec.DecodeError:
            return Counter()  # somebody has changed the row: figures begin anew, and that is all

    def _count(self, old: State, new: State) -> None:
        self._counts[old] -= 1
        self._counts[new] += 1

    def _is_lost(self, chat: Chat) -> Chat | None:
        return chat.ended(State.LOST, self._clock.wall()) if chat.state in LIVE else None

    def _wake(self) -> None:
        if self._cleaner is not None:
            self._cleaner.wake()
