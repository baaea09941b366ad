"""A few stages of every side, a registry that knows them, and configurations on disk made of strings."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

import msgspec

from luna.config.compile import Compiled, compile_files
from luna.config.files import read_files
from luna.core.flow import Flow
from luna.core.registry import Registry, StageLoadError
from luna.core.stage import (
    AnswerStage,
    AroundStage,
    BuildContext,
    EncodeStage,
    Proceed,
    RequestStage,
    ResponseStage,
    Stage,
    StageOptions,
    Transducer,
    TransportStage,
)
from luna.model.dialect import Encoder, Reply
from luna.model.errors import OptionError
from luna.model.events import Stream
from luna.model.values import Duration, Globs


class Door(RequestStage):
    """Lets everybody pass."""

    use = "door"

    def request(self, flow: Flow) -> None:
        return None


class Decode(Door):
    """Decodes."""

    use = "decode"
    gives_chat = True


class Reads(Door):
    """Wants a decoded request."""

    use = "reads"
    needs_chat = True


class Rule(StageOptions, frozen=True, kw_only=True):
    """A nested mapping."""

    pattern: Globs
    times: int = 1


class FarOptions(StageOptions, frozen=True, kw_only=True):
    """Options of every kind."""

    mode: Annotated[Literal["fast", "slow", "auto"], msgspec.Meta(description="How to go about it.")] = "auto"
    idle: Annotated[Duration, msgspec.Meta(description="How long to wait.")] = msgspec.field(
        default_factory=lambda: Duration(90)
    )
    attempts: Annotated[int, msgspec.Meta(ge=1)] | None = None
    names: tuple[str, ...] = ()
    rules: list[Rule] = msgspec.field(default_factory=list)
    prompt: str = ""
    limits: dict[str, int] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.mode == "slow" and self.attempts == 1:
            raise ValueError("one attempt is too few when it is slow")


class Far(TransportStage):
    """Answers from far away.

    In no time at all."""

    use = "far"
    Options: ClassVar[type[StageOptions]] = FarOptions

    def __init__(self, options: FarOptions, context: BuildContext) -> None:
        super().__init__(options, context)
        self.options = options
        if options.prompt:
            context.prompts.require(options.prompt, option="prompt", variables=("name",))
        if "boom" in options.names:
            raise RuntimeError(f"no use for {options.names}")
        if "prompt" in options.names:
            raise OptionError("prompt", f"does not go with {options.names[0]} and {options.prompt}")

    def stream(self, flow: Flow) -> Stream:
        raise NotImplementedError


class LocalOptions(StageOptions, frozen=True, kw_only=True):
    """One option that must be there."""

    folder: str


class Local(AnswerStage):
    """Answers from here."""

    use = "local"
    Options: ClassVar[type[StageOptions]] = LocalOptions

    async def answer(self, flow: Flow) -> Reply:
        raise NotImplementedError


class Lease(AroundStage):
    """Holds nothing."""

    use = "lease"

    def around(self, flow: Flow, proceed: Proceed) -> Stream:
        return proceed(flow)


class Cut(ResponseStage):
    """Cuts nothing."""

    use = "cut"
    needs_chat = True

    def transducer(self, flow: Flow) -> Transducer | None:
        return None


class Encode(EncodeStage):
    """Encodes nothing."""

    use = "encode"
    heartbeat = 0.0
    commit_after = 0.0

    def encoder(self, flow: Flow) -> Encoder:
        raise NotImplementedError


class Sideless(Stage):
    """Works nowhere."""

    use = "sideless"


class Greedy(StageOptions, frozen=True, kw_only=True):
    """Takes a name that is not its own."""

    name: str = ""


class Taker(Door):
    """Has a reserved option."""

    use = "taker"
    Options: ClassVar[type[StageOptions]] = Greedy


STAGES: dict[str, type[Stage]] = {
    kind.use: kind for kind in (Door, Decode, Reads, Far, Local, Lease, Cut, Encode, Sideless, Taker)
}


class Shop(Registry):
    """A registry that knows the stages above instead of the installed ones."""

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(STAGES))

    def find(self, use: str, base: Path) -> type[Stage]:
        if use == "broken":
            raise StageLoadError("broken:Broken cannot be loaded: ImportError: no module")
        return STAGES[use] if ".py" not in use else super().find(use, base)


ROUTES = """\
version: 1
routes:
  - {name: all, pipeline: chat}
"""

CHAT = """\
version: 1
stages:
  - use: decode
  - use: far
  - use: encode
"""

SOUND = {"routes.yaml": ROUTES, "pipelines/chat.yaml": CHAT}


def write(base: Path, files: dict[str, str | bytes]) -> Path:
    """Put files into a folder; returns the path of its routes.yaml."""
    for name, content in files.items():
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return base / "routes.yaml"


def compiled(base: Path, files: dict[str, str | bytes], environ: dict[str, str] | None = None) -> Compiled:
    """What becomes of these files."""
    return compile_files(read_files(write(base, files)), Shop(), environ or {})


def said(outcome: Compiled) -> list[str]:
    """All diagnostics as text."""
    return [str(diagnostic) for diagnostic in (*outcome.errors, *outcome.warnings)]
