"""Finds the name that was meant among the names that exist.

Owns the repair of tool and parameter names. A repair is made only when exactly one name can be meant; the steps,
from sure to daring, each of which decides alone when it finds anything at all:

    1. the name itself
    2. letters and digits alike, whatever the case and the separators: `read-file`, `ReadFile`, `READ_FILE`
    3. with or without a namespace: `functions.search`, `mcp__files__read` for `read`, and the other way round
    4. one slip of the pen (two in long names) that touches neither the first letter nor a digit
"""

import re
from collections.abc import Iterable

_SEPARATORS = re.compile(r"[\s_.\-:/]+")
_NAMESPACE = re.compile(r"__|[.:/]")
_SHORTEST_SLIP = 5
_LONG = 9


def fold(name: str) -> str:
    """The name without case and separators."""
    return _SEPARATORS.sub("", name).casefold()


class Names:
    """The names that exist."""

    def __init__(self, known: Iterable[str]) -> None:
        self.known = tuple(dict.fromkeys(known))
        self._exact = frozenset(self.known)
        self._folded = _grouped((fold(name), name) for name in self.known)
        self._tails = _grouped((tail, name) for name in self.known for tail in _tails(name))
        self._found: dict[str, str | None] = {}

    def __repr__(self) -> str:
        return f"<Names {', '.join(self.known)}>"

    def find(self, name: str) -> str | None:
        """The one that `name` means, or None when there is none or more than one."""
        if name in self._exact:
            return name
        if name not in self._found:
            self._found[name] = self._repaired(name.strip())
        return self._found[name]

    def _repaired(self, name: str) -> str | None:
        if name in self._exact:
            return name
        folded = fold(name)
        if not folded:
            return None
        candidates = self._folded.get(folded) or self._by_namespace(name, folded) or self._by_slip(folded)
        return candidates[0] if len(candidates) == 1 else None

    def _by_namespace(self, name: str, folded: str) -> list[str]:
        """Names of which this is the last part; else the names that are the longest last part of this."""
        if folded in self._tails:
            return self._tails[folded]
        for tail in _tails(name):
            if tail in self._folded:
                return self._folded[tail]
        return []

    def _by_slip(self, folded: str) -> list[str]:
        return [name for key, names in self._folded.items() if _is_slip(folded, key) for name in names]


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for key, name in pairs:
        if key and name not in groups.setdefault(key, []):
            groups[key].append(name)
    return groups


def _tails(name: str) -> list[str]:
    """What remains, folded, when one namespace after the other is taken off the front; the longest first."""
    return [fold(name[cut.end() :]) for cut in _NAMESPACE.finditer(name) if name[cut.end() :]]


def _is_slip(written: str, meant: str) -> bool:
    if min(len(written), len(meant)) < _SHORTEST_SLIP or written[0] != meant[0]:
        return False
    if [c for c in written if c.isdigit()] != [c for c in meant if c.isdigit()]:
        return False
    return _distance(written, meant) <= (2 if min(len(written), len(meant)) >= _LONG else 1)


def _distance(a: str, b: str) -> int:
    """How many letters must be changed, added, left out or swapped with their neighbour."""
    if abs(len(a) - len(b)) > 2:
        return 3
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        older, before, row = before, row, [i]
        for j, right in enumerate(b, 1):
            cost = min(row[j - 1] + 1, before[j] + 1, before[j - 1] + (left != right))
            if i > 1 and j > 1 and left == b[j - 2] and a[i - 2] == right:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return row[-1]
