"""A pipeline file → its lines: which stage each names, and the options written beside it.

Owns the reading alone; classes are looked up and stages built by `luna.config.assembly`. Pure.
"""

import msgspec

from luna.config.convert import kind_of, read_struct, refuse_filled
from luna.config.diagnostics import Place, Report
from luna.config.nodes import MappingNode, Node, SequenceNode
from luna.config.schema import RESERVED, PipelineFile, StageSpec
from luna.core.registry import is_local


class Line(msgspec.Struct, frozen=True):
    """One line of `stages`."""

    name: str
    use: str
    place: Place
    """Where `use` has its value."""
    options: MappingNode


class Draft(msgspec.Struct, frozen=True):
    """A pipeline file that could be read, at least in part."""

    name: str
    about: str
    place: Place
    """Of the key `stages`."""
    lines: tuple[Line, ...]
    sound: bool
    """False when something was reported: then the lines are checked, but nothing is made of them."""


def read_draft(name: str, node: Node, report: Report) -> Draft | None:
    """The lines of a pipeline file; None after reporting that there are none to speak of."""
    spec = read_struct(node, PipelineFile, report, "a pipeline", skip=("stages",))
    stages = node.entries.get("stages") if isinstance(node, MappingNode) else None
    if not isinstance(node, MappingNode) or stages is None:
        return None
    if not isinstance(stages, SequenceNode):
        report.error(stages.place, f"expected a list of stages, got {kind_of(stages)}", "write '- use: NAME' for each")
        return None
    if not stages.items:
        report.error(stages.place, "a pipeline needs stages", "write '- use: NAME' for each")
        return None
    lines = [line for item in stages.items if (line := _read_line(item, report)) is not None]
    unique = _check_names(lines, report)
    sound = spec is not None and len(lines) == len(stages.items) and unique
    return Draft(name, spec.about if spec is not None else "", node.keys["stages"], tuple(lines), sound)


def _read_line(node: Node, report: Report) -> Line | None:
    if not isinstance(node, MappingNode):
        report.error(node.place, f"expected a stage, got {kind_of(node)}", "write '- use: NAME'")
        return None
    own, options = MappingNode(node.place), MappingNode(node.place)
    for key, value in node.entries.items():
        (own if key in RESERVED else options).put(key, node.keys[key], value)
    spec = read_struct(own, StageSpec, report, "a stage")
    if not refuse_filled(own, RESERVED, report) or spec is None:
        return None
    default = spec.use.rpartition(":")[2].lower() if is_local(spec.use) else spec.use
    return Line(spec.name or default, spec.use, own.entries["use"].place, options)


def _check_names(lines: list[Line], report: Report) -> bool:
    taken: dict[str, Line] = {}
    for line in lines:
        first = taken.setdefault(line.name, line)
        if first is not line:
            message = f"a stage called '{line.name}' stands in line {first.place.line} already"
            report.error(line.place, message, "give one of them a 'name' of its own")
    return len(taken) == len(lines)
