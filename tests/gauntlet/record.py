"""What came of a fault: one row each, and the table of all of them.

Owns the words of the report, and when a row is a failure of luna's.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


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


_FIGURE = re.compile(r"(?<![-\w])\d+")
_STATUS = re.compile(r"\d{3} ")
_WAYS = 6


def _family(said: str) -> str:
    """It without the figures that differ between cases of one kind; a status stays."""
    status = _STATUS.match(said)
    kept = status.group() if status else ""
    return kept + _FIGURE.sub("N", said[len(kept) :])


def markdown(rows: Sequence[Row], *, said: str) -> list[str]:
    """The report's lines; `said` stands above the tables. Rows of one kind of fault at one kind of point stand once; a
    row that failed stands alone."""
    failed = [row for row in rows if row.failed]
    lines = [said, "", f"**{len(rows)} rows, {len(failed)} failures.**", ""]
    lines += ["| part | faults | rows | failures |", "|---|---|---|---|"]
    parts = list(dict.fromkeys(row.part for row in rows))
    for part in parts:
        own = [row for row in rows if row.part == part]
        faults = len({(row.fault, row.point) for row in own})
        lines.append(f"| {part} | {faults} | {len(own)} | {sum(row.failed for row in own)} |")
    for part in parts:
        lines += ["", f"## {part}", ""]
        lines += ["| fault | point | asked | rows | the client got | the run says | left over | verdict |"]
        lines += ["|---|---|---|---|---|---|---|---|"]
        same: dict[tuple[object, ...], list[Row]] = {}
        for row in rows:
            if row.part == part:
                alone = id(row) if row.failed else None
                same.setdefault((_family(row.fault), row.point, "again" in row.way, alone), []).append(row)
        lines += [_line(folded) for folded in same.values()]
    return lines


def _line(folded: list[Row]) -> str:
    first = folded[0]
    plain = str if first.failed else _family
    ways = list(dict.fromkeys(row.way.removesuffix(", then again") for row in folded))
    again = ", then again" if first.way.endswith(", then again") else ""
    cells = (
        plain(first.fault),
        first.point,
        f"{'all six' if len(ways) == _WAYS else ', '.join(ways)}{again}",
        str(len(folded)),
        "; ".join(sorted({plain(row.got) for row in folded})),
        "; ".join(sorted({row.run for row in folded})),
        first.left or "nothing",
        first.wrong or ("something is left" if first.left else "as it must be"),
    )
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def write_section(path: Path, name: str, lines: Sequence[str]) -> None:
    """Put them between the marks of that name; what is written around the marks stays as it is."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    written = path.read_text() if path.exists() else "# The gauntlet\n"
    if begin not in written:
        written += f"\n{begin}{end}"
    before, _, rest = written.partition(begin)
    path.write_text(before + begin + "\n" + "\n".join(lines).strip() + "\n\n" + end + rest.partition(end)[2])
