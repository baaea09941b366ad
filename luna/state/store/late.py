"""A row that is made when the store takes it, and not when it is queued: what changes before costs no second write.

`taken` is set before the fields are read, and whoever changes a field does so before asking whether the row was taken:
so a change is either in the row, or finds that it needs a row of its own, whatever the thread.
"""

from collections.abc import Sequence
from typing import Any, overload


class LateRow(Sequence[dict[str, Any]]):
    """The rows of one write, of which there is one."""

    def __init__(self) -> None:
        self._row: dict[str, Any] | None = None
        self.taken = False

    def make(self) -> dict[str, Any]:
        """The row as it is now."""
        raise NotImplementedError

    def __len__(self) -> int:
        return 1

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | Sequence[dict[str, Any]]:
        if self._row is None:
            self.taken = True
            self._row = self.make()
        return (self._row,)[index]
