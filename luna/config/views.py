"""The pipelines in force as the admin pages show them: every stage with its options, their defaults and their places.

Owns those shapes and how they are made of a snapshot. Pure; the shorter form of the same is `luna.config.status`.
"""

import inspect
from collections.abc import Sequence
from typing import Any

from luna.config.options import default_of, meaning, option_fields, schema_of, takes
from luna.config.order import side_of
from luna.config.status import AliasStatus, Shape, describe_aliases, shown
from luna.core.snapshot import BoundStage, Pipeline, Route, Snapshot, Spot


class PlaceView(Shape, frozen=True, kw_only=True):
    """A spot in a file of the configuration. Lines and columns count from 1."""

    file: str
    line: int
    col: int


class OptionView(Shape, frozen=True, kw_only=True):
    """An option of a stage."""

    name: str
    value: Any
    """As it holds: as written (`${NAME}` unfilled), or the default."""
    default: Any
    required: bool
    written: PlaceView | None
    """Where it stands; None where the default holds."""
    takes: str
    about: str


class PipelineStage(Shape, frozen=True, kw_only=True):
    """A stage in its place."""

    name: str
    use: str
    side: str
    """request, around, transport, answer, response or encode."""
    about: str
    place: PlaceView | None
    options: list[OptionView]


class PipelineView(Shape, frozen=True, kw_only=True):
    """A pipeline; its stages in the order in which the data meets them."""

    name: str
    about: str
    place: PlaceView | None
    stages: list[PipelineStage]
    routes: list[str]
    """The routes that take it, by name."""


class OverrideView(Shape, frozen=True, kw_only=True):
    """An option that a route has its own value for."""

    stage: str
    option: str
    value: Any
    instead: Any
    """What the pipeline says."""
    written: PlaceView | None


class RouteView(Shape, frozen=True, kw_only=True):
    """A route, in the order in which they are tried."""

    name: str
    when: str
    """The conditions, in words."""
    pipeline: str
    record: str
    place: PlaceView | None
    overrides: list[OverrideView]


class PipelinesView(Shape, frozen=True, kw_only=True):
    """The configuration in force."""

    version: int
    pipelines: list[PipelineView]
    routes: list[RouteView]
    aliases: list[AliasStatus]


def view(snapshot: Snapshot) -> PipelinesView:
    """All of a snapshot."""
    return PipelinesView(
        version=snapshot.version,
        pipelines=[view_pipeline(snapshot, name) for name in sorted(snapshot.pipelines)],
        routes=[view_route(snapshot, route) for route in snapshot.routes],
        aliases=describe_aliases(snapshot),
    )


def view_pipeline(snapshot: Snapshot, name: str) -> PipelineView:
    """One pipeline. Raises KeyError."""
    pipeline = snapshot.pipelines[name]
    return PipelineView(
        name=pipeline.name,
        about=pipeline.about,
        place=_place(pipeline.place),
        stages=view_stages(pipeline),
        routes=[route.name for route in snapshot.routes if route.pipeline.name == name],
    )


def view_stages(pipeline: Pipeline) -> list[PipelineStage]:
    """The stages of a pipeline, or of a route's variant of it."""
    return [
        PipelineStage(
            name=bound.name,
            use=bound.stage.use,
            side=side_of(type(bound.stage)) or "",
            about=inspect.cleandoc(type(bound.stage).__doc__ or ""),
            place=_place(bound.place),
            options=_options(bound),
        )
        for bound in pipeline.stages
    ]


def view_route(snapshot: Snapshot, route: Route) -> RouteView:
    """One route with what it changes of its pipeline."""
    return RouteView(
        name=route.name,
        when=route.matcher.describe(),
        pipeline=route.pipeline.name,
        record=route.record,
        place=_place(route.place),
        overrides=_overrides(snapshot.pipelines[route.pipeline.name].stages, route.pipeline.stages),
    )


def _overrides(usual: Sequence[BoundStage], own: Sequence[BoundStage]) -> list[OverrideView]:
    return [
        OverrideView(
            stage=mine.name,
            option=option,
            value=shown(option, mine.options.get(option)),
            instead=shown(option, theirs.options.get(option)),
            written=_place(spot),
        )
        for theirs, mine in zip(usual, own, strict=True)
        for option, spot in mine.written.items()
        if theirs.written.get(option) != spot
    ]


def _options(bound: BoundStage) -> list[OptionView]:
    views = []
    for name, field in option_fields(type(bound.stage)).items():
        default = None if field.required else default_of(field)
        try:
            schema = schema_of(field)
        except TypeError:  # a third party's own type, which only its author can describe
            schema = {}
        views.append(
            OptionView(
                name=name,
                value=shown(name, bound.options.get(name, default)),
                default=default,
                required=field.required,
                written=_place(bound.written.get(name)),
                takes=takes(schema),
                about=meaning(schema),
            )
        )
    return views


def _place(spot: Spot | None) -> PlaceView | None:
    return None if spot is None else PlaceView(file=spot[0], line=spot[1], col=spot[2])
