"""The files of a configuration → a snapshot, or everything that is wrong with them.

Owns the order of the work: parse all files, load prompts, assemble pipelines, resolve routes. Touches nothing
shared; the only effect is that stage classes are loaded. Whether a snapshot is taken over is `luna.config.live`'s.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

import msgspec

from luna.config.assembly import Assembled, Assembly
from luna.config.diagnostics import Diagnostic, Place, Report
from luna.config.files import File, Files, digest, read_file
from luna.config.nodes import Node
from luna.config.overlay import Setting, lay_over
from luna.config.pipelines import Draft, read_draft
from luna.config.prompts import prompt_name, read_prompts
from luna.config.routes import read_routes
from luna.config.schema import Record, ReloadGate
from luna.config.source import parse
from luna.core.registry import Registry, StageLoadError, is_local, local_file
from luna.core.snapshot import Snapshot


class Compiled(msgspec.Struct, frozen=True):
    """What came of a compilation."""

    snapshot: Snapshot | None
    """None when there are errors. `version` and `since` are 0: whoever commits it fills them in."""
    errors: tuple[Diagnostic, ...]
    warnings: tuple[Diagnostic, ...]
    digest: str
    """Of every file below."""
    files: tuple[File, ...]
    """Everything that was read, local stage files included."""
    local: tuple[Path, ...]
    """The local stage files among them."""
    gate: ReloadGate = "off"
    """What a reload of it has to pass."""
    closed: bool = False
    """It compiles, and did not pass."""


def compile_files(
    files: Files,
    registry: Registry,
    environ: Mapping[str, str],
    record: Record | None = None,
    overlay: Sequence[Setting] = (),
) -> Compiled:
    """Compile. Never raises. `environ` fills `${NAME}`, `record` overrides what routes.yaml says about recording,
    `overlay` what the pipelines say about options."""
    report = Report()
    drafts = _read_drafts(files.pipelines, environ, report)
    if overlay:
        drafts = lay_over(drafts, overlay, report)
    # Read before the registry loads them: a change in between is then seen as one at the next look.
    local = tuple(_local_files(drafts.values(), files.base))
    read = (*files.all(), *(read_file(path, files.base) for path in local))

    prompts = read_prompts(
        [(prompt_name(file.name), file.name, file.data) for file in _readable(files.prompts, report)], report
    )
    assembly = Assembly(registry, prompts, files.base, report)
    pipelines: dict[str, Assembled | None] = {
        name: assembly.assemble(draft) if draft is not None else None for name, draft in drafts.items()
    }
    node = _parse(files.routes, environ, report)
    routes = read_routes(node, pipelines, assembly, report, record) if node is not None else None
    if routes is not None:
        for name, draft in drafts.items():
            if draft is not None and name not in routes.mentioned:
                report.warning(Place(draft.place.file), f"no route uses pipeline '{name}'")
    total = digest(read)
    snapshot = None
    if routes is not None and not report.errors:
        snapshot = Snapshot(
            version=0,
            digest=total,
            since=0.0,
            routes=tuple(routes.routes),
            pipelines={name: each.pipeline for name, each in pipelines.items() if each is not None and each.pipeline},
            aliases=tuple(routes.aliases),
            prompts=prompts,
            files=tuple(file.name for file in read),
            warnings=tuple(str(warning) for warning in report.warnings),
        )
    gate = routes.gate if routes is not None else "off"
    return Compiled(snapshot, report.errors, report.warnings, total, read, local, gate)


def _readable(files: Iterable[File], report: Report) -> list[File]:
    for file in files:
        if file.problem:
            report.error(Place(file.name), file.problem)
    return [file for file in files if not file.problem]


def _parse(file: File, environ: Mapping[str, str], report: Report) -> Node | None:
    return parse(file.data, file.name, report, environ) if _readable([file], report) else None


def _read_drafts(files: Iterable[File], environ: Mapping[str, str], report: Report) -> dict[str, Draft | None]:
    drafts: dict[str, Draft | None] = {}
    first: dict[str, str] = {}
    for file in files:
        name = PurePosixPath(file.name).stem
        if name in drafts:
            report.error(Place(file.name), f"there is a pipeline '{name}' already", f"in {first[name]}")
            continue
        first[name] = file.name
        node = _parse(file, environ, report)
        drafts[name] = read_draft(name, node, report) if node is not None else None
    return drafts


def _local_files(drafts: Iterable[Draft | None], base: Path) -> list[Path]:
    found: dict[Path, None] = {}
    for draft in drafts:
        for line in draft.lines if draft is not None else ():
            if is_local(line.use):
                try:
                    found[local_file(line.use, (base / line.place.file).parent)[0]] = None
                except StageLoadError:
                    continue  # the registry says it again, where it is reported
    return sorted(found)
