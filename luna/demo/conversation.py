"""Chats as the site keeps them: trees of messages, one running generation each.

Owns the tree, its current end and the lock that a generation holds. Knows no HTTP.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

MAX_CHATS = 5_000
MAX_CHARACTERS = 64 * 1024 * 1024


@dataclass
class Node:
    """One message. `id` is the server's; an assistant's is the response id that the next turn has for a parent."""

    id: str
    fid: str
    role: str
    parent: str | None
    content: str
    timestamp: int
    """Whole seconds since the epoch."""
    model: str
    children: list[str] = field(default_factory=list)
    done: bool = True
    files: list[dict[str, Any]] = field(default_factory=list)
    """The entries of what was attached."""


@dataclass
class Generation:
    """One answer in the making. It holds the chat's lock until `free_at`, a monotonic time; None is no end yet."""

    response_id: str
    interrupt: Callable[[], None] = lambda: None
    free_at: float | None = None
    stopped: bool = False


class Chat:
    """One conversation of one user."""

    def __init__(self, id: str, user: str, title: str, models: list[str], chat_type: str, now: int) -> None:
        self.id = id
        self.user = user
        self.title = title
        self.models = models
        self.chat_type = chat_type
        self.chat_mode = "normal"
        self.project_id: str | None = None
        self.created_at = self.updated_at = now
        self.nodes: dict[str, Node] = {}
        self.current: str | None = None
        self.generation: Generation | None = None
        self.size = 0
        """Characters in all nodes."""

    def __repr__(self) -> str:
        return f"<Chat {self.id} nodes={len(self.nodes)}{' generating' if self.generation else ''}>"

    def busy(self, now: float) -> bool:
        """True while a generation holds the lock at the monotonic time `now`."""
        if self.generation is None:
            return False
        return self.generation.free_at is None or now < self.generation.free_at

    def add(self, node: Node) -> None:
        """Put a message under its parent and make it the current end."""
        self.nodes[node.id] = node
        if node.parent is not None:
            self.nodes[node.parent].children.append(node.id)
        self.current = node.id
        self.updated_at = node.timestamp
        self.size += len(node.content)

    def path(self, end: str | None) -> list[Node]:
        """The messages from the root to `end`."""
        found: list[Node] = []
        while end is not None:
            found.append(self.nodes[end])
            end = self.nodes[end].parent
        return found[::-1]

    def stop(self, response_id: str | None) -> bool:
        """Let go of the lock and end the answer; False when nothing of that name was running."""
        generation = self.generation
        if generation is None or response_id not in (None, generation.response_id):
            return False
        generation.stopped = True
        self.generation = None
        generation.interrupt()
        return True


class Chats:
    """All chats. What is oldest makes way when there are too many or they have grown too large."""

    def __init__(self) -> None:
        self._chats: dict[str, Chat] = {}
        self._characters = 0

    def __repr__(self) -> str:
        return f"<Chats {len(self._chats)}>"

    def __len__(self) -> int:
        return len(self._chats)

    def __iter__(self) -> Iterator[Chat]:
        return iter(tuple(self._chats.values()))

    def add(self, chat: Chat) -> None:
        """Take in a new chat."""
        self._chats[chat.id] = chat
        if len(self._chats) > MAX_CHATS:
            self._forget(MAX_CHATS * 9 // 10, MAX_CHARACTERS)

    def grow(self, chat: Chat, node: Node) -> None:
        """Add a message to a chat."""
        chat.add(node)
        self._characters += len(node.content)
        if self._characters > MAX_CHARACTERS:
            self._forget(MAX_CHATS, MAX_CHARACTERS // 2)

    def _forget(self, chats: int, characters: int) -> None:
        for chat in self:
            too_many, too_long = len(self._chats) > chats, self._characters > characters
            if not (too_many or too_long):
                return
            idle = chat.generation is None or chat.generation.free_at is not None
            if idle and (too_many or chat.size):
                self.remove(chat)

    def get(self, user: str, id: str) -> Chat | None:
        """The chat, if it is there and belongs to that user."""
        chat = self._chats.get(id)
        return chat if chat is not None and chat.user == user else None

    def of(self, user: str) -> list[Chat]:
        """A user's chats, the latest first."""
        return sorted((chat for chat in self if chat.user == user), key=lambda chat: chat.updated_at, reverse=True)

    def remove(self, chat: Chat) -> None:
        """Delete it, whatever it is doing."""
        chat.stop(None)
        if self._chats.pop(chat.id, None) is not None:
            self._characters -= chat.size
