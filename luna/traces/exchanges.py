"""Takes down when each exchange with the upstream began, was answered and ended, for the flows that are traced.

Owns the notes of the flows that go on, by the flow's id. No read of a stream passes through here: its chunks are the
inner response's own. An address, a header or a body is never kept, for what they may hold; a host is.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from luna.model.ambient import FLOW, Clock
from luna.model.errors import LunaError
from luna.upstream.exchange import Backend, InResponse, OutRequest
from luna.upstream.response import Around
from luna.wire.timeline import SpanKind, purpose

MOST = 200
"""Exchanges of one flow that are told of; the first ones."""


@dataclass(slots=True)
class Exchanged:
    """One exchange; times are monotonic. `head` is 0 as long as there is no response, `end` as long as it goes on."""

    what: SpanKind
    method: str
    host: str
    begun: float
    head: float = 0.0
    end: float = 0.0
    status: int = 0
    error: str = ""
    """The kind of what went wrong before the response was there; `cancelled` when nobody waited for it any more."""


class Exchanges:
    """Those of the flows that go on."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_flow: dict[str, list[Exchanged]] = {}

    def __repr__(self) -> str:
        return f"<Exchanges of {len(self._by_flow)} flows>"

    def expect(self, flow: str) -> None:
        """From now on those of this flow count."""
        self._by_flow[flow] = []

    def take(self, flow: str) -> list[Exchanged]:
        """What there was; the flow is over."""
        return self._by_flow.pop(flow, [])

    def begin(self, request: OutRequest) -> Exchanged | None:
        """An exchange begins; None where nobody wants to know."""
        noted = self._by_flow.get(FLOW.get())
        if noted is None or len(noted) >= MOST:
            return None
        host = urlsplit(request.url).hostname or ""
        made = Exchanged(purpose(request.method, request.url), request.method, host, self._clock.monotonic())
        noted.append(made)
        return made

    def now(self) -> float:
        """The monotonic time."""
        return self._clock.monotonic()

    def around(self, inner: Backend) -> Backend:
        """The backend that notes what `inner` exchanges."""
        return TracedBackend(inner, self)


class TracedBackend:
    """Notes what `inner` exchanges."""

    def __init__(self, inner: Backend, exchanges: Exchanges) -> None:
        self._inner = inner
        self._exchanges = exchanges

    def __repr__(self) -> str:
        return f"<TracedBackend {self._inner!r}>"

    async def open(self, request: OutRequest) -> InResponse:
        """See `Backend.open`."""
        noted = self._exchanges.begin(request)
        if noted is None:
            return await self._inner.open(request)
        try:
            response = await self._inner.open(request)
        except LunaError as error:
            noted.error, noted.end = error.kind.value, self._exchanges.now()
            raise
        except BaseException:
            noted.error, noted.end = "cancelled", self._exchanges.now()
            raise
        noted.head, noted.status = self._exchanges.now(), response.status
        return TracedResponse(response, noted, self._exchanges)

    async def aclose(self) -> None:
        """See `Backend.aclose`."""
        await self._inner.aclose()


class TracedResponse(Around):
    """A response whose end is noted."""

    def __init__(self, inner: InResponse, noted: Exchanged, exchanges: Exchanges) -> None:
        super().__init__(inner)
        self._noted = noted
        self._exchanges = exchanges

    async def aclose(self) -> None:
        self._noted.end = self._noted.end or self._exchanges.now()
        await super().aclose()
