"""The recorded client request, sent once more to a luna that runs: the upstream answers for real.

Owns which of the recorded headers go along, and the keys that replace what no recording holds.
"""

import sys
from contextlib import AsyncExitStack

import anyio

from luna.admin.door import admin_key_file
from luna.config.settings import Settings
from luna.disk.private import Damaged
from luna.model.dialect import ClientRequest
from luna.model.errors import LunaError
from luna.upstream.exchange import OutRequest, Timeouts
from luna.upstream.pool import PoolBackend
from luna.wire.reader import Recording
from luna.wire.resend import sendable

PATIENCE = Timeouts(connect=5.0, head=600.0, idle=600.0)


def send_again(recording: Recording, settings: Settings, *, base_url: str, key: str, pipeline: str) -> int:
    """Send it and tell what came: 0 when it was answered with the recorded status, 1 with another one, 2 not at all."""
    client = recording.client
    if client is None:
        print("luna: the recording holds no client request", file=sys.stderr)
        return 2
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    origin = base_url.rstrip("/").removesuffix("/v1") or f"http://{host}:{settings.port}"
    key = key or next(iter(settings.proxy_keys), "")
    headers = list(sendable(client))
    if pipeline:
        headers += [("x-luna-pipeline", pipeline), ("authorization", f"Bearer {_admin_key(settings)}")]
        headers += [("x-proxy-key", key)] if key else []
    elif key:
        headers.append(("authorization", f"Bearer {key}"))
    query = f"?{client.query}" if client.query else ""
    try:
        status, flow, size = anyio.run(_exchange, client, f"{origin}{client.path}{query}", tuple(headers))
    except LunaError as error:
        print(f"luna: {error.told}", file=sys.stderr)
        return 2
    print(f"{recording.head.flow}: {client.method} {client.path}, sent again to {origin}")
    print(f"  then  {recording.status}, {len(recording.answer)} bytes")
    print(f"  now   {status}, {size} bytes, {flow or 'of no flow'}")
    if flow:
        print(f"\n`luna compare {recording.head.flow} {flow}` shows where they part, if it was recorded")
    return 0 if status == recording.status else 1


async def _exchange(client: ClientRequest, url: str, headers: tuple[tuple[str, str], ...]) -> tuple[int, str, int]:
    """Status, the flow's id, and how many bytes came."""
    async with AsyncExitStack() as stack:
        backend = PoolBackend()
        stack.push_async_callback(backend.aclose)
        response = await backend.open(OutRequest(client.method, url, headers, client.body, PATIENCE))
        stack.push_async_callback(response.aclose)
        size = 0
        async for chunk in response.chunks():
            size += len(chunk)
        named = (value for name, value in response.headers if name.lower() == "x-luna-flow")
        return response.status, next(named, ""), size


def _admin_key(settings: Settings) -> str:
    try:
        return settings.admin_key or admin_key_file(settings.data_dir).look() or ""
    except (Damaged, OSError):
        return ""
