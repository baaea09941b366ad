"""Which event may follow which: the whole grammar of an answer, in one table.

Theory of operation. An answer is a walk through four states:

    start ──Opened──▶ open ──ToolOpen──▶ calling ──ToolClose──▶ open ──Finish──▶ done

Text, thinking, media, usage and notices live in `open`. While a call is open (`calling`)
only its own deltas and notices may arrive: calls never overlap. `Finish("tool_calls")`
needs at least one closed call that is not native. Nothing follows `Finish`.
A native call (one the upstream made for itself) obeys the same rules.

Checked in tests at every seam; a running luna does not pay for it.
"""

from luna.model.events import (
    Event,
    Finish,
    Media,
    Notice,
    Opened,
    StreamEvent,
    TextDelta,
    ThinkDelta,
    ToolClose,
    ToolDelta,
    ToolOpen,
    Usage,
)

START, OPEN, CALLING, DONE = "start", "open", "calling", "done"

TABLE: dict[tuple[str, type[Event]], str] = {
    (START, Opened): OPEN,
    (OPEN, TextDelta): OPEN,
    (OPEN, ThinkDelta): OPEN,
    (OPEN, Media): OPEN,
    (OPEN, Usage): OPEN,
    (OPEN, Notice): OPEN,
    (OPEN, ToolOpen): CALLING,
    (CALLING, ToolDelta): CALLING,
    (CALLING, Notice): CALLING,
    (CALLING, ToolClose): OPEN,
    (OPEN, Finish): DONE,
}


class GrammarError(AssertionError):
    """An event came where the grammar does not allow it: a bug in the stage that emitted it."""


class Grammar:
    """Feeds on events and raises `GrammarError` at the first that does not fit."""

    def __init__(self) -> None:
        self.state = START
        self._call = -1
        self._native = False
        self._seen: set[int] = set()
        self._client_calls = 0

    def __repr__(self) -> str:
        return f"<Grammar {self.state} calls={len(self._seen)}>"

    def feed(self, event: StreamEvent) -> None:
        """Take one step. Raises `GrammarError`."""
        following = TABLE.get((self.state, type(event)))
        if following is None:
            raise GrammarError(f"{event!r} may not come in state '{self.state}'")
        match event:
            case ToolOpen():
                if event.index in self._seen:
                    raise GrammarError(f"call {event.index} was opened twice")
                self._seen.add(event.index)
                self._call, self._native = event.index, event.native
            case ToolDelta() | ToolClose():
                if event.index != self._call:
                    raise GrammarError(f"{event!r} while call {self._call} is open")
                if isinstance(event, ToolClose) and not self._native:
                    self._client_calls += 1
            case Finish(reason="tool_calls"):
                if not self._client_calls:
                    raise GrammarError("Finish('tool_calls') without a closed call")
            case _:
                pass
        self.state = following

    @property
    def done(self) -> bool:
        """True after `Finish`."""
        return self.state == DONE
