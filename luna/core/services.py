"""The long-lived things (accounts, pools, recordings …) by type. They outlive every snapshot.

The machine does not know what they are: whoever starts the process provides them, stages ask by type.
"""

from typing import TYPE_CHECKING, Any, Never, TypeVar

T = TypeVar("T")


class Services(dict[type, Any]):
    """`services.provide(Accounts, accounts)`, then `services[Accounts]`. Every stage of every flow asks, so this is a
    dict that knows its values' types."""

    def __repr__(self) -> str:
        return f"<Services {', '.join(sorted(kind.__name__ for kind in self))}>"

    def provide(self, kind: type[T], service: T) -> None:
        """Make `service` the one that stages get for `kind`."""
        self[kind] = service

    def __missing__(self, kind: type) -> Never:
        raise LookupError(f"no {kind.__name__} service is provided in this process")

    if TYPE_CHECKING:

        def __getitem__(self, kind: type[T]) -> T: ...

        def get(self, kind: type[T]) -> T | None:  # type: ignore[override]
            """The service, or None."""
