"""A row that is made when the store takes it, and not when it is queued: what changes before costs no second write.

`taken` is set before the fields are read, and whoever changes a field does so before asking whether the row was taken:
so a change is either in the row, or finds that it needs a row of its own, whatever the thread.
"""

from typing import Any

from luna.state.store.form import Values


class LateRow(list[Any]):
    """The rows of one write: none before it is taken, one from then on."""

    __slots__ = ("taken",)

    def __init__(self) -> None:
        self.taken = False

    def make(self) -> dict[str, Any] | Values:
        """The row as it is now."""
        raise NotImplementedError

    def take(self) -> None:
        """Make the row, if it has not been made."""
        if not self.taken:
            self.taken = True
            self.append(self.make())
