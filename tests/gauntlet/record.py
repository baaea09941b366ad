"""What came of a fault: one row each, and the table of all of them.

Owns the words of the report, and when a row is a failure of luna's.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One fault, at one point, on one way of asking."""

    part: str
    fault: str
    point: str
    way: str
    got: str
    """What the client got."""
    run: str
    """What the run says."""
    left: str = ""
    """What was left over."""
    wrong: str = ""
    """Why this is not as it must be; "" when it is."""

    def __str__(self) -> str:
        end = f" LEFT: {self.left}" if self.left else ""
        wrong = f" WRONG: {self.wrong}" if self.wrong else ""
        return f"{self.part} · {self.fault} · {self.point} · {self.way}: {self.got} | {self.run}{end}{wrong}"

    @property
    def failed(self) -> bool:
        return bool(self.wrong or self.left)


def markdown(rows: Iterable[Row], *, said: str) -> str:
    """The report; `said` stands above the tables."""
    rows = list(rows)
    failed = [row for row in rows if row.failed]
    lines = ["# The gauntlet", "", said, ""]
    lines += [f"{len(rows)} rows, {len(failed)} failures.", ""]
    lines += ["Rows that are the same for several ways of asking stand once.", ""]
    for part in dict.fromkeys(row.part for row in rows):
        lines += [f"## {part}", ""]
        lines += ["| fault | point | asked | the client got | the run says | left over | verdict |"]
        lines += ["|---|---|---|---|---|---|---|"]
        same: dict[tuple[str, ...], list[str]] = {}
        for row in rows:
            if row.part == part:
                verdict = row.wrong or ("as it must be" if not row.left else "something is left")
                key = (row.fault, row.point, row.got, row.run, row.left or "nothing", verdict)
                same.setdefault(key, []).append(row.way)
        for (fault, point, got, run, left, verdict), ways in same.items():
            asked = ", ".join(dict.fromkeys(ways))
            cells = (fault, point, asked, got, run, left, verdict)
            lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
        lines.append("")
    return "\n".join(lines)
