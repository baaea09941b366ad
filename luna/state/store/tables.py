"""The tables by their names, for statements (`luna.state.store.sql`).

What they consist of is `luna.state.store.schema`, which is imported when somebody needs to know.
"""

from typing import TYPE_CHECKING, Any

from luna.state.store.sql import named

if TYPE_CHECKING:
    from luna.state.store.schema import (
        account_states,
        audit,
        chats,
        files,
        logs,
        messages,
        meta,
        metadata,
        nodes,
        overflow_files,
        runs,
        sessions,
        summaries,
    )

__all__ = [
    "NAMES",
    "VERSION",
    "account_states",
    "audit",
    "chats",
    "files",
    "logs",
    "messages",
    "meta",
    "metadata",
    "nodes",
    "overflow_files",
    "runs",
    "sessions",
    "summaries",
]

VERSION = 3

NAMES = "names"
"""Says of a column, in its `info`, that hardly ever two rows have the same there, as in a primary key."""


def __getattr__(name: str) -> Any:
    if name == "metadata":
        return _real(name)
    if name not in __all__:
        raise AttributeError(name)
    globals()[name] = table = named(name, lambda: _real(name))
    return table


def _real(name: str) -> Any:
    from luna.state.store import schema  # brings the toolkit

    return getattr(schema, name)
