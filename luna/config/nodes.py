"""A YAML document as a tree of values that know where they stand.

Owns the three kinds of node and the ways to look at them: as plain builtins, as written (what
came from the environment unfilled, fit to be shown), and by path. Pure; how text becomes nodes is
`luna.config.source`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

from luna.config.diagnostics import Place

Key = str | int


class Node(ABC):
    """A value and its place. `weight` counts the nodes of the whole subtree, aliases expanded; `height` its levels."""

    __slots__ = ("height", "place", "weight")

    def __init__(self, place: Place) -> None:
        self.place = place
        self.weight = 1
        self.height = 1

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.place}>"

    @abstractmethod
    def plain(self) -> Any:
        """Builtins, with the environment filled in: may hold secrets."""

    @abstractmethod
    def written(self) -> Any:
        """Builtins, with references to the environment left as they are: may be shown."""

    @abstractmethod
    def scalars(self) -> Iterator["ScalarNode"]:
        """All scalars of the subtree."""

    def secrets(self) -> list["ScalarNode"]:
        """The scalars that were filled in from the environment."""
        return [scalar for scalar in self.scalars() if scalar.filled]

    def reach(self, path: Sequence[Key]) -> "Node":
        """The node at `path`, or the deepest one on the way that exists."""
        return self

    def _hold(self, child: "Node") -> None:
        self.weight += child.weight
        self.height = max(self.height, child.height + 1)


class ScalarNode(Node):
    """Null, a truth value, a number or text. `text` is what stands in the file, `filled` says that the value came
    (in part) from the environment, `broken` that it is none: what is wrong with it was reported."""

    __slots__ = ("broken", "filled", "text", "value")

    def __init__(self, place: Place, value: object, text: str, *, filled: bool = False, broken: bool = False) -> None:
        super().__init__(place)
        self.value = value
        self.text = text
        self.filled = filled
        self.broken = broken

    def plain(self) -> Any:
        return self.value

    def written(self) -> Any:
        return self.text if self.filled else self.value

    def scalars(self) -> Iterator["ScalarNode"]:
        yield self


class SequenceNode(Node):
    """A list."""

    __slots__ = ("items",)

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.items: list[Node] = []

    def append(self, item: Node) -> None:
        """Add one item."""
        self.items.append(item)
        self._hold(item)

    def plain(self) -> Any:
        return [item.plain() for item in self.items]

    def written(self) -> Any:
        return [item.written() for item in self.items]

    def scalars(self) -> Iterator[ScalarNode]:
        for item in self.items:
            yield from item.scalars()

    def reach(self, path: Sequence[Key]) -> Node:
        if path and isinstance(path[0], int) and path[0] < len(self.items):
            return self.items[path[0]].reach(path[1:])
        return self


class MappingNode(Node):
    """A mapping. Keys are the text that stands in the file."""

    __slots__ = ("entries", "keys")

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.entries: dict[str, Node] = {}
        self.keys: dict[str, Place] = {}
        """Where each key stands."""

    def put(self, key: str, at: Place, value: Node) -> None:
        """Add one entry."""
        self.entries[key] = value
        self.keys[key] = at
        self._hold(value)

    def plain(self) -> Any:
        return {key: value.plain() for key, value in self.entries.items()}

    def written(self) -> Any:
        return {key: value.written() for key, value in self.entries.items()}

    def scalars(self) -> Iterator[ScalarNode]:
        for value in self.entries.values():
            yield from value.scalars()

    def reach(self, path: Sequence[Key]) -> Node:
        if path and isinstance(path[0], str) and path[0] in self.entries:
            return self.entries[path[0]].reach(path[1:])
        return self


def scrub(message: str, secrets: Sequence[ScalarNode]) -> str:
    """The message with every value that came from the environment replaced by what stands in the file."""
    told: dict[str, str] = {}
    for scalar in secrets:
        for form in (str(scalar.value), repr(scalar.value), repr(scalar.value)[1:-1]):
            if form:
                told.setdefault(form, scalar.text)
    for form in sorted(told, key=len, reverse=True):
        message = message.replace(form, told[form])
    return message
