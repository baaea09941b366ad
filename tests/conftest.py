"""What every test gets: one event loop implementation, and a check that nothing is left running."""

import pytest

from tests.support.stores import database, store  # noqa: F401 - fixtures for everybody


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """granian runs on asyncio, so the tests do too."""
    return "asyncio"
