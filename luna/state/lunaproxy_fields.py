"""What LunaProxy's files have in common: their fields, their times, their records.

Pure. Times there are milliseconds since the epoch, luna's are seconds; what does not fit a column is cut.
"""

from typing import Any, NamedTuple

import msgspec

from luna.state.run import plain

PROVIDER = "qwen-ai"
LARGEST = 2**31 - 1
"""What a column of whole numbers holds."""


class Remark(NamedTuple):
    """Something about one thing: which, and what."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class Loose(msgspec.Struct, rename="camel", omit_defaults=True):
    """Base of records that somebody else has written: only what luna needs has a type, and null is nothing."""


def records_of(data: bytes) -> list[tuple[str, msgspec.Raw]]:
    """The records of a file, which is an object or a list of them, each with the words that say which it is. Raises
    msgspec.DecodeError when it is neither."""
    found = msgspec.json.decode(data, type=dict[str, msgspec.Raw] | list[msgspec.Raw])
    if isinstance(found, dict):
        return [(key[:80], raw) for key, raw in found.items()]
    return [(f"[{number}]", raw) for number, raw in enumerate(found)]


def check_id(given: str) -> None:
    """Raises msgspec.ValidationError for an id that no column takes."""
    if not 0 < len(given) <= 64 or plain(given, 64) != given:
        raise msgspec.ValidationError("its id is not one to 64 letters long")


def text(given: str | None, limit: int) -> str | None:
    """Text as a column takes it; None for none."""
    return plain(given, limit) or None if given else None


def count(given: float | None) -> int | None:
    """A number of things as a column takes it."""
    return None if given is None else round(min(max(given, 0), LARGEST))


def first(*times: float | None) -> float | None:
    """The first that is known."""
    return next((at for at in times if at is not None), None)


def seconds(milliseconds: float | None) -> float | None:
    """luna's time of LunaProxy's."""
    return None if milliseconds is None else milliseconds / 1000


def milliseconds(seconds: float | None) -> int | None:
    """LunaProxy's time of luna's."""
    return None if seconds is None else round(seconds * 1000)


def between(begun: float | None, ended: float | None) -> float | None:
    """How long it took."""
    return None if begun is None or ended is None else max(ended - begun, 0.0)


def said(document: dict[str, Any]) -> dict[str, Any]:
    """The fields that say something."""
    return {key: value for key, value in document.items() if value not in (None, "", {})}
