"""The pages: files that were built from `ui/`, served from memory.

Owns finding them, compressing them once, and their headers: hashed names are kept for ever, the page itself is asked
for again each time and carries a fresh nonce for the styles that its libraries make. Which files there are is looked up
once, so that no request ever becomes a path. Knows nothing of what is on the pages.
"""

import gzip
import hashlib
import secrets
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

import luna

PAGE = "index.html"
FOR_EVER = "public, max-age=31536000, immutable"
NONCE = b"__NONCE__"
SMALL = 600
"""Bytes below which compressing is not worth it."""
NO_PAGE = ("api/", "v1/", "worker/", "assets/", "auth/")
"""Below these a page is never the answer."""

_KINDS = {
    "css": "text/css",
    "html": "text/html",
    "ico": "image/x-icon",
    "jpg": "image/jpeg",
    "js": "text/javascript",
    "json": "application/json",
    "map": "application/json",
    "mjs": "text/javascript",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain",
    "webmanifest": "application/manifest+json",
    "webp": "image/webp",
    "woff2": "font/woff2",
}
"""Not the machine's own list, which differs from one to the next."""
_COMPRESSIBLE = ("text/", "application/json", "application/manifest", "image/svg")


@dataclass(frozen=True)
class Asset:
    """One file, ready to be sent."""

    data: bytes
    packed: bytes
    """Compressed; empty where that does not help."""
    kind: str
    tag: str
    """Weak (RFC 9110, section 8.8.3): it is the same for the compressed form."""


def pages_directory() -> Path | None:
    """Where the built pages are: inside an installed package, or in a source checkout. None: they were not built."""
    package = Path(luna.__file__).parent
    for directory in (package / "_ui", package.parent / "ui" / "dist"):
        if (directory / PAGE).is_file():
            return directory
    return None


def policy(nonce: str) -> str:
    """What the page may do: its own scripts, its own requests, no other host."""
    return (
        "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self';"
        f" style-src 'self' 'nonce-{nonce}'; worker-src 'self'; manifest-src 'self'; base-uri 'none';"
        " form-action 'self'; frame-ancestors 'none'"
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
        """The page for every path that is no file: its own router finds the way. To be asked last."""
        return [Route("/{path:path}", self._answer, methods=["GET"])]

    async def _answer(self, request: Request) -> Response:
        name = request.path_params["path"]
        try:
            if name in self._names and name != PAGE:
                return await self._file(request, name)
            if name == PAGE or not ("." in name.rpartition("/")[2] or name.startswith(NO_PAGE)):
                return await self._page()
        except FileNotFoundError:  # the pages are being built anew
            pass
        return PlainTextResponse("There is nothing here.", 404, headers={"cache-control": "no-store"})

    async def _page(self) -> Response:
        asset = await anyio.to_thread.run_sync(self._read, PAGE)
        nonce = secrets.token_urlsafe(16)
        return Response(
            asset.data.replace(NONCE, nonce.encode()),
            media_type=asset.kind,
            headers={"cache-control": "no-store", "content-security-policy": policy(nonce)},
        )

    async def _file(self, request: Request, name: str) -> Response:
        asset = await anyio.to_thread.run_sync(self._read, name)
        headers = {
            "etag": asset.tag,
            "vary": "accept-encoding",
            "cache-control": FOR_EVER if name.startswith("assets/") else "no-cache",
        }
        if asset.kind == _KINDS["svg"]:  # a picture that could be opened as a document
            headers["content-security-policy"] = "default-src 'none'; style-src 'unsafe-inline'"
        if _has(request.headers.getlist("if-none-match"), asset.tag):
            return Response(status_code=304, headers=headers)
        packed = bool(asset.packed) and _takes_gzip(request.headers.getlist("accept-encoding"))
        if packed:
            headers["content-encoding"] = "gzip"
        return Response(asset.packed if packed else asset.data, media_type=asset.kind, headers=headers)

    def _load(self, name: str) -> Asset:
        data = (self._directory / name).read_bytes()
        kind = _KINDS.get(name.rpartition(".")[2].lower(), "application/octet-stream")
        packed = gzip.compress(data, 9, mtime=0) if len(data) > SMALL and kind.startswith(_COMPRESSIBLE) else b""
        tag = f'W/"{hashlib.sha256(data).hexdigest()[:24]}"'
        return Asset(data, packed if len(packed) < len(data) else b"", kind, tag)


def _has(conditions: list[str], tag: str) -> bool:
    """RFC 9110, section 13.1.2: compared weakly."""
    named = {one.strip().removeprefix("W/") for condition in conditions for one in condition.split(",")}
    return "*" in named or tag.removeprefix("W/") in named


def _takes_gzip(accepted: list[str]) -> bool:
    """RFC 9110, section 12.5.3: named and not with a weight of zero."""
    weights: dict[str, float] = {}
    for one in ",".join(accepted).split(","):
        coding, _, parameter = one.partition(";")
        weight = parameter.strip().removeprefix("q=")
        try:
            weights[coding.strip().lower()] = float(weight) if weight else 1.0
        except ValueError:
            weights[coding.strip().lower()] = 0.0
    return weights.get("gzip", weights.get("*", 0.0)) > 0
