"""An account in use by one flow.

Owns what the flow has to say about the account, and the moment at which it is given back.
Which account it is belongs to `luna.state.choice` and `luna.state.scheduler`.
"""

from collections.abc import Callable
from types import TracebackType
from typing import Self

import anyio

from luna.model.ambient import Ids
from luna.model.errors import LunaError
from luna.qwen.client import QwenClient
from luna.state.account import Account
from luna.state.health import Subject

_WRITING = 2.0
"""Seconds that writing down a changed cookie may take."""

CHAOS = "chaos"
"""Names, in the detail of an error, what was made to happen on purpose. No account is to blame for that."""


def _nothing() -> None:
    return None


class Lease:
    """An account, for as long as one flow needs it: `async with accounts.lease(…) as lease`. Whoever holds it otherwise
    has the account's cookies kept at the end where the site has changed them."""

    __slots__ = ("_authority", "_give_back", "_subject", "account")

    def __init__(self, account: Account, give_back: Callable[[], None] = _nothing, subject: Subject = "chat") -> None:
        self.account = account
        """Its id may be shown, the rest is for the transport."""
        self._give_back = give_back
        self._subject: Subject = subject
        self._authority = account.authority

    def __repr__(self) -> str:
        return f"<Lease {self.account.id}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give_back()
        if self.account.authority.changed:
            await self.keep()

    async def keep(self) -> None:
        """Write down the cookies that the site has changed."""
        with anyio.move_on_after(_WRITING, shield=True):
            await self.account.authority.keep()

    def client(self, ids: Ids, now: float) -> QwenClient:
        """The account's voice on this flow, which supplies the ids and the time of its birth."""
        return self.account.client(ids, now)

    def succeeded(self) -> None:
        """Qwen answered."""
        if self.account.authority is self._authority:
            self.account.succeeded()

    def failed(self, error: LunaError) -> None:
        """The flow failed; the account is told, unless it has got new credentials meanwhile, or is not to blame."""
        if CHAOS not in error.detail and self.account.authority is self._authority:
            self.account.failed(error, self._subject)
