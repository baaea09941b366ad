"""The answers from which conversations may go on, those of late in memory.

Owns the tree's nodes, which of several a request goes on from, and how many are kept at hand, by number and by size.
Knows neither the database (`luna.state.session_rows`) nor how a request is read.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from sys import getsizeof

import msgspec

from luna.state.place import Place, nowhere

HOT = 20_000
"""Nodes in memory."""
HOT_BYTES = 40 * 1024 * 1024
"""What they may take together. As they mostly are, 20,000 of them take 20 to 30 MB."""
BARE = 1_400
"""Bytes that one takes with its session and its place in the table, without what may be long."""
TWINS = 64
"""Nodes of one digest at hand: conversations that are the same to the last letter."""


class Session(msgspec.Struct, eq=False, weakref=True):
    """One conversation with all its branches, as far as requests need to know it."""

    id: str
    scope: str
    thread: str
    source: str = "auto"
    workspace: str = ""
    turns: int = 0
    """Answers."""
    messages: int = 0
    """Messages written down so far: the position of the next."""
    first: int = 0
    """The position of the first that is still there."""
    updated: float = 0.0
    """Seconds since the epoch."""
    stored: bool = False
    """It has a row."""
    deleted: bool = False
    """Somebody has deleted it: what is still under way for it is not written down."""


class Node(msgspec.Struct, eq=False):
    """An answer that a client was given, and where it stands upstream."""

    id: str
    digest: bytes
    """Of the history up to and with the answer."""
    asked: bytes
    """Of the request that was answered, all of it."""
    session: Session
    parent: str | None
    place: Place
    instructions: str
    """The marks of what the client's system said then."""
    depth: int
    """Turns up to and with the answer."""
    position: int
    """Of the first message that was written down with it."""
    created: float
    next: bytes | None = None
    """The digest of the request that last went on from here; None when none has."""
    subagent: str = ""
    """The client's id of the subagent that was answered; "" for the conversation itself."""
    weight: int = 0
    """Bytes that it counts for at hand."""

    def __repr__(self) -> str:
        return f"<Node {self.id} depth={self.depth}>"

    def leave(self) -> None:
        """Its chat is no more, or is not to be gone on in: the answer is known, and stands nowhere."""
        self.place = nowhere(self.place)


class Wish(msgspec.Struct, frozen=True):
    """What speaks for one of several equal nodes."""

    digest: bytes
    """Of the request, all of it."""
    thread: str = ""
    """The conversation's name, if the client gives it one."""
    instructions: str = ""
    session: str = ""
    """Only nodes of this session will do."""
    chat: str = ""
    """Only nodes in this chat will do."""
    threads: bool = False
    """Only nodes of the thread will do."""
    subagent: str = ""
    """Only its own nodes will do."""

    def admits(self, node: Node) -> bool:
        """Whether the node will do at all."""
        return (
            node.subagent == self.subagent
            and (not self.session or node.session.id == self.session)
            and (not self.chat or node.place.chat == self.chat)
            and (not self.threads or node.session.thread == self.thread)
        )

    def rank(self, node: Node) -> tuple[bool, bool, int, bool, float]:
        """How well it will do. One that nobody has gone on from is nobody else's conversation; one that was gone on
        from with the same words is asked again."""
        free = 2 if node.next is None else 1 if node.next == self.digest else 0
        same_thread = bool(self.thread) and node.session.thread == self.thread
        return same_thread, node.instructions == self.instructions, free, bool(node.place.chat), node.created


def choose(nodes: Iterable[Node], wish: Wish) -> Node | None:
    """The node to go on from."""
    return max((node for node in nodes if wish.admits(node)), key=wish.rank, default=None)


class HotNodes:
    """Nodes by digest, the longest unused forgotten first."""

    def __init__(self, limit: int = HOT, most_bytes: int = HOT_BYTES) -> None:
        self._limit = limit
        self._most_bytes = most_bytes
        self._size = 0
        self.bytes = 0
        """What they take, at most: a session that several have counts for each of them."""
        self._by_digest: OrderedDict[bytes, list[Node]] = OrderedDict()

    def __repr__(self) -> str:
        return f"<HotNodes {self._size}, {self.bytes} bytes>"

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Node]:
        return (node for nodes in self._by_digest.values() for node in nodes)

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._by_digest

    def at(self, digest: bytes) -> Sequence[Node]:
        """The nodes of this digest."""
        found = self._by_digest.get(digest)
        if found is None:
            return ()
        self._by_digest.move_to_end(digest)
        return found

    def add(self, node: Node) -> Node:
        """Keep it at hand; returns the one that counts, which is the one that was there before."""
        nodes = self._by_digest.get(node.digest)
        if nodes is None:
            nodes = self._by_digest[node.digest] = []
        else:
            self._by_digest.move_to_end(node.digest)
        for same in nodes:
            if same.id == node.id:
                return same
        nodes.append(node)
        node.weight = _weight(node)
        self._size += 1
        self.bytes += node.weight
        if len(nodes) > TWINS:
            self._count(-1, -nodes.pop(0).weight)
        while self._size > self._limit or self.bytes > self._most_bytes:
            _, dropped = self._by_digest.popitem(last=False)
            self._count(-len(dropped), -sum([each.weight for each in dropped]))
        return node

    def drop(self, which: Iterable[Node]) -> None:
        """Forget these."""
        for node in which:
            nodes = self._by_digest.get(node.digest, [])
            if node in nodes:
                nodes.remove(node)
                self._count(-1, -node.weight)
            if not nodes:
                self._by_digest.pop(node.digest, None)

    def _count(self, nodes: int, size: int) -> None:
        self._size += nodes
        self.bytes += size


def _weight(node: Node) -> int:
    session = node.session
    long = (node.instructions, node.place.system, node.subagent, session.scope, session.thread, session.workspace)
    return BARE + sum(map(getsizeof, long))
