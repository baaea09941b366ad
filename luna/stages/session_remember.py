"""`session.remember`: the finished turn is what the conversation goes on from.

Owns when a turn is remembered and what of: the answer exactly as the client has it, once it is complete and before its
last bytes go out. An answer that was cut for the client is written down for people to read, but nobody goes on from it
in its chat, which holds more than the client has seen. Failed answers leave nothing.
"""

from collections.abc import Awaitable, Iterable, Mapping
from functools import partial

from luna.core.flow import Flow
from luna.core.notes import Key
from luna.core.stage import BuildContext, ResponseStage, StageOptions
from luna.model.chat import Message, Part, Text, Thought, ToolCall
from luna.model.events import Finish, Media, Notice, Opened, StreamEvent, TextDelta, Usage
from luna.model.fold import Fold
from luna.protocols.prose import Prose
from luna.stages.qwen_chat import SPOKEN
from luna.stages.session_bind import BOUND
from luna.state.session_asked import Found
from luna.state.session_nodes import Node
from luna.state.session_upkeep import Upkeep
from luna.state.sessions import Sessions

PROMPTS: Mapping[str, tuple[str, ...]] = {
    "summarise": ("turns", "tokens"),
    "compact": ("file", "words"),
    "header": ("turns",),
}
"""What luna says when it asks for a summary (`luna.state.summaries`, `luna.state.compaction`)."""


class SessionRemember(ResponseStage):
    """Remembers the answered turn in its session, durably, before the client can know that the answer is over. Needs
    `session.bind` above it; stands behind everything that changes the answer."""

    use = "session.remember"
    needs_chat = True

    def __init__(self, options: StageOptions, context: BuildContext) -> None:
        """Raises OptionError when a prompt is missing, or uses a variable that it is not given, with which luna asks
        for summaries."""
        super().__init__(options, context)
        for name, variables in PROMPTS.items():
            context.prompts.require(f"session/{name}", option="use", variables=variables)

    def transducer(self, flow: Flow) -> "_Remembering | None":
        """The same for the whole flow: what went out before the model was asked again is part of the answer."""
        bound, sessions = flow.notes.get(BOUND), flow.services.get(Sessions)
        if sessions is None or bound is None or not bound.session:
            return None
        remembering = flow.notes.get(_REMEMBERING)
        if remembering is None:
            remembering = flow.notes[_REMEMBERING] = _Remembering(flow, sessions)
        return remembering


class Told:
    """Passes everything on and folds it into the message that the client will send back."""

    def __init__(self) -> None:
        self._fold: Fold | None = None
        """Of what is not words."""
        self._prose = Prose()
        self._words: list[str] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._fold!r}>"

    def feed(self, event: StreamEvent) -> Iterable[StreamEvent]:
        match event:
            case TextDelta():
                self._words.append(event.text if self._prose.flows else self._prose.text(event.text))
            case Media():
                self._words.append(self._prose.media(event))
            case Finish():
                self.over(event)
            case Opened() | Usage() | Notice():
                pass
            case _:
                self._fold = self._fold or Fold()
                self._fold.feed(event)
        return (event,)

    def flush(self) -> Iterable[StreamEvent]:
        return ()

    def over(self, finish: Finish) -> None:
        """The answer is complete."""

    def message(self) -> Message:
        """The message; with the reasoning, for people to read."""
        fold, words = self._fold, "".join(self._words)
        parts: list[Part] = [Text(words)] if words else []
        if fold is not None:
            if fold.thinking:
                parts.insert(0, Thought(fold.thinking))
            parts += [ToolCall(call.id, call.name, call.arguments or "{}") for call in fold.client_calls]
        return Message("assistant", parts)


class _Remembering(Told):
    """Has it remembered at the end."""

    def __init__(self, flow: Flow, sessions: Sessions) -> None:
        super().__init__()
        self._flow = flow
        self._sessions = sessions

    def over(self, finish: Finish) -> None:
        found, spoken = self._flow.notes[BOUND].found, self._flow.notes.get(SPOKEN)
        if found is None or spoken is None:
            return
        whole = finish.reason == "tool_calls" or (finish.reason == "stop" and not finish.sequence)
        answer = self.message()
        node = self._sessions.remember(found, answer, spoken, run=self._flow.id, at=self._flow.born, whole=whole)
        self._flow.settle(partial(self._settle, found, node))

    def _settle(self, found: Found, node: Node | None) -> Awaitable[None] | None:
        if not self._sessions.commit_here():
            return self._settle_later(found, node)
        self._turn_over(found, node)
        return None

    async def _settle_later(self, found: Found, node: Node | None) -> None:
        await self._sessions.commit()
        self._turn_over(found, node)

    def _turn_over(self, found: Found, node: Node | None) -> None:
        upkeep = self._flow.services.get(Upkeep)
        if node is not None and upkeep is not None:
            upkeep.turn_over(found, node)


_REMEMBERING: Key[_Remembering] = Key("session remembering")
