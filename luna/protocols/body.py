"""Reads a client's JSON body and says precisely which field is wrong.

Owns the way from msgspec's errors to `LunaError(BAD_REQUEST)` with a `param` such as
`messages[0].content`. Knows no protocol's fields: each protocol brings its own decoder.
"""

import re
from typing import TypeVar

import msgspec

from luna.model.errors import Kind, LunaError

T = TypeVar("T")

_WHERE = re.compile(r"(?P<what>.*?)(?: - at (?:`key` in )?`\$\.?(?P<path>.*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.+)`")


def read(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Decode the body. Raises LunaError(BAD_REQUEST), whatever the bytes are."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _wrong_field(str(error)) from error
    except RecursionError as error:
        raise LunaError(Kind.BAD_REQUEST, "The body's JSON is nested too deeply.") from error
    except UnicodeDecodeError as error:
        raise LunaError(Kind.BAD_REQUEST, "The body is not valid UTF-8.") from error
    except msgspec.DecodeError as error:
        said = str(error).removeprefix("JSON is malformed: ")
        raise LunaError(Kind.BAD_REQUEST, f"The body is not valid JSON: {said[:1].lower()}{said[1:]}.") from error


def bad_field(param: str, message: str, hint: str = "") -> LunaError:
    """The error for one field. `message` goes on after the field's name: "messages[0].role: must be …"."""
    return LunaError(Kind.BAD_REQUEST, f"{param}: {message}", hint=hint, param=param)


def _wrong_field(said: str) -> LunaError:
    found = _WHERE.fullmatch(said)
    assert found is not None
    what, path = found["what"], (found["path"] or "").replace("[...]", "")
    missing = _MISSING.fullmatch(what)
    if missing is not None:
        return bad_field(f"{path}.{missing[1]}".lstrip("."), "is missing.")
    if not path:
        return LunaError(Kind.BAD_REQUEST, f"The body must be one JSON object: {what[:1].lower()}{what[1:]}.")
    return bad_field(path, f"{what[:1].lower()}{what[1:]}.")
