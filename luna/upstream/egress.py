"""The backend that asks, for each exchange, which way it may leave.

Owns nothing but the question: a request leaves by the way that is given for it at that moment, or the refusal is
raised and nothing leaves. So a changed profile holds for the next request of everybody, uploads included.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from luna.upstream.exchange import Backend, InResponse, OutRequest

Way = Callable[[], Backend]


class EgressBackend:
    """Opens exchanges by whatever way `way` gives; it raises LunaError where there is none. Nothing happens between
    the question and the opening, so that a way that is being closed is never given."""

    def __init__(self, way: Way) -> None:
        self._way = way

    def __repr__(self) -> str:
        return "<EgressBackend>"

    def open(self, request: OutRequest) -> Coroutine[Any, Any, InResponse]:
        """See `Backend.open`."""
        return self._way().open(request)

    async def aclose(self) -> None:
        """The ways belong to others."""
