"""The backend that has a worker luna make the exchange, from the worker's own address.

Owns the reading of the worker's reply. Where the worker is and what its key is, is handed in; what goes out and what
comes back is what would have without it. An address that has been judged goes along: the worker connects to that one
or refuses.
"""

from urllib.parse import urlsplit

import anyio

from luna.model.errors import Kind, LunaError
from luna.upstream.exchange import Backend, Headers, InResponse, OutRequest
from luna.upstream.forward import OUTCOME, Outcome, outcome_of, through
from luna.upstream.response import Around


class WorkerBackend:
    """Opens exchanges through one worker. `worker` is its base URL."""

    def __init__(self, inner: Backend, *, worker: str, name: str, key: str) -> None:
        self._inner = inner
        self._worker = worker.rstrip("/")
        self._name = name
        self._key = key

    def __repr__(self) -> str:
        return f"<WorkerBackend {self._name}>"

    async def open(self, request: OutRequest) -> InResponse:
        """See `Backend.open`. Raises LunaError(UPSTREAM_BROKEN) when the worker itself fails or refuses, and
        LunaError(FORBIDDEN) when it does not go where the request leads."""
        response = await self._inner.open(through(request, self._worker, self._key))
        try:
            outcome = self._outcome(response)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await response.aclose()
            raise
        headers = tuple((name, value) for name, value in outcome.headers)
        return WorkerResponse(response, urlsplit(request.url).hostname or "", outcome.status, headers)

    def _outcome(self, response: InResponse) -> Outcome:
        said = response.header(OUTCOME)
        try:
            if response.status == 200 and said:
                return outcome_of(said)
        except ValueError:
            pass
        raise LunaError(
            Kind.UPSTREAM_BROKEN,
            f"Worker '{self._name}' did not forward the request: {why(response.status)}.",
            hint="Verify it: POST /api/workers/verify-all.",
            detail={"phase": "connect"},
        )

    async def aclose(self) -> None:
        """The inner backend belongs to others."""


class WorkerResponse(Around):
    """The upstream's response, as the worker passes it on."""

    def __init__(self, inner: InResponse, host: str, status: int, headers: Headers) -> None:
        super().__init__(inner)
        self.host = host
        self._says(status, headers)


def why(status: int) -> str:
    """What it means that a worker answers so."""
    match status:
        case 401:
            return "its key is another one"
        case 404:
            return "it is no worker; LUNA_WORKER_KEY makes it one"
        case _:
            return f"it answered with status {status}"
