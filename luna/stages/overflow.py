"""`overflow`: what is done about a prompt that is too long.

Owns the decision, in this order: a client that shortens its conversation by itself may be told to; a prompt beyond
the threshold is to go up as a file, which the transport does with the plan left for it (`luna.stages.overflow_plan`);
what may neither be typed nor go into a file is refused.

What is held against threshold and maximum is what will be sent: messages that the chat has already do not count. Only
the wish that the client compacts looks at the whole conversation, because that is what the client would shorten.
"""

import logging
from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, ClassVar

import msgspec

from luna.conversation.estimate import at_most, texts, weight
from luna.core.flow import Flow
from luna.core.stage import BuildContext, RequestStage, StageOptions
from luna.model.chat import Message, Text
from luna.model.preferences import Amount, Count, LivePreferences, OverflowSignal, Preferences, TokenLimits
from luna.protocols import tokens
from luna.qwen.catalogue import Catalogue
from luna.stages.overflow_plan import OVERFLOW, PROMPTS, OverflowFile, OverflowPlan, refusal
from luna.stages.session_bind import profile_of
from luna.tools.profiles import SUMMARY_REQUESTS

__all__ = ["OVERFLOW", "Overflow", "OverflowFile", "OverflowOptions", "OverflowPlan"]

log = logging.getLogger("luna.stages.overflow")

MOST_FILE_BYTES = 20 * 1024 * 1024
"""Qwen takes documents up to this size (wire document section 6)."""


class OverflowOptions(StageOptions, frozen=True, kw_only=True):
    """Options of `overflow`."""

    enabled: Annotated[
        bool | None,
        msgspec.Meta(description="Send a prompt beyond the threshold as a file. null: as tokenOverflow.enabled says."),
    ] = None
    threshold: Annotated[
        Amount | None,
        msgspec.Meta(
            description="Estimated tokens beyond which a prompt goes into a file; 0: never."
            " null: as tokenOverflow.threshold says."
        ),
    ] = None
    max_input: Annotated[
        Count | None,
        msgspec.Meta(
            description="Estimated tokens beyond which a prompt is refused, unless it goes into a file."
            " null: as tokenLimits.maxInputTokens says, or else the model's own limit."
        ),
    ] = None
    prompts: Annotated[
        str,
        msgspec.Meta(
            description="The folder below prompts/ with the texts: transport, header, sanitized.", min_length=1
        ),
    ] = "overflow"


class Overflow(RequestStage):
    """Decides what becomes of a prompt that is too long: the client is told to compact, the prompt goes up as a file,
    or it is refused in the client's own words for that. Stands behind everything that adds to the prompt."""

    use = "overflow"
    Options: ClassVar[type[StageOptions]] = OverflowOptions
    needs_chat = True

    def __init__(self, options: OverflowOptions, context: BuildContext) -> None:
        """Raises OptionError when a prompt is missing or uses a variable that it is not given."""
        super().__init__(options, context)
        self._options = options
        self._prompts = {
            name: context.prompts.require(f"{options.prompts}/{name}", option="prompts", variables=variables)
            for name, variables in PROMPTS.items()
        }

    def request(self, flow: Flow) -> None:
        """Raises LunaError(CONTEXT_OVERFLOW)."""
        live = flow.services.get(LivePreferences)
        preferences = live.current if live is not None else Preferences()
        signal, limits = preferences.session.overflow_signal, preferences.token_limits
        if signal.enabled and signal.mode != "off":
            _tell_to_compact(flow, signal)
        plan = flow.notes[OVERFLOW] = OverflowPlan(
            flow,
            self._prompts,
            threshold=self._threshold(preferences),
            maximum=self._maximum(limits),
            own_limit=_own_limit if self._options.max_input is None and limits.enabled else None,
            sanitizer=preferences.token_overflow.sanitizer,
        )
        plan.short = at_most(flow.chat.messages) <= plan.surely_typed
        if plan.short and limits.warn_input_tokens is None:
            return
        unsent = Length([message for message in flow.chat.messages if not message.known])
        _warn(flow, unsent, limits)
        if plan.maximum is None or not unsent.exceeds(plan.maximum):
            return
        if plan.threshold is None or unsent.is_beyond(MOST_FILE_BYTES):
            raise refusal(flow, unsent.tokens, plan.maximum)

    def _threshold(self, preferences: Preferences) -> int | None:
        said, options = preferences.token_overflow, self._options
        enabled = said.enabled if options.enabled is None else options.enabled
        threshold = said.threshold if options.threshold is None else options.threshold
        return threshold if enabled and threshold else None

    def _maximum(self, limits: TokenLimits) -> int | None:
        """What people have set; else the model's own limit counts."""
        if self._options.max_input is not None:
            return self._options.max_input
        return limits.max_input_tokens if limits.enabled else None


