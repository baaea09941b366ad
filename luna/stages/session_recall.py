"""How a conversation is sent again as a whole, to a chat that knows nothing of it.

Owns two things that luna puts in then: a summary, in the place of a long conversation's beginning, and what luna itself
has stored, where the client sends nothing but its new words and leaves the rest to luna. What the client's system says
is always sent, and so are the last messages and whatever the summary does not cover. Nothing here is asked as long as
a conversation goes on in its chat. No stage of its own: `session.bind` leaves it on the flow, the transport calls it.
"""

import logging
from collections.abc import Sequence
from itertools import takewhile

import msgspec

from luna.conversation.summary import cut_at, in_words, last_of, same_place
from luna.core.flow import Flow
from luna.core.notes import Key
from luna.core.prompts import Prompt
from luna.model.chat import Message, Text
from luna.model.errors import LunaError
from luna.model.events import Notice
from luna.model.preferences import LivePreferences, SessionPreferences
from luna.state.session_asked import Found
from luna.state.session_memory import SessionMemory
from luna.tools.history import as_text

log = logging.getLogger("luna.stages.session_recall")

RECALLED = "recalled"
"""The kind of the notice that says what was put in, for recordings."""
VARIABLES = ("summary",)


class Recall:
    """One flow's. `resume` is the prompt around a summary."""

    def __init__(self, flow: Flow, memory: SessionMemory, found: Found, resume: Prompt) -> None:
        self._flow = flow
        self._memory = memory
        self._found = found
        self._resume = resume
        self.notices: list[Notice] = []
        """What was put in the last time."""

    def __repr__(self) -> str:
        return f"<Recall of {self._flow.id}>"

    async def whole(self, messages: Sequence[Message]) -> list[Message]:
        """The messages as they are to be sent to a chat that knows nothing. Those that are marked as known are left out
        for what stands in their place."""
        self.notices = []
        session = self._found.session
        if session is None or not session.stored:
            return [*messages]
        try:
            if self._found.node is not None and not self._found.known:
                return await self._with_what_is_stored(session.id, self._found.node.id, messages)
            return await self._with_a_summary(session.id, messages)
        except LunaError as error:
            log.warning("flow %s: what luna knows of its session cannot be read: %s", self._flow.id, error.message)
            return [*messages]

    async def _with_a_summary(self, session: str, messages: Sequence[Message]) -> list[Message]:
        said, recent = self._found.asked.history.messages, self._recent
        if not recent or not last_of(said, recent):
            return [*messages]
        text, covered = await self._memory.covering(session, self._found.asked.history) or ("", 0)
        cut = cut_at(said, min(covered, last_of(said, recent)))
        place = same_place(said, cut, messages) if cut else None
        if not place:
            return [*messages]
        self._notice(text, cut)
        shortened = [
            msgspec.structs.replace(message, known=True) if number < place and message.role != "system" else message
            for number, message in enumerate(messages)
        ]
        return self._with_words(text, shortened)

    async def _with_what_is_stored(self, session: str, node: str, messages: Sequence[Message]) -> list[Message]:
        line = await self._memory.line(session, node)
        if line is None or not line.said:
            return [*messages]
        said, before, recent = [in_words(stored.message) for stored in line.said], line.before, self._recent
        cut, text = 0, ""
        if before is not None and recent:
            covered = sum(stored.position < before.position for stored in line.said)
            cut = cut_at(said, min(covered, last_of([*said, *messages], recent)))
            text = before.text if cut or covered == 0 else ""
        self._notice(text, cut, said)
        leading = sum(1 for _ in takewhile(lambda message: message.role == "system", messages))
        earlier = [message for message in as_text(said[cut:]) if message.role != "system"]
        put_in = [*messages[:leading], *earlier, *messages[leading:]]
        return self._with_words(text, put_in) if text else put_in

    def _with_words(self, summary: str, messages: Sequence[Message]) -> list[Message]:
        words = Message("system", [Text(self._resume.render(summary=summary))])
        leading = sum(1 for _ in takewhile(lambda message: message.role == "system", messages))
        return [*messages[:leading], words, *messages[leading:]]

    @property
    def _recent(self) -> int:
        live = self._flow.services.get(LivePreferences)
        options = live.current.session if live is not None else SessionPreferences()
        return options.rolling_history_k

    def _notice(self, text: str, cut: int, said: Sequence[Message] = ()) -> None:
        stored = msgspec.to_builtins([*said])
        self.notices = [Notice(RECALLED, text, {"messages": cut, "recent": self._recent, "stored": stored})]


RECALL: Key[Recall] = Key("session.recall")
"""How the flow's conversation is sent as a whole; for the transport."""
