"""Stores for tests: each test that asks for one runs on SQLite and on PostgreSQL.

The fixtures are everybody's (tests/conftest.py). `store` is open; `database` opens one, as often as a test likes, over
the same data (`async with database.opened()`). When one is closed, all that was written must have been brought in: a
write that is wrong in itself is dropped, and nobody else would hear of it.
"""

import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psycopg
import pytest

from luna.state.store import Store
from tests.support import postgres


class Database:
    """One database, empty at first."""

    def __init__(self, directory: Path, url: str = "") -> None:
        self.directory = directory
        self.url = url

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Store]:
        """A store over it, all of whose writes were brought in."""
        async with Store.opened(self.directory, self.url) as store:
            yield store
        assert store.describe()["lost"] == 0, "a write was dropped; the log says which"

    @property
    def environ(self) -> dict[str, str]:
        """How a luna is told to use it."""
        return {"LUNA_DATABASE_URL": self.url} if self.url else {}


KINDS = ("sqlite", "postgresql")


@contextmanager
def database_of(kind: str, directory: Path) -> Iterator[Database]:
    """An empty one, gone at the end; for fixtures that live longer than a test."""
    if kind == "sqlite":
        yield Database(directory)
        return
    missing = postgres.missing()
    if missing:
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    server = postgres.server_url()
    name = f"luna_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    yield Database(directory, server.replace("/postgres?", f"/{name}?"))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with database_of(request.param, tmp_path) as made:
        yield made


@pytest.fixture
async def store(database: Database) -> AsyncIterator[Store]:
    async with database.opened() as opened:
        yield opened
