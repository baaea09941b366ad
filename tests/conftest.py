"""What every test gets: one event loop implementation, and a check that nothing is left running."""

import pytest
from hypothesis import settings

from tests.support.stores import database, store  # noqa: F401 - fixtures for everybody

# How long an example takes says more of the machine than of the code.
settings.register_profile("luna", deadline=None)
settings.load_profile("luna")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """granian runs on asyncio, so the tests do too."""
    return "asyncio"
