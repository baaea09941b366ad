"""Typed storage that stages use to leave word for one another on a flow."""

from typing import Generic, TypeVar, cast

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
        self._values: dict[object, object] = {}

    def __repr__(self) -> str:
        return f"<Notes {', '.join(sorted(repr(key) for key in self._values))}>"

    def __setitem__(self, key: Key[T], value: T) -> None:
        self._values[key] = value

    def __getitem__(self, key: Key[T]) -> T:
        return cast("T", self._values[key])

    def get(self, key: Key[T]) -> T | None:
        """The value, or None when nobody noted one."""
        return cast("T | None", self._values.get(key))

    def pop(self, key: Key[T]) -> T | None:
        """Take the value off the flow."""
        return cast("T | None", self._values.pop(key, None))


CLIENT: Key[str] = Key("client")
"""The name of the key that the client has shown; "" where none was asked for."""

CALLED: Key[list[str]] = Key("called")
"""The names of the tools that the answer has called so far, in their order."""
