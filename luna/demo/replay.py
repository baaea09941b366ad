"""Recorded bodies that a prompt can ask for: `[[replay:NAME]]` plays NAME/body.* of a folder.

Owns reading them and putting the running request's ids in the place of the recorded ones, so that a
conversation can go on from a replayed answer. NAME/meta.json says status and headers.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from luna.demo.frames import CHAT, PARENT, RESPONSE, Frames

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
_CREATED = re.compile(
    rb'"response\.created":\s*\{"chat_id":\s*"([^"]+)", "parent_id":\s*"([^"]+)", "response_id":\s*"([^"]+)"'
)


class _Response(msgspec.Struct):
    status: int = 200
    headers: dict[str, str] = {}


class _Sidecar(msgspec.Struct):
    response: _Response


@dataclass(frozen=True)
class Recorded:
    """One body. `frames` is None where it is no stream."""

    status: int
    headers: dict[str, str]
    body: bytes
    frames: Frames | None


class Fixtures:
    """A folder of bodies; they are read when they are first asked for."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._read: dict[str, Recorded] = {}

    def __repr__(self) -> str:
        return f"<Fixtures {self._folder or 'none'}>"

    def get(self, name: str) -> Recorded | None:
        """The body of that name, or None."""
        if name not in self._read:
            recorded = self._load(name)
            if recorded is None:
                return None
            self._read[name] = recorded
        return self._read[name]

    def _load(self, name: str) -> Recorded | None:
        if self._folder is None or not _NAME.fullmatch(name):
            return None
        path = next((self._folder / name).glob("body.*"), None)
        if path is None:
            return None
        body = path.read_bytes()
        sidecar = path.with_name("meta.json")
        response = (
            msgspec.json.decode(sidecar.read_bytes(), type=_Sidecar).response if sidecar.is_file() else _guess(body)
        )
        stream = response.headers.get("content-type", "").startswith("text/event-stream")
        return Recorded(response.status, response.headers, body, _frames(body) if stream else None)


def _guess(body: bytes) -> _Response:
    kinds = {b"{": "application/json", b"<": "text/html; charset=utf-8"}
    return _Response(200, {"content-type": kinds.get(body[:1], "text/event-stream; charset=utf-8")})


def _frames(body: bytes) -> Frames:
    created = _CREATED.search(body)
    if created is not None:
        for mark, value in zip((CHAT, PARENT, RESPONSE), created.groups(), strict=True):
            body = body.replace(value, mark)
    frames = tuple(re.findall(rb".*?\n\n|.+", body, re.DOTALL))
    return Frames(frames, ("",) * len(frames))
