"""Reading that a request waits for, by the shortest way there is.

Owns a thread and a connection that both stay: that is half the price of a read of one row. Others read through the
engine's pool (`luna.state.store.store`), so that a long list keeps nobody's conversation waiting.
"""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from luna.state.store.prepared import rolled_back
from luna.state.store.thread import OwnThread

T = TypeVar("T")


class Reader:
    """Reads for one after the other."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread = OwnThread("reader")
        self._connection: Connection | None = None

    def __repr__(self) -> str:
        return f"<Reader {self._thread!r}>"

    async def read(self, work: Callable[[Connection], T]) -> T:
        """What `work` makes of a connection; it must not write. Raises SQLAlchemyError."""
        found: list[T] = []
        await self._thread.run(lambda: found.append(self._reading(work)))
        return found[0]

    def close(self) -> None:
        """Give the connection back and end the thread. Blocks."""
        self._thread.close()
        self._let_go()

    def _reading(self, work: Callable[[Connection], T]) -> T:
        kept = self._connection is not None
        try:
            return self._read_once(work)
        except SQLAlchemyError:
            if not kept:
                raise
            return self._read_once(work)  # the server may have gone away meanwhile, and the connection with it

    def _read_once(self, work: Callable[[Connection], T]) -> T:
        connection = self._connection
        if connection is None:
            connection = self._connection = self._engine.connect()
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
