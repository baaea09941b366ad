"""The one conversation that a recorded flow belongs to, as luna knew it then.

Owns that a replay finds what the recording found, of the session and of what luna kept of it, and remembers nothing. It
draws as many ids as the real thing did, so that all that come after them are the same.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from luna.model.chat import Message, Whereabouts
from luna.model.events import Notice
from luna.state.place import Place
from luna.state.session_asked import Asked, Found, Mode
from luna.state.session_memory import Line, SessionMemory, Stored, Summary
from luna.state.session_nodes import Node, Session
from luna.state.sessions import Sessions

_MODES: dict[str, Mode] = {"new": "new", "persistent": "persistent", "stateless": "stateless", "disabled": "disabled"}


class RecordedConversation(Sessions):
    """Sessions that know one conversation, from what `session.bind` wrote into the recording."""

    def __init__(self, known: Whereabouts) -> None:
        # Nothing of what needs a database is ever called.
        self._known = known

    def __repr__(self) -> str:
        return f"<RecordedConversation {self._known.session or 'none'}>"

    async def find(self, asked: Asked) -> Found:
        known = self._known
        session = self._session(asked) if known.session else None
        node = self._node(session) if session is not None and (known.response or known.answer) else None
        return Found(asked, session, known.reason, _MODES.get(known.mode, "new"), node, known.known)

    def _session(self, asked: Asked) -> Session:
        known = self._known
        if known.stored:
            return Session(known.session, asked.scope, known.thread, stored=True)
        own = asked.session if asked.session == known.session else asked.new_id()
        return Session(own, asked.scope, asked.thread or asked.conversation or asked.new_id())

    def _node(self, session: Session) -> Node:
        known = self._known
        place = Place(known.account, known.chat, known.response, known.model, known.system)
        return Node(known.answer or "recorded", b"", b"", session, None, place, "", 0, 0, 0.0)

    def remember(self, found: Found, answer: Message, place: Place, *, run: str, at: float, whole: bool = True) -> None:
        """Nothing."""

    async def commit(self) -> None:
        """Nothing."""

    def forget_chat(self, *chats: str) -> None:
        """Nothing."""

    def forget_answer(self, node: Node) -> None:
        """Nothing."""


class RecordedMemory(SessionMemory):
    """What luna put into a conversation that it sent as a whole, from the notice that says so."""

    def __init__(self, recalled: Notice) -> None:
        # Nothing of what needs a database is ever called.
        said: Mapping[str, Any] = recalled.data or {}
        self._text = recalled.text
        self._covered = int(said.get("messages", 0))
        self._said = msgspec.convert(said.get("stored", []), list[Message])
        self.recent = int(said.get("recent", 0))
        """How many messages were sent beside a summary at the least."""

    def __repr__(self) -> str:
        return f"<RecordedMemory of {self._covered} messages>"

    async def covering(self, session: str, history: Any) -> tuple[str, int] | None:
        return (self._text, self._covered) if self._text else None

    async def line(self, session: str, node: str = "") -> Line | None:
        said = [Stored("", position, message) for position, message in enumerate(self._said)]
        before = Summary(self._text, node, b"", self._covered, 0.0) if self._text else None
        return Line(session, node, b"", "", "", said, before)
