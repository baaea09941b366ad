"""The seam for whoever may make a flow wait at a stage boundary: breakpoints.

A flow has none as long as nobody wants to stop one; it then pays a comparison with None for each batch. The machine
keeps the client of a stream alive while it waits, stops the flow's own clock, and ends the wait by cancellation when
the client leaves, the flow is cancelled or luna shuts down.
"""

from typing import TYPE_CHECKING, Protocol

from luna.model.events import Batch

if TYPE_CHECKING:
    from luna.core.flow import Flow


class Halt(Protocol):
    """Is asked at every boundary of one flow. Boundaries are named after the stage that the data has just left.
    `document` and `events` may wait for as long as they like, and raise LunaError to end the flow."""

    async def document(self, flow: "Flow", boundary: str) -> Batch | None:
        """The request as it left a request stage; `flow.chat` may be changed. A batch from `Opened` to `Finish` is the
        whole answer: the stages that follow see it as if the transport had sent it, and no transport is asked."""
        ...

    async def events(self, flow: "Flow", boundary: str, batch: Batch) -> Batch:
        """What goes on of a batch that left the transport or a response stage, together with what was kept of earlier
        ones. What is kept is given later; a batch that ends with `Finish` ends the answer."""
        ...

    def again(self, boundaries: tuple[str, ...]) -> None:
        """The model is asked again: at these boundaries another answer begins, and what was kept there is void."""
        ...

    def flush(self, boundary: str) -> Batch:
        """The stream broke: what was kept at that boundary."""
        ...
