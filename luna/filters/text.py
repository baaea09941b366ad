"""How texts are compared: patterns with `*` and `?`, and what is the same whatever its case.

Two ways, because a database must come to the same end: names and ids fold the letters of ASCII, as every database can;
what people wrote is stored folded already.
"""

import re
import unicodedata
from functools import lru_cache

MOST_STARS = 3
"""In one pattern. What a regular expression costs grows with the length of the text to the power of their number."""
_STARS = re.compile(r"\*+")
_UPPER = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def folded(text: str) -> str:
    """Text as it is searched: whatever its case and the composition of its letters."""
    return unicodedata.normalize("NFC", text).casefold()


def lowered(text: str) -> str:
    """With the letters of ASCII in lower case, and no others."""
    return text.translate(_UPPER)


def is_pattern(text: str) -> bool:
    """Whether it stands for more than itself."""
    return "*" in text or "?" in text


def stars(text: str) -> int:
    """How often it stands for anything."""
    return len(_STARS.findall(text))


def like(pattern: str, escape: str) -> str:
    """A pattern as SQL's LIKE has it, lowered."""
    signs = {"*": "%", "?": "_", "%": f"{escape}%", "_": f"{escape}_", escape: escape * 2}
    return "".join(signs.get(sign, sign) for sign in lowered(pattern))


def expression(pattern: str, any_sign: str = ".") -> str:
    """A pattern as a regular expression, lowered. `any_sign` is what one sign may be."""
    signs = {"*": f"{any_sign}*", "?": any_sign}
    return "".join(signs[sign] if sign in signs else re.escape(sign) for sign in _STARS.sub("*", lowered(pattern)))


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(expression(pattern), re.DOTALL)


def matches(pattern: str, text: str) -> bool:
    """Whether the whole of the text is as the pattern says."""
    return _compiled(pattern).fullmatch(lowered(text)) is not None
