"""`tools.verify`: a call that the client could not run is made again before the client sees it.

Owns what makes an answer useless to a client that offers tools, and when something may go on although the answer may
turn out useless. What is wrong with a call is `luna.tools.checked_call`'s to say, how long text waits
`luna.tools.patience`'s.

An answer is useless when

    invalid-call     a call does not fit its schema, is not readable, or is to a tool that does not exist
    cut-call         a call breaks off
    missing-call     the client requires a call and there is none
    missing-tool     the upstream denied a tool that it was not meant to look for, and no call followed
    complaint        it says nothing but that there are no tools
    empty            it says nothing

The model is told at the end of the answer, of all problems at once. Calls that were right have been delivered by then;
if they come again, they are dropped. What has begun to reach the client cannot be taken back: such a call is delivered
as it is, with a notice.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, ClassVar

import msgspec

from luna.core.flow import Flow
from luna.core.notes import Key
from luna.core.stage import BuildContext, ResponseStage, StageOptions, Transducer
from luna.model.events import Finish, Media, Notice, Opened, StreamEvent, TextDelta, ToolClose, ToolDelta, ToolOpen
from luna.stages.asking import Asking
from luna.tools import complaint, markup
from luna.tools.checked_call import CheckedCall, Hold
from luna.tools.json_text import decode
from luna.tools.patience import Patience

VARIABLES = ("problems", "names", "form")
DELIVERED_INVALID = "tool-delivered-invalid"
REPEATED = "tool-repeated"


Question = Callable[[Sequence[str]], str]
"""What the model is told of these problems."""


class ToolsVerifyOptions(StageOptions, frozen=True, kw_only=True):
    """Options of `tools.verify`."""

    attempts: Annotated[
        int, msgspec.Meta(ge=0, le=8, description="How often the model is asked again when its answer is useless.")
    ] = 2
    hold_calls: Annotated[
        Hold,
        msgspec.Meta(
            description="safe: a call waits until its schema cannot be broken any more, then its arguments flow."
            " all: a call waits until it is complete and verified. none: calls flow at once, and invalid ones are"
            " delivered."
        ),
    ] = "safe"
    prompt: Annotated[str, msgspec.Meta(description="The prompt that asks the model again.")] = "tools/retry"


class Record(msgspec.Struct):
    """What the client has of a flow's answers so far, whichever attempt it came from."""

    asking: Asking
    opened: int = 0
    """Calls of any kind: the next index."""
    calls: list[tuple[str, object]] = msgspec.field(default_factory=list)
    """The client's own, as (name, arguments)."""
    text: list[str] = msgspec.field(default_factory=list)


RECORD: Key[Record] = Key("tools.verify")


class ToolsVerify(ResponseStage):
    """Checks the client's calls against their schemas, and has the model asked again when they are wrong, missing or
    cut. Stands right behind `tools.intercept`."""

    use = "tools.verify"
    Options: ClassVar[type[StageOptions]] = ToolsVerifyOptions
    needs_chat = True

    def __init__(self, options: ToolsVerifyOptions, context: BuildContext) -> None:
        """Raises OptionError when the prompt is missing or uses a variable that it is not given."""
        super().__init__(options, context)
        self._options = options
        self._prompt = context.prompts.require(options.prompt, option="prompt", variables=VARIABLES)

    def transducer(self, flow: Flow) -> Transducer | None:
        """None when no tool may be called."""
        chat = flow.chat
        if not chat.tools or chat.tool_choice.mode == "none":
            return None
        record = flow.notes.get(RECORD)
        if record is None:
            record = flow.notes[RECORD] = Record(Asking(self._options.attempts))
        return Verifier(flow, record, self._options.hold_calls, self._question(flow))

    def _question(self, flow: Flow) -> Question:
        form = markup.calls([markup.call("NAME", '{"PARAMETER":"TEXT"}')]).replace("\n", "")
        names = ", ".join(tool.name for tool in flow.chat.tools)
        return lambda problems: self._prompt.render(
            problems="\n".join(f"- {problem}" for problem in problems), names=names, form=form
        )


