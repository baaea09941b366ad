"""Options laid over a pipeline from outside its file: `--set stage.option=value` of the command line.

Owns the form of such a setting and how it replaces an option's line. The value is YAML, as it would stand
in the file; what it may be is checked where the file's own options are.
"""

from collections.abc import Iterable, Mapping

import msgspec

from luna.config.diagnostics import Place, Report, did_you_mean
from luna.config.nodes import MappingNode, Node
from luna.config.pipelines import Draft, Line
from luna.config.source import parse


class Setting(msgspec.Struct, frozen=True):
    """`limit.max-tokens=20`: stage, option, and the value's YAML."""

    stage: str
    option: str
    value: str

    def __str__(self) -> str:
        return f"{self.stage}.{self.option}={self.value}"

    @classmethod
    def read(cls, text: str) -> "Setting":
        """Raises ValueError. A stage's name may hold dots, an option's may not."""
        name, equals, value = text.partition("=")
        stage, dot, option = name.rpartition(".")
        if not (equals and dot and stage and option):
            raise ValueError(f"expected stage.option=value, got {text!r}")
        return cls(stage, option, value)


def lay_over(
    drafts: Mapping[str, Draft | None], settings: Iterable[Setting], report: Report
) -> dict[str, Draft | None]:
    """The pipelines with the settings of their stages replaced; a setting for no stage of any is reported."""
    changed = dict(drafts)
    for setting in settings:
        place = Place(f"--set {setting}")
        node = parse(setting.value.encode(), place.file, report)
        holders = [draft for draft in changed.values() if draft is not None and setting.stage in _stages(draft)]
        if not holders:
            known = sorted({name for draft in changed.values() if draft is not None for name in _stages(draft)})
            hint = did_you_mean(setting.stage, known) or f"there are: {', '.join(known)}"
            report.error(place, f"no pipeline has a stage '{setting.stage}'", hint)
        if node is not None:
            changed |= {draft.name: _replaced(draft, setting, place, node) for draft in holders}
    return changed


def _stages(draft: Draft) -> list[str]:
    return [line.name for line in draft.lines]


def _replaced(draft: Draft, setting: Setting, place: Place, node: Node) -> Draft:
    return msgspec.structs.replace(
        draft,
        lines=tuple(_set(line, setting, place, node) if line.name == setting.stage else line for line in draft.lines),
    )


def _set(line: Line, setting: Setting, place: Place, node: Node) -> Line:
    options = MappingNode(line.options.place)
    for key, value in line.options.entries.items():
        if key != setting.option:
            options.put(key, line.options.keys[key], value)
    options.put(setting.option, place, node)
    return msgspec.structs.replace(line, options=options)
