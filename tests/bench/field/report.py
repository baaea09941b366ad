"""Writes `docs/benchmarks.md` from the figures of a run.

The words around the tables stand in `report.md`, and why a target is missed in `why.toml`, by the row's key: both stay
when the document is made anew. No host names, no paths.
"""

import os
import platform
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.field.figures import Figures
from tests.bench.field.servers import field_of
from tests.bench.field.table import missed, notes, recording_table, table
from tests.bench.field.works import Effort

HERE = Path(__file__).parent
_PLACE = re.compile(r"\w+://\S+|(?<![\w.])/[\w.@+-]+(?:/[\w.@+-]+)+")
"""Addresses and paths in what a server or an installer said."""
UNSAID = "Not looked into yet."


def about(effort: Effort, seconds: float, load: float) -> str:
    """What it was measured on: when, the machine, the versions, and how busy it was before."""
    versions = [server.version for server in field_of(Path()) if server.version and not server.missing]
    rounds = f"medians of {effort.rounds} interleaved rounds" if effort.rounds > 1 else "one round"
    return (
        f"{datetime.now(UTC):%Y-%m-%d}. {os.cpu_count()} cores ({platform.machine()}), load {load:.1f} before the run; "
        f"{platform.system()}, Python {platform.python_version()}; {', '.join(versions)}. "
        f"{rounds[0].upper()}{rounds[1:]}; {seconds / 60:.0f} min in all."
    )


def reasons() -> dict[str, str]:
    """Why targets are missed, by row."""
    return {key: str(text) for key, text in tomllib.loads((HERE / "why.toml").read_text()).items()}


def document(figures: Figures, facts: str, why: dict[str, str]) -> str:
    """The whole text."""
    wrong = figures.wrong()
    sections = {
        "facts": facts,
        "table": table(figures),
        "recording": recording_table(figures) or "Not measured.",
        "notes": _listed(notes(figures)),
        "behind": _listed(wrong) or "In none.",
        "missed": _missed(figures, why) or "None.",
    }
    text = (HERE / "report.md").read_text()
    for name, section in sections.items():
        text = text.replace(f"<!-- {name} -->", section)
    return text


def write(path: Path, figures: Figures, facts: str) -> None:
    """Make it anew."""
    path.write_text(document(figures, facts, reasons()))


def _missed(figures: Figures, why: dict[str, str]) -> str:
    return "\n\n".join(f"**{said}.** {why.get(key, UNSAID)}" for key, said in missed(figures).items())


def _listed(lines: list[str]) -> str:
    return "\n".join(f"- {_PLACE.sub('…', line)}" for line in lines)
