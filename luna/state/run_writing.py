"""What lies in the store's queue of a run: its row as it is when it is written, not as it was when it was queued."""

from typing import Any

import msgspec

from luna.state.run import RunRecord
from luna.state.store.late import LateRow


class LatestRow(LateRow):
    """The row of a run."""

    def __init__(self, record: RunRecord) -> None:
        super().__init__()
        self._record = record

    def make(self) -> dict[str, Any]:
        return msgspec.structs.asdict(self._record)
