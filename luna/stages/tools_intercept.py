"""`tools.intercept`: calls come out of the answer, in whatever form the model made them.

Owns what an answer with calls looks like on its way on: which calls the client is told of, what text stays, when the
generation has nothing more to give, and the reason of the end. Calls in the text are found by `luna.tools.sieve`,
calls by the upstream's own means are judged by `luna.tools.native`.

After a call in the text, more text is the client's as any other. Cut is what comes after

    - a native call to a client's tool: the upstream's refusal and the apology that follows it,
    - results that the model invents for its calls,
    - the first call, where the client wants one call at a time, if another follows.

These are also the moments at which the calls are certainly complete, and the generation can be stopped.

While a call is open, whatever may not come inside one waits for its end. A call that breaks off ends the answer with
`length`. Notices beside those of `luna.tools.call`: `tool-result-invented`, and `tool-dropped` for a call too many.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, ClassVar

import msgspec

from luna.core.flow import Flow
from luna.core.notes import CALLED
from luna.core.stage import BuildContext, ResponseStage, StageOptions, Transducer
from luna.model.events import Finish, Notice, StreamEvent, TextDelta, ToolClose, ToolDelta, ToolOpen, Usage
from luna.tools.native import NativeCall
from luna.tools.numbering import Numbering
from luna.tools.schema import Toolbox
from luna.tools.sieve import Sieve


class ToolsInterceptOptions(StageOptions, frozen=True, kw_only=True):
    """Options of `tools.intercept`."""

    stop_after_calls: Annotated[
        bool,
        msgspec.Meta(
            description="Stop the generation upstream once the calls are certainly complete, instead of waiting for"
            " the end of an answer that the client will not get."
        ),
    ] = True


class ToolsIntercept(ResponseStage):
    """Finds the client's tool calls in the answer and delivers them as calls, their arguments while they are being
    generated. Markup of calls never reaches the client as text."""

    use = "tools.intercept"
    Options: ClassVar[type[StageOptions]] = ToolsInterceptOptions
    needs_chat = True

    def __init__(self, options: ToolsInterceptOptions, context: BuildContext) -> None:
        super().__init__(options, context)
        self._stop = options.stop_after_calls

    def transducer(self, flow: Flow) -> Transducer | None:
        """None when no tool may be called: then markup in the text is text."""
        chat = flow.chat
        if not chat.tools or chat.tool_choice.mode == "none":
            return None
        return Interceptor(flow, stop=self._stop)


class Interceptor:
    """The transducer."""

    def __init__(self, flow: Flow, *, stop: bool) -> None:
        self._flow = flow
        self._stop = stop
        self._most = None if flow.chat.tool_choice.parallel else 1
        self._toolbox = Toolbox(flow.chat.tools)
        self._numbering = Numbering(lambda: flow.ids.token("call_"))
        self._sieve = Sieve(self._toolbox, self._numbering)
        self._native: NativeCall | None = None
        self._unanswered: list[NativeCall] = []
        self._waiting: list[StreamEvent] = []
        self._passing = False
        """A call of the upstream's own is open."""
        self._delivered = 0
        self._broken_off = False
        self._over = False
        """The calls are complete; what comes now is not for the client."""
        self._done = False

    def __repr__(self) -> str:
        state = "done" if self._done else "over" if self._over else repr(self._sieve)
        return f"<Interceptor calls={self._delivered} {state}>"

    def feed(self, event: StreamEvent) -> Sequence[StreamEvent]:
        """What becomes of this event."""
        if self._done:
            return ()
        if isinstance(event, TextDelta) and not (self._over or self._unanswered):
            if self._sieve.passes(event.text):
                return (event,)
            out = self._sifted(self._sieve.feed(event.text))
        else:
            out = self._take(event)
        if self._waiting and not self._numbering.calling:
            out += self._resume()
        self._note(out)
        return self._stopped(out)

    def flush(self) -> Sequence[StreamEvent]:
        """The stream broke: the text that was held back. A call that is open stays open."""
        return () if self._done or self._over else self._sifted(self._sieve.flush())

    def _note(self, out: Iterable[StreamEvent]) -> None:
        """For whoever keeps the books."""
        opened = [event.name for event in out if isinstance(event, ToolOpen)]
        if opened:
            self._flow.notes[CALLED] = [*(self._flow.notes.get(CALLED) or ()), *opened]

    def _take(self, event: StreamEvent) -> list[StreamEvent]:
        if isinstance(event, Finish):
            return self._finish(event)
        if self._over:
            return [event] if isinstance(event, Usage | Notice) and not _is_refusal(event) else []
        if self._numbering.calling and not self._passing and not isinstance(event, Notice):
            self._waiting.append(event)
            return []
        match event:
            case ToolOpen() | ToolDelta() | ToolClose():
                return self._native_event(event)
            case Notice(kind="tool-missing") if self._unanswered:
                return self._settle()
            case Notice(kind="tool-result"):
                return [*self._answered(event), event]
            case Notice() | Usage():
                return [event]
            case _:
                return [*self._settle(), *self._passed(event)]

    def _passed(self, event: StreamEvent) -> Sequence[StreamEvent]:
        if self._over:
            return ()
        return self._sifted(self._sieve.feed(event.text)) if isinstance(event, TextDelta) else (event,)

    def _resume(self) -> list[StreamEvent]:
        """The call that others waited for is complete."""
        waiting, self._waiting = self._waiting, []
        return [out for event in waiting for out in self._take(event)]

    def _finish(self, finish: Finish) -> list[StreamEvent]:
        out = self._settle()
        if not self._over:
            out += self._sifted(self._sieve.finish())
        out += [*self._resume(), *self._settle()]
        reason = finish.reason
        if reason == "stop" and self._broken_off:
            reason = "length"
        elif reason == "stop" and self._delivered:
            reason = "tool_calls"
        self._done = True
        return [*out, finish if reason == finish.reason else Finish(reason)]

    def _stopped(self, out: list[StreamEvent]) -> list[StreamEvent]:
        """With the end of the answer, if nothing more is wanted of it."""
        if not (self._over and self._stop) or self._done:
            return out
        self._done = True
        usage = self._flow.usage
        return [*out, *(() if usage is None else (self._flow.total(usage),)), Finish("tool_calls")]

    # calls in the text

    def _sifted(self, events: Iterable[StreamEvent]) -> list[StreamEvent]:
        """What the client is to have of what the sieve, or a native call, gave."""
        out: list[StreamEvent] = []
        for event in events:
            if self._over:
                break
            match event:
                case ToolOpen() if self._delivered == self._most:
                    self._over = True
                    out.append(Notice("tool-dropped", "One call at a time.", {"name": event.name}))
                case ToolClose():
                    self._delivered += 1
                    out.append(event)
                case Notice(kind="tool-result-invented") if self._delivered:
                    self._over = True
                    out.append(event)
                case Notice(kind="tool-truncated"):
                    self._broken_off = self._broken_off or bool((event.data or {}).get("streamed"))
                    out.append(event)
                case _:
                    out.append(event)
        return out

    # calls by the upstream's own means

    def _native_event(self, event: ToolOpen | ToolDelta | ToolClose) -> list[StreamEvent]:
        if isinstance(event, ToolOpen) and event.native and self._toolbox.find(event.name) is not None:
            self._native = NativeCall(event)
            return []
        if self._native is None or isinstance(event, ToolOpen):
            self._passing = not isinstance(event, ToolClose)
            return [self._numbering.number(event)]
        self._native.feed(event)
        if isinstance(event, ToolClose):
            self._unanswered.append(self._native)
            self._native = None
        return []

    def _answered(self, result: Notice) -> list[StreamEvent]:
        """The upstream has run the tool itself: the call is not the client's."""
        name = (result.data or {}).get("name")
        own = next((call for call in self._unanswered if call.name == name), None)
        if own is None:
            return []
        self._unanswered.remove(own)
        return [self._numbering.number(event) for event in own.events]

    def _settle(self) -> list[StreamEvent]:
        """Nobody else has answered these calls: they are the client's, and the answer ends with them."""
        if not self._unanswered:
            return []
        calls, self._unanswered = self._unanswered, []
        out = self._sifted(self._sieve.finish())
        before = self._delivered
        for call in calls:
            out += self._sifted(self._numbering.number(event) for event in call.for_client(self._toolbox))
        self._over = self._over or self._delivered > before
        return out


def _is_refusal(event: StreamEvent) -> bool:
    """The upstream's word that it has no such tool."""
    return isinstance(event, Notice) and event.kind == "tool-missing"
