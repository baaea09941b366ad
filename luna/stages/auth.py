"""`auth`: only clients that know a proxy key may go on.

Owns where the key may stand in a request. Which keys there are is the process's setting, not the pipeline's.
"""

from collections.abc import Iterator

from luna.core.flow import Flow
from luna.core.stage import RequestStage
from luna.model.dialect import ClientRequest
from luna.model.errors import Kind, LunaError
from luna.state.keys import ProxyKeys


class Auth(RequestStage):
    """Checks `Authorization: Bearer`, `x-proxy-key` or `x-api-key` against the proxy keys (LUNA_PROXY_KEY).
    Without any configured key every client may pass: luna then listens on loopback only."""

    use = "auth"

    def request(self, flow: Flow) -> None:
        keys = flow.services[ProxyKeys]
        if keys and not any(keys.admit(key) for key in _keys_in(flow.client)):
            raise LunaError(
                Kind.UNAUTHORIZED,
                "Invalid or missing proxy key.",
                hint="Send the key of LUNA_PROXY_KEY as `Authorization: Bearer KEY`, `x-proxy-key` or `x-api-key`.",
            )


def _keys_in(request: ClientRequest) -> Iterator[str]:
    for name, value in request.headers:
        if name == "authorization":
            scheme, _, key = value.partition(" ")
            if scheme.lower() == "bearer":
                yield key.strip()
        elif name in ("x-proxy-key", "x-api-key"):
            yield value.strip()
