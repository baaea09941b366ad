"""`/api/keys`: the keys that clients of the model endpoints must show, by name.

A key is shown once, in the answer that makes it. Times are milliseconds since the epoch.
"""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from luna.admin.envelope import json, read, unwritable
from luna.admin.operation import Operation
from luna.model.errors import LunaError
from luna.state.keys import ProxyKey, ProxyKeys


class KeyBody(msgspec.Struct):
    """`POST /api/keys`."""

    name: str


class KeyEntry(msgspec.Struct, rename="camel", omit_defaults=True):
    """One key. `source` is environment (LUNA_PROXY_KEY) or file; `fingerprint` tells two keys apart."""

    name: str
    source: str
    fingerprint: str
    created_at: int | None = None
    last_used_at: int | None = None


class KeyList(msgspec.Struct):
    """The answer to `GET /api/keys`. `required` says whether clients must show a key at all."""

    required: bool
    keys: list[KeyEntry]


class NewKey(msgspec.Struct, rename="camel"):
    """The answer to `POST /api/keys`. `key` is shown this once."""

    name: str
    key: str
    fingerprint: str
    created_at: int


class Revoked(msgspec.Struct):
    """The answer to `DELETE /api/keys/{name}`. `required` says whether clients must still show a key."""

    ok: bool
    required: bool


def routes(keys: ProxyKeys) -> list[Operation]:
    """The routes of this subject."""

    async def show(_: Request) -> Response:
        return json(KeyList(bool(keys), [entry(key) for key in keys.all()]))

    async def create(request: Request) -> Response:
        name = (await read(request, KeyBody)).name.strip()
        try:
            key, text = await keys.create(name)
        except OSError as error:
            raise unwritable("The key", error) from error
        return json(NewKey(key.name, text, key.fingerprint, _milliseconds(key.created_at) or 0), 201)

    async def revoke(request: Request) -> Response:
        await refuse(keys, request.path_params["name"])
        return json(Revoked(True, bool(keys)))

    return [
        Operation("GET", "/keys", show, "The keys that clients must show, by name.", gives=KeyList),
        Operation("POST", "/keys", create, "A new key, shown this once.", takes=KeyBody, gives=NewKey, status=201),
        Operation("DELETE", "/keys/{name}", revoke, "The key is refused from now on.", gives=Revoked),
    ]


async def refuse(keys: ProxyKeys, name: str) -> None:
    """Revoke a key. Raises LunaError."""
    try:
        await keys.revoke(name)
    except OSError as error:
        problem = unwritable("The key is refused from now on, but that", error)
        raise LunaError(problem.kind, problem.message, hint=f"{problem.hint} Then revoke it again.") from error


def entry(key: ProxyKey) -> KeyEntry:
    """A key as it may be shown."""
    return KeyEntry(
        key.name, key.source, key.fingerprint, _milliseconds(key.created_at), _milliseconds(key.last_used_at)
    )


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
