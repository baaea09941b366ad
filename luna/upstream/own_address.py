"""Asks a service on the internet which address we have, seen from there.

Owns the question and the reading of its answer, of which nothing but an address is ever taken: whoever may name the
service must not read with luna's eyes what stands there. Bounded in size and time; redirects are not followed.
"""

import ipaddress
from collections.abc import Mapping

import anyio
import msgspec

from luna.model.errors import Kind, LunaError
from luna.upstream.exchange import Backend, Headers, InResponse, OutRequest, Timeouts

PATIENCE = 15.0
"""Seconds for everything."""
_LIMIT = 4096
_TIMEOUTS = Timeouts(connect=10.0, head=10.0, idle=10.0)


async def own_address(backend: Backend, url: str, headers: Headers = ()) -> str:
    """Our address in its usual form, as the service at `url` says by `{"ip": "…"}` or in bare words. Raises LunaError:
    what `backend` raises, TIMEOUT, UPSTREAM_BROKEN for an answer without an address (`detail` may have its status)."""
    try:
        with anyio.fail_after(PATIENCE):
            response = await backend.open(
                OutRequest("GET", url, (("Accept", "application/json"), *headers), timeouts=_TIMEOUTS)
            )
            try:
                return await _read(response)
            finally:
                with anyio.CancelScope(shield=True):
                    await response.aclose()
    except TimeoutError:
        raise LunaError(
            Kind.TIMEOUT,
            f"The address service did not answer within {PATIENCE:g} s.",
            hint="See that it can be reached by this way, or choose another one.",
        ) from None


async def _read(response: InResponse) -> str:
    if response.status != 200:
        raise _useless(f"answered with status {response.status}", {"status": response.status})
    body = (await response.read(_LIMIT)).strip()
    try:
        said: object = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = body.decode("ascii", "replace")
    address = said.get("ip") if isinstance(said, dict) else said
    if isinstance(address, str) and "%" not in address:  # what follows the sign could be anything
        try:
            return str(ipaddress.ip_address(address))
        except ValueError:
            pass
    raise _useless("did not answer with an address")


def _useless(what: str, detail: Mapping[str, object] | None = None) -> LunaError:
    return LunaError(
        Kind.UPSTREAM_BROKEN,
        f"The address service {what}.",
        hint='It must answer with {"ip": "…"} or with the bare address.',
        detail=detail,
    )
