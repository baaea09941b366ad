"""Values as people write them in YAML: durations, sizes, globs.

Owns their parsing, their rendering and their JSON Schema. `decode` and `schema` are the hooks
that msgspec is given wherever options are read or described.
"""

import fnmatch
import re
from collections.abc import Iterable
from typing import Any

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_MARK = re.compile(r"[*?\[]")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|KB|KiB|MB|MiB|GB|GiB)?", re.IGNORECASE)
_BYTES = {"b": 1, "kb": 1000, "kib": 1024, "mb": 1000**2, "mib": 1024**2, "gb": 1000**3, "gib": 1024**3}


class Duration(float):
    """Seconds, written `250ms`, `10s`, `5m`, `12h`, `2d`, or several in a row (`1m30s`)."""

    @classmethod
    def parse(cls, raw: object) -> "Duration":
        """Raises ValueError."""
        if isinstance(raw, str):
            text, position, total = raw.strip(), 0, 0.0
            while position < len(text):
                found = _DURATION.match(text, position)
                if found is None:
                    break
                total += float(found[1]) * _SECONDS[found[2]]
                position = found.end()
            if text and position == len(text):
                return cls(total)
        raise ValueError(f"expected a duration like 500ms, 10s, 5m or 2h, got {raw!r}")


class Size(int):
    """Bytes, written `512`, `64KiB`, `5MB`."""

    @classmethod
    def parse(cls, raw: object) -> "Size":
        """Raises ValueError."""
        if isinstance(raw, int) and not isinstance(raw, bool) and raw >= 0:
            return cls(raw)
        if isinstance(raw, str):
            found = _SIZE.fullmatch(raw.strip())
            if found is not None:
                return cls(int(float(found[1]) * _BYTES[(found[2] or "B").lower()]))
        raise ValueError(f"expected a size like 512, 64KiB or 5MB, got {raw!r}")


class Globs:
    """One pattern or a list of them (`*`, `?`, `[abc]`); matches when any does. Case counts unless `fold`."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self.patterns = tuple(patterns)
        if not self.patterns:
            raise ValueError("expected at least one pattern")
        self._literal = frozenset(pattern for pattern in self.patterns if not _MARK.search(pattern))
        others = [fnmatch.translate(pattern) for pattern in self.patterns if pattern not in self._literal]
        self._match = re.compile("|".join(others)).match if others else None

    def __repr__(self) -> str:
        return f"Globs({', '.join(self.patterns)})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Globs) and other.patterns == self.patterns

    def __hash__(self) -> int:
        return hash(self.patterns)

    def matches(self, text: str) -> bool:
        """True when any pattern covers the whole of `text`."""
        return text in self._literal or (self._match is not None and self._match(text) is not None)

    @classmethod
    def parse(cls, raw: object) -> "Globs":
        """Raises ValueError."""
        if isinstance(raw, str):
            return cls([raw])
        if isinstance(raw, list) and all(isinstance(item, str) for item in raw):
            return cls(raw)
        raise ValueError(f"expected a pattern or a list of patterns, got {raw!r}")


def decode(kind: type, raw: object) -> object:
    """msgspec's `dec_hook`: raw YAML value → one of the types above."""
    if kind is Duration:
        return Duration.parse(raw)
    if kind is Size:
        return Size.parse(raw)
    if kind is Globs:
        return Globs.parse(raw)
    raise NotImplementedError(kind)


def encode(value: object) -> object:
    """msgspec's `enc_hook`: the way back, in a form `decode` accepts."""
    if isinstance(value, Globs):
        return list(value.patterns)
    if isinstance(value, Duration):
        return f"{value * 1000:.0f}ms"
    if isinstance(value, Size):
        return int(value)
    raise NotImplementedError(type(value))


def schema(kind: type) -> dict[str, Any]:
    """msgspec's `schema_hook`."""
    if kind is Duration:
        return {"type": "string", "pattern": r"^(\d+(\.\d+)?\s*(ms|s|m|h|d))+$", "examples": ["500ms", "10s", "5m"]}
    if kind is Size:
        return {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "examples": ["64KiB", "5MB"]}]}
    if kind is Globs:
        return {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
    raise NotImplementedError(kind)
