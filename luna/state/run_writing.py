"""What lies in the store's queue of a run: its row as it is when it is written, not as it was when it was queued."""

import msgspec

from luna.state.run import Run, RunRecord
from luna.state.store.form import Values
from luna.state.store.late import LateRow

COLUMNS = RunRecord.__struct_fields__


class LatestRow(LateRow):
    """The row of a run."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run: Run | None = run

    def make(self) -> Values:
        run, self._run = self._run, None  # which has this row: without it both go at once, and not with the garbage
        assert run is not None
        return msgspec.structs.astuple(run.record)
