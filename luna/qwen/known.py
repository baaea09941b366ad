"""Which shapes of Qwen's traffic are known: those of the fixtures, and those that the wire document names beside them.

Owns the base that ships with luna (`shapes.tsv`: kind, place, name, type) and the question whether a shape is new.
`python -m luna.qwen.known fixtures/wire` writes the base anew, and beside it the recorded bodies that the `chaos` stage
uses; a test sees to it that both are fresh.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import msgspec

from luna.qwen.bodies import RECORDED, Recorded
from luna.qwen.documented import documented
from luna.qwen.shapes import FRAMES, UNREAD, Kind, Shape, of_answer, of_status, of_stream, place_of

BASE = Path(__file__).with_name("shapes.tsv")
BODIES = ("07_native_call_unknown_tool", "20_err_rate_limited_json", "24_err_token_expired", "26_err_waf_json")
"""Fixtures that ship with luna for the `chaos` stage."""


class Known:
    """A set of shapes that only grows."""

    def __init__(self, shapes: Iterable[Shape]) -> None:
        self._shapes = set(shapes)
        self._paths = {(shape.place, shape.name) for shape in self._shapes if shape.kind == "field"}

    def __repr__(self) -> str:
        return f"<Known {len(self._shapes)} shapes>"

    @classmethod
    def shipped(cls) -> "Known":
        """What luna knows from the start."""
        return cls(read_base(BASE.read_text(encoding="utf-8")))

    def __contains__(self, shape: Shape) -> bool:
        """A field that is known with any type may as well be null."""
        if shape in self._shapes:
            return True
        return shape.kind == "field" and shape.type == "null" and (shape.place, shape.name) in self._paths

    def add(self, shape: Shape) -> None:
        """It is known from now on."""
        self._shapes.add(shape)
        if shape.type == UNREAD:
            self._shapes.add(shape._replace(type=""))
        if shape.kind == "field":
            self._paths.add((shape.place, shape.name))

    def new(self, shapes: Iterable[Shape]) -> set[Shape]:
        """Those that are not known."""
        return {shape for shape in shapes if shape not in self}


class _Request(msgspec.Struct):
    method: str
    path: str


class _Response(msgspec.Struct):
    status: int
    headers: dict[str, str] = {}


class _Fixture(msgspec.Struct):
    body: str
    request: _Request
    response: _Response


def of_fixture(folder: Path) -> set[Shape]:
    """What one folder of `fixtures/wire` shows."""
    fixture = msgspec.json.decode((folder / "meta.json").read_bytes(), type=_Fixture)
    headers, body = fixture.response.headers, (folder / fixture.body).read_bytes()
    kind = headers.get("content-type", "")
    real = headers.get("x-actual-status-code", "")
    shapes = {of_status(fixture.response.status, int(real) if real else fixture.response.status, kind)}
    if "event-stream" in kind:
        shapes |= of_stream(body)
    elif "json" in kind and body:
        document: Any = msgspec.json.decode(body)
        shapes |= of_answer(place_of(fixture.request.method, fixture.request.path), document)
    return shapes


def read_base(text: str) -> Iterator[Shape]:
    """The lines of the file."""
    for line in text.splitlines():
        if line and not line.startswith("#"):
            kind, place, name, of, *_ = [*line.split("\t"), ""]
            yield Shape(cast("Kind", kind), place, name, of)


def make_base(fixtures: Path) -> str:
    """The file, from the fixtures and from what is written down of Qwen beside them."""
    shapes = set(documented())
    for folder in sorted(fixtures.iterdir()):
        if (folder / "meta.json").is_file():
            shapes |= of_fixture(folder)
    lines = ["\t".join(shape).rstrip("\t") for shape in sorted(shapes)]
    return "\n".join(["# Made by `python -m luna.qwen.known fixtures/wire`.", *lines, ""])


def body_of(folder: Path) -> bytes:
    """A fixture's answer as one file (`luna.qwen.chaos.Recorded`)."""
    fixture = msgspec.json.decode((folder / "meta.json").read_bytes(), type=_Fixture)
    lost = ("content-length", "transfer-encoding", "vary", "ga-ap", "x-frame-options", "cache-control", "x-request-id")
    headers = {name: value for name, value in fixture.response.headers.items() if name not in lost}
    body = (folder / fixture.body).read_text(encoding="utf-8").strip()
    said = Recorded(fixture.response.status, headers, body)
    return msgspec.json.format(msgspec.json.encode(said), indent=1) + b"\n"


def phases(shapes: Iterable[Shape]) -> list[str]:
    """The phases among them."""
    return sorted(shape.name for shape in shapes if shape.kind == "phase" and shape.place == FRAMES)


def main(fixtures: Path) -> None:
    """Write everything anew."""
    BASE.write_text(make_base(fixtures), encoding="utf-8")
    RECORDED.mkdir(exist_ok=True)
    for name in BODIES:
        (RECORDED / f"{name}.json").write_bytes(body_of(fixtures / name))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
