"""What both forms of an answer in Anthropic's protocol share.

Owns how it ends, what it cost, and the signature of a thinking block: a digest of the words. The signature comes back
in the history, and any is accepted there.
"""

import base64
import hashlib
from functools import cached_property
from typing import Any, Literal

from luna.model.dialect import AnswerHead
from luna.model.events import Finish, StopReason, Usage
from luna.protocols import tokens

BlockKind = Literal["text", "thinking", "tool_use"]

STOP_REASONS: dict[StopReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}


class Cost:
    """Collects what the usage is made of: the upstream's figures, or the words to estimate from."""

    def __init__(self, head: AnswerHead) -> None:
        self._head = head
        self._usage: Usage | None = None
        self._spoken: list[str] = []
        self._thought: list[str] = []

    def __repr__(self) -> str:
        return f"<Cost {'counted' if self._usage else 'estimated'}>"

    def count(self, usage: Usage) -> None:
        """The upstream has counted; the last figures are the ones that hold."""
        self._usage = usage

    def add(self, words: str, *, thinking: bool = False) -> None:
        """The client was told this."""
        if self._usage is None:
            (self._thought if thinking else self._spoken).append(words)

    def first(self) -> dict[str, Any]:
        """What is known at the start: nothing but an estimate of the prompt."""
        return usage_document(Usage(input=self._prompt, output=0, exact=False))

    def last(self) -> dict[str, Any]:
        """What the turn has cost."""
        return usage_document(
            self._usage or tokens.estimated_usage(self._prompt, "".join(self._spoken), "".join(self._thought))
        )

    @cached_property
    def _prompt(self) -> int:
        return self._head.prompt_tokens()


class Signature:
    """The signature of the words so far."""

    def __init__(self) -> None:
        self._digest = hashlib.blake2b(digest_size=32)

    def __repr__(self) -> str:
        return f"<Signature {self.text}>"

    def add(self, words: str) -> None:
        """More words."""
        self._digest.update(words.encode())

    @property
    def text(self) -> str:
        return base64.b64encode(self._digest.digest()).decode()


def envelope(head: AnswerHead) -> dict[str, Any]:
    """What stands in front of an answer's content."""
    return {"id": head.id, "type": "message", "role": "assistant", "model": head.model}


def ended(finish: Finish | None) -> dict[str, Any]:
    """Why the answer ended; nulls while it has not."""
    if finish is None:
        return {"stop_reason": None, "stop_sequence": None}
    if finish.reason == "stop" and finish.sequence:
        return {"stop_reason": "stop_sequence", "stop_sequence": finish.sequence}
    return {"stop_reason": STOP_REASONS[finish.reason], "stop_sequence": None}


def usage_document(usage: Usage) -> dict[str, Any]:
    """What a turn cost, in Anthropic's words: what came from a cache is not part of `input_tokens`."""
    return {
        "input_tokens": max(0, usage.input - usage.cached),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.output,
        "output_tokens_details": {"thinking_tokens": usage.reasoning},
    }
