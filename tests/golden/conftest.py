"""Golden files: compared byte for byte, rewritten by `make golden`."""

from collections.abc import Callable
from pathlib import Path

import pytest

Golden = Callable[[Path, bytes], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files instead of comparing")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare with the file, or write it."""
    update = request.config.getoption("--update-golden")

    def compare(path: Path, data: bytes) -> None:
        if update:
            path.write_bytes(data)
        assert path.exists(), f"{path.name} is missing: `make golden` writes it"
        assert data.decode("utf-8", "backslashreplace") == path.read_bytes().decode("utf-8", "backslashreplace")

    return compare
