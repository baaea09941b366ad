"""Reads `data:` URLs (RFC 2397), strictly.

Pure. Owns the two encodings of the data, base64 and percent. Never guesses: what is not one of them is refused.
"""

import binascii
import re
from typing import NamedTuple
from urllib.parse import unquote, unquote_to_bytes

_BREAKS = re.compile(r"[ \t\r\n]+")
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Data(NamedTuple):
    """What a URL holds. `media_type` in lower case and without parameters, "" where the URL names none."""

    data: bytes
    media_type: str


def size_at_least(url: str) -> int:
    """How many bytes it decodes to, at least, without decoding it: padding, line breaks and escapes come off."""
    about, _, payload = url.partition(",")
    return max(0, len(payload) * 3 * 76 // (4 * 78) - 4) if _is_base64(about) else len(payload) // 3


def decode(url: str) -> Data:
    """The data. Base64 may lack its padding and may be broken into lines. Raises ValueError with what is wrong."""
    scheme, _, rest = url.partition(":")
    if scheme.lower() != "data":
        raise ValueError("it is no data URL")
    about, comma, payload = rest.partition(",")
    if not comma:
        raise ValueError("it has no comma before its data")
    data = _base64(payload) if _is_base64(about) else _percent(payload)
    return Data(data, about.partition(";")[0].strip().lower())


def _is_base64(about: str) -> bool:
    return about.rpartition(";")[2].strip().lower() == "base64" and ";" in about


def _base64(payload: str) -> bytes:
    if "%" in payload:
        payload = unquote(payload)
    if any(mark in payload for mark in " \t\r\n"):
        payload = _BREAKS.sub("", payload)
    bare = payload.rstrip("=")
    padding = -len(bare) % 4
    if len(payload) - len(bare) not in (0, padding):
        raise ValueError("its base64 ends in the wrong padding")
    if padding == 3:
        raise ValueError("its base64 is cut off")
    try:
        return binascii.a2b_base64((bare + "=" * padding).encode("ascii"), strict_mode=True)
    except (UnicodeEncodeError, binascii.Error):
        raise ValueError("its data is not base64") from None


def _percent(payload: str) -> bytes:
    if _ESCAPE.search(payload):
        raise ValueError("a percent sign in it is not followed by two hexadecimal digits")
    return unquote_to_bytes(payload)
