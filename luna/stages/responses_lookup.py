"""Looks a remembered response up for a flow.

Owns that the flow's recording keeps what was found: the memory is gone when the recording is replayed.
"""

from luna.core.flow import Flow
from luna.state.responses import Remembered, Responses
from luna.wire.recorder import CURRENT


def find(flow: Flow, response: str) -> Remembered | None:
    """The response, if luna remembers it."""
    found = flow.services[Responses].find(response)
    recorder = CURRENT.get()
    if found is not None and recorder is not None:
        recorder.recalled(response, found.document, found.items)
    return found
