"""What a request says of the conversation that it belongs to, and what was found of it.

Owns the shapes that pass between the stages and `luna.state.sessions`.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from luna.conversation.difference import Difference
from luna.conversation.digest import History
from luna.model.chat import Message
from luna.state.place import Place
from luna.state.session_nodes import Node, Session, Wish

Mode = Literal["new", "persistent", "stateless", "disabled"]
Name = tuple[str | None, str | None]
"""What a session is called as long as nobody gives it a name, and that as it is searched."""


class Asked(msgspec.Struct, frozen=True):
    """A request, as far as its session depends on it."""

    history: History
    instructions: str
    """The marks of what the client's system says."""
    new_id: Callable[[], str]
    scope: str = ""
    """Whose it is: histories of another scope are never found."""
    bare: bool = False
    """Nothing but words: no system text, no tools."""
    session: str = ""
    """The session that the client names, and so on."""
    thread: str = ""
    chat: str = ""
    conversation: str = ""
    """What the client's program calls the conversation by itself. Several histories may share the name: it prefers,
    and never decides."""
    source: str = "auto"
    workspace: str = ""
    subagent: str = ""
    """Whom of the client's agents it is for: each has a thread of its own, in the session that is named."""

    @property
    def named(self) -> bool:
        """Whether the client names a session, in any of the three ways."""
        return bool(self.session or self.thread or self.chat)

    def wish(self, session: Session | None) -> Wish:
        """Which nodes will do. `session`: the one that is named."""
        return Wish(
            self.history.digest,
            thread=self.thread or self.conversation,
            instructions=self.instructions,
            session=session.id if session is not None and self.session else "",
            chat=self.chat,
            threads=bool(self.thread and not self.session),
            subagent=self.subagent,
        )


class Found(msgspec.Struct):
    """What is known of a request's conversation."""

    asked: Asked
    session: Session | None
    """None where sessions are off."""
    reason: str
    mode: Mode
    node: Node | None = None
    """The answer to go on from."""
    known: int = 0
    """How many messages the chat has already."""
    differs: Difference | None = None
    """Where the conversation left what luna knew."""
    before: bytes | None = None
    """What `node.next` was."""
    settled: bool = False
    """It has been answered and remembered."""
    name: Callable[[], Name] | None = None
    """What its session will be called, where somebody has seen to that before it is written down."""

    @property
    def place(self) -> Place | None:
        """Where the node stands; None when its chat is no more."""
        return self.node.place if self.node is not None and self.node.place.chat else None

    @property
    def fresh(self) -> Sequence[Message]:
        """The messages that are new, as the client sent them."""
        return self.asked.history.messages[self.known :]

    def claim(self) -> None:
        """Others are to know that somebody goes on from the node."""
        if self.node is not None:
            self.before, self.node.next = self.node.next, self.asked.history.digest

    def release(self) -> None:
        """The flow is over. If nothing came of it, nobody has gone on from the node."""
        if not self.settled and self.node is not None and self.node.next == self.asked.history.digest:
            self.node.next = self.before
