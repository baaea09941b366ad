"""One exception for everything that can go wrong on a flow, and the kinds it comes in.

Owns the vocabulary of failure. How a kind looks to a client (status, body) belongs to
the dialects; which upstream reply means which kind belongs to `luna.qwen.errors`.
"""

import enum
from collections.abc import Mapping


class Kind(enum.StrEnum):
    """What went wrong, as precisely as luna can tell. The value is the word used in headers, logs and recordings."""

    BAD_REQUEST = "bad-request"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not-found"
    CONFLICT = "conflict"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    UPGRADE_REQUIRED = "upgrade-required"
    REQUEST_TIMEOUT = "request-timeout"
    TOO_LARGE = "too-large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type"
    CONTEXT_OVERFLOW = "context-overflow"
    CONTENT_FILTERED = "content-filtered"
    RATE_LIMITED = "rate-limited"
    QUOTA_EXHAUSTED = "quota-exhausted"
    OVERLOADED = "overloaded"
    NO_ACCOUNT = "no-account"
    EGRESS_CLOSED = "egress-closed"
    UPSTREAM_LOGIN = "upstream-login"
    UPSTREAM_BLOCKED = "upstream-blocked"
    UPSTREAM_REJECTED = "upstream-rejected"
    UPSTREAM_BROKEN = "upstream-broken"
    UPSTREAM_TRANSIENT = "upstream-transient"
    CHAT_BUSY = "chat-busy"
    CHAT_GONE = "chat-gone"
    MODEL_GONE = "model-gone"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    DRAINING = "draining"
    INTERNAL = "internal"


class LunaError(Exception):
    """A named failure: what happened, at which stage, and what to do next.

    `message` says what happened, `hint` what the person can do. Neither may hold a secret.
    `stage` is filled in by the engine when the raiser left it empty.
    `retry_after` is in seconds. `param` names the client's offending field, as its protocol spells it.
    `detail` holds plain values for the recording and the inspector; clients are told none of it but what their
    dialect lists by name.
    """

    def __init__(
        self,
        kind: Kind,
        message: str,
        *,
        hint: str = "",
        stage: str = "",
        param: str | None = None,
        retry_after: float | None = None,
        detail: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.hint = hint
        self.stage = stage
        self.param = param
        self.retry_after = retry_after
        self.detail = dict(detail or {})

    def __repr__(self) -> str:
        at = f" at {self.stage}" if self.stage else ""
        return f"<LunaError {self.kind.value}{at}: {self.message}>"

    @property
    def told(self) -> str:
        """The message with its hint, as a client reads it."""
        return f"{self.message} {self.hint}".strip()


class OptionError(Exception):
    """A stage refuses one of its options while it is being built. `field` is the option's YAML name."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


def is_panic(error: BaseException) -> bool:
    """How a library that is written in Rust breaks down. Each has a class of its own for it, which nobody can import,
    and which is no `Exception`: it would take the connection along without a word."""
    return type(error).__module__ == "pyo3_runtime"
