"""A filter in words: as pieces that a page says in its own language, and as an English sentence."""

from datetime import UTC, datetime
from typing import Literal, assert_never

import msgspec

from luna.filters.conditions import Born, Both, Compares, Condition, Contains, Either, Has, Matches, Not, OneOf
from luna.filters.operators import Field
from luna.filters.text import is_pattern

Word = Literal["term", "and", "or", "not", "open", "close"]
Relation = Literal["is", "like", "contains", "any", "<", "<=", ">", ">=", "=", "between", "since", "before"]


class Saying(msgspec.Struct, frozen=True):
    """One piece. Of a `term`: what it looks at, how, and with what. `number` is milliseconds for durations, a count
    for tokens; `since` and `until` are milliseconds since the epoch."""

    word: Word
    field: Field | None = None
    relation: Relation | None = None
    values: tuple[str, ...] = ()
    number: float | None = None
    since: int | None = None
    until: int | None = None


_JOINING = {"and": "and", "or": "or", "not": "not", "open": "(", "close": ")"}
_NAMES: dict[Field, str] = {
    "model": "the model",
    "account": "the account",
    "session": "the session",
    "client": "the client",
    "route": "the route",
    "protocol": "the protocol",
    "outcome": "the outcome",
    "error": "the error",
    "tool": "a called tool",
    "asked": "what the user said",
    "duration": "the duration",
    "first": "the time to the first token",
    "tokens": "the number of tokens",
    "born": "the beginning",
    "recorded": "the recording",
    "arguments": "the arguments of a call",
    "request": "the request",
}


def explain(condition: Condition | None) -> list[Saying]:
    """The pieces, in their order; none for a filter that wants everything."""
    return [] if condition is None else _say(condition)


def _say(condition: Condition) -> list[Saying]:
    match condition:
        case Both() | Either():
            word: Word = "and" if isinstance(condition, Both) else "or"
            said: list[Saying] = []
            for part in condition.parts:
                said += [*([Saying(word)] if said else []), *_within(part, (Both, Either))]
            return said
        case Not():
            return [Saying("not"), *_within(condition.inner, (Both, Either))]
        case Matches():
            relation: Relation = "like" if is_pattern(condition.pattern) else "is"
            return [Saying("term", condition.operator.field, relation, (condition.pattern,))]
        case Contains():
            return [Saying("term", condition.operator.field, "contains", (condition.text,))]
        case Has():
            return [Saying("term", condition.operator.field, "any")]
        case OneOf():
            return [Saying("term", condition.operator.field, "is", condition.words)]
        case Compares():
            return [Saying("term", condition.operator.field, condition.sign, number=condition.number)]
        case Born():
            return [_born(condition)]
    assert_never(condition)


def _within(part: Condition, compound: tuple[type, ...]) -> list[Saying]:
    said = _say(part)
    return [Saying("open"), *said, Saying("close")] if isinstance(part, compound) else said


def _born(condition: Born) -> Saying:
    since, until = (None if at is None else round(at * 1000) for at in (condition.since, condition.until))
    relation: Relation = "before" if since is None else "since" if until is None else "between"
    return Saying("term", "born", relation, since=since, until=until)


def sentence(sayings: list[Saying]) -> str:
    """The same in English."""
    text = " ".join(_JOINING[each.word] if each.word != "term" else _term(each) for each in sayings)
    return text.replace("( ", "(").replace(" )", ")")


def _term(said: Saying) -> str:
    name = _NAMES[said.field or "model"]
    values = " or ".join(said.values)
    match said.relation:
        case "any":
            return "it was recorded" if said.field == "recorded" else "there is an error"
        case "is" | "contains":
            return f"{name} {said.relation} {values}"
        case "like":
            return f"{name} is like {values}"
        case "between":
            return f"it began between {_moment(said.since)} and {_moment(said.until)}"
        case "since":
            return f"it began after {_moment(said.since)}"
        case "before":
            return f"it began before {_moment(said.until)}"
        case _:
            unit = "" if said.field == "tokens" else " ms"
            return f"{name} {said.relation} {said.number or 0:g}{unit}"


def _moment(at: int | None) -> str:
    return datetime.fromtimestamp((at or 0) / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
