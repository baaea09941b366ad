"""Typed storage that stages use to leave word for one another on a flow."""

from typing import TYPE_CHECKING, Any, Generic, TypeVar

T = TypeVar("T")


class Key(Generic[T]):
    """A name with a type: `LEASE: Key[Lease] = Key("lease")`, then `flow.notes[LEASE]` is a `Lease`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"Key({self.name!r})"


class Notes(dict[Key[Any], Any]):
    """What has been noted on one flow. Stages look all the time, so this is a dict that knows its values' types."""

    def __repr__(self) -> str:
        return f"<Notes {', '.join(sorted(map(repr, self)))}>"

    if TYPE_CHECKING:

        def __setitem__(self, key: Key[T], value: T) -> None: ...

        def __getitem__(self, key: Key[T]) -> T: ...

        def get(self, key: Key[T]) -> T | None:  # type: ignore[override]
            """The value, or None when nobody noted one."""

    def pop(self, key: Key[T]) -> T | None:  # type: ignore[override]
        """Take the value off the flow."""
        value: T | None = super().pop(key, None)
        return value


CLIENT: Key[str] = Key("client")
"""The name of the key that the client has shown; "" where none was asked for."""

HAPPENED: Key[list[tuple[str, float, str]]] = Key("happened")
"""What went otherwise than planned: `retry` or `reask`, when (monotonic), and a word that says why. See
`Flow.happened`."""

CALLED: Key[list[str]] = Key("called")
"""The names of the tools that the answer has called so far, in their order."""
