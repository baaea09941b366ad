"""`limit`: ends an answer where the client wants it to end, which the upstream does not do by itself.

Owns stop sequences and the token limit. Both work on the answer as the client sees it, so the stage stands behind
everything that rewrites the answer.

Stop sequences. Text is held back only while it could be the beginning of a sequence. Of several sequences the one
that is complete first counts, whatever the deltas look like.

Tokens. The upstream's own count of the turn is exact, but known only per read, for all events of that read at once.
So the count at the previous read, plus an estimate of what came since, says where within a read the limit lies;
and as long as the exact count is within the limit, no estimate can end the answer. Without any count the estimate
alone decides. A client's tool call that has begun is left to finish: half a call is of no use to anybody.

When the model is asked again, the upstream counts from nothing, and of the answer before only what was delivered
counts, by estimate: what was kept from the client leaves it as much room as it had.
"""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import msgspec

from luna.core.flow import Flow
from luna.core.stage import BuildContext, ResponseStage, StageOptions, Transducer
from luna.model.events import (
    Finish,
    Media,
    Notice,
    Opened,
    StreamEvent,
    TextDelta,
    ThinkDelta,
    ToolClose,
    ToolDelta,
    ToolOpen,
    Usage,
)
from luna.model.preferences import LivePreferences, TokenLimits
from luna.protocols import tokens


class LimitOptions(StageOptions, frozen=True, kw_only=True):
    """Options of `limit`."""

    max_tokens: Annotated[
        Annotated[int, msgspec.Meta(ge=1)] | None,
        msgspec.Meta(
            description="No answer gets longer than this, in tokens, whatever the client allows."
            " null: as tokenLimits.maxOutputTokensCap says."
        ),
    ] = None
    default_max_tokens: Annotated[
        Annotated[int, msgspec.Meta(ge=1)] | None,
        msgspec.Meta(
            description="How long an answer may get, in tokens, where the client names no limit."
            " null: as tokenLimits.defaultMaxOutputTokens says."
        ),
    ] = None


class Limit(ResponseStage):
    """Honours `stop` and `max_tokens`: cuts the answer there and ends it with `stop` or `length`."""

    use = "limit"
    Options: ClassVar[type[StageOptions]] = LimitOptions
    needs_chat = True

    def __init__(self, options: LimitOptions, context: BuildContext) -> None:
        super().__init__(options, context)
        self._options = options

    def transducer(self, flow: Flow) -> Transducer | None:
        """None when neither the client nor the pipeline nor the preferences set a limit."""
        limits = flow.chat.limits
        cap = self._cap(flow, limits.max_tokens)
        if cap is None and not limits.stop:
            return None
        return Limiter(StopFinder(limits.stop), Budget(flow, cap))

    def _cap(self, flow: Flow, asked: int | None) -> int | None:
        """The client's limit or else the default, but no more than the cap. None: none of the three is set."""
        live = flow.services.get(LivePreferences)
        said = live.current.token_limits if live is not None else TokenLimits()
        most, default = self._options.max_tokens, self._options.default_max_tokens
        if said.enabled:
            most = said.max_output_tokens_cap if most is None else most
            default = said.default_max_output_tokens if default is None else default
        wanted = default if asked is None else asked
        return wanted if most is None else most if wanted is None else min(wanted, most)


class StopFinder:
    """Finds the first of several sequences in a text that comes in pieces."""

    def __init__(self, sequences: tuple[str, ...]) -> None:
        self._sequences = sequences
        self._reach = max(map(len, sequences), default=1) - 1
        self._firsts = frozenset(sequence[0] for sequence in sequences)
        self._held = ""

    def __repr__(self) -> str:
        return f"<StopFinder sequences={len(self._sequences)} held={len(self._held)}>"

    def feed(self, text: str) -> tuple[str, str]:
        """The text that is certain by now, and the sequence that ends it; "" while none does."""
        if not self._sequences:
            return text, ""
        text = self._held + text
        found = [(start + len(s), start, s) for s in self._sequences if (start := text.find(s)) >= 0]
        if found:
            self._held = ""
            _, start, sequence = min(found)
            return text[:start], sequence
        certain = self._certain(text)
        self._held = text[certain:]
        return text[:certain], ""

    def release(self) -> str:
        """What was held back, now that nothing can continue it."""
        held, self._held = self._held, ""
        return held

    def _certain(self, text: str) -> int:
        """How much of the text comes before the longest end of it that a sequence could begin with."""
        earliest = max(0, len(text) - self._reach)
        if self._firsts.isdisjoint(text[earliest:]):
            return len(text)
        for start in range(earliest, len(text)):
            if any(s.startswith(text[start:]) for s in self._sequences):
                return start
        return len(text)


