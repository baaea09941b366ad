"""`luna explain`: which route a request would take, and why."""

import argparse
import sys
from collections.abc import Iterable
from typing import Any

import msgspec

from luna.cli.check import compile_settings, print_diagnostics
from luna.config.settings import Settings, SettingsError
from luna.core.routing import RequestFacts
from luna.core.snapshot import Route, Snapshot
from luna.model.dialect import Facts
from luna.model.values import Size

_EXAMPLE = """\
example:
  luna explain --path /v1/chat/completions --model gpt-5 --tool Bash --stream

exit codes: 0 a route matches, 2 none does (or wrong usage), 1 the configuration does not compile.
"""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    command = commands.add_parser(
        "explain",
        help="say which route a request would take, and why",
        description="Describe a request; luna says route by route why it matches or why not, which pipeline it "
        "takes with which options, and which model answers.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--path", required=True, help="the request's path, like /v1/chat/completions")
    command.add_argument("--method", help="the HTTP method (default: POST, or GET when nothing is said of a body)")
    command.add_argument("--model", help="the model that the client names")
    command.add_argument(
        "--tool", action="append", default=[], metavar="NAME", help="a tool that the client offers; repeatable"
    )
    command.add_argument(
        "--header",
        action="append",
        default=[],
        type=_header,
        metavar="NAME=VALUE",
        help="a header of the request; repeatable",
    )
    command.add_argument("--stream", action="store_true", help="the client asks for a stream")
    command.add_argument("--size", type=_size, default=0, metavar="BYTES", help="size of the body, like 64KiB")
    command.add_argument("--routes", metavar="FILE", help="the routes file (LUNA_ROUTES, default ./routes.yaml)")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Explain; 2 when no route matches, 1 when the configuration does not compile."""
    try:
        settings = Settings.from_environment(routes=arguments.routes)
    except SettingsError as error:
        print(f"luna: {error}", file=sys.stderr)
        return 1
    compiled = compile_settings(settings)
    if compiled.snapshot is None:
        print_diagnostics(compiled, settings.routes.parent)
        return 1
    body = Facts(model=arguments.model, stream=True if arguments.stream else None, tools=tuple(arguments.tool))
    has_body = arguments.model or arguments.stream or arguments.tool or arguments.size
    method = (arguments.method or ("POST" if has_body else "GET")).upper()
    request = RequestFacts(method, arguments.path, tuple(arguments.header), arguments.size)
    print("\n".join(explanation(compiled.snapshot, request, body)))
    return 0 if compiled.snapshot.route_for(request, body) is not None else 2


def explanation(snapshot: Snapshot, request: RequestFacts, body: Facts) -> list[str]:
    """The whole decision, line by line."""
    trail = snapshot.explain(request, body)
    width = max(len(route.name) for route in snapshot.routes)
    lines = [f"{request.method} {request.path}", ""]
    for route, verdict in trail:
        lines.append(f"  {'✓' if verdict.matched else '✗'} {route.name:{width}}  {verdict.reason}")
    lines.extend(f"  · {route.name:{width}}  not asked" for route in snapshot.routes[len(trail) :])
    lines.append("")
    if not trail or not trail[-1][1].matched:
        return [*lines, "no route matches: the client gets a 404 that says so"]
    lines.extend(_pipeline(trail[-1][0]))
    if body.model is not None:
        target = snapshot.target_of(body.model)
        lines.append(f"model {body.model}" + (f" → {target}" if target != body.model else " (no alias)"))
    return lines


def _pipeline(route: Route) -> Iterable[str]:
    from luna.config.status import describe_pipeline

    pipeline = describe_pipeline(route.pipeline)
    about = f": {pipeline.about}" if pipeline.about else ""
    yield f"pipeline {pipeline.name}{about}"
    width = max(len(stage.name) for stage in pipeline.stages)
    for stage in pipeline.stages:
        use = f"  ({stage.use})" if stage.use != stage.name else ""
        options = ", ".join(f"{name}: {_shown(value)}" for name, value in stage.options.items())
        yield f"  {stage.side:9}  {stage.name:{width}}{use}  {options}".rstrip()
    yield f"recording: {route.record}"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and value else msgspec.json.encode(value).decode()


def _header(raw: str) -> tuple[str, str]:
    name, equals, value = raw.partition("=")
    if not equals or not name.strip():
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {name!r}")
    return name.strip().lower(), value.strip()


def _size(raw: str) -> int:
    try:
        return int(Size.parse(raw))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
