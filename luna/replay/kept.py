"""The latest replays, in memory: they open in the same views as what was recorded.

Owns their ids and how many there are. A replay is no flow: it has no run, and is gone with the process.
"""

from collections import OrderedDict

from luna.model.ambient import Ids
from luna.wire.reader import Recording

MOST = 20
ROOM = 64 * 1024 * 1024
"""Bytes of lines in all of them."""
PREFIX = "replay_"


class KeptReplays:
    """The oldest go first."""

    def __init__(self, ids: Ids | None = None) -> None:
        self._ids = ids or Ids()
        self._kept: OrderedDict[str, tuple[Recording, int]] = OrderedDict()

    def __repr__(self) -> str:
        return f"<KeptReplays {len(self._kept)}>"

    def keep(self, recording: Recording, size: int) -> str:
        """Keep one of so many bytes; its id. The newest is kept whatever its size."""
        id = self._ids.token(PREFIX)
        self._kept[id] = (recording, size)
        while len(self._kept) > 1 and (len(self._kept) > MOST or sum(size for _, size in self._kept.values()) > ROOM):
            self._kept.popitem(last=False)
        return id

    def find(self, id: str) -> Recording | None:
        """The replay with this id, while it is kept."""
        found = self._kept.get(id)
        return found[0] if found is not None else None
