"""`luna check`: compile the configuration and say what is wrong with it, without starting anything."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from luna.config.diagnostics import count
from luna.config.settings import Settings, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from luna.config.compile import Compiled
    from luna.config.overlay import Setting
    from luna.core.registry import Registry

_EXAMPLE = """\
example:
  luna check --routes ./routes.yaml && luna serve --routes ./routes.yaml

exit codes: 0 sound (warnings included), 1 errors, 2 wrong usage or settings.
"""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    command = commands.add_parser(
        "check",
        help="say what is wrong with routes.yaml, pipelines and prompts",
        description="Compile routes.yaml with its pipelines/ and prompts/, exactly as `luna serve` does, and print "
        "everything that is wrong as FILE:LINE:COLUMN: MESSAGE.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--routes", metavar="FILE", help="the routes file (LUNA_ROUTES, default ./routes.yaml)")
    command.add_argument("--json", action="store_true", help="print one JSON document instead of lines")
    command.add_argument(
        "--write-schemas",
        metavar="DIR",
        type=Path,
        help="write the JSON Schemas that editors use for completion into DIR, and check nothing",
    )
    command.add_argument(
        "--write-reference",
        metavar="FILE",
        type=Path,
        help="write the page that describes every stage and its options into FILE, and check nothing",
    )
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check; 1 when there are errors."""
    try:
        settings = Settings.from_environment(routes=arguments.routes)
    except SettingsError as error:
        print(f"luna: {error}", file=sys.stderr)
        return 2
    if arguments.write_schemas is not None:
        return _write_schemas(arguments.write_schemas)
    if arguments.write_reference is not None:
        return _write_reference(arguments.write_reference)
    compiled = compile_settings(settings)
    if arguments.json:
        _print_json(compiled, settings.routes.parent)
    else:
        _print_lines(compiled, settings.routes)
    return 1 if compiled.snapshot is None else 0


def compile_settings(settings: Settings, overlay: "Sequence[Setting]" = ()) -> "Compiled":
    """Compile what these settings point at, with the options of `overlay` over the pipelines' own."""
    from luna.config.compile import compile_files  # slow to import, and most commands do without
    from luna.config.files import read_files
    from luna.core.registry import Registry

    registry = Registry(third_party=settings.third_party_stages)
    return compile_files(read_files(settings.routes), registry, os.environ, settings.record, overlay)


def print_diagnostics(compiled: "Compiled", base: Path) -> None:
    """Every diagnostic on a line of standard error, with paths that work from here."""
    here = Path.cwd()
    for diagnostic in sorted((*compiled.errors, *compiled.warnings)):
        print(diagnostic.seen_from(base, here), file=sys.stderr)


def _print_lines(compiled: "Compiled", routes: Path) -> None:
    print_diagnostics(compiled, routes.parent)
    counts = f"{count(len(compiled.errors), 'error')}, {count(len(compiled.warnings), 'warning')}"
    snapshot = compiled.snapshot
    if snapshot is None:
        print(f"{routes}: {counts}", file=sys.stderr)
        return
    print(f"{routes}: {count(len(snapshot.routes), 'route')}, {count(len(snapshot.pipelines), 'pipeline')}, {counts}")
    for route in snapshot.routes:
        stages = " ▸ ".join(bound.name for bound in route.pipeline.stages)
        print(f"  {route.name}: {route.matcher.describe()}\n    {route.pipeline.name}: {stages}")


def _print_json(compiled: "Compiled", base: Path) -> None:
    snapshot, here = compiled.snapshot, Path.cwd()
    document = {
        "ok": snapshot is not None,
        "routes": [route.name for route in snapshot.routes] if snapshot is not None else [],
        "pipelines": sorted(snapshot.pipelines) if snapshot is not None else [],
        "errors": [each.seen_from(base, here) for each in compiled.errors],
        "warnings": [each.seen_from(base, here) for each in compiled.warnings],
    }
    print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def _write_schemas(folder: Path) -> int:
    from luna.config.jsonschema import documents

    return _write(lambda registry: {folder / name: content for name, content in documents(registry).items()})


def _write_reference(file: Path) -> int:
    from luna.config.reference import page

    return _write(lambda registry: {file: page(registry).encode()})


def _write(make: "Callable[[Registry], Mapping[Path, bytes]]") -> int:
    from luna.core.registry import Registry, StageLoadError

    try:
        for path, content in make(Registry(third_party=False)).items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            print(path)
    except (StageLoadError, OSError) as error:
        print(f"luna: {error}", file=sys.stderr)
        return 1
    return 0
