"""Which characters a name, a range or a set in a regular expression holds.

Owns `\\d`, `\\w`, `\\s` and `\\p{…}`: letters, digits and white space are Unicode's, as the writers of most schemas
mean them. Whether a set holds a character is found in a time that hardly depends on the set's size.
"""

import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from functools import cache

from luna.patterns.steps import Holds, UnreadablePatternError

MOST_NAMES = 8
"""Different names of several characters (`\\w`, `\\p{L}`) in one set."""


def only(char: str) -> Holds:
    """That character."""
    return char.__eq__


def any_of(members: "Sequence[str | tuple[str, str] | Holds]", *, wanted: bool) -> Holds:
    """A set of characters, ranges from the first to the last, and names; or all that is not in it. Raises
    UnreadablePatternError."""
    singles = frozenset(member for member in members if isinstance(member, str))
    ranges = _merged([member for member in members if isinstance(member, tuple)])
    firsts, lasts = [first for first, _ in ranges], [last for _, last in ranges]
    names = {member for member in members if not isinstance(member, str | tuple)}
    if len(names) > MOST_NAMES:
        raise UnreadablePatternError("It names too many classes of characters at once.")

    def holds(char: str) -> bool:
        at = bisect_right(firsts, char)
        inside = char in singles or (at > 0 and char <= lasts[at - 1]) or any(named(char) for named in names)
        return inside is wanted

    return holds


def _merged(ranges: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The same characters in ranges that do not overlap, in order."""
    found: list[tuple[str, str]] = []
    for first, last in sorted(ranges):
        if last < first:
            raise UnreadablePatternError("A range from a later character to an earlier one.")
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found


@cache
def category(name: str, *, wanted: bool) -> Holds:
    """What has that general category, or what has not. Scripts and other properties are not known here: raises
    UnreadablePatternError."""
    short = _LONG_CATEGORIES.get(name, name)
    if short not in _CATEGORIES:
        raise UnreadablePatternError("A property of characters that is not known.")
    return lambda char: unicodedata.category(char).startswith(short) is wanted


def is_in_line(char: str) -> bool:
    """What `.` holds: all but the ends of lines."""
    return char not in "\n\r\u2028\u2029"


def is_word(char: str) -> bool:
    """Whether it is a letter, a digit or `_`."""
    return char == "_" or char.isalnum()


def _is_digit(char: str) -> bool:
    return char.isdecimal()


def _is_space(char: str) -> bool:
    return char == "\ufeff" or char.isspace()


CLASSES: dict[str, Holds] = {
    "d": _is_digit,
    "D": lambda char: not _is_digit(char),
    "w": is_word,
    "W": lambda char: not is_word(char),
    "s": _is_space,
    "S": lambda char: not _is_space(char),
}
CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "a": "\a"}
_SECOND = {"L": "ultmo", "M": "nce", "N": "dlo", "P": "cdseifo", "S": "mcko", "Z": "slp", "C": "cfo"}
_CATEGORIES = frozenset(first + second for first, seconds in _SECOND.items() for second in ("", *seconds))
_LONG_CATEGORIES = {
    "Letter": "L",
    "Lowercase_Letter": "Ll",
    "Uppercase_Letter": "Lu",
    "Mark": "M",
    "Number": "N",
    "Decimal_Number": "Nd",
    "Punctuation": "P",
    "Symbol": "S",
    "Separator": "Z",
    "Other": "C",
}
