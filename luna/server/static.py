"""The pages: files that were built from `ui/`, served from memory.

Owns finding them, compressing them once, and their headers: hashed names are kept for ever, the page itself is asked
for again each time and carries a fresh nonce for the styles that its libraries make. Knows nothing of what is on them.
"""

import gzip
import hashlib
import mimetypes
import secrets
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import luna

FOR_EVER = "public, max-age=31536000, immutable"
NONCE = b"__NONCE__"
SMALL = 600
"""Bytes below which compressing is not worth it."""
_COMPRESSIBLE = ("text/", "application/javascript", "application/json", "image/svg")


@dataclass(frozen=True)
class Asset:
    """One file, ready to be sent."""

    data: bytes
    packed: bytes
    """Compressed; empty where that does not help."""
    kind: str
    tag: str


def pages_directory() -> Path | None:
    """Where the built pages are: inside an installed package, or in a source checkout. None: they were not built."""
    package = Path(luna.__file__).parent
    for directory in (package / "_ui", package.parent / "ui" / "dist"):
        if (directory / "index.html").is_file():
            return directory
    return None


def policy(nonce: str) -> str:
    """What the page may do: its own scripts, its own requests, no other host."""
    return (
        "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self';"
        f" style-src 'self' 'nonce-{nonce}'; worker-src 'self'; base-uri 'none'; form-action 'self';"
        " frame-ancestors 'none'"
    )


class Pages:
    """The files of one directory, read when they are first asked for."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._names = frozenset(
            path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()
        )
        self._read = cache(self._load)

    def __repr__(self) -> str:
        return f"<Pages {len(self._names)} files>"

    def routes(self) -> list[Route]:
        """The page for every path that is no file: its own router finds the way."""
        return [Route("/{path:path}", self._answer, methods=["GET"])]

    async def _answer(self, request: Request) -> Response:
        name = request.path_params["path"]
        if name in self._names and name != "index.html":
            return await self._file(request, name)
        if "." in name.rpartition("/")[2] or name.startswith(("api/", "v1/", "assets/")):
            return Response(status_code=404)
        return await self._page()

    async def _page(self) -> Response:
        asset = await anyio.to_thread.run_sync(self._read, "index.html")
        nonce = secrets.token_urlsafe(16)
        return Response(
            asset.data.replace(NONCE, nonce.encode()),
            media_type="text/html",
            headers={"cache-control": "no-store", "content-security-policy": policy(nonce)},
        )

    async def _file(self, request: Request, name: str) -> Response:
        asset = await anyio.to_thread.run_sync(self._read, name)
        headers = {"etag": asset.tag, "vary": "accept-encoding"}
        headers["cache-control"] = FOR_EVER if name.startswith("assets/") else "no-cache"
        if request.headers.get("if-none-match") == asset.tag:
            return Response(status_code=304, headers=headers)
        packed = asset.packed and "gzip" in request.headers.get("accept-encoding", "")
        if packed:
            headers["content-encoding"] = "gzip"
        return Response(asset.packed if packed else asset.data, media_type=asset.kind, headers=headers)

    def _load(self, name: str) -> Asset:
        data = (self._directory / name).read_bytes()
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        if kind == "text/javascript":
            kind = "application/javascript"
        packed = b""
        if len(data) > SMALL and kind.startswith(_COMPRESSIBLE):
            packed = gzip.compress(data, 9, mtime=0)
        return Asset(
            data, packed if len(packed) < len(data) else b"", kind, f'"{hashlib.sha256(data).hexdigest()[:24]}"'
        )
