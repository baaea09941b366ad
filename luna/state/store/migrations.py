"""How a database of an earlier version becomes one of the newest.

Owns the ladder: one step for each version, each in a transaction with the version that it leads to. A fresh database
begins at the top. One that is newer than this luna is left alone.
"""

from collections.abc import Callable

from sqlalchemy import Connection, Engine, insert, inspect, select, update

from luna.state.store.database import NewerDatabase
from luna.state.store.schema import chats, meta, metadata, runs
from luna.state.store.tables import VERSION

__all__ = ["NewerDatabase", "migrate", "version_of"]

Step = Callable[[Connection], None]


def _fewer_indexes(connection: Connection) -> None:
    for name in ("runs_by_status", "sessions_by_chat", "chats_by_chat", "chats_by_time"):
        connection.exec_driver_sql(f"DROP INDEX IF EXISTS {name}")
    for index in (*runs.indexes, *chats.indexes):
        index.create(connection, checkfirst=True)


def _a_journal_beside(_connection: Connection) -> None:
    """Nothing is different in it; but a luna that does not know of the journal (`luna.state.store.journal`) would leave
    out what stands there, and bring it in too late once it is followed by one that does."""


STEPS: dict[int, Step] = {2: _fewer_indexes, 3: _a_journal_beside}
"""By the version that they lead to."""

ANY_INTEGER = 0x6C756E61
"""The lock under which two processes at one PostgreSQL do not migrate at once."""


def migrate(engine: Engine) -> None:
    """Bring the database to `VERSION`. Raises NewerDatabase, and DBAPIError where the database refuses."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ANY_INTEGER})")
        version = version_of(connection)
        if version is None:
            metadata.create_all(connection)
            connection.execute(insert(meta).values(name="version", value=str(VERSION)))
            return
        if version > VERSION:
            raise NewerDatabase(f"the database has version {version}, and this luna knows {VERSION}")
    for reached in range(version + 1, VERSION + 1):
        with engine.begin() as connection:
            STEPS[reached](connection)
            connection.execute(update(meta).where(meta.c.name == "version").values(value=str(reached)))


def version_of(connection: Connection) -> int | None:
    """The version of the database; None for an empty one."""
    if not inspect(connection).has_table(meta.name):
        return None
    value = connection.execute(select(meta.c.value).where(meta.c.name == "version")).scalar()
    if value is None:
        return None
    if not str(value).isdecimal() or not 0 < len(str(value)) < 10 or int(value) < 1:
        raise NewerDatabase(f"the database has version {str(value)[:20]!r}, and this luna knows {VERSION}")
    return int(value)
