"""The shape of `routes.yaml` and of a pipeline file.

Owns the fields, their defaults and their descriptions: reading, the JSON Schemas and the editor's
completion are made of these classes. Pure; what a stage's options are is the stage's own business.
"""

from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from luna.model.values import Globs, Size

Record = Literal["off", "errors", "all"]
RECORDS: tuple[Record, ...] = ("off", "errors", "all")
ReloadGate = Literal["off", "fixtures"]

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
VARIABLE_PATTERN = r"^[a-z][a-z0-9_]*$"
IN_WORDS = {
    NAME_PATTERN: "a name made of letters, digits, '.', '_' and '-'",
    VARIABLE_PATTERN: "a name made of lower-case letters, digits and '_'",
}

Name = Annotated[str, Meta(pattern=NAME_PATTERN)]
Variable = Annotated[str, Meta(pattern=VARIABLE_PATTERN)]

RESERVED = ("use", "name")
"""What a line of `stages` says about itself; everything else there is an option."""


class Section(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Base of everything that is written as a mapping."""

    shorthand: ClassVar[str] = ""
    """The field that is meant when something else than a mapping is written."""


class ToolsMatch(Section, frozen=True, kw_only=True):
    """Conditions on the names of the tools that the client offers."""

    shorthand: ClassVar[str] = "any"

    any: Annotated[Globs | None, Meta(description="At least one tool matches one of these.")] = None
    all: Annotated[Globs | None, Meta(description="For each of these there is a tool that matches.")] = None
    none: Annotated[Globs | None, Meta(description="No tool matches any of these.")] = None


class SizeMatch(Section, frozen=True, kw_only=True):
    """Bounds on the request's body, both included."""

    min: Annotated[Size | None, Meta(description="The body has at least this many bytes (`512`, `64KiB`).")] = None
    max: Annotated[Size | None, Meta(description="The body has at most this many bytes.")] = None

    def __post_init__(self) -> None:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("no size is both at least 'min' and at most 'max'")


class Match(Section, frozen=True, kw_only=True):
    """All conditions must hold; of a list, one must. Patterns know `*`, `?` and `[abc]`."""

    method: Annotated[Globs | None, Meta(description="The HTTP method.")] = None
    path: Annotated[Globs | None, Meta(description="The path, without the query.")] = None
    model: Annotated[Globs | None, Meta(description="The model as the client names it, before aliases.")] = None
    header: Annotated[dict[str, Globs], Meta(description="Header name → what its value must look like.")] = {}
    tools: Annotated[
        ToolsMatch | None, Meta(description="Tool names: a pattern or a list means `any`; or `any`, `all`, `none`.")
    ] = None
    stream: Annotated[bool | None, Meta(description="Whether the client asks for a stream.")] = None
    size: Annotated[SizeMatch | None, Meta(description="Bounds on the body's size.")] = None


class RouteSpec(Section, frozen=True, kw_only=True):
    """Which requests take which pipeline."""

    name: Annotated[Name, Meta(description="Unique among the routes.")]
    match: Annotated[Match, Meta(description="The conditions; none at all matches every request.")] = msgspec.field(
        default_factory=Match
    )
    pipeline: Annotated[Name, Meta(description="The name of a file in pipelines/, without its suffix.")]
    options: Annotated[
        dict[str, dict[str, Any]],
        Meta(description="Options for this route alone: stage name → option → value. The rest is as in the pipeline."),
    ] = msgspec.field(name="with", default_factory=dict)
    record: Annotated[Record | None, Meta(description="What to record of this route, if not what the top says.")] = None


class AliasSpec(Section, frozen=True, kw_only=True):
    """A client's model names, and the model they stand for."""

    model: Annotated[Globs, Meta(description="Names that clients send.")]
    target: Annotated[str, Meta(description="The model that answers.", min_length=1)] = msgspec.field(name="as")


class RoutesFile(Section, frozen=True, kw_only=True):
    """Which request takes which pipeline. The first route that matches wins."""

    version: Annotated[Literal[1], Meta(description="The version of this format.")]
    record: Annotated[Record, Meta(description="Which requests are recorded: none, those that fail, or all.")] = (
        "errors"
    )
    reload_gate: Annotated[
        ReloadGate,
        Meta(
            description="`fixtures`: a change is not taken over while it makes a pinned fixture (fixtures/wire) come"
            " out differently."
        ),
    ] = "off"
    aliases: Annotated[list[AliasSpec], Meta(description="Model names; the first alias that matches wins.")] = []
    routes: Annotated[list[RouteSpec], Meta(description="The routes, in the order in which they are tried.")]


class StageSpec(Section, frozen=True, kw_only=True):
    """One line of a pipeline; the stage's options stand beside these."""

    use: Annotated[str, Meta(description="The stage: a registered name, or ./path/to/file.py:Class.", min_length=1)]
    name: Annotated[
        Name | None, Meta(description="What it is called here, if not as in `use`. Unique in the pipeline.")
    ] = None


class PipelineFile(Section, frozen=True, kw_only=True):
    """A pipeline: its stages in the order in which the data meets them."""

    version: Annotated[Literal[1], Meta(description="The version of this format.")]
    about: Annotated[str, Meta(description="What this pipeline is for, in a sentence.")] = ""
    stages: Annotated[list[StageSpec], Meta(description="The stages, top to bottom as the data meets them.")]
