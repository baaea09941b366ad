"""What lies in the store's queue of a run: its row as it is when it is written, not as it was when it was queued."""

from typing import Any

import msgspec

from luna.state.run import Run
from luna.state.store.late import LateRow


class LatestRow(LateRow):
    """The row of a run."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run

    def make(self) -> dict[str, Any]:
        return msgspec.structs.asdict(self._run.record)
