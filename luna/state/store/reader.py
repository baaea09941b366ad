"""Reading that a request waits for, by the shortest way there is.

Owns a thread and a connection that both stay: that is half the price of a read of one row. For a few rows of a file
there is a connection of the event loop's, because the trip to a thread costs several times what finding them does.
Others read through the database's own (`luna.state.store.store`), so that a long list keeps nobody's conversation
waiting.
"""

from collections.abc import Callable
from contextlib import suppress
from time import perf_counter
from typing import TypeVar

from luna.state.store import errors
from luna.state.store.database import Database, wait_for_locks
from luna.state.store.prepared import rolled_back
from luna.state.store.sql import Connection
from luna.state.store.thread import OwnThread

T = TypeVar("T")

SLOW = 0.005
"""Seconds that a look-up on the spot may take. A disk that has needed longer is left to the thread for a while."""
WARY = 1.0
"""Seconds of that while."""


class Reader:
    """Reads for one after the other."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._thread = OwnThread("reader")
        self._connection: Connection | None = None
        self._here: Connection | None = None
        """The event loop's own, which never waits for locks."""
        self._wary_until = 0.0

    def __repr__(self) -> str:
        return f"<Reader {self._thread!r}>"

    async def read(self, work: Callable[[Connection], T], *, little: bool = False) -> T:
        """What `work` makes of a connection; it must not write. `little`: it finds a few rows by an index, which of a
        file is done on the spot. Raises `errors.Refusal`."""
        if little and self._database.name == "sqlite" and perf_counter() >= self._wary_until:
            try:
                return self._at_once(work)
            except errors.Refusal:  # locked, perhaps: the thread can wait
                self._wary_until = perf_counter() + WARY
        found: list[T] = []
        await self._thread.run(lambda: found.append(self._reading(work)))
        return found[0]

    def close(self) -> None:
        """Give the connection back and end the thread. Blocks."""
        self._thread.close()
        self._let_go()
        self._let_go_here()

    def _at_once(self, work: Callable[[Connection], T]) -> T:
        begun = perf_counter()
        try:
            if self._here is None:
                self._here = self._database.connect()
                wait_for_locks(self._here, False)
            found = work(self._here)
            rolled_back(self._here)
        except BaseException:
            self._let_go_here()
            raise
        now = perf_counter()
        if now - begun > SLOW:
            self._wary_until = now + WARY
        return found

    def _let_go_here(self) -> None:
        connection, self._here = self._here, None
        if connection is not None:
            with suppress(*errors.Refusal):
                wait_for_locks(connection, True)  # it may be somebody's who waits, next
            connection.close()

    def _reading(self, work: Callable[[Connection], T]) -> T:
        kept = self._connection is not None
        try:
            return self._read_once(work)
        except errors.Refusal:
            if not kept:
                raise
            return self._read_once(work)  # the server may have gone away meanwhile, and the connection with it

    def _read_once(self, work: Callable[[Connection], T]) -> T:
        connection = self._connection
        if connection is None:
            connection = self._connection = self._database.connect()
        try:
            found = work(connection)
            if connection.in_transaction():
                connection.rollback()
            rolled_back(connection)
        except BaseException:
            self._let_go()
            raise
        return found

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
