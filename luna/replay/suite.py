"""A folder of recordings as a regression suite: each is run again, and the verdicts are put together.

Owns which files are recordings, what becomes of one that cannot be run, and the JUnit form of the result. Prints
nothing.
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Literal
from xml.etree import ElementTree

import anyio.to_thread

from luna.core.snapshot import Snapshot
from luna.model.errors import LunaError
from luna.replay.rerun import replay
from luna.wire.diff import Difference
from luna.wire.reader import Recording, read

Verdict = Literal["identical", "differs", "broken"]


@dataclass(frozen=True)
class Case:
    """One recording's verdict. `name` is its path within the folder; `seconds` how long its replay took."""

    name: str
    verdict: Verdict
    seconds: float
    differences: tuple[Difference, ...] = ()
    problem: str = ""
    """Why it could not be run."""


def recordings_in(folder: Path) -> list[Path]:
    """Every recording below a folder, by name. What only looks like one by its ending (`events.jsonl`) is passed over.
    Raises OSError. Blocks."""
    return sorted(path for path in folder.rglob("*.jsonl") if path.is_file() and _begins_like_one(path))


async def run_all(
    folder: Path, paths: Iterable[Path], snapshot: Snapshot, *, pipeline: str = "", speed: float = 0
) -> AsyncIterator[Case]:
    """Run them, one after the other."""
    for path in paths:
        name = str(path.relative_to(folder))
        begun = perf_counter()
        try:
            recording = await anyio.to_thread.run_sync(load, path)
            found = (await replay(recording, snapshot, pipeline=pipeline, speed=speed)).differences()
        except LunaError as error:
            yield Case(name, "broken", perf_counter() - begun, problem=error.told)
        except OSError as error:
            yield Case(name, "broken", perf_counter() - begun, problem=f"it cannot be read: {error.strerror}")
        else:
            yield Case(name, "differs" if found else "identical", perf_counter() - begun, tuple(found))


def load(path: Path) -> Recording:
    """The recording in a file. Raises OSError, LunaError(BAD_REQUEST). Blocks."""
    with path.open("rb") as lines:
        return read(lines)


def junit(cases: Iterable[Case]) -> bytes:
    """The verdicts as JUnit XML, which every CI shows."""
    told = list(cases)
    suite = ElementTree.Element(
        "testsuite",
        name="luna replay",
        tests=str(len(told)),
        failures=str(sum(case.verdict == "differs" for case in told)),
        errors=str(sum(case.verdict == "broken" for case in told)),
        time=f"{sum(case.seconds for case in told):.3f}",
    )
    for case in told:
        node = ElementTree.SubElement(suite, "testcase", name=case.name, classname="replay", time=f"{case.seconds:.3f}")
        if case.verdict == "differs":
            first = case.differences[0]
            failure = ElementTree.SubElement(node, "failure", message=f"first difference: {first.boundary}")
            failure.text = _printable("\n".join(map(str, case.differences)))
        elif case.verdict == "broken":
            ElementTree.SubElement(node, "error", message=_printable(case.problem))
    document: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _begins_like_one(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return b'"k":"head"' in file.read(64)
    except OSError:
        return True  # it is told when it is run


def _printable(text: str) -> str:
    """XML 1.0, section 2.2, knows no other control characters."""
    return "".join(character if character >= " " or character in "\n\t" else "\ufffd" for character in text)
