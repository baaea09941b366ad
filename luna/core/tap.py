"""The seam for whoever looks on: recordings today, the inspector beside them.

A tap is synchronous, must not block and must not raise. The machine calls it only where
one is set, so that a flow nobody watches pays a comparison with None.
"""

from typing import Protocol

from luna.model.chat import ChatRequest
from luna.model.errors import LunaError
from luna.model.events import Batch


class Tap(Protocol):
    """Sees one flow pass. Boundaries are named after the stage that the data has just left."""

    def document(self, boundary: str, chat: ChatRequest) -> None:
        """The request as it stands after a request stage."""
        ...

    def events(self, boundary: str, batch: Batch) -> None:
        """A batch as it leaves the transport or a response stage."""
        ...

    def started(self, status: int, headers: tuple[tuple[str, str], ...]) -> None:
        """The status line went out to the client."""
        ...

    def sent(self, data: bytes) -> None:
        """Bytes went out to the client, in one send."""
        ...

    def failed(self, error: LunaError) -> None:
        """The flow met an error; what the client gets of it follows through `started` and `sent`."""
        ...

    def ended(self, outcome: str) -> None:
        """The flow is over and its cleanup done."""
        ...