class Budget:
    """What the answer has cost so far, and how much it still may. Weights are those of `luna.protocols.tokens`."""

    def __init__(self, flow: Flow, cap: int | None) -> None:
        self._flow = flow
        self._cap = cap
        self._answer = flow.reasks
        self._before = 0
        """Tokens delivered of answers that were given up since, by estimate."""
        self._counted: Usage | None = None
        self._base = 0
        """Tokens, by the upstream's count of this answer and the estimate of those before it."""
        self._since = tokens.Meter()
        """What was delivered after that count."""
        self._delivered = tokens.Meter()
        self._thought = tokens.Meter()

    def __repr__(self) -> str:
        return f"<Budget {self._base}+{tokens.tokens(self._since.weight())} of {self._cap}>"

    def take(self, text: str, *, thinking: bool = False) -> str:
        """As much of the text as there is room for; it counts as delivered."""
        self._recount()
        limit = self._limit()
        if limit is not None and not self._since.fits(text, limit):
            text = tokens.fitting(text, limit - self._since.weight())
        self._add(text)
        if thinking:
            self._thought.add(text)
        return text

    def overdraw(self, text: str) -> None:
        """This is delivered whether there is room for it or not."""
        self._recount()
        self._add(text)

    def spent(self) -> bool:
        """Whether there is no room for anything more."""
        self._recount()
        limit = self._limit()
        return limit is not None and self._since.weight() >= limit

    def usage(self) -> Usage:
        """What the turn has cost, by the upstream's count or else by estimate."""
        counted = self._flow.usage or Usage(
            input=tokens.estimate_request(self._flow.chat),
            output=tokens.tokens(self._delivered.weight()),
            reasoning=tokens.tokens(self._thought.weight()),
            exact=False,
        )
        return self._flow.total(counted)

    def _add(self, text: str) -> None:
        self._since.add(text)
        self._delivered.add(text)

    def _recount(self) -> None:
        """Look whether the upstream has counted again. If so, all that its previous count covers came through here."""
        counted = self._flow.usage
        if self._answer != self._flow.reasks:
            self._answer, self._counted = self._flow.reasks, None
            self._base = self._before = tokens.tokens(self._delivered.weight())
            self._since = tokens.Meter()
        if counted is not self._counted:
            if self._counted is not None:
                self._base, self._since = self._before + self._counted.output, tokens.Meter()
            self._counted = counted

    def _limit(self) -> int | None:
        """The weight that `since` may reach; None while nothing says that the answer is too long."""
        if self._cap is None or (self._counted is not None and self._before + self._counted.output <= self._cap):
            return None
        return (self._cap - self._base) * tokens.UNIT


class Limiter:
    """The transducer."""

    def __init__(self, stops: StopFinder, budget: Budget) -> None:
        self._stops = stops
        self._budget = budget
        self._native = False
        self._calls = 0
        self._done = False

    def __repr__(self) -> str:
        return f"<Limiter {self._stops!r} {self._budget!r}{' done' if self._done else ''}>"

    def feed(self, event: StreamEvent) -> Sequence[StreamEvent]:
        """The event, or as much of it as is within the limits and then the end."""
        if self._done:
            return ()
        match event:
            case TextDelta():
                text, stopped = self._stops.feed(event.text)
                passed = self._spend(event if text == event.text else TextDelta(text))
                return [*passed, *self._end("stop", stopped)] if stopped else passed
            case ToolDelta():
                if not self._native:
                    self._budget.overdraw(event.json)
            case ToolClose():
                self._calls += not self._native
            case ThinkDelta() | ToolOpen() | Media() | Finish():
                return self._after_held(event)
            case Opened() | Usage() | Notice():
                pass
        return (event,)

    def flush(self) -> Sequence[StreamEvent]:
        """The text held back; what broke the stream is the end."""
        held = () if self._done else self._spend(TextDelta(self._stops.release()))
        return [event for event in held if isinstance(event, TextDelta)]

    def _after_held(self, event: ThinkDelta | ToolOpen | Media | Finish) -> Sequence[StreamEvent]:
        """Text cannot go on across these, so what was held goes first."""
        held = self._spend(TextDelta(self._stops.release()))
        if self._done:
            return held
        match event:
            case ThinkDelta():
                return [*held, *self._spend(event)]
            case ToolOpen():
                self._native = event.native
                if not event.native and self._budget.spent():
                    return [*held, *self._end("length")]
                if not event.native:
                    self._budget.overdraw(event.name)
            case Media():
                if self._budget.spent():
                    return [*held, *self._end("length")]
            case Finish():
                self._done = True
        return [*held, event]

    def _spend(self, delta: TextDelta | ThinkDelta) -> Sequence[StreamEvent]:
        """The delta if there is room for it, else the part that fits, and the end."""
        if not delta.text:
            return ()
        thinking = isinstance(delta, ThinkDelta)
        text = self._budget.take(delta.text, thinking=thinking)
        if len(text) == len(delta.text):
            return (delta,)
        cut: list[StreamEvent] = [ThinkDelta(text) if thinking else TextDelta(text)] if text else []
        return [*cut, *self._end("length")]

    def _end(self, reason: Literal["stop", "length"], sequence: str = "") -> Sequence[StreamEvent]:
        """Once. A client that was given calls is to run them, though the text after them was stopped."""
        if self._done:
            return ()
        self._done = True
        if reason == "stop" and self._calls:
            return [self._budget.usage(), Finish("tool_calls")]
        return [self._budget.usage(), Finish(reason, sequence)]
