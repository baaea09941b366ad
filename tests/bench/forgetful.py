"""A luna that keeps everything in memory and writes nothing down: what persistence is measured against.

Run with `python -m tests.bench.forgetful serve`. The database is opened and read as ever; what is written is let go at
once, and a commit returns.
"""

import sys

from sqlalchemy import Executable

from luna.cli.main import main
from luna.state.store import Store
from luna.state.store.form import Form
from luna.state.store.writer import Rows, Writer


def forget(_writer: Writer, _statement: "Executable | Form", _rows: Rows) -> None:
    """In the place of `Writer.write`."""


async def at_once(_store: Store) -> None:
    """In the place of `Store.commit`."""


if __name__ == "__main__":
    Writer.write = forget  # type: ignore[assignment, method-assign]
    Store.commit = at_once  # type: ignore[method-assign, assignment]
    sys.exit(main())
