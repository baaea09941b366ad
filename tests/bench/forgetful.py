"""A luna that keeps everything in memory and writes nothing down: what persistence is measured against.

Run with `python -m tests.bench.forgetful serve`. The database is opened and read as ever; what is written is let go at
once, and a commit returns.
"""

import sys
from collections.abc import Sequence

from sqlalchemy import Executable

from luna.cli.main import main
from luna.state.store import Store
from luna.state.store.transaction import Row


def forget(_store: Store, _statement: Executable, _rows: Row | Sequence[Row]) -> None:
    """In the place of `Store.write`."""


async def at_once(_store: Store) -> None:
    """In the place of `Store.commit`."""


if __name__ == "__main__":
    Store.write = forget  # type: ignore[method-assign, assignment]
    Store.commit = at_once  # type: ignore[method-assign, assignment]
    sys.exit(main())
