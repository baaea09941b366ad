"""`auth`: only clients that know a proxy key may go on.

Owns where the key may stand in a request, and leaves word whose it was. Which keys there are is the process's
business, not the pipeline's.
"""

from collections.abc import Iterator

from luna.core.flow import Flow
from luna.core.notes import CLIENT as CLIENT
from luna.core.stage import RequestStage
from luna.model.dialect import ClientRequest
from luna.model.errors import Kind, LunaError
from luna.state.keys import ProxyKeys


class Auth(RequestStage):
    """Checks `Authorization: Bearer`, `x-proxy-key` or `x-api-key` against the proxy keys: those of LUNA_PROXY_KEY and
    those made on `/api/keys`. As long as there is no key every client may pass; luna then listens on loopback only."""

    use = "auth"

    def request(self, flow: Flow) -> None:
        keys = flow.services[ProxyKeys]
        flow.notes[CLIENT] = _client(keys, flow.client) if keys else ""


def _client(keys: ProxyKeys, request: ClientRequest) -> str:
    for shown in _keys_in(request):
        key = keys.admit(shown)
        if key is not None:
            return key.name
    raise LunaError(
        Kind.UNAUTHORIZED,
        "Invalid or missing proxy key.",
        hint="Send the key of LUNA_PROXY_KEY, or one made on /api/keys, as `Authorization: Bearer KEY`, `x-proxy-key` "
        "or `x-api-key`.",
    )


def _keys_in(request: ClientRequest) -> Iterator[str]:
    for name, value in request.headers:
        if name == "authorization":
            scheme, _, key = value.partition(" ")
            if scheme.lower() == "bearer":
                yield key.strip()
        elif name in ("x-proxy-key", "x-api-key"):
            yield value.strip()
