"""Typed storage that stages use to leave word for one another on a flow."""

from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Key(Generic[T]):
    """A name with a type: `LEASE: Key[Lease] = Key("lease")`, then `flow.notes[LEASE]` is a `Lease`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"Key({self.name!r})"


class Notes:
    """What has been noted on one flow."""

    def __init__(self) -> None:
        self._values: dict[Key[Any], Any] = {}

    def __repr__(self) -> str:
        return f"<Notes {', '.join(sorted(repr(key) for key in self._values))}>"

    def __setitem__(self, key: Key[T], value: T) -> None:
        self._values[key] = value

    def __getitem__(self, key: Key[T]) -> T:
        value: T = self._values[key]
        return value

    def get(self, key: Key[T]) -> T | None:
        """The value, or None when nobody noted one."""
        value: T | None = self._values.get(key)
        return value

    def pop(self, key: Key[T]) -> T | None:
        """Take the value off the flow."""
        value: T | None = self._values.pop(key, None)
        return value

    def clear(self) -> None:
        """Let go of all."""
        self._values.clear()


CLIENT: Key[str] = Key("client")
"""The name of the key that the client has shown; "" where none was asked for."""

HAPPENED: Key[list[tuple[str, float, str]]] = Key("happened")
"""What went otherwise than planned: `retry` or `reask`, when (monotonic), and a word that says why. See
`Flow.happened`."""

CALLED: Key[list[str]] = Key("called")
"""The names of the tools that the answer has called so far, in their order."""
