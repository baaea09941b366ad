"""The operators of the filter language: the one table that parser, conditions, explanations and help are made of.

    filter  =  and { "|" and }
    and     =  not { ["&"] not }            two conditions side by side: both
    not     =  "!" not  |  "(" filter ")"  |  "~" letters [value]  |  value
    value   =  word  |  'quoted'  |  "quoted"       a value alone is ~q

A word ends at a space and at any of & | ( ). What a value may be says the operator's kind:

    pattern     a name; * stands for anything, ? for one character; case does not matter
    optional    the same, or nothing: any
    outcome     a pattern of the outcomes, or `active`
    words       text that stands somewhere in it; case does not matter
    duration    < <= > >= and a time: 500ms, 2s, 1.5m, 1h; seconds where no unit stands
    count       < <= > >= = and a number: 1000, 10k, 2M
    moment      <1h (younger), >2d (older), 2026-11-22, 2026-11-22T19:40 (that day, that minute, UTC), or FROM..TO
    nothing     no value
"""

from collections.abc import Mapping
from typing import Literal, Protocol

import msgspec

Field = Literal[
    "model",
    "account",
    "session",
    "client",
    "route",
    "protocol",
    "outcome",
    "error",
    "tool",
    "asked",
    "duration",
    "first",
    "tokens",
    "born",
    "recorded",
    "arguments",
    "request",
]
Value = Literal["pattern", "optional", "outcome", "words", "duration", "count", "moment", "nothing"]

ACTIVE = ("queued", "running", "streaming")
OUTCOMES = (*ACTIVE, "completed", "failed", "cancelled", "client-gone", "interrupted")


class Facts(Protocol):
    """What a filter looks at. Times are seconds since the epoch, durations milliseconds."""

    @property
    def created_at(self) -> float: ...
    @property
    def status(self) -> str: ...
    @property
    def duration_ms(self) -> float | None: ...
    @property
    def first_event_ms(self) -> float | None: ...
    @property
    def input_tokens(self) -> int | None: ...
    @property
    def output_tokens(self) -> int | None: ...
    @property
    def tools(self) -> str: ...
    @property
    def preview_folded(self) -> str: ...


class Operator(msgspec.Struct, frozen=True):
    """One word of the language; most have one letter."""

    letter: str
    field: Field
    value: Value
    columns: tuple[str, ...]
    """The fields of a run that it looks at; one of them is enough."""
    example: str
    about: str


_TABLE = (
    Operator("m", "model", "pattern", ("model", "target"), "~m qwen*", "the model, as asked for or as answered"),
    Operator("a", "account", "pattern", ("account_id",), "~a work*", "the account"),
    Operator("s", "session", "pattern", ("session_id",), "~s sess_*", "the session"),
    Operator("c", "client", "pattern", ("client", "agent"), "~c claude*", "the client: its key's name, or its kind"),
    Operator("r", "route", "pattern", ("route",), "~r chat", "the route"),
    Operator("p", "protocol", "pattern", ("protocol",), "~p openai*", "the client's protocol"),
    Operator("o", "outcome", "outcome", ("status",), "~o failed", f"the outcome: {', '.join(OUTCOMES)}, or active"),
    Operator("e", "error", "optional", ("error_kind",), "~e rate-limited", "an error: any, or one kind"),
    Operator("t", "tool", "pattern", ("tools",), "~t Bash", "a tool that was called"),
    Operator("q", "asked", "words", ("preview_folded",), '~q "fix the test"', "in the last thing that the user said"),
    Operator("d", "duration", "duration", ("duration_ms",), "~d >2s", "how long it took, of those that are over"),
    Operator("f", "first", "duration", ("first_event_ms",), "~f >1s", "the time to the first token"),
    Operator("n", "tokens", "count", ("input_tokens", "output_tokens"), "~n >10k", "tokens in and out, together"),
    Operator("b", "born", "moment", ("created_at",), "~b <1h", "when it began"),
    Operator("x", "recorded", "nothing", ("recording",), "~x", "it was recorded"),
)

OPERATORS: Mapping[str, Operator] = {operator.letter: operator for operator in _TABLE}
"""Those for flows as they are kept: by their letters, in the order in which they are shown."""

_LIVE = (
    *(OPERATORS[letter] for letter in "mascrp"),
    Operator("t", "tool", "pattern", ("tools",), "~t Bash", "a tool that is being called"),
    Operator("args", "arguments", "words", ("arguments_folded",), '~args "rm -rf"', "in the arguments of a call"),
    OPERATORS["q"],
    Operator("doc", "request", "words", ("request_folded",), "~doc password", "anywhere in the request's words"),
)

LIVE_OPERATORS: Mapping[str, Operator] = {operator.letter: operator for operator in _LIVE}
"""Those for a flow in progress, of which neither the end nor the cost is known."""

OF_CALLS = frozenset({LIVE_OPERATORS["t"], LIVE_OPERATORS["args"]})
"""Those of a flow in progress that look at one call, once it is complete."""
