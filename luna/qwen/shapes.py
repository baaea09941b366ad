"""The shapes of what Qwen sends: which phases, fields, types, words, statuses and codes. Never what stands in them.

Pure. Owns how a shape is told from a value. A value may be a secret, so only five kinds of words are ever taken out of
a document, all of them from fixed places and only if they look like a word of a protocol: phases, states, roles,
actions and codes of errors. A name that looks like an id or like data becomes `*`, as do such parts of a path.
Which shapes are known is `luna.qwen.known`'s business; what becomes of others is told elsewhere.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

import msgspec

from luna.model.late_pattern import LatePattern
from luna.protocols.sse import SSEReader

Kind = Literal["phase", "word", "field", "code", "status"]

FRAMES = "frames"
"""Where the fields of frames belong: `POST /api/v2/chat/completions`, streamed."""
UNREAD = "unread"
"""The type of a phase that the reader made nothing of, whether it is known or not."""
REFUSALS = "refusals"
"""Where the fields of refusals belong, whichever call was refused."""
ANSWERS = "answers"
"""Where statuses belong: of any call."""

DEEPEST = 10
LONGEST = 3
"""Items of a list that are looked at, from its beginning; the last one is looked at as well."""
MOST = 500
"""Shapes taken out of one document."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,39}")
_DIGITS = re.compile(r"\d+")
_DATA = LatePattern(r"\d{3}|(?i:[0-9a-f]{8})|(?i:(?:[0-9][a-z]|[a-z][0-9]){3})|(?:[a-z][A-Z].*){5}")
_SEGMENT = re.compile(r"[A-Za-z][A-Za-z_-]{0,29}|v\d")
_MAPS = frozenset({"choices[].delta.extra.local_mcp"})
"""Objects whose names are data."""
_EXTRA = "choices[].delta.extra"
_OPAQUE = frozenset(
    {
        f"{_EXTRA}.tool_result",
        f"{_EXTRA}.mcp_results",
        f"{_EXTRA}.local_mcp.*[].params",
        "data.chat.history.messages",
        "data.chat.messages",
    }
)
"""What goes to tools and comes from them, and what was said in a chat: anything."""


class Shape(NamedTuple):
    """`name` is a path (`data[].id`), a phase, `place=word`, a code, or a status; `type` is a field's."""

    kind: Kind
    place: str
    name: str
    type: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in self if part)


def place_of(method: str, path: str) -> str:
    """Which call that is, without the ids in its path: `GET /api/v2/chats/*`."""
    parts = path.split("/")
    return f"{method} {'/'.join(part if not part or _SEGMENT.fullmatch(part) else '*' for part in parts)}"


def of_status(status: int, real: int, content_type: str) -> Shape:
    """The status on the wire, the one that is meant, and what the body calls itself."""
    kind = content_type.partition(";")[0].strip().lower()
    kind = kind if re.fullmatch(r"[a-z]{1,20}/[a-z.+-]{1,40}", kind) else "*" if kind else "no type"
    return Shape("status", ANSWERS, f"{status} {kind}" if status == real else f"{status} for {real} {kind}")


def of_answer(place: str, document: Any) -> set[Shape]:
    """Of one JSON answer."""
    return set(_limited(_of_refusal(document) if _is_refusal(document) else _fields(place, "", document, 0)))


def of_unread(phase: str) -> Shape:
    """Of a phase that the reader made nothing of."""
    return Shape("phase", FRAMES, _word(phase), UNREAD)


def of_frame(payload: bytes) -> set[Shape]:
    """Of one payload of a stream."""
    if payload.strip() == b"[DONE]":
        return {Shape("word", FRAMES, "[DONE]")}
    try:
        document = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {Shape("word", FRAMES, "a payload that is no JSON")}
    if _is_refusal(document):
        return set(_limited(_of_refusal(document)))
    return set(_limited([*_words(document), *_fields(FRAMES, "", document, 0)]))


