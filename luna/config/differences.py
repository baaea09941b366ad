"""What another configuration would do otherwise than the one in force.

Owns the comparison of two snapshots, part by part. Pure. Comments, order of keys and everything else that means nothing
is no difference; secrets are not shown.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from luna.config.status import Shape, shown
from luna.core.snapshot import BoundStage, Pipeline, Route, Snapshot

How = Literal["added", "removed", "changed", "moved"]
What = Literal["pipeline", "stage", "option", "route", "alias", "prompt"]


class ConfigChange(Shape, frozen=True, kw_only=True):
    """One difference. `before` and `after` are the values of what changed, where there are any."""

    how: How
    what: What
    within: str
    """The pipeline of a stage; pipeline and stage of an option, with ` ▸ ` between; else empty."""
    name: str
    aspect: str = ""
    """Which side of it changed: about, use, conditions, pipeline, record, target, text; empty for the whole of it."""
    before: Any = None
    after: Any = None


def differences(old: Snapshot, new: Snapshot) -> list[ConfigChange]:
    """All of them: routes first, then aliases, pipelines, prompts."""
    return [
        *_routes(old, new),
        *_aliases(old, new),
        *_pipelines(old.pipelines, new.pipelines),
        *_prompts(old, new),
    ]


def _come_and_gone(what: What, within: str, old: Sequence[str], new: Sequence[str]) -> Iterator[ConfigChange]:
    """What there was not, what there is no more, and what stands elsewhere among those that stayed."""
    yield from (ConfigChange(how="removed", what=what, within=within, name=name) for name in old if name not in new)
    yield from (ConfigChange(how="added", what=what, within=within, name=name) for name in new if name not in old)
    before = [name for name in old if name in new]
    after = [name for name in new if name in old]
    for name in _moved(before, after):
        yield ConfigChange(
            how="moved", what=what, within=within, name=name, before=old.index(name) + 1, after=new.index(name) + 1
        )


def _moved(before: list[str], after: list[str]) -> list[str]:
    """The fewest names that must have been taken from their place: all but a longest run that kept its order."""
    at = {name: position for position, name in enumerate(before)}
    runs: list[list[str]] = []
    for name in after:
        longest = max((run for run in runs if at[run[-1]] < at[name]), key=len, default=[])
        runs.append([*longest, name])
    kept = max(runs, key=len, default=[])
    return [name for name in after if name not in kept]


def _routes(old: Snapshot, new: Snapshot) -> Iterator[ConfigChange]:
    theirs, mine = ({route.name: route for route in each.routes} for each in (old, new))
    yield from _come_and_gone("route", "", list(theirs), list(mine))
    for name in (name for name in mine if name in theirs):
        before, after = theirs[name], mine[name]
        aspects: dict[str, tuple[Any, Any]] = {
            "conditions": (before.matcher.describe(), after.matcher.describe()),
            "pipeline": (before.pipeline.name, after.pipeline.name),
            "record": (before.record, after.record),
            "with": (_own_options(old, before), _own_options(new, after)),
        }
        yield from _aspects("route", "", name, aspects)


def _own_options(snapshot: Snapshot, route: Route) -> dict[str, Any]:
    """What a route has for itself, by `stage.option`."""
    usual = {bound.name: bound for bound in snapshot.pipelines[route.pipeline.name].stages}
    return {
        f"{bound.name}.{option}": shown(option, bound.options.get(option))
        for bound in route.pipeline.stages
        for option, spot in bound.written.items()
        if usual[bound.name].written.get(option) != spot
    }


def _aliases(old: Snapshot, new: Snapshot) -> Iterator[ConfigChange]:
    theirs, mine = _targets(old), _targets(new)
    yield from _come_and_gone("alias", "", list(theirs), list(mine))
    for name in (name for name in mine if name in theirs):
        yield from _aspects("alias", "", name, {"target": (theirs[name], mine[name])})


def _targets(snapshot: Snapshot) -> dict[str, str]:
    targets: dict[str, str] = {}
    for alias in snapshot.aliases:
        targets.setdefault(", ".join(alias.model.patterns), alias.target)  # a second line of the same never applies
    return targets


def _pipelines(old: Mapping[str, Pipeline], new: Mapping[str, Pipeline]) -> Iterator[ConfigChange]:
    yield from _come_and_gone("pipeline", "", sorted(old), sorted(new))
    for name in (name for name in sorted(new) if name in old):
        yield from _aspects("pipeline", "", name, {"about": (old[name].about, new[name].about)})
        theirs, mine = ({bound.name: bound for bound in each.stages} for each in (old[name], new[name]))
        yield from _come_and_gone("stage", name, list(theirs), list(mine))
        for stage in (stage for stage in mine if stage in theirs):
            yield from _stage(name, stage, theirs[stage], mine[stage])


def _stage(pipeline: str, name: str, old: BoundStage, new: BoundStage) -> Iterator[ConfigChange]:
    yield from _aspects("stage", pipeline, name, {"use": (old.stage.use, new.stage.use)})
    if old.stage.use == new.stage.use and type(old.stage) is not type(new.stage):
        yield ConfigChange(how="changed", what="stage", within=pipeline, name=name, aspect="code")
    for option in dict.fromkeys([*old.options, *new.options]):
        before, after = old.options.get(option), new.options.get(option)
        if before != after:
            yield ConfigChange(
                how="changed",
                what="option",
                within=f"{pipeline} ▸ {name}",
                name=option,
                before=shown(option, before),
                after=shown(option, after),
            )


def _prompts(old: Snapshot, new: Snapshot) -> Iterator[ConfigChange]:
    yield from _come_and_gone("prompt", "", old.prompts.names(), new.prompts.names())
    for name in new.prompts.names():
        before, after = old.prompts.find(name), new.prompts.find(name)
        if before is not None and after is not None:
            yield from _aspects(
                "prompt", "", name, {"text": (before.text, after.text), "about": (before.about, after.about)}
            )


def _aspects(what: What, within: str, name: str, aspects: Mapping[str, tuple[Any, Any]]) -> Iterator[ConfigChange]:
    for aspect, (before, after) in aspects.items():
        if before != after:
            yield ConfigChange(
                how="changed", what=what, within=within, name=name, aspect=aspect, before=before, after=after
            )
