"""What the transport may do with a prompt that is long: the plan that `overflow` leaves on the flow.

Owns the questions that the transport asks when it knows the text it is about to send: is it too long to be typed, what
would the file be, may it be typed all the same, and how is the client told that nothing helps. How the file looks
belongs to `luna.conversation`, keeping its local copy to `luna.state.overflow_files`.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property

import msgspec

from luna.conversation.estimate import MOST_PER_CHARACTER, at_most, texts
from luna.conversation.overflow import system_text, take_closing, written
from luna.conversation.sanitize import sanitize
from luna.core.flow import Flow
from luna.core.notes import Key
from luna.core.prompts import Prompt
from luna.model.chat import Message
from luna.model.errors import Kind, LunaError
from luna.model.preferences import Sanitizer
from luna.protocols import tokens
from luna.qwen.attached import marks
from luna.stages.session_bind import BOUND, profile_of
from luna.state.overflow_files import OverflowFiles

PROMPTS: Mapping[str, tuple[str, ...]] = {
    "transport": ("system", "file", "closing"),
    "header": ("turns",),
    "sanitized": ("turns", "left_out"),
}
"""The prompts that are used here, each with the variables that it is given."""


SHORT = 8192
"""Tokens. Every model takes that many: what is no longer need not be held against its limit."""


class OverflowFile(msgspec.Struct, frozen=True):
    """A prompt as a file."""

    name: str
    data: bytes
    """Its text, in UTF-8."""
    prompt: str
    """What is typed beside it."""
    tokens: int
    """About how long the text is."""

    def __repr__(self) -> str:
        return f"<OverflowFile {self.name} {self.tokens} tokens>"

    @property
    def text(self) -> str:
        """The text."""
        return self.data.decode()


class OverflowPlan:
    """One flow's. `threshold`: tokens beyond which a prompt goes into a file; None: never. `maximum`: tokens that may
    be sent at all, by anybody's wish; else `own_limit` says it, which is asked when it matters. `prompts` are those of
    `PROMPTS`."""

    def __init__(
        self,
        flow: Flow,
        prompts: Mapping[str, Prompt],
        *,
        threshold: int | None,
        maximum: int | None,
        own_limit: Callable[[Flow], int | None] | None = None,
        sanitizer: Sanitizer | None = None,
    ) -> None:
        self._flow = flow
        self._prompts = prompts
        self._sanitizer = sanitizer or Sanitizer()
        self.threshold = threshold
        self._maximum = maximum
        self._own_limit = own_limit
        self.surely_typed = min(SHORT, threshold or SHORT, maximum or SHORT) * tokens.UNIT
        """What weighs no more is not too long for any model."""
        self.short = False
        """That is all that the client has sent."""

    def __repr__(self) -> str:
        file = f"file beyond {self.threshold}" if self.threshold is not None else "no file"
        return f"<OverflowPlan {file}, at most {self.maximum or 'unknown'}>"

    @cached_property
    def maximum(self) -> int | None:
        """Tokens that may be sent at all, as far as anybody knows."""
        if self._maximum is None and self._own_limit is not None:
            return self._own_limit(self._flow)
        return self._maximum

    @property
    def most_typed(self) -> int | None:
        """Tokens beyond which a file is wanted; None: there is to be none."""
        threshold, maximum = self.threshold, self.maximum
        return threshold if threshold is None or maximum is None or threshold < maximum else maximum

    def wants(self, text: str) -> bool:
        """The text is too long to be typed and is to go up as a file."""
        if len(text) * MOST_PER_CHARACTER <= self.surely_typed:
            return False
        most = self.most_typed
        return most is not None and exceeds(text, most)

    def surely_wants(self, messages: Sequence[Message]) -> bool:
        """These are so long that their text need not be made to know it."""
        if self.most_typed is None:
            return False
        most = self.most_typed * tokens.UNIT
        return at_most(messages) > most and tokens.about(texts(messages)[0]) > most

    def fits_inline(self, text: str) -> bool:
        """The text may be typed, if it must."""
        return self.maximum is None or not exceeds(text, self.maximum)

    def document(self, messages: Sequence[Message]) -> OverflowFile:
        """The file for the messages that are to be sent, and what is typed beside it: the system's words, unless they
        are too long themselves, and what holds for this turn only."""
        rest, closing = take_closing(messages)
        system = system_text(rest)
        typed = self.most_typed is None or not exceeds(system, self.most_typed)
        data = self._written([message for message in rest if message.role != "system" or not typed])
        name = self._name()
        prompt = self._prompts["transport"].render(system=system if typed else "", file=name, closing=closing)
        return OverflowFile(name, data, prompt.strip("\n"), tokens.tokens(tokens.about([data])))

    def _written(self, turns: Sequence[Message]) -> bytes:
        count, names = str(len(turns)), marks(self._flow.chat.messages)
        if not self._sanitizer.enabled:
            return written(turns, self._prompts["header"].render(turns=count), names)
        kept = sanitize(turns, self._sanitizer, names)
        text = kept.document(self._prompts["sanitized"].render(turns=count, left_out=str(kept.left_out)))
        return text.encode("utf-8", "replace")

    def _name(self) -> str:
        born = datetime.fromtimestamp(self._flow.born, UTC)
        return f"overflow-{born:%Y%m%dT%H%M%S}-{self._flow.ids.uuid()[:8]}.txt"

    def too_long(self, text: str) -> LunaError:
        """Neither typed nor as a file. CONTEXT_OVERFLOW, in the words from which clients start compaction."""
        return refusal(self._flow, tokens.estimate(text), self.maximum)

    async def keep(self, file: OverflowFile) -> None:
        """Keep the local copy, for people to read. That it cannot be kept is no reason to fail."""
        files = self._flow.services.get(OverflowFiles)
        if files is not None:
            bound = self._flow.notes.get(BOUND)
            session = bound.session if bound is not None else ""
            await files.keep(file.name, file.data, session=session, run=self._flow.id, tokens=file.tokens)


OVERFLOW: Key[OverflowPlan] = Key("overflow")
"""What may be done on this flow with a prompt that is long; for the transport."""


def exceeds(text: str, limit: int) -> bool:
    """The text is longer than so many tokens. What is short need not be weighed for that."""
    most = limit * tokens.UNIT
    return len(text) * MOST_PER_CHARACTER > most and tokens.about([text]) > most


def refusal(flow: Flow, length: int, maximum: int | None, message: str = "", hint: str = "") -> LunaError:
    """CONTEXT_OVERFLOW as this flow's client understands it: the figures, where they say something, and whether the
    client hears of it in a stream only."""
    told: dict[str, object] = {}
    if maximum is not None and length > maximum:
        told = {"tokens": length, "maximum": maximum}
    if flow.chat.stream and profile_of(flow).hears_in_stream:
        told["in_stream"] = True
    return LunaError(
        Kind.CONTEXT_OVERFLOW,
        message or f"The prompt is about {length} tokens long, more than can be sent.",
        hint=hint or "Compact the conversation (/compact in most agents) or begin a new one.",
        detail=told,
    )
