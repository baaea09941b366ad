"""One chat of the ledger: its states, its row in the table, and the mark in its title.

Pure. Owns the shapes; what moves a chat from one state to another belongs to `luna.state.chats` and those it serves.
"""

import enum
from typing import Any

import msgspec

from luna.state.store.late import LateRow
from luna.state.store.sql import Row

MAIN = "main"
"""The purpose of a chat in which a client's conversation takes place; every other is an aside of luna's own."""
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: nothing that a person could misread."""
_TWO_LETTERS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)


class State(enum.StrEnum):
    """What has become of it."""

    PLANNED = "planned"
    OPEN = "open"
    DELETING = "deleting"
    DELETED = "deleted"
    LOST = "lost"
    FAILED = "failed"
    ORPHANED = "orphaned"


_WORDS = frozenset(state.value for state in State)
LIVE = frozenset({State.OPEN, State.DELETING})
"""As far as luna knows, it is there."""
ENDED = frozenset({State.DELETED, State.LOST, State.FAILED})
"""Nothing will happen to it any more."""


class Reason(enum.StrEnum):
    """Why it is deleted."""

    AFTER_RESPONSE = "after-response"
    IDLE = "idle"
    AGE = "age"
    LEFTOVER = "leftover"
    """Made by a flow that was cancelled before it said anything there."""
    ASIDE = "aside"
    """Luna's own, and nobody asks there any more."""
    REQUESTED = "requested"


class Planned(msgspec.Struct, weakref=True):
    """A chat that is about to be created. Whoever asked for it holds on to this until it is known how that went."""

    id: str
    """luna's own; the chat has none yet."""
    account: str
    title: str
    """What to call it: found again in the account's list by this if its id is never learnt."""
    purpose: str
    at: float
    """Seconds since the epoch."""
    state: State = State.PLANNED
    given_up: bool = False
    """Nobody will say how it went."""


class Chat(msgspec.Struct, frozen=True, kw_only=True):
    """One row. Times are seconds since the epoch."""

    id: str
    chat: str
    """Upstream's id; "" as long as it is not known."""
    account: str
    state: State
    purpose: str
    title: str
    run: str
    session: str
    created_at: float
    used_at: float | None
    """When a turn was last sent there; None for never."""
    ended_at: float | None
    attempts: int
    """How often it was tried to delete it, or to find it."""
    next_try: float | None
    """When that is tried again; None for not by itself."""
    reason: str
    error: str
    """What the last try met with."""

    def ended(self, state: State, at: float) -> "Chat":
        """As it is once nothing will happen to it any more."""
        return msgspec.structs.replace(self, state=state, ended_at=at, next_try=None, error="")


class Made(LateRow):
    """What is to be written down of a chat that Qwen has made. Nearly always a turn is sent there at once, which then
    stands in the same row."""

    def __init__(self, key: str, chat: str) -> None:
        super().__init__()
        self._key = key
        self._chat = chat
        self.used: float | None = None

    def make(self) -> dict[str, Any]:
        return {"key": self._key, "chat": self._chat, "used": self.used}


def title_of(key: str) -> str:
    """The title under which a chat is created: people see whose it is, and luna finds it again by the mark."""
    return f"luna · {mark_of(key)}"


def mark_of(key: str) -> str:
    """Ten letters for a row's id: unique enough to know a chat by, short enough to read out. Of its last digits: the
    first are the time."""
    number, two = int(key.rpartition("_")[2][-13:], 16), _TWO_LETTERS
    return "".join([two[number >> shift & 1023] for shift in (40, 30, 20, 10, 0)])


def row_of(planned: Planned, *, run: str, session: str) -> dict[str, Any]:
    """The row of a chat that is about to be created."""
    return {
        "id": planned.id,
        "account_id": planned.account,
        "state": planned.state,
        "purpose": planned.purpose,
        "title": planned.title,
        "run_id": run or None,
        "session_id": session or None,
        "created_at": planned.at,
        "attempts": 0,
    }


def state_of(word: object) -> State:
    """The state that a row names. One that nobody knows, because somebody else has changed the row, counts as orphaned:
    luna leaves such a chat alone."""
    return State(word) if word in _WORDS else State.ORPHANED


def read_chat(row: Row[Any]) -> Chat:
    """A row as it was read."""
    return Chat(
        id=row.id,
        chat=row.chat_id or "",
        account=row.account_id,
        state=state_of(row.state),
        purpose=row.purpose,
        title=row.title,
        run=row.run_id or "",
        session=row.session_id or "",
        created_at=row.created_at,
        used_at=row.used_at,
        ended_at=row.ended_at,
        attempts=row.attempts,
        next_try=row.next_try,
        reason=row.reason or "",
        error=row.error or "",
    )
