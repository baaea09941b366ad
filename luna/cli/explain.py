"""`luna explain`: which route a request would take, and why."""

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from luna.cli.check import compile_settings, print_diagnostics
from luna.config.settings import Settings, SettingsError
from luna.core.routing import RequestFacts
from luna.model.dialect import Facts
from luna.model.values import Size

if TYPE_CHECKING:
    from luna.config.explain import Explanation

_MARKS = {"matches": "✓", "refuses": "✗", "not asked": "·"}

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
    from luna.config.explain import explain  # slow to import, and most commands do without

    compiled = compile_settings(settings)
    if compiled.snapshot is None:
        print_diagnostics(compiled, settings.routes.parent)
        return 1
    body = Facts(model=arguments.model, stream=True if arguments.stream else None, tools=tuple(arguments.tool))
    has_body = arguments.model or arguments.stream or arguments.tool or arguments.size
    method = (arguments.method or ("POST" if has_body else "GET")).upper()
    request = RequestFacts(method, arguments.path, tuple(arguments.header), arguments.size)
    explanation = explain(compiled.snapshot, request, body)
    print("\n".join(lines_of(explanation)))
    return 0 if explanation.route is not None else 2


def lines_of(explanation: "Explanation") -> Iterator[str]:
    """The whole decision, line by line."""
    width = max(len(asked.route) for asked in explanation.routes)
    yield from (f"{explanation.method} {explanation.path}", "")
    for asked in explanation.routes:
        reason = asked.reason or asked.verdict
        yield f"  {_MARKS[asked.verdict]} {asked.route:{width}}  {reason}"
    yield ""
    if explanation.route is None:
        yield "no route matches: the client gets a 404 that says so"
        return
    yield f"pipeline {explanation.pipeline}" + (f": {explanation.about}" if explanation.about else "")
    width = max(len(stage.name) for stage in explanation.stages)
    for stage in explanation.stages:
        use = f"  ({stage.use})" if stage.use != stage.name else ""
        options = ", ".join(f"{option.name}: {_shown(option.value)}" for option in stage.options)
        yield f"  {stage.side:9}  {stage.name:{width}}{use}  {options}".rstrip()
    yield f"recording: {explanation.record}"
    if explanation.model is not None:
        model, target = explanation.model, explanation.target
        yield f"model {model}" + (f" → {target}" if target != model else " (no alias)")


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
