"""Calls that the upstream makes by its own means to tools that are the client's.

Owns how such a call is kept until it is known whose it is, and what it becomes. The upstream believes that every tool
it was told of is its own. One that it does not have it answers itself (`Tool X does not exists.`, wire document
section 4.4) and goes on with an apology; one that it does have it runs, even if the client has one of that name.
"""

from collections.abc import Sequence

from luna.model.events import StreamEvent, ToolClose, ToolDelta, ToolOpen
from luna.tools.call import BAD_JSON, Call
from luna.tools.schema import Toolbox


class NativeCall:
    """One call. It is the client's as soon as nobody else has answered it."""

    def __init__(self, opening: ToolOpen) -> None:
        self.name = opening.name
        self.events: list[StreamEvent] = [opening]
        """As the upstream made them."""

    def __repr__(self) -> str:
        return f"<NativeCall {self.name} events={len(self.events)}>"

    def feed(self, event: ToolDelta | ToolClose) -> None:
        """One more event of it."""
        self.events.append(event)

    def for_client(self, toolbox: Toolbox) -> Sequence[StreamEvent]:
        """The call as the client is to run it, without index and id; a notice when its arguments are not readable."""
        arguments = "".join(event.json for event in self.events if isinstance(event, ToolDelta))
        events: list[StreamEvent] = []
        call = Call(self.name, toolbox, events)
        if call.whole(arguments):
            call.end()
        else:
            call.refuse(BAD_JSON, "The arguments of the native call are no JSON object.")
        return events