class Length:
    """How long some messages are; weighed only when it must be known."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self._messages = messages
        self._at_most = at_most(messages)

    def __repr__(self) -> str:
        return f"<Length of {len(self._messages)} messages>"

    @cached_property
    def _about(self) -> int:
        said, frames = texts(self._messages)
        return tokens.about(said) + frames

    @cached_property
    def tokens(self) -> int:
        """About how many tokens they are."""
        return tokens.tokens(weight(self._messages, tokens.weight))

    @property
    def bytes(self) -> int:
        """How many bytes their words are."""
        return weight(self._messages, lambda text: len(text.encode("utf-8", "replace")), turn=0, attachment=0)

    def is_beyond(self, limit: int) -> bool:
        """Their words are more than so many bytes. No character has more than four, which mostly tells."""
        most = weight(self._messages, len, turn=0, attachment=0) * 4
        return most > limit and self.bytes > limit

    def exceeds(self, limit: int) -> bool:
        """They are longer than so many tokens."""
        most = limit * tokens.UNIT
        return self._at_most > most and self._about > most


def _own_limit(flow: Flow) -> int | None:
    """What the model itself can take, where anybody knows."""
    catalogue = flow.services.get(Catalogue)
    return (catalogue.context_of(flow.chat.target or flow.chat.model) or None) if catalogue is not None else None


def _warn(flow: Flow, unsent: Length, limits: TokenLimits) -> None:
    if limits.enabled and limits.warn_input_tokens is not None and unsent.exceeds(limits.warn_input_tokens):
        log.warning(
            "flow %s: the prompt is about %d tokens long, more than tokenLimits.warnInputTokens (%d)",
            flow.id,
            unsent.tokens,
            limits.warn_input_tokens,
        )


def _tell_to_compact(flow: Flow, signal: OverflowSignal) -> None:
    """Raises LunaError(CONTEXT_OVERFLOW) where the conversation is longer than wished and the client is to shorten
    it. Its request to have it summarised is no reason: refused, it could never do so."""
    profile = profile_of(flow)
    if signal.mode == "auto" and not profile.compacts:
        return
    whole = Length(flow.chat.messages)
    if not whole.exceeds(signal.signal_threshold_tokens) or _is_summary_request(flow, agent=profile.compacts):
        return
    raise refusal(
        flow,
        whole.tokens,
        signal.signal_threshold_tokens,
        f"The conversation is about {whole.tokens} tokens long; from {signal.signal_threshold_tokens} on luna asks"
        " for it to be compacted.",
        "Compact it (/compact in most agents), or change session.overflowSignal in the settings.",
    )


def _is_summary_request(flow: Flow, *, agent: bool) -> bool:
    """Agents that compact offer tools with every other long request; some with this one too."""
    if agent and not flow.chat.tools:
        return True
    messages = flow.chat.messages
    last = next((message for message in reversed(messages) if message.role == "user"), None)
    asking = [message for message in messages if message.role == "system"] + ([last] if last is not None else [])
    texts = [part.text for message in asking for part in message.parts if isinstance(part, Text)]
    return any(words in text for text in texts for words in SUMMARY_REQUESTS)
