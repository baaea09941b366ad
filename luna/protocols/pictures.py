"""What a picture costs in tokens.

Owns the sizes in the heads of PNG, JPEG, GIF and WebP files, and the arithmetic of Qwen's vision models: a token for
each 32 x 32 pixels of the picture, scaled to fit between 4 and 2560 tokens, and two around it. Nothing is decoded
beyond the head, and nothing is fetched: a picture whose size nobody can see counts as one of 1024 x 1024 pixels.
"""

import base64
import math

_PATCH = 32
_LEAST, _MOST = 4, 2560
_AROUND = 2
_HEAD = 256 * 1024
"""Bytes that are looked at: a JPEG's size stands behind its camera's notes."""

UNSEEN = (1024, 1024)

_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""JPEG's markers of a frame header, which holds the size."""


def picture_tokens(url: str) -> int:
    """What the picture at this address costs."""
    width, height = size(url) or UNSEEN
    columns, rows = (max(1, round(side / _PATCH)) for side in (width, height))
    if columns * rows > _MOST:
        shrink = math.sqrt(width * height / (_MOST * _PATCH * _PATCH))
        columns, rows = (max(1, math.floor(side / shrink / _PATCH)) for side in (width, height))
    return min(_MOST, max(_LEAST, columns * rows)) + _AROUND


def size(url: str) -> tuple[int, int] | None:
    """Width and height of the picture in a base64 data URL, in pixels; None when they cannot be seen."""
    about, comma, data = url.partition(",")
    if not comma or not about.lower().startswith("data:") or not about.lower().endswith(";base64"):
        return None
    try:
        head = base64.b64decode(data[: _HEAD // 3 * 4] + "==")
    except ValueError:  # binascii.Error, and letters beyond ASCII
        return None
    found = _png(head) or _gif(head) or _webp(head) or _jpeg(head)
    return found if found is not None and all(found) else None


def _png(head: bytes) -> tuple[int, int] | None:
    if head[:8] != b"\x89PNG\r\n\x1a\n" or len(head) < 24:
        return None
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def _gif(head: bytes) -> tuple[int, int] | None:
    if head[:6] not in (b"GIF87a", b"GIF89a") or len(head) < 10:
        return None
    return int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little")


def _webp(head: bytes) -> tuple[int, int] | None:
    if head[:4] != b"RIFF" or head[8:12] != b"WEBP" or len(head) < 30:
        return None
    match head[12:16]:
        case b"VP8X":
            return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
        case b"VP8L":
            bits = int.from_bytes(head[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            return int.from_bytes(head[26:28], "little") & 0x3FFF, int.from_bytes(head[28:30], "little") & 0x3FFF
    return None


def _jpeg(head: bytes) -> tuple[int, int] | None:
    if head[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        if marker in _FRAMES:
            return int.from_bytes(head[at + 7 : at + 9], "big"), int.from_bytes(head[at + 5 : at + 7], "big")
        if marker == 0xFF:  # filling
            at += 1
        else:
            at += 2 + int.from_bytes(head[at + 2 : at + 4], "big")
    return None
