"""A configuration, compiled and frozen.

Owns the compiled form of routes and pipelines and the one cell that says which snapshot new
flows are born under. Committing is one assignment. How YAML becomes a snapshot is `luna.config`.
"""

from collections.abc import Mapping
from functools import cached_property

import msgspec

from luna.core.prompts import Prompts
from luna.core.routing import Alias, Matcher, RequestFacts, Verdict
from luna.core.stage import AnswerStage, AroundStage, EncodeStage, RequestStage, ResponseStage, Stage, TransportStage
from luna.model.dialect import ClientRequest, Facts
from luna.model.errors import Kind, LunaError

PLACES = 256
"""Request lines whose routes are kept at hand: clients ask for a few, and may ask for anything."""

Spot = tuple[str, int, int]
"""A file (relative to the folder of routes.yaml), a line and a column, both from 1."""


class BoundStage(msgspec.Struct, frozen=True):
    """A stage in its place: the name under which boundaries, errors and overrides know it."""

    name: str
    stage: Stage
    options: Mapping[str, object]
    """All of them as they hold, for the inspector: as written (`${NAME}` unfilled), else the default."""
    place: Spot | None = None
    """Where its line stands."""
    written: Mapping[str, Spot] = msgspec.field(default_factory=dict)
    """Where each option stands that is not left at its default; a route's own stand in routes.yaml."""


class Pipeline(msgspec.Struct, frozen=True, dict=True):
    """Stages in the order in which the data meets them."""

    name: str
    about: str
    stages: tuple[BoundStage, ...]
    place: Spot | None = None
    """Where its stages are listed."""

    def __repr__(self) -> str:
        return f"<Pipeline {self.name}: {' ▸ '.join(bound.name for bound in self.stages)}>"

    @cached_property
    def requests(self) -> tuple[tuple[str, RequestStage], ...]:
        return tuple((b.name, b.stage) for b in self.stages if isinstance(b.stage, RequestStage))

    @cached_property
    def arounds(self) -> tuple[tuple[str, AroundStage], ...]:
        return tuple((b.name, b.stage) for b in self.stages if isinstance(b.stage, AroundStage))

    @cached_property
    def responses(self) -> tuple[tuple[str, ResponseStage], ...]:
        return tuple((b.name, b.stage) for b in self.stages if isinstance(b.stage, ResponseStage))

    @cached_property
    def options(self) -> Mapping[str, Mapping[str, object]]:
        """Of each stage, as recordings show them."""
        return {b.name: b.options for b in self.stages}

    @cached_property
    def far_end(self) -> tuple[str, TransportStage | AnswerStage]:
        """The one transport or answer stage."""
        return next((b.name, b.stage) for b in self.stages if isinstance(b.stage, TransportStage | AnswerStage))

    @cached_property
    def encode(self) -> tuple[str, EncodeStage] | None:
        return next(((b.name, b.stage) for b in self.stages if isinstance(b.stage, EncodeStage)), None)


class Route(msgspec.Struct, frozen=True):
    """Which requests take which pipeline."""

    name: str
    matcher: Matcher
    pipeline: Pipeline
    """With the route's own option overrides compiled in."""
    record: str = "errors"
    """`off`, `errors` or `all`."""
    place: Spot | None = None
    """Where its name stands."""


class Snapshot(msgspec.Struct, frozen=True, dict=True):
    """Everything that YAML and prompt files say, at one moment."""

    version: int
    digest: str
    """Of all files it was compiled from: hexadecimal SHA-256."""
    since: float
    """Seconds since the epoch when it was committed."""
    routes: tuple[Route, ...]
    pipelines: Mapping[str, Pipeline]
    aliases: tuple[Alias, ...]
    prompts: Prompts
    files: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Snapshot {self.version} {self.digest[:8]} routes={len(self.routes)} pipelines={len(self.pipelines)}>"

    def route_for(self, request: ClientRequest | RequestFacts, body: Facts) -> Route | None:
        """The first route that matches, or None."""
        place = request.method, request.path
        routes = self._by_place.get(place)
        if routes is None:
            routes = tuple(route for route in self.routes if route.matcher.stands_at(*place))
            if len(self._by_place) < PLACES:
                self._by_place[place] = routes
        for route in routes:
            if not route.matcher.asks_more:
                return route
            facts = request if isinstance(request, RequestFacts) else RequestFacts.of(request)
            if route.matcher.matches(facts, body):
                return route
        return None

    @cached_property
    def _by_place(self) -> dict[tuple[str, str], tuple[Route, ...]]:
        """The routes that a request line can take, for those that were asked for."""
        return {}

    def explain(self, request: RequestFacts, body: Facts) -> list[tuple[Route, Verdict]]:
        """Route by route up to and including the first that matches: why it did, or the first reason why not."""
        trail: list[tuple[Route, Verdict]] = []
        for route in self.routes:
            verdict = route.matcher.verdict(request, body)
            trail.append((route, verdict))
            if verdict.matched:
                break
        return trail

    def target_of(self, model: str) -> str:
        """The name that the aliases give a client's model name; itself when none covers it."""
        for alias in self.aliases:
            if alias.model.matches(model):
                return alias.target
        return model


class SnapshotCell:
    """Holds the snapshot that new flows are born under."""

    def __init__(self, current: Snapshot) -> None:
        self.current = current

    def __repr__(self) -> str:
        return f"<SnapshotCell {self.current!r}>"

    def say(self, prompt: str, /, **variables: str) -> str:
        """A prompt of the snapshot in force, filled in: for what luna says outside of flows. Raises
        LunaError(INTERNAL) when there is none, or it uses other variables."""
        found = self.current.prompts.find(prompt)
        if found is None or not set(found.used()) <= variables.keys():
            problem = "is missing" if found is None else "uses variables that it is not given"
            raise LunaError(
                Kind.INTERNAL,
                f"The prompt '{prompt}' {problem}.",
                hint=f"Put prompts/{prompt}.md back; it may use {', '.join(sorted(variables)) or 'no variables'}.",
            )
        return found.render(**variables)

    def commit(self, new: Snapshot) -> Snapshot:
        """Make `new` the one for flows born from now on; returns the one it replaces."""
        old, self.current = self.current, new
        return old
