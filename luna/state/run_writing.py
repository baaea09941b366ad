"""What lies in the store's queue of a run: its row as it is when it is written, not as it was when it was queued."""

from collections.abc import Sequence
from typing import Any, overload

import msgspec

from luna.state.run import Run


class LatestRow(Sequence[dict[str, Any]]):
    """The row of a run, read when the store's thread takes it: a run that changes before costs no second write.
    `taken` is set before the fields are read, and the fields of a run are set before anybody asks whether it was
    taken, so a change is either in the row or finds that it needs a row of its own."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._row: dict[str, Any] | None = None
        self.taken = False

    def __len__(self) -> int:
        return 1

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | Sequence[dict[str, Any]]:
        return (self._taken(),)[index]

    def _taken(self) -> dict[str, Any]:
        if self._row is None:
            self.taken = True
            self._row = msgspec.structs.asdict(self._run.record)
        return self._row
