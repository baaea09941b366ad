"""The long-lived things (accounts, pools, recordings …) by type. They outlive every snapshot.

The machine does not know what they are: whoever starts the process provides them, stages ask by type.
"""

from typing import Any, TypeVar

T = TypeVar("T")


class Services:
    """`services.provide(Accounts, accounts)`, then `services[Accounts]`."""

    def __init__(self) -> None:
        self._by_type: dict[type, Any] = {}

    def __repr__(self) -> str:
        return f"<Services {', '.join(sorted(kind.__name__ for kind in self._by_type))}>"

    def provide(self, kind: type[T], service: T) -> None:
        """Make `service` the one that stages get for `kind`."""
        self._by_type[kind] = service

    def __getitem__(self, kind: type[T]) -> T:
        try:
            service: T = self._by_type[kind]
        except KeyError:
            raise LookupError(f"no {kind.__name__} service is provided in this process") from None
        return service

    def get(self, kind: type[T]) -> T | None:
        """The service, or None."""
        service: T | None = self._by_type.get(kind)
        return service
