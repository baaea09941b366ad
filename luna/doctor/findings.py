"""What an examination found: one line for each thing that was looked at.

Owns the shape and its words for a terminal. Knows nothing of what is examined.
"""

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

Verdict = Literal["ok", "warning", "failure"]

WIDTH = 16
"""Characters of the column of names."""


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one thing is, and what a person can do about it."""

    name: str
    verdict: Verdict
    text: str
    hint: str = ""
    column: str = ""
    """Where it belongs in the table of clients; empty: nowhere."""


def ok(name: str, text: str, column: str = "") -> Finding:
    """It is as it should be."""
    return Finding(name, "ok", text, column=column)


def warning(name: str, text: str, hint: str = "", column: str = "") -> Finding:
    """It works, but somebody should know."""
    return Finding(name, "warning", text, hint, column)


def failure(name: str, text: str, hint: str = "", column: str = "") -> Finding:
    """It does not work."""
    return Finding(name, "failure", text, hint, column)


def sound(findings: Iterable[Finding]) -> bool:
    """Nothing failed; warnings do not count."""
    return all(finding.verdict != "failure" for finding in findings)


def lines(findings: Iterable[Finding]) -> Iterator[str]:
    """For a terminal."""
    for finding in findings:
        words = f"{finding.text} {finding.hint}".strip()
        yield f"{finding.verdict:<8} {finding.name:<{WIDTH}} {words}"
