"""What both forms of an answer in the Responses protocol share: the response document.

Owns its fields, how it ends, and what it cost. Most of the fields repeat the request, as it was written.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import msgspec

from luna.model.dialect import AnswerHead
from luna.model.errors import LunaError
from luna.model.events import Finish, StreamEvent, Usage
from luna.protocols import openai_errors, responses_tools, tokens
from luna.protocols.responses_fields import ECHOED
from luna.protocols.responses_items import Output, Reasoning
from luna.protocols.responses_tools import Called
from luna.protocols.responses_types import Document

_HEEDED = ("rate_limit_exceeded", "insufficient_quota", "context_length_exceeded")
"""Codes that agents branch on in a failed response; of the others this place knows two. `error` tells them all."""
_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


class Response:
    """One answer as it stands. Feed it every event, `output` first."""

    def __init__(self, head: AnswerHead) -> None:
        document = head.document if isinstance(head.document, Document) else None
        names: Mapping[str, Called] = responses_tools.names(document.body) if document is not None else {}
        self.head = head
        self.output = Output(head.id, names, structured=document is not None and document.body.structured)
        self._echo = (document.echo if document is not None else None) or {}
        self._usage: Usage | None = None
        self._finish: Finish | None = None

    def __repr__(self) -> str:
        return f"<Response {self.head.id} {self.status} {self.output!r}>"

    @property
    def status(self) -> str:
        """`in_progress`, `completed` or `incomplete`."""
        if self._finish is None:
            return "in_progress"
        return "incomplete" if self._finish.reason in _INCOMPLETE else "completed"

    def note(self, event: StreamEvent) -> None:
        """Remember what it cost and how it ended; the last figures are the ones that hold."""
        if isinstance(event, Usage):
            self._usage = event
        elif isinstance(event, Finish):
            self._finish = event

    def document(self, failed: dict[str, Any] | None = None) -> dict[str, Any]:
        """The response. `failed`: the error that ended it."""
        reason = _INCOMPLETE.get(self._finish.reason) if self._finish is not None else None
        return {
            "id": self.head.id,
            "object": "response",
            "created_at": self.head.created,
            "status": "failed" if failed else self.status,
            "background": False,
            "error": failed,
            "incomplete_details": {"reason": reason} if reason else None,
            "model": self.head.model,
            "output": self.output.documents(),
            "usage": self._cost() if self._finish is not None else None,
            **self._repeated,
        }

    @cached_property
    def _repeated(self) -> dict[str, msgspec.Raw]:
        return {name: self._echo.get(name, msgspec.Raw(default)) for name, default in ECHOED.items()}

    def _cost(self) -> dict[str, Any]:
        usage = self._usage
        if usage is None:
            items = self.output.items
            thought = "".join(item.words for item in items if isinstance(item, Reasoning))
            spoken = "".join(item.words for item in items if not isinstance(item, Reasoning))
            usage = tokens.estimated_usage(self.head.prompt_tokens(), spoken, thought)
        return {
            "input_tokens": usage.input,
            "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": 0},
            "output_tokens": usage.output,
            "output_tokens_details": {"reasoning_tokens": usage.reasoning},
            "total_tokens": usage.input + usage.output,
        }


def failure_document(error: LunaError, flow_id: str) -> dict[str, Any]:
    """An error as it stands in a failed response."""
    code = openai_errors.FACES[error.kind].code
    if code not in _HEEDED:
        code = "server_error" if openai_errors.FACES[error.kind].status >= 500 else "invalid_prompt"
    return {"code": code, "message": openai_errors.words(error, flow_id)}
