"""The database: what must outlive the process."""

from luna.state.store.store import Store

__all__ = ["Store"]
