"""An account in use by one flow.

Owns the moment at which an account is taken and given back, and what the flow has to say about it.
Which account it is belongs to `luna.state.choice` and `luna.state.scheduler`.
"""

from collections.abc import Callable
from types import TracebackType
from typing import Self

import anyio

from luna.model.ambient import Ids
from luna.model.errors import LunaError
from luna.qwen.authority import Authority
from luna.qwen.client import QwenClient
from luna.state.account import Account
from luna.state.health import Subject

_WRITING = 2.0
"""Seconds that writing down a changed cookie may take."""

CHAOS = "chaos"
"""Names, in the detail of an error, what was made to happen on purpose. No account is to blame for that."""

Take = Callable[[], tuple[Account, Callable[[], None]]]
"""Gives an account, and how to give it back. Raises LunaError."""


def _nothing() -> None:
    return None


class Lease:
    """An account, for as long as one flow needs it: `async with accounts.lease(…) as lease`."""

    def __init__(self, take: Take, subject: Subject = "chat") -> None:
        self._take = take
        self._subject: Subject = subject
        self._give_back: Callable[[], None] = _nothing
        self._account: Account | None = None
        self._authority: Authority | None = None

    def __repr__(self) -> str:
        return f"<Lease {self._account.id if self._account else 'not held'}>"

    async def __aenter__(self) -> Self:
        self._account, self._give_back = self._take()
        self._authority = self._account.authority
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        authority = self.account.authority
        self._give_back()
        if authority.changed:
            with anyio.move_on_after(_WRITING, shield=True):
                await authority.keep()

    @property
    def account(self) -> Account:
        """The account. Its id may be shown, the rest is for the transport."""
        assert self._account is not None, "entered"
        return self._account

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
