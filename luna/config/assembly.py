"""The lines of a pipeline → stages.

Owns looking up classes, reading options and building; what is wrong is reported where it stands. A route
that overrides options gets a variant made of the same lines. Has no effect beyond loading stage classes.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from luna.config.convert import build, read_fields, report_unknown
from luna.config.diagnostics import Place, Report, did_you_mean
from luna.config.files import name_of
from luna.config.nodes import MappingNode, Node, ScalarNode, scrub
from luna.config.options import effective, option_fields
from luna.config.order import SIDES, Standing, check_order, side_of
from luna.config.pipelines import Draft, Line
from luna.core.prompts import Prompts
from luna.core.registry import Registry, StageLoadError
from luna.core.snapshot import BoundStage, Pipeline
from luna.core.stage import BuildContext, Stage, StageOptions
from luna.model.errors import OptionError


class Assembled(msgspec.Struct, frozen=True):
    """A draft with its classes and, when nothing is wrong with it, its pipeline."""

    draft: Draft
    classes: tuple[type[Stage] | None, ...]
    """One for each line; None where there is none."""
    pipeline: Pipeline | None


class Assembly:
    """Builds stages. One for each compilation."""

    def __init__(self, registry: Registry, prompts: Prompts, base: Path, report: Report) -> None:
        self._registry = registry
        self._prompts = prompts
        self._base = base
        self._report = report

    def __repr__(self) -> str:
        return f"<Assembly in {self._base}>"

    def assemble(self, draft: Draft) -> Assembled:
        """Build the pipeline, reporting all that is wrong with it."""
        report = self._report
        classes = tuple(self._find(line) for line in draft.lines)
        found = [(line, kind) for line, kind in zip(draft.lines, classes, strict=True) if kind is not None]
        built = [self._build(draft, line, kind) for line, kind in found]
        stages = tuple(bound for bound in built if bound is not None)
        if not draft.sound or len(found) < len(draft.lines):
            return Assembled(draft, classes, None)
        before = len(report.errors)
        check_order(draft.name, draft.place, [Standing(line.name, line.place, kind) for line, kind in found], report)
        complete = len(stages) == len(draft.lines) and len(report.errors) == before
        pipeline = Pipeline(draft.name, draft.about, stages, draft.place)
        return Assembled(draft, classes, pipeline if complete else None)

    def variant(self, assembled: Assembled, overrides: MappingNode) -> Pipeline | None:
        """The pipeline with a route's `with` laid over its options; None after reporting."""
        draft, pipeline = assembled.draft, assembled.pipeline
        names = [line.name for line in draft.lines]
        for name in overrides.entries:
            if name not in names:
                hint = did_you_mean(name, names) or f"it has: {', '.join(names)}"
                self._report.error(overrides.keys[name], f"pipeline '{draft.name}' has no stage '{name}'", hint)
        rebuilt: dict[str, BoundStage | None] = {}
        for line, kind in zip(draft.lines, assembled.classes, strict=True):
            over = overrides.entries.get(line.name)
            if kind is not None and isinstance(over, MappingNode):
                rebuilt[line.name] = self._build(draft, line, kind, over)
        if pipeline is None:
            return None
        stages = tuple(each for bound in pipeline.stages if (each := rebuilt.get(bound.name, bound)) is not None)
        return msgspec.structs.replace(pipeline, stages=stages) if len(stages) == len(pipeline.stages) else None

    def _find(self, line: Line) -> type[Stage] | None:
        try:
            kind = self._registry.find(line.use, (self._base / line.place.file).parent)
        except KeyError:
            names = self._registry.names()
            hint = did_you_mean(line.use, names) or f"there are: {', '.join(names) or 'none'}"
            self._report.error(line.place, f"there is no stage '{line.use}'", hint)
            return None
        except StageLoadError as error:
            self._report_load(line, error)
            return None
        if side_of(kind) is None:
            bases = ", ".join(base.__name__ for base in SIDES)
            self._report.error(line.place, f"the class of '{line.use}' must derive from exactly one of {bases}")
            return None
        return kind

    def _report_load(self, line: Line, error: StageLoadError) -> None:
        if error.file is None:
            self._report.error(line.place, error.message)
            return
        place = Place(name_of(error.file, self._base), error.line or 1)
        self._report.error(place, error.message, f"used at {line.place}")

    def _build(self, draft: Draft, line: Line, kind: type[Stage], over: MappingNode | None = None) -> BoundStage | None:
        """The stage of one line; with `over`, a route's options win and unknown ones among them are reported."""
        report, what = self._report, f"stage '{line.name}'"
        try:
            fields = option_fields(kind)
        except (TypeError, NameError) as error:
            report.error(line.place, f"the options of '{line.use}' cannot be read: {error}")
            return None
        written = line.options if over is None else over
        misspelt = report_unknown(written.keys, fields, report, what, "option")
        entries = {**line.options.entries, **written.entries}
        nodes = {name: node for name, node in entries.items() if name in fields}
        found = read_fields(nodes, fields, report, what, line.place, misspelt=misspelt or ())
        if found is None or misspelt is not None:
            return None
        secrets = [secret for node in nodes.values() for secret in node.secrets()]
        options = build(kind.Options, found, report, written.place, secrets)
        stage = self._construct(draft, line, kind, options, nodes) if options is not None else None
        if stage is None:
            return None
        keys = {**line.options.keys, **written.keys}
        places = {name: keys[name] for name in nodes}
        return BoundStage(line.name, stage, effective(fields, nodes), line.place, places)

    def _construct(
        self, draft: Draft, line: Line, kind: type[Stage], options: StageOptions, nodes: Mapping[str, Node]
    ) -> Stage | None:
        report = self._report
        secrets = [secret for node in nodes.values() for secret in node.secrets()]
        try:
            return kind(options, BuildContext(prompts=self._prompts, pipeline=draft.name))
        except OptionError as error:
            self._report_refusal(line, nodes.get(error.field), error, secrets)
        except Exception as error:  # a third party's constructor may raise anything: a diagnostic, not a crash
            said = scrub(f"{type(error).__name__}: {error}", secrets)
            report.error(line.place, f"stage '{line.name}' cannot be built: {said}")
        return None

    def _report_refusal(self, line: Line, node: Node | None, error: OptionError, secrets: list[ScalarNode]) -> None:
        place = node.place if node is not None else line.place
        own = node.secrets() if node is not None else []
        said = f"the value (from {own[0].text}) is not accepted" if own else scrub(error.message, secrets)
        self._report.error(place, f"'{error.field}': {said}")
