"""What a transfer came to, for a person to read: a table, and everything that was left out with its reason."""

from collections.abc import Iterator
from dataclasses import dataclass, field

COLUMNS = ("found", "taken over", "there already", "ignored", "damaged")


@dataclass
class Line:
    """One kind of thing, in numbers."""

    what: str
    found: int = 0
    taken: int = 0
    there: int = 0
    ignored: int = 0
    damaged: int = 0


@dataclass
class Report:
    """The whole of it."""

    lines: list[Line] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """What luna does without, with the reason."""
    problems: list[str] = field(default_factory=list)
    """What could not be understood."""
    notes: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """True when there was something to take over."""
        return any(line.taken for line in self.lines)

    def line(self, what: str, found: int) -> Line:
        """Begin the line of one kind of thing."""
        self.lines.append(Line(what, found))
        return self.lines[-1]

    def ignored(self, where: str, why: str, line: Line | None = None) -> None:
        """Something that luna does without."""
        self.left_out.append(f"{where}: {why}")
        if line is not None:
            line.ignored += 1

    def damaged(self, where: str, why: str, line: Line | None = None) -> None:
        """Something that could not be understood."""
        self.problems.append(f"{where}: {why}")
        if line is not None:
            line.damaged += 1

    def text(self) -> Iterator[str]:
        """Line by line."""
        rows = [("", *COLUMNS)] + [
            (line.what, *map(str, (line.found, line.taken, line.there, line.ignored, line.damaged)))
            for line in self.lines
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for row in rows:
            cells = [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
            yield "  ".join(cells)
        for title, remarks in (("Ignored", self.left_out), ("Damaged", self.problems), ("To know", self.notes)):
            if remarks:
                yield ""
                yield f"{title}:"
                yield from (f"  {remark}" for remark in remarks)
