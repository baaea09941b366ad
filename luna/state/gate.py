"""One boundary of one answer: what passes there, what is kept until a call is complete, and what a person may put in.

Pure. Owns the grammar of what has passed, so that an edit is judged by what went before it, and the little that has to
be corrected behind an edit: the numbers of later calls, and why the answer finished. Knows nothing of who waits.
"""

import copy
from collections.abc import Callable, Iterator, Sequence

import msgspec

from luna.model.errors import Kind, LunaError
from luna.model.events import (
    Batch,
    Finish,
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
from luna.model.grammar import CALLING, START, Grammar, GrammarError


class Call(msgspec.Struct, frozen=True):
    """A complete call, with all that came while it was open."""

    events: tuple[StreamEvent, ...]

    @property
    def opening(self) -> ToolOpen:
        """Its first event."""
        first = self.events[0]
        assert isinstance(first, ToolOpen)
        return first

    @property
    def arguments(self) -> str:
        """JSON text."""
        return "".join(event.json for event in self.events if isinstance(event, ToolDelta))


class Gate:
    """The boundary. Feed it with `split`, and tell it by `passed` or `edited` what of that goes on."""

    def __init__(self) -> None:
        self._grammar = Grammar()
        self._lost = False
        """A stage broke the grammar: nothing can be said of what may follow."""
        self._kept: list[StreamEvent] = []
        self._touched = False
        self._seen: set[int] = set()
        self._calls = 0
        self._number = -1
        """Of the open call, as it goes on."""
        self._native = False
        self._begun = False
        """Something of the answer itself has come."""

    def __repr__(self) -> str:
        return f"<Gate {self._grammar!r} kept={len(self._kept)}>"

    @property
    def unopened(self) -> bool:
        """Not even `Opened` has passed."""
        return self._grammar.state == START

    @property
    def calling(self) -> bool:
        """A call has begun to pass, and is not complete."""
        return self._grammar.state == CALLING

    @property
    def next_number(self) -> int:
        """One that no call has had."""
        return max(self._seen, default=-1) + 1

    @property
    def called(self) -> bool:
        """A call for the client has passed."""
        return self._calls > 0

    @property
    def done(self) -> bool:
        """The answer is complete."""
        return self._grammar.done

    def begins(self, batch: Batch) -> bool:
        """Whether the answer itself begins with this batch: once, and not with what goes before its first words."""
        if self._begun:
            return False
        self._begun = any(not isinstance(event, Opened | Notice | Usage) for event in batch)
        return self._begun

    def gather(self, batch: Batch, *, whole: bool) -> tuple[StreamEvent, ...]:
        """Everything that has come since it was called first; with `whole` nothing until the answer is complete."""
        self._kept += batch
        if whole and not any(type(event) is Finish for event in batch):
            return ()
        return tuple(self.release())

    def split(self, batch: Batch, *, keep: bool) -> Iterator[list[StreamEvent] | Call]:
        """What may pass as it is, and complete calls to be judged. With `keep` a call is kept until it is complete."""
        loose: list[StreamEvent] = []
        for event in batch:
            if self._kept:
                self._kept.append(event)
                if type(event) is ToolClose:
                    yield loose
                    call, loose, self._kept = Call(tuple(self._kept)), [], []
                    yield call
                elif type(event) is Finish:  # a stage broke the grammar; nobody's answer shall wait for that
                    loose += self.release()
            elif keep and type(event) is ToolOpen:
                self._kept.append(event)
            else:
                loose.append(event)
        yield loose

    def release(self) -> list[StreamEvent]:
        """What is kept, kept no longer."""
        kept, self._kept = self._kept, []
        return kept

    def passed(self, events: Sequence[StreamEvent]) -> list[StreamEvent]:
        """Events of the stream that go on; corrected where an edit before them makes that necessary."""
        out = [self._corrected(event) for event in events] if self._touched else list(events)
        self._step(out)
        return out

    def edited(self, events: Sequence[StreamEvent]) -> list[StreamEvent]:
        """Events that a person has put in the place of others; `judge` has found them right."""
        self._touched = True
        self._step(events)
        return list(events)

    def judge(self, before: Sequence[StreamEvent], now: Sequence[StreamEvent]) -> None:
        """Whether `now` may stand here instead of `before`. Raises LunaError(BAD_REQUEST)."""
        if self._lost:
            raise _wrong("A stage has broken the grammar of events before; they cannot be edited here.", "Resume it.")
        grammar = copy.deepcopy(self._grammar)
        for position, event in enumerate(now):
            try:
                grammar.feed(event)
            except GrammarError as error:
                raise _wrong(
                    f"Event {position + 1} does not fit: {error}.", "docs/breakpoints.md has the order."
                ) from None
        was = copy.deepcopy(self._grammar)
        try:
            for event in before:
                was.feed(event)
        except GrammarError:
            return
        if grammar.done or grammar.state == was.state:
            return
        if was.done:
            raise _wrong("The answer ends with these events, so `finish` must be the last of them.", "Add it.")
        state = "a call is open" if was.state == CALLING else "the answer has begun and no call is open"
        raise _wrong(f"More events follow, for which these must end where {state}.", "Add what is missing.")

    def _step(self, events: Sequence[StreamEvent]) -> None:
        for event in events:
            if type(event) is ToolOpen:
                self._seen.add(event.index)
                self._number, self._native = event.index, event.native
            elif type(event) is ToolClose and not self._native:
                self._calls += 1
            if not self._lost:
                try:
                    self._grammar.feed(event)
                except GrammarError:
                    self._lost = True

    def _corrected(self, event: StreamEvent) -> StreamEvent:
        match event:
            case ToolOpen():
                self._number = event.index if event.index not in self._seen else max(self._seen) + 1
                self._seen.add(self._number)
                return msgspec.structs.replace(event, index=self._number)
            case ToolDelta() | ToolClose():
                return msgspec.structs.replace(event, index=self._number)
            case Finish(reason="tool_calls") if not self._calls:
                return Finish("stop")
            case Finish(reason="stop", sequence="") if self._calls:
                return Finish("tool_calls")
            case _:
                return event

    def note(self, batch: list[StreamEvent], notices: list[Notice]) -> list[StreamEvent]:
        """The batch that has just passed, with the notices in it as soon as the grammar allows them; takes those that
        found a place out of `notices`."""
        if not notices or self._grammar.state == START or not batch:
            return batch
        at = len(batch) - isinstance(batch[-1], Finish)
        told = [*batch[:at], *notices, *batch[at:]]
        notices.clear()
        return told


def joined(events: Sequence[StreamEvent]) -> list[StreamEvent]:
    """The same, with deltas that follow one another in one: for people."""
    out: list[StreamEvent] = []
    for event in events:
        match (out[-1] if out else None), event:
            case (TextDelta() as last, TextDelta()):
                out[-1] = TextDelta(last.text + event.text)
            case (ThinkDelta() as last, ThinkDelta()):
                out[-1] = ThinkDelta(last.text + event.text)
            case (ToolDelta() as last, ToolDelta()) if last.index == event.index:
                out[-1] = ToolDelta(last.index, last.json + event.json)
            case _:
                out.append(event)
    return out


class CallByHand(msgspec.Struct, frozen=True):
    """A call as a person writes it; `arguments` is a JSON object, as text."""

    name: str
    arguments: str = "{}"


class AnswerByHand(msgspec.Struct, frozen=True):
    """What a person answers in the model's place."""

    text: str = ""
    calls: tuple[CallByHand, ...] = ()

    def check(self) -> None:
        """Raises LunaError(BAD_REQUEST)."""
        if not self.text and not self.calls:
            raise _wrong("The answer says nothing.", "Write a text, or a call.", "text")
        for call in self.calls:
            try:
                msgspec.json.decode(call.arguments, type=dict[str, object])
            except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
                raise _wrong(f"The arguments of {call.name[:80]!r} are no JSON object: {error}.", "", "calls") from None
            if not call.name:
                raise _wrong("A call has no name.", "", "calls")

    def events(self, gate: Gate | None, model: str, call_id: Callable[[], str]) -> list[StreamEvent]:
        """The rest of an answer, as the model would have given it; the whole of one where there is no gate yet."""
        events: list[StreamEvent] = [Opened("", model)] if gate is None or gate.unopened else []
        first = 0 if gate is None else gate.next_number
        if self.text:
            events.append(TextDelta(self.text))
        for index, call in enumerate(self.calls, first):
            events += [ToolOpen(index, call_id(), call.name), ToolDelta(index, call.arguments), ToolClose(index)]
        called = bool(self.calls) or (gate is not None and gate.called)
        return [*events, Finish("tool_calls" if called else "stop")]


def _wrong(message: str, hint: str, param: str = "events") -> LunaError:
    return LunaError(Kind.BAD_REQUEST, message, hint=hint, param=param)
