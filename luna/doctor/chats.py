"""Where the doctor writes down the one chat that it makes: in luna's ledger, so that a broken-off examination leaves a
row by which luna deletes the chat later.

Owns the two ways: with the ledger, and without it while a luna works in the data directory, whose ledger it is then.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from luna.model.ambient import Clock
from luna.state.chat_rows import Chat, State
from luna.state.chats import ChatLedger

TITLE = "luna · doctor"
PURPOSE = "doctor"


class ChatBook(Protocol):
    """What the probes say of their chat."""

    async def create(self, make: Callable[[str], Awaitable[str]]) -> str:
        """Have the chat made by `make(title)`; its id. Raises what `make` raises."""
        ...

    async def deleted(self, chat_id: str) -> None:
        """It is gone."""
        ...


class Ledgered:
    """Written down before it exists, like every other chat of luna's."""

    def __init__(self, ledger: ChatLedger, account: str, clock: Clock) -> None:
        self._ledger = ledger
        self._account = account
        self._clock = clock

    def __repr__(self) -> str:
        return f"<Ledgered {self._ledger!r}>"

    async def create(self, make: Callable[[str], Awaitable[str]]) -> str:
        """See `ChatBook`. Raises also LunaError(INTERNAL) when it cannot be written down."""
        return await self._ledger.create(make, self._account, purpose=PURPOSE, run="")

    async def deleted(self, chat_id: str) -> None:
        """See `ChatBook`. Raises LunaError(INTERNAL)."""
        found = await self._ledger.find(chat_id)
        if found is not None:
            await self._ledger.change(found.id, self._ended)

    def _ended(self, chat: Chat) -> Chat:
        return chat.ended(State.DELETED, self._clock.wall())


class Unwritten:
    """For an examination beside a luna that works: the title says whose chat it is."""

    def __repr__(self) -> str:
        return "<Unwritten>"

    async def create(self, make: Callable[[str], Awaitable[str]]) -> str:
        """See `ChatBook`."""
        return await make(TITLE)

    async def deleted(self, chat_id: str) -> None:
        """See `ChatBook`."""
