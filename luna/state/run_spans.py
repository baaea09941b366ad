"""The shape of what the runs of a while come to. How it is found out is `luna.state.run_figures`.

Durations are milliseconds, times seconds since the epoch.
"""

import msgspec


class Span(msgspec.Struct):
    """The runs that were born within one stretch of time."""

    requests: int = 0
    completed: int = 0
    failed: int = 0
    """Failed or interrupted: what is neither well nor somebody's wish."""
    input_tokens: int = 0
    output_tokens: int = 0
    first_p50: float | None = None
    first_p95: float | None = None
    queue_p95: float | None = None
    """How long they waited for a place; those that did not wait are not among them."""


class Figures(msgspec.Struct):
    """`moments`: the beginning of each stretch, oldest first, without gaps; `spans` beside them. `error_counts` and
    `account_counts`: the first few of `errors` and `accounts`, each with one number for each moment."""

    since: float
    width: float
    moments: list[float] = msgspec.field(default_factory=list)
    spans: list[Span] = msgspec.field(default_factory=list)
    total: Span = msgspec.field(default_factory=Span)
    errors: list[tuple[str, int]] = msgspec.field(default_factory=list)
    models: list[tuple[str, Span]] = msgspec.field(default_factory=list)
    accounts: list[tuple[str, Span]] = msgspec.field(default_factory=list)
    error_counts: list[tuple[str, list[int]]] = msgspec.field(default_factory=list)
    account_counts: list[tuple[str, list[int]]] = msgspec.field(default_factory=list)
