"""Stores for tests: each test that asks for one runs on SQLite and on PostgreSQL.

The fixtures are everybody's (tests/conftest.py). `store` is open; `database` opens one, as often as a test likes, over
the same data (`async with database.opened()`).
"""

import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
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

    def opened(self) -> AbstractAsyncContextManager[Store]:
        """A store over it."""
        return Store.opened(self.directory, self.url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        yield Database(tmp_path)
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
    yield Database(tmp_path, server.replace("/postgres?", f"/{name}?"))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture
async def store(database: Database) -> AsyncIterator[Store]:
    async with database.opened() as opened:
        yield opened
