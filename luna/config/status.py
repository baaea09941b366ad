"""What `GET /api/pipeline` tells of the configuration: the one in force, and what is wrong with the one on disk.

Owns the shapes that go out as JSON and nothing else. Options are shown as written, so that what came from the
environment stays a reference; those whose name says that they are a secret are not shown at all.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from luna.config.diagnostics import Diagnostic
from luna.config.order import side_of
from luna.core.snapshot import Pipeline, Route, Snapshot

_SECRET = frozenset({"key", "keys", "token", "secret", "secrets", "password", "cookie", "cookies", "authorization"})
HIDDEN = "(hidden)"


class Shape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of what goes out."""


class StageStatus(Shape, frozen=True, kw_only=True):
    """A stage in its place."""

    name: str
    use: str
    side: str
    options: dict[str, Any]
    """Every option as it holds: as written, or its default."""


class PipelineStatus(Shape, frozen=True, kw_only=True):
    """A pipeline; its stages in the order in which the data meets them."""

    name: str
    about: str
    stages: list[StageStatus]


class RouteStatus(Shape, frozen=True, kw_only=True):
    """A route, in the order in which they are tried."""

    name: str
    when: str
    """The conditions, in words."""
    pipeline: str
    record: str
    stages: list[StageStatus]
    """The pipeline's, with this route's own options."""


class AliasStatus(Shape, frozen=True, kw_only=True):
    """A model alias."""

    model: list[str]
    target: str


class SnapshotCount(Shape, frozen=True, kw_only=True):
    """A snapshot that flows still live under."""

    version: int
    flows: int
    current: bool


class ConfigStatus(Shape, frozen=True, kw_only=True):
    """The configuration in force, and whether it is the one on disk."""

    version: int
    digest: str
    since: int
    """Milliseconds since the epoch."""
    since_iso: str
    files: list[str]
    in_sync: bool
    diagnostics: list[Diagnostic]
    """What is wrong with the files on disk; empty when they are in force."""
    warnings: list[Diagnostic]
    aliases: list[AliasStatus]
    routes: list[RouteStatus]
    pipelines: list[PipelineStatus]
    snapshots: list[SnapshotCount]


def describe(
    snapshot: Snapshot,
    *,
    in_sync: bool,
    diagnostics: Iterable[Diagnostic],
    warnings: Iterable[Diagnostic],
    flows: Mapping[int, int],
) -> ConfigStatus:
    """Everything about a snapshot in force. `flows` counts the live flows by snapshot version."""
    versions = sorted({*flows, snapshot.version}, reverse=True)
    return ConfigStatus(
        version=snapshot.version,
        digest=snapshot.digest,
        since=round(snapshot.since * 1000),
        since_iso=datetime.fromtimestamp(snapshot.since, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        files=list(snapshot.files),
        in_sync=in_sync,
        diagnostics=list(diagnostics),
        warnings=list(warnings),
        aliases=describe_aliases(snapshot),
        routes=[describe_route(route) for route in snapshot.routes],
        pipelines=[describe_pipeline(each) for _, each in sorted(snapshot.pipelines.items())],
        snapshots=[
            SnapshotCount(version=version, flows=flows.get(version, 0), current=version == snapshot.version)
            for version in versions
        ],
    )


def describe_aliases(snapshot: Snapshot) -> list[AliasStatus]:
    """The model aliases, in the order in which they are tried."""
    return [AliasStatus(model=list(alias.model.patterns), target=alias.target) for alias in snapshot.aliases]


def describe_route(route: Route) -> RouteStatus:
    """A route with what it asks and where it leads."""
    pipeline = describe_pipeline(route.pipeline)
    return RouteStatus(
        name=route.name,
        when=route.matcher.describe(),
        pipeline=pipeline.name,
        record=route.record,
        stages=pipeline.stages,
    )


def describe_pipeline(pipeline: Pipeline) -> PipelineStatus:
    """A pipeline with its stages and their options."""
    return PipelineStatus(
        name=pipeline.name,
        about=pipeline.about,
        stages=[
            StageStatus(
                name=bound.name,
                use=bound.stage.use,
                side=side_of(type(bound.stage)) or "",
                options={name: shown(name, value) for name, value in bound.options.items()},
            )
            for bound in pipeline.stages
        ],
    )


def shown(option: str, value: Any) -> Any:
    """An option's value, unless its name says that it is a secret."""
    return HIDDEN if option.split("-")[-1] in _SECRET else value
