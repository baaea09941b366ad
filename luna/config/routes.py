"""routes.yaml → routes and aliases.

Owns the reading of routes, their reference to a pipeline, and the lint: names twice, routes and aliases
that can never apply. Pure but for the stages that a route's overrides build.
"""

from collections.abc import Mapping, Sequence

import msgspec

from luna.config.assembly import Assembled, Assembly
from luna.config.convert import kind_of, read_struct, refuse_filled
from luna.config.diagnostics import Place, Report, did_you_mean
from luna.config.nodes import MappingNode, Node, ScalarNode, SequenceNode
from luna.config.schema import AliasSpec, Match, Record, ReloadGate, RoutesFile, RouteSpec
from luna.core.routing import Alias, Matcher, unreachable
from luna.core.snapshot import Pipeline, Route
from luna.model.values import Globs

CONTROL_PLANE = ("/api", "/health", "/metrics")
"""What luna answers itself, before any route is asked."""


class Routes(msgspec.Struct):
    """What routes.yaml says, as far as it is sound."""

    aliases: list[Alias] = msgspec.field(default_factory=list)
    routes: list[Route] = msgspec.field(default_factory=list)
    mentioned: set[str] = msgspec.field(default_factory=set)
    """The pipelines that any route names."""
    gate: ReloadGate = "off"


def read_routes(
    node: Node,
    pipelines: Mapping[str, Assembled | None],
    assembly: Assembly,
    report: Report,
    record: Record | None = None,
) -> Routes:
    """Routes and aliases; all that is wrong is reported. In `pipelines`, None is a file that could not be read.
    `record` overrides what the file says about recording."""
    top = read_struct(node, RoutesFile, report, "routes.yaml", skip=("aliases", "routes"))
    found = Routes()
    if not isinstance(node, MappingNode):
        return found
    default: Record = top.record if top is not None else "errors"
    found.gate = top.reload_gate if top is not None else "off"
    found.aliases = _read_aliases(_items(node, "aliases", report), report)
    matchers: list[tuple[str, Place, Matcher]] = []
    taken: dict[str, Place] = {}
    items = _items(node, "routes", report)
    for item in items:
        spec = read_struct(item, RouteSpec, report, "a route")
        if not isinstance(item, MappingNode):
            continue
        if "pipeline" in item.entries:
            found.mentioned.add(str(item.entries["pipeline"].plain()))
        shown = [
            refuse_filled(item, ("name", "pipeline"), report),
            refuse_filled(item.entries.get("match"), ("header",), report),
        ]
        if spec is None or not all(shown):
            continue
        place = item.entries["name"].place
        first = taken.setdefault(spec.name, place)
        if first is not place:
            report.error(place, f"a route called '{spec.name}' stands in line {first.line} already")
        matcher = _matcher(spec.match, item, report)
        matchers.append((f"route '{spec.name}'", place, matcher))
        pipeline = _pipeline(spec, item, pipelines, assembly, report)
        if pipeline is not None:
            found.routes.append(Route(spec.name, matcher, pipeline, record or spec.record or default, place))
    _lint(matchers, report)
    return found


def _items(node: MappingNode, name: str, report: Report) -> Sequence[Node]:
    listed = node.entries.get(name)
    nothing = isinstance(listed, ScalarNode) and listed.value is None and name == "aliases"  # all commented out
    if listed is None or nothing:
        return ()
    if not isinstance(listed, SequenceNode):
        report.error(listed.place, f"'{name}': expected a list, got {kind_of(listed)}", "begin each item with '- '")
        return ()
    if name == "routes" and not listed.items:
        report.error(listed.place, "without a route no request can be answered", "write at least one")
    return listed.items


def _read_aliases(items: Sequence[Node], report: Report) -> list[Alias]:
    aliases: list[Alias] = []
    matchers: list[tuple[str, Place, Matcher]] = []
    for item in items:
        spec = read_struct(item, AliasSpec, report, "an alias")
        if spec is not None:
            aliases.append(Alias(spec.model, spec.target))
            matchers.append((f"the alias in line {item.place.line}", item.place, Matcher(model=spec.model)))
    _lint(matchers, report)
    return aliases


def _pipeline(
    spec: RouteSpec,
    item: MappingNode,
    pipelines: Mapping[str, Assembled | None],
    assembly: Assembly,
    report: Report,
) -> Pipeline | None:
    if spec.pipeline not in pipelines:
        hint = did_you_mean(spec.pipeline, pipelines) or f"there are: {', '.join(sorted(pipelines)) or 'none'}"
        report.error(item.entries["pipeline"].place, f"pipeline '{spec.pipeline}' does not exist", hint)
        return None
    assembled = pipelines[spec.pipeline]
    if assembled is None:
        return None
    overrides = item.entries.get("with")
    if isinstance(overrides, MappingNode) and overrides.entries:
        return assembly.variant(assembled, overrides)
    return assembled.pipeline


def _matcher(match: Match, item: MappingNode, report: Report) -> Matcher:
    tools, size = match.tools, match.size
    node = item.entries.get("match")
    if match.path is not None and isinstance(node, MappingNode):
        _check_paths(match.path, node.entries["path"], report)
    return Matcher(
        method=Globs(pattern.upper() for pattern in match.method.patterns) if match.method else None,
        path=match.path,
        model=match.model,
        headers=tuple((name.lower(), globs) for name, globs in match.header.items()),
        tools_any=tools.any if tools else None,
        tools_all=tuple(Globs([pattern]) for pattern in tools.all.patterns) if tools and tools.all else (),
        tools_none=tools.none if tools else None,
        stream=match.stream,
        size_min=size.min if size else None,
        size_max=size.max if size else None,
    )


def _check_paths(paths: Globs, node: Node, report: Report) -> None:
    items = node.items if isinstance(node, SequenceNode) else [node]
    for pattern, item in zip(paths.patterns, items, strict=True):
        if not pattern.startswith(("/", "*", "?", "[")):
            report.error(item.place, f"'path': '{item.written()}' matches no path", "a path begins with '/'")
        elif any(pattern == own or pattern.startswith(f"{own}/") for own in CONTROL_PLANE):
            report.warning(item.place, f"luna answers '{item.written()}' itself; this route is never asked for it")


def _lint(found: Sequence[tuple[str, Place, Matcher]], report: Report) -> None:
    numbered = [(str(number), matcher) for number, (_, _, matcher) in enumerate(found)]
    for number, shadow in unreachable(numbered):
        label, place, _ = found[int(number)]
        message = f"{label} can never apply: {found[int(shadow)][0]} takes everything that it could"
        report.warning(place, message, "move it up, or make the other narrower")
