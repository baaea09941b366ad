"""One call that is being read, and the events that it becomes.

Owns when a call is announced, delivered, refused or given up, and the words for the last two. The events carry no
index and no id: whoever delivers them numbers them. Knows nothing of markup.

Notices, for whoever verifies answers (`data` always has `name`, as written, and `reason`):

    tool-invalid      a whole call that cannot be delivered
    tool-truncated    a call that breaks off; `streamed` says whether its beginning is with the client already
    tool-repaired     delivered, but not as it was written
"""

from collections.abc import Mapping
from typing import Any

from luna.model.events import Notice, StreamEvent, ToolClose, ToolDelta, ToolOpen
from luna.tools.arguments import Arguments
from luna.tools.json_text import repaired
from luna.tools.schema import Toolbox
from luna.tools.value import Sink

UNKNOWN_TOOL = "unknown-tool"
NO_NAME = "no-name"
BAD_JSON = "bad-json"
CUT = "cut"
LEFT_OUT = "left-out"


class Call:
    """One call by the name that was written. `out` takes its events."""

    def __init__(self, written: str, toolbox: Toolbox, out: list[StreamEvent]) -> None:
        self.written = written
        self.streamed = False
        """The client has been told of it."""
        self.strayed = False
        """Text stood where only parameters belong; it was left out."""
        self._signature = toolbox.find(written)
        self._arguments = Arguments(self._signature, self._put) if self._signature is not None else None
        self._out = out
        self._pieces: list[str] = []

    def __repr__(self) -> str:
        return f"<Call {self.written}{'' if self._signature else ' unknown'}{' streamed' if self.streamed else ''}>"

    @property
    def missing(self) -> list[str]:
        """The parameters that the schema requires and that have not come."""
        return self._arguments.missing if self._arguments is not None else []

    def declares(self, parameter: str) -> bool:
        """Whether the tool has such a parameter. An unknown tool has none."""
        return self._signature is not None and self._signature.parameters.names.find(parameter) is not None

    def parameter(self, written: str) -> Sink:
        """Takes the value of this parameter."""
        return self._arguments.parameter(written) if self._arguments is not None else Nowhere()

    def whole(self, arguments: Any) -> bool:
        """Takes all arguments at once: an object, its JSON text, or None for no arguments. False if it is none of
        these."""
        if isinstance(arguments, str):
            arguments = repaired(arguments, close=False) if arguments.strip() else {}
        arguments = {} if arguments is None else arguments
        if not isinstance(arguments, Mapping):
            return False
        if self._arguments is not None:
            self._arguments.whole(arguments)
        return True

    def flush(self) -> None:
        """Put out what has come since the last time."""
        if self._pieces:
            self._out.append(ToolDelta(0, "".join(self._pieces)))
            self._pieces.clear()

    def end(self) -> None:
        """The call is complete."""
        if self._arguments is None:
            self._out.append(invalid(self.written, UNKNOWN_TOOL, f"There is no tool '{self.written}'."))
            return
        arguments, self._arguments = self._arguments, None  # they hold this call, and it them
        arguments.close()
        self._close()
        repeated = arguments.repeated
        if repeated or self.strayed:
            data = {"name": self.written, "reason": LEFT_OUT, "repeated": repeated, "text": self.strayed}
            self._out.append(Notice("tool-repaired", "Something in the call was left out.", data))

    def refuse(self, reason: str, text: str) -> None:
        """The call is complete and of no use."""
        self._arguments = None
        self._out.append(invalid(self.written, reason, text))

    def cut(self) -> None:
        """The call breaks off. What is with the client already stays without its end, so that half an argument cannot
        pass for a whole one."""
        self._arguments = None
        if self.streamed:
            self._close()
        self._out.append(truncated(self.written, streamed=self.streamed))

    def _put(self, fragment: str) -> None:
        if not self.streamed:
            self.streamed = True
            self._out.append(ToolOpen(0, "", self._signature.name if self._signature else self.written))
        self._pieces.append(fragment)

    def _close(self) -> None:
        self.flush()
        self._out.append(ToolClose(0))


class Nowhere:
    """A value that nobody wants."""

    def literal(self, text: str) -> None:
        pass

    def plain(self, text: str) -> None:
        pass

    def end(self) -> None:
        pass


def invalid(name: str, reason: str, text: str) -> Notice:
    """A whole call that cannot be delivered."""
    return Notice("tool-invalid", text, {"name": name, "reason": reason})


def truncated(name: str, *, streamed: bool) -> Notice:
    """A call that breaks off."""
    return Notice("tool-truncated", "The call breaks off.", {"name": name, "reason": CUT, "streamed": streamed})
