"""Searches the readers: `python -m tests.fuzz --reader sse --seconds 3600`; without `--reader` all of them at once.

Each reader is searched by a process of its own, from its committed corpus. What is found goes to a folder: `corpus/`
(every input that went a new way), `findings/` (the input, and beside it what it raised), and `statistics.jsonl`, a line
for each minute. `--keep` distils the corpus of before and the new one into the committed one. The status is 1 where
something was found.
"""

import argparse
import logging
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from tests.fuzz.guided import Search, Target, distilled, name_of
from tests.fuzz.instrument import Instrument
from tests.fuzz.readers import READERS

CORPUS = Path(__file__).parent / "corpus"
FILES, SIZE = 120, 48 * 1024
"""What one reader's committed corpus may have: files, and bytes in all."""
MINUTE = 60.0
MEMORY = 3 * 1024**3
"""Bytes of address space that one search may have: an input that wants more is a finding."""


class Minute(msgspec.Struct):
    """How far a search has come. Times in seconds."""

    reader: str
    seed: int
    wall: float
    cpu: float
    executions: int
    branches: int
    of: int
    """How many branches there are in the modules that were imported."""
    ways: int
    corpus: int
    findings: list[str]


def stored(reader: str) -> list[bytes]:
    """The committed corpus of a reader."""
    return [path.read_bytes() for path in sorted((CORPUS / reader).glob("*"))]


def _search(reader: str, seconds: float, seed: int, out: Path, keep: bool) -> bool:
    """Search one reader; true where nothing was found."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    logging.disable(logging.CRITICAL)
    row = READERS[reader]
    instrument = Instrument(row.modules)
    instrument.install()
    target = row.target()
    search = Search(target, seed, instrument.words)
    for folder in ("corpus", "findings"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    known = [path.read_bytes() for path in sorted((out / "corpus").glob("*"))]
    begin, cpu = time.monotonic(), time.process_time()
    search.begin([*target.seeds(), *stored(reader), *known])
    written, next_line = 0, begin + MINUTE
    while (now := time.monotonic()) < begin + seconds:
        for _ in range(20):
            search.step()
        written = _write(search, out, written)
        if now > next_line:
            next_line = now + MINUTE
            _tell(search, instrument, seed, now - begin, time.process_time() - cpu, out)
    _write(search, out, written)
    _tell(search, instrument, seed, time.monotonic() - begin, time.process_time() - cpu, out)
    if keep:
        _keep(target, reader, (entry.data for entry in search.entries))
    return not search.tally.findings


def _write(search: Search, out: Path, written: int) -> int:
    """What has come since: inputs and findings."""
    for entry in search.entries[written:]:
        (out / "corpus" / name_of(entry.data)).write_bytes(entry.data)
    for finding in search.tally.findings.values():
        path = out / "findings" / name_of(finding.key.encode())
        if not path.exists():
            path.write_bytes(finding.data)
            path.with_suffix(".txt").write_text(f"{finding.key}\n{finding.data[:2000]!r}\n\n{finding.told}")
    return len(search.entries)


def _tell(search: Search, instrument: Instrument, seed: int, wall: float, cpu: float, out: Path) -> None:
    tally = search.tally
    line = Minute(
        search.target.name,
        seed,
        round(wall, 1),
        round(cpu, 1),
        tally.executions,
        tally.branches,
        instrument.branches,
        len(tally.seen),
        len(search.entries),
        [f"{finding.key} ({finding.times})" for finding in tally.findings.values()],
    )
    with (out / "statistics.jsonl").open("ab") as file:
        file.write(msgspec.json.encode(line) + b"\n")
    print(msgspec.json.encode(line).decode(), flush=True)


def _keep(target: Target, reader: str, inputs: Iterable[bytes]) -> None:
    folder = CORPUS / reader
    chosen = {name_of(data): data for data in distilled(target, [*inputs, *stored(reader)], files=FILES, size=SIZE)}
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name not in chosen and not path.name.startswith("found-"):
            path.unlink()
    for name, data in chosen.items():
        (folder / name).write_bytes(data)


def _all(options: argparse.Namespace) -> bool:
    """Each in a process of its own, with no more right to the machine than is left over."""
    running = []
    for reader in READERS:
        command = [sys.executable, "-m", "tests.fuzz", "--reader", reader, "--seconds", str(options.seconds)]
        command += ["--seed", str(options.seed), "--out", str(options.out), *(["--keep"] if options.keep else [])]
        running.append(subprocess.Popen(command, preexec_fn=lambda: os.nice(19)))
    ends = [process.wait() for process in running]
    return not any(ends)


def main() -> int:
    """The command."""
    options = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").splitlines()[0])
    options.add_argument("--reader", choices=sorted(READERS), help="one reader; all of them when left out")
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--out", type=Path, default=Path("build/fuzz"), help="where to put what is found")
    options.add_argument("--keep", action="store_true", help="distil what was found into the committed corpus")
    given = options.parse_args()
    if given.reader is None:
        return 0 if _all(given) else 1
    out = given.out / given.reader
    return 0 if _search(given.reader, given.seconds, given.seed, out, given.keep) else 1


if __name__ == "__main__":
    sys.exit(main())