class Verifier:
    """The transducer."""

    def __init__(self, flow: Flow, record: Record, hold: Hold, question: Question) -> None:
        choice = flow.chat.tool_choice
        self._schemas = {tool.name: tool.parameters for tool in flow.chat.tools}
        self._only = choice.name if choice.mode == "specific" else ""
        self._required = choice.mode in ("required", "specific")
        self._record = record
        self._repeated = record.asking.repeated
        self._hold: Hold = "all" if self._repeated else hold
        self._earlier = tuple(record.calls)
        self._question = question
        self._call: CheckedCall | None = None
        self._opening: ToolOpen | None = None
        self._text = Patience(record.text, repeated=self._repeated, required=self._required)
        self._calls = 0
        """Right calls in this answer."""
        self._problems: list[tuple[str, str]] = []
        """(reason, sentence)"""

    def __repr__(self) -> str:
        return f"<Verifier calls={self._calls} {self._text!r} problems={len(self._problems)}>"

    def feed(self, event: StreamEvent) -> Sequence[StreamEvent]:
        """What may go on. Raises Reask, and LunaError when there have been enough."""
        notice = self._record.asking.notice()
        if notice is None:
            return self._take(event)
        return [event, notice] if isinstance(event, Opened) else [notice, *self._take(event)]

    def flush(self) -> Sequence[StreamEvent]:
        """The stream broke: the text that waited. A call that waited is not complete."""
        return _as_text(self._text.release())

    def _take(self, event: StreamEvent) -> Sequence[StreamEvent]:
        match event:
            case TextDelta():
                return _as_text(self._text.feed(event.text))
            case ToolOpen(native=False):
                return self._open(event)
            case ToolOpen():
                self._record.opened += 1
                return (ToolOpen(self._record.opened - 1, event.id, event.name, native=True),)
            case ToolDelta() if self._call is not None:
                return self._arguments(self._call, event.json)
            case ToolDelta():
                return (ToolDelta(self._record.opened - 1, event.json),)
            case ToolClose() if self._call is not None:
                return self._close(self._call)
            case ToolClose():
                return (ToolClose(self._record.opened - 1),)
            case Notice():
                self._note(event)
                return (event,)
            case Media():
                return (*_as_text(self._text.shown()), event)
            case Finish():
                return self._finish(event)
            case _:
                return (event,)

    # calls

    def _open(self, opening: ToolOpen) -> Sequence[StreamEvent]:
        hold = "all" if self._only not in ("", opening.name) else self._hold
        self._opening = opening
        self._call = CheckedCall(opening.name, self._schemas.get(opening.name, {}), hold)
        return self._announce(opening) if self._call.released else ()

    def _announce(self, opening: ToolOpen) -> Sequence[StreamEvent]:
        """The call begins for the client; the text before it goes first."""
        self._opening = None
        held = _as_text(self._text.called())
        self._record.opened += 1
        return (*held, ToolOpen(self._record.opened - 1, opening.id, opening.name))

    def _arguments(self, call: CheckedCall, json: str) -> Sequence[StreamEvent]:
        fragment = call.feed(json)
        if not fragment:
            return ()
        begun = () if self._opening is None else self._announce(self._opening)
        return (*begun, ToolDelta(self._record.opened - 1, fragment))

    def _close(self, call: CheckedCall) -> Sequence[StreamEvent]:
        wrong, self._call = call.close(), None
        if self._opening is None:
            return self._complete(call, wrong)
        opening, self._opening = self._opening, None
        if self._only not in ("", call.name):
            wrong = [f"Only `{self._only}` may be called.", *(wrong or ())]
        if wrong is None:
            self._problems.append(("cut-call", f"The call of `{call.name}` breaks off."))
            return ()
        if wrong:
            self._problems.append(("invalid-call", f"The call of `{call.name}` is invalid: {' '.join(wrong)}"))
            return ()
        if _made(call) in self._earlier:
            self._calls += 1
            return (Notice(REPEATED, "The client has this call already.", {"name": call.name}),)
        begun = self._announce(opening)
        return (*begun, ToolDelta(self._record.opened - 1, call.arguments or "{}"), *self._complete(call, wrong))

    def _complete(self, call: CheckedCall, wrong: list[str] | None) -> Sequence[StreamEvent]:
        """A call that the client has."""
        self._calls += 1
        self._record.calls.append(_made(call))
        closed = ToolClose(self._record.opened - 1)
        if not wrong:
            return (closed,)
        return closed, Notice(DELIVERED_INVALID, " ".join(wrong), {"name": call.name, "problems": wrong})

    # what is wrong

    def _note(self, notice: Notice) -> None:
        data = notice.data or {}
        name = data.get("name")
        match notice.kind:
            case "tool-invalid":
                which = f"The call of `{name}` is invalid" if name else "A call is invalid"
                self._problems.append(("invalid-call", f"{which}: {notice.text}"))
            case "tool-truncated" if not data.get("streamed"):
                self._problems.append(("cut-call", f"{f'The call of `{name}`' if name else 'A call'} breaks off."))
            case "tool-missing":
                self._text.denied = notice.text or "The tool does not exist."
            case _:
                pass

    def _finish(self, finish: Finish) -> Sequence[StreamEvent]:
        found = [] if finish.reason == "content_filter" else self._found(finish)
        if found:
            self._text.drop()
            reason, sentence = found[0]
            raise self._record.asking.again(self._question([each for _, each in found]), reason, sentence)
        if self._repeated and self._calls:
            self._text.drop()
        has_calls = finish.reason == "stop" and bool(self._record.calls)
        return (*_as_text(self._text.release()), Finish("tool_calls") if has_calls else finish)

    def _found(self, finish: Finish) -> list[tuple[str, str]]:
        """Why this answer is useless."""
        if self._problems:
            return self._problems
        text, said, denied = self._text.news(), self._text.said, self._text.denied
        has_calls = bool(self._record.calls)
        if self._required and not has_calls:
            which = f"`{self._only}`" if self._only else "a tool"
            return [("missing-call", f"The reply had to call {which} and did not.")]
        if denied and not has_calls:
            return [("missing-tool", f"The upstream said: {denied} It was not called in the way that works here.")]
        if not (said or has_calls) and complaint.is_complaint(text):
            return [("complaint", "The reply says that there are no tools.")]
        if not (said or self._calls or text.strip()) and finish.reason in ("stop", "tool_calls"):
            return [("empty", "The reply is empty.")]
        return []


def _as_text(text: str) -> Sequence[StreamEvent]:
    return (TextDelta(text),) if text else ()


def _made(call: CheckedCall) -> tuple[str, object]:
    return call.name, decode(call.arguments or "{}")
