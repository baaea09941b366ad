"""What can still be read of a JSON text that breaks off.

Owns finding the last place at which the text was whole, and closing what is open there. Pure; knows nothing of what
the text says.
"""

import re

import msgspec

_TOKENS = re.compile(rb'"(?:[^"\\]+|\\.)*+(?:"|\\?\Z)|[\[\]{},]', re.DOTALL)
_CLOSERS = {b"[": b"]", b"{": b"}"}
_BROKEN_AT = re.compile(r"\(byte (\d+)\)")
_ESCAPES = re.compile(rb"\\(?:u[dD][89aAbB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)", re.DOTALL)


def mended(data: bytes, depth: int) -> bytes | None:
    """The text up to the last value that is whole and lies in at most `depth` brackets, with those closed again; None
    when nothing is whole. A text that is garbled counts as broken off there; letters that are none are replaced."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    if is_json(data):
        return data
    data = _ESCAPES.sub(_half_letter, data.decode(errors="replace").encode())
    broken = _broken_at(data)
    if broken is None:
        return data
    opened: list[bytes] = []
    cut, closers = 0, b""
    for match in _TOKENS.finditer(data[:broken]):
        token, here = match.group(), match.end()
        if token in _CLOSERS:
            opened.append(token)
        elif token in (b"]", b"}"):
            if not opened or _CLOSERS[opened.pop()] != token:
                break
        elif token == b",":
            here = match.start()
        else:
            continue
        if len(opened) <= depth:
            cut, closers = here, b"".join(_CLOSERS[bracket] for bracket in reversed(opened))
        if not opened:
            break  # the end; what follows is something else
    result = data[:cut] + closers
    return result if is_json(result) else None


def is_json(data: bytes) -> bool:
    """True for a text that is JSON to its end."""
    return _broken_at(data) is None


def _broken_at(data: bytes) -> int | None:
    try:
        msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        found = _BROKEN_AT.search(str(error))
        return int(found[1]) if found else len(data)
    return None


def _half_letter(match: "re.Match[bytes]") -> bytes:
    """Half of a pair that makes one letter stands for none."""
    return rb"\ufffd" if match.group(1) else match.group()
