"""Looks for known secrets in what is about to be handed to somebody else, however they are written there.

Owns the spellings. Pure. It is the last look, after everything has been taken out: a find is a reason to refuse, not
something to mend. It never says the secret, only its place.
"""

import base64
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import quote, quote_plus

import msgspec

MINIMUM = 8
"""Secrets shorter than this would be found by accident."""


class Leak(msgspec.Struct, frozen=True):
    """A secret that stands where it must not. `line` counts from 1; 0: it stands in the file's name."""

    file: str
    line: int
    spelling: str
    """How it is written there: `plain`, `base64`, …"""

    def __str__(self) -> str:
        where = f"line {self.line} of {self.file}" if self.line else f"the name of {self.file}"
        return f"{where} ({self.spelling})"


def find(secrets: Iterable[str], files: Mapping[str, bytes]) -> Leak | None:
    """The first leak in these files, by name; None when there is none."""
    wanted = [secret for secret in dict.fromkeys(secrets) if len(secret) >= MINIMUM]
    for name, data in files.items():
        lowered = data.lower()
        for number, secret in enumerate(wanted, 1):
            if secret in name:
                return Leak(f"file {list(files).index(name) + 1}, secret {number}", 0, "plain")
            for spelling, needle, folded in spellings(secret):
                at = (lowered if folded else data).find(needle)
                if at >= 0:
                    return Leak(name, data.count(b"\n", 0, at) + 1, spelling)
    return None


@lru_cache(maxsize=512)
def spellings(secret: str) -> tuple[tuple[str, bytes, bool], ...]:
    """Every way in which it is looked for: its name, the bytes, and whether upper and lower case are the same."""
    plain = secret.encode("utf-8", "surrogatepass")
    json = msgspec.json.encode(secret.encode("utf-8", "replace").decode())[1:-1]
    twice = msgspec.json.encode(json.decode())[1:-1]
    found: dict[bytes, tuple[str, bool]] = {}
    for name, needle, folded in (
        ("plain", plain, False),
        ("JSON", json, False),
        ("JSON in JSON", twice, False),
        ("escaped slashes", json.replace(b"/", b"\\/"), False),
        ("escaped to ASCII", _ascii(json.decode()), True),
        ("percent-encoded", quote(secret, safe="", errors="replace").encode().lower(), True),
        ("form-encoded", quote_plus(secret, errors="replace").encode().lower(), True),
        ("hexadecimal", plain.hex().encode(), True),
        ("UTF-16", secret.encode("utf-16-le", "replace"), False),
        ("UTF-16", secret.encode("utf-16-be", "replace"), False),
        ("backwards", plain[::-1], False),
        *(("base64", needle, False) for needle in _base64(plain)),
    ):
        found.setdefault(needle, (name, folded))
    return tuple((name, needle, folded) for needle, (name, folded) in found.items())


def _ascii(secret: str) -> bytes:
    units = secret.encode("utf-16-be", "replace")
    points = [int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2)]
    return "".join(chr(point) if point < 0x80 else f"\\u{point:04x}" for point in points).lower().encode()


def _base64(plain: bytes) -> list[bytes]:
    """What is common to every base64 text that holds it, for each of the three places at which it may begin."""
    found: list[bytes] = []
    for lead in range(3):
        encoded = base64.b64encode(bytes(lead) + plain)
        first = (lead * 8 + 5) // 6
        last = (lead + len(plain)) * 8 // 6
        found += [encoded[first:last], encoded[first:last].translate(bytes.maketrans(b"+/", b"-_"))]
    return found
