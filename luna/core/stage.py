"""What a stage is: five small base classes, one for each thing a stage can do.

A pipeline lists its stages in the order in which the data meets them. Each class declares
by its base which side it works on; the compiler checks the order. Most stages are
synchronous and pure; only around and transport stages may wait.

    RequestStage    changes the neutral request on its way down
    AroundStage     holds something while all that follows runs: a lease, a retry
    TransportStage  turns the request into a stream of events; exactly one (or an AnswerStage)
    AnswerStage     answers at once with a document; the pipeline ends there
    ResponseStage   transforms the events on their way to the client
    EncodeStage     turns events into the client's bytes; last
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, ClassVar, Protocol

import msgspec

from luna.model.dialect import Encoder, Reply
from luna.model.events import Stream, StreamEvent

if TYPE_CHECKING:
    from luna.core.flow import Flow
    from luna.core.prompts import Prompts


class StageOptions(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Base of every stage's options. Fields are written in kebab-case in YAML; give each a description
    with `Annotated[…, msgspec.Meta(description="…")]`: schema, docs and the editor are made of it."""


class BuildContext(msgspec.Struct, frozen=True):
    """What a stage may look at while it is being built. Nothing in it is alive: building must not have effects."""

    prompts: "Prompts"
    pipeline: str


class Stage:
    """Base of all stages. Built once per snapshot and route, shared by all flows: it keeps no state of a flow."""

    use: ClassVar[str]
    """The name that pipelines call it by."""
    Options: ClassVar[type[StageOptions]] = StageOptions
    needs_chat: ClassVar[bool] = False
    """True when `flow.chat` must have been decoded before this stage runs."""
    gives_chat: ClassVar[bool] = False
    """True for the stage that decodes it."""

    def __init__(self, options: StageOptions, context: BuildContext) -> None:
        """May raise OptionError; must not touch anything outside."""

    def __repr__(self) -> str:
        return f"<stage {self.use}>"


class RequestStage(Stage):
    """Works on the request on its way down."""

    def request(self, flow: "Flow") -> Awaitable[None] | None:
        """Read and change `flow.chat`. May be a coroutine function. Raises LunaError to refuse the request."""
        raise NotImplementedError


Proceed = Callable[["Flow"], Stream]


class AroundStage(Stage):
    """Holds something while everything below it runs."""

    def around(self, flow: "Flow", proceed: Proceed) -> Stream:
        """An async generator over `proceed(flow)`, or another `Stream`: pass each batch on as it is. What is
        acquired before the first batch is released in `finally` (or `aclose`); to try again, call `proceed` again
        before anything was yielded."""
        raise NotImplementedError


class TransportStage(Stage):
    """The far end."""

    def stream(self, flow: "Flow") -> Stream:
        """An async generator of batches, or another `Stream`. Yields nothing before the upstream has accepted; the
        first event is `Opened`. Ends after `Finish` or raises LunaError. Closed early when the client left or a
        response stage finished first: then it must make the upstream stop."""
        raise NotImplementedError


class AnswerStage(Stage):
    """A far end that needs no stream."""

    def answer(self, flow: "Flow") -> Awaitable[Reply]:
        """The whole answer. Raises LunaError."""
        raise NotImplementedError


class Reask(Exception):
    """The answer will not do, and the model shall try again, in the same chat. `words` are said to it; `reason` is for
    recordings and logs. What already went out stays out; the client sees nothing of this but a pause."""

    def __init__(self, words: str, reason: str) -> None:
        super().__init__(reason)
        self.words = words
        self.reason = reason


class Transducer(Protocol):
    """A response stage at work on one flow: pure, synchronous, fed event by event."""

    def feed(self, event: StreamEvent) -> Iterable[StreamEvent]:
        """What becomes of this event. Emitting `Finish` ends the flow: the transport is closed. Raising LunaError
        fails it; raising Reask has the model asked again, with fresh transducers. Whoever raises it keeps count on
        the flow's notes: the engine does not."""
        ...

    def flush(self) -> Iterable[StreamEvent]:
        """The stream broke before `Finish`: give what was held back. Not called after `Finish`."""
        ...


class ResponseStage(Stage):
    """Transforms the answer on its way to the client."""

    def transducer(self, flow: "Flow") -> Transducer | None:
        """A fresh transducer, or None when this flow has no need of one. Asked for while the upstream is being waited
        for; a request that is to be refused is refused by a request stage."""
        raise NotImplementedError


class EncodeStage(Stage):
    """The last stage: events become bytes."""

    heartbeat: float
    """Seconds of silence after which a stream gets a sign of life; 0 for never."""
    commit_after: float
    """Seconds after which a stream's status goes out although the upstream has not answered; 0 for never."""

    def encoder(self, flow: "Flow") -> Encoder:
        """A fresh encoder for this flow's answer."""
        raise NotImplementedError
