"""The one conversation that a recorded flow belongs to, as luna knew it then.

Owns that a replay finds what the recording found, and remembers nothing. It draws as many ids as the real thing did,
so that all that come after them are the same.
"""

from luna.model.chat import Message, Whereabouts
from luna.state.place import Place
from luna.state.session_asked import Asked, Found, Mode
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
        node = self._node(session) if session is not None and known.response else None
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
        return Node("recorded", b"", b"", session, None, place, "", 0, 0, 0.0)

    def remember(self, found: Found, answer: Message, place: Place, *, run: str, at: float, whole: bool = True) -> None:
        """Nothing."""

    async def commit(self) -> None:
        """Nothing."""

    def forget_chat(self, *chats: str) -> None:
        """Nothing."""

    def forget_answer(self, node: Node) -> None:
        """Nothing."""