def of_stream(body: bytes) -> set[Shape]:
    """Of all payloads of a stream that has been read."""
    reader = SSEReader()
    found: set[Shape] = set()
    for payload in [*reader.feed(body), *reader.close()]:
        found |= of_frame(payload)
    return found


def without_details(shapes: Iterable[Shape]) -> list[Shape]:
    """The same without fields that stand in another one that is new as well, and each phase once; sorted."""
    every = sorted(set(shapes))
    unread = {shape.name for shape in every if shape.type == UNREAD}
    every = [shape for shape in every if shape.kind != "phase" or shape.type == UNREAD or shape.name not in unread]
    outer = {(shape.place, shape.name) for shape in every if shape.kind == "field" and shape.type in ("object", "list")}
    return [shape for shape in every if shape.kind != "field" or not _is_inside(shape, outer)]


def _is_inside(shape: Shape, outer: set[tuple[str, str]]) -> bool:
    return any((shape.place, above) in outer for above in _above(shape.name))


def _above(path: str) -> Iterator[str]:
    for found in re.finditer(r"\.|\[\]", path):
        if found.start():
            yield path[: found.start()]


def _is_refusal(document: Any) -> bool:
    if not isinstance(document, dict):
        return False
    return document.get("success") is False or bool(document.get("error")) or "ret" in document


def _of_refusal(document: dict[str, Any]) -> Iterator[Shape]:
    for inner in (document, document.get("data"), document.get("error")):
        code = inner.get("code") if isinstance(inner, dict) else None
        if code is not None:
            yield Shape("code", REFUSALS, _word(code))
    told = document.get("ret")
    for item in told if isinstance(told, list) else ():
        yield Shape("code", REFUSALS, _word(str(item).partition("::")[0]))
    yield from _fields(REFUSALS, "", document, 0)


def _words(document: Any) -> Iterator[Shape]:
    if not isinstance(document, dict):
        return
    info = document.get("response.info")
    if isinstance(info, dict):
        yield Shape("word", FRAMES, f"response.info.action={_word(info.get('action'))}")
    choices = document.get("choices")
    for choice in choices[:LONGEST] if isinstance(choices, list) else ():
        delta = choice.get("delta") if isinstance(choice, dict) else None
        if not isinstance(delta, dict):
            continue
        if delta.get("phase") is not None:
            yield Shape("phase", FRAMES, _word(delta["phase"]))
        for name in ("role", "status"):
            if delta.get(name) is not None:
                yield Shape("word", FRAMES, f"choices[].delta.{name}={_word(delta[name])}")


def _fields(place: str, path: str, value: Any, depth: int) -> Iterator[Shape]:
    if path:
        yield Shape("field", place, path, _type(value))
    if depth >= DEEPEST or path in _OPAQUE:
        return
    if isinstance(value, dict):
        data = path in _MAPS
        for name, inner in value.items():
            spelled = "*" if data else _name(name)
            yield from _fields(place, f"{path}.{spelled}" if path else spelled, inner, depth + 1)
    elif isinstance(value, list):
        for inner in [*value[:LONGEST], *value[LONGEST:][-1:]]:
            yield from _fields(place, f"{path}[]", inner, depth + 1)


def _limited(shapes: Iterable[Shape]) -> Iterator[Shape]:
    for _, shape in zip(range(MOST), shapes, strict=False):
        yield shape


def _type(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "list"
        case _:
            return "object"


def _name(name: str) -> str:
    """A field's, unless it looks like data."""
    return name if _NAME.fullmatch(name) and not _DATA.search(name) else "*"


def _word(value: object) -> str:
    """One of a protocol's, its numbers left out; `*` for anything else."""
    if isinstance(value, str) and _NAME.fullmatch(value) and not _DATA.search(value):
        return _DIGITS.sub("#", value)
    if isinstance(value, str) and re.fullmatch(r"RGV\d{1,4}_ERROR", value):  # the firewall's
        return value
    return "*"
