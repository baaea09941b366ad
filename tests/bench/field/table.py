"""The table: figures as Markdown, with ratios, targets and what became of them. Pure."""

from tests.bench.field.figures import FLOOR, LUNA, RECORDED, Figures
from tests.bench.field.rows import RECORDING, Row

NONE = "–"


def number(value: float | None) -> str:
    """With as many digits as mean something."""
    if value is None:
        return NONE
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 or not size else 3
    return f"{value:,.{digits}f}"


def table(figures: Figures) -> str:
    """All rows. A column for each server that was measured."""
    servers = [name for name in figures.servers if name not in figures.absent]
    heads = ["figure", *servers, "luna : floor", "ahead of the best peer", "target", ""]
    lines = [_line(heads), "|---|" + "---:|" * (len(servers) + 2) + "---|---|"]
    for row in figures.rows():
        values = [number(figures.of(row, name)) for name in servers]
        said = [row.target.words(row.unit) or NONE, _verdict(figures, row)]
        lines.append(
            _line([f"{row.title}, {row.unit}", *values, _to_floor(figures, row), _to_peer(figures, row), *said])
        )
    return "\n".join(lines)


def recording_table(figures: Figures) -> str:
    """What recording everything costs; "" when it was not measured."""
    lines = [_line(["CPU", LUNA, RECORDED, "more", f"target: ≤ {RECORDING - 1:.0%} more"]), "|---|---:|---:|---:|---|"]
    for row in figures.rows():
        if (times := figures.recording(row)) is not None:
            values = [number(figures.of(row, name)) for name in (LUNA, RECORDED)]
            met = "met" if times <= RECORDING else "**missed**"
            lines.append(_line([f"{row.title}, {row.unit}", *values, f"{times - 1:+.0%}", met]))
    return "\n".join(lines) if len(lines) > 2 else ""


def notes(figures: Figures) -> list[str]:
    """What is not in the table, and why: one sentence each."""
    said = [f"{name}: not measured: {reason}." for name, reason in figures.absent.items()]
    return said + [f"{name}: {what}: {reason}." for (what, name), reason in figures.failures.items()]


def missed(figures: Figures) -> dict[str, str]:
    """The targets that were missed: what was reached, by row; `KEY-recording` for what recording may cost."""
    found: dict[str, str] = {}
    for row in figures.rows():
        if figures.verdict(row).met is False:
            shares = [f"{number(figures.of(row, LUNA))} {row.unit}"]
            if row.target.floor:
                shares.append(f"{_to_floor(figures, row)} the floor")
            if row.target.peers and figures.best_peer(row):
                shares.append(f"{_to_peer(figures, row)} against the best peer")
            found[row.key] = f"{row.title}: {', '.join(shares)}; the target is {row.target.words(row.unit)}"
    for row in figures.rows():
        if (times := figures.recording(row)) is not None and times > RECORDING:
            reached = f"{row.title}, recorded: {times - 1:+.0%}; the target is at most {RECORDING - 1:.0%} more"
            found[f"{row.key}-recording"] = reached
    return found


def _verdict(figures: Figures, row: Row) -> str:
    verdict = figures.verdict(row)
    said = [] if verdict.met is None else ["met" if verdict.met else "**missed**"]
    return ", ".join([*said, *(f"**behind {name}**" for name in verdict.behind)])


def _to_floor(figures: Figures, row: Row) -> str:
    ours, floor = figures.of(row, LUNA), figures.of(row, FLOOR)
    return f"{number(ours / floor)}x" if ours is not None and floor is not None and floor > 0 else NONE


def _to_peer(figures: Figures, row: Row) -> str:
    ours, best = figures.of(row, LUNA), figures.best_peer(row)
    return f"{number(row.ahead(ours, best[1]))}x ({best[0]})" if ours is not None and best else NONE


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
