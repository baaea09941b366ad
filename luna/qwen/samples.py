"""A few payloads of one answer, kept for whoever looks at their shapes when the answer is over.

Owns which ones: one of each sort, up to a limit. What sort a frame is says the reader, which has decoded it anyway;
frames that are like the ones before them are never handed in, so that nothing is paid for them.
"""

from collections.abc import Mapping

from luna.qwen.frames import Delta

MOST = 48
"""Payloads."""
LARGEST = 64 * 1024
"""Bytes of a payload that is kept; a larger one is not."""
_BEGINNING = 20


class Samples:
    """The payloads of one answer, by their sort."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}
        self.phase = ""
        """Of the increment that was handed in last."""
        self.unread: list[str] = []
        """Phases that the reader made nothing of."""

    def __repr__(self) -> str:
        return f"<Samples {len(self._kept)}>"

    def keep(self, payload: bytes, delta: Delta | None = None) -> None:
        """One that may be of a new sort. What is no increment is told by its beginning."""
        if delta is None:
            sort = payload[:_BEGINNING].decode("latin-1")
        else:
            self.phase = delta.phase or ""
            marks = (delta.extra is not None, delta.function_call is not None)
            sort = f"{delta.phase} {delta.status} {delta.role} {marks}"
        kept = self._kept
        if sort not in kept and len(payload) <= LARGEST and len(kept) < MOST:
            kept[sort] = payload

    def take(self) -> tuple[Mapping[str, bytes], list[str]]:
        """What was kept so far, and the phases that were not read; both are forgotten here."""
        kept, self._kept = self._kept, {}
        unread, self.unread = self.unread, []
        return kept, unread
