"""What is durable and not in the database yet: it stands in the journal, and is kept here until it was brought in.

Owns when a transaction may be put there, and the journal's place in the database. When it is brought in, and by whom,
is `luna.state.store.writer`'s. With no journal nothing is ever ahead.
"""

import logging
from collections.abc import Sequence
from time import perf_counter

from luna.state.store.journal import Bound, Journal
from luna.state.store.recovery import mark
from luna.state.store.transaction import Transactions, Write

log = logging.getLogger("luna.state.store")

SMALL = 64
"""Rows of a transaction for the journal."""
SLOW = 0.05
"""Seconds that the journal may take for one. A disk that has needed longer is left to the thread for a while."""
WARY = 1.0
"""Seconds of that while."""


class Ahead:
    """Keeps transactions in their order. In the event loop, all of it."""

    def __init__(self, journal: Journal | None, transactions: Transactions) -> None:
        self._journal = journal
        self._transactions = transactions
        self._wary_until = 0.0
        self._kept: list[Bound] = []
        self.number = self.reached = 0 if journal is None else journal.number
        """The last transaction in the journal, and the last of them that the database has."""
        self.spent = 0.0
        """Seconds for the last one."""

    def __repr__(self) -> str:
        return f"<Ahead {self.count} transactions, {self.statements} statements to be brought in>"

    @property
    def count(self) -> int:
        """Transactions that are ahead."""
        return self.number - self.reached

    @property
    def statements(self) -> int:
        """Statements that nobody is bringing in yet."""
        return len(self._kept)

    def keep(self, batch: Sequence[Write]) -> bool:
        """Make it durable, if it is small and nothing speaks against it."""
        journal, begun = self._journal, perf_counter()
        if journal is None or not journal.open or begun < self._wary_until or len(batch) > SMALL:
            return False
        try:
            bound = self._transactions.bound(batch, SMALL)
            if bound is None or not journal.append(bound):
                return False
        except OSError as error:  # the thread tries the database, and says what it meets with
            log.warning("the journal takes nothing: %s", error.strerror)
            self._wary_until = begun + WARY
            return False
        self.number = journal.number
        self._kept += bound
        self.spent = perf_counter() - begun
        if self.spent > SLOW:
            self._wary_until = begun + self.spent + WARY
        return True

    def take(self) -> tuple[list[Bound], int, str]:
        """What is to be brought in, up to which transaction, and what is to be noted with it."""
        assert self._journal is not None
        kept, self._kept = self._kept, []
        return kept, self.number, mark(self._journal.id, self.number)

    def brought_in(self, number: int) -> None:
        """All up to that transaction."""
        self.reached = number
        if self._journal is not None and number == self.number:
            self._journal.clear()

    def close(self) -> None:
        """Let go of the journal."""
        if self._journal is not None:
            self._journal.close()
