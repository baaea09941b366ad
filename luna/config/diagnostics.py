"""What is wrong with a configuration, and where.

Owns the shape of a diagnostic, its one line of text, and the list that a compilation fills.
Pure: knows nothing of YAML, files or stages.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

Severity = Literal["error", "warning"]


class Place(NamedTuple):
    """A spot in a file. `file` is relative to the folder of routes.yaml; lines and columns count from 1."""

    file: str
    line: int = 1
    col: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.col}"


class Diagnostic(msgspec.Struct, frozen=True, order=True):
    """One thing that a person should mend. As JSON: its fields under these names."""

    file: str
    line: int
    col: int
    message: str
    hint: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        """`file:line:col: message — hint`; a warning says that it is one."""
        mark = "warning: " if self.severity == "warning" else ""
        return f"{self.file}:{self.line}:{self.col}: {mark}{self.sentence}"

    @property
    def sentence(self) -> str:
        """`message — hint`."""
        return f"{self.message} — {self.hint}" if self.hint else self.message

    def seen_from(self, base: Path, folder: Path) -> "Diagnostic":
        """The same with a path that works in `folder`: relative when the file lies below it, absolute otherwise.
        `base` is the folder of routes.yaml. What stands on the command line (`--set …`) has no path."""
        if self.file.startswith("--"):
            return self
        path = Path(os.path.normpath(base / self.file))
        shown = path.relative_to(folder) if path.is_relative_to(folder) else path
        return msgspec.structs.replace(self, file=str(shown))


class ConfigurationError(Exception):
    """A configuration that cannot be used. The message is fit to print; `diagnostics` say where, if it is a file."""

    def __init__(self, message: str, diagnostics: Iterable[Diagnostic] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.diagnostics = tuple(diagnostics)


class Report:
    """Collects diagnostics; the same sentence at the same place counts once."""

    def __init__(self) -> None:
        self._found: dict[Diagnostic, None] = {}

    def __repr__(self) -> str:
        return f"<Report errors={len(self.errors)} warnings={len(self.warnings)}>"

    def error(self, place: Place, message: str, hint: str = "") -> None:
        """Something that keeps the configuration from being used."""
        self._found[Diagnostic(*place, message, hint)] = None

    def warning(self, place: Place, message: str, hint: str = "") -> None:
        """Something that is probably not meant."""
        self._found[Diagnostic(*place, message, hint, "warning")] = None

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """By file, line and column."""
        return tuple(sorted(each for each in self._found if each.severity == "error"))

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """By file, line and column."""
        return tuple(sorted(each for each in self._found if each.severity == "warning"))


def closest(word: str, choices: Iterable[str]) -> list[str]:
    """The choice that looks most like `word`, as a list of one; empty when none does."""
    from difflib import get_close_matches  # with the first mistake

    by_folded = {choice.casefold(): choice for choice in choices}
    return [by_folded[each] for each in get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)]


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """`did you mean 'x'?` for the choice that looks most like `word`; "" when none does."""
    return "".join(f"did you mean '{choice}'?" for choice in closest(word, choices))


def count(number: int, what: str) -> str:
    """`1 route`, `2 routes`."""
    return f"{number} {what}{'' if number == 1 else 's'}"
