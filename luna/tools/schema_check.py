"""Checks values against a client's JSON Schema and says in plain sentences what is wrong.

Owns those sentences: one for each problem, with the place in the value. Nothing is fetched: a schema that points
outside itself, or that is no schema in any draft, cannot be checked, and then nothing is wrong. Nor does a check take
more work than it may: what it has not found by then is not wrong either.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

import msgspec

from luna.model.memo import remembering
from luna.patterns.meter import Meter, SpentError
from luna.tools.bounded_draft import LEVELS, METER, bounded, extras, is_plain
from luna.tools.json_text import encode
from luna.tools.schema import type_of

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

MOST = 8
"""Problems that are told at a time."""
MOST_WORK = 300_000
MOST_WORK_ON_A_SCHEMA = 2_000_000
"""Units of work (see `luna.tools.bounded_draft`) in one check of a value, and in one of a schema."""
_TOO_MUCH = "More is wrong than can be told."
_LONGEST_VALUE = 80
_LONGEST_MESSAGE = 240
_PLAIN_KEY = re.compile(r"[A-Za-z_$][\w$-]*")


def problems(value: Any, schema: Mapping[str, Any], subject: str) -> list[str]:
    """What is wrong with the value, at most `MOST` sentences; empty when it is valid. `subject` names the value as a
    whole ("The answer")."""
    try:
        validator = _validator(msgspec.json.encode(schema))
    except (RecursionError, TypeError):
        return []
    if validator is None:
        return []
    with _metered(MOST_WORK):
        found = sorted(_errors(validator, value), key=_place)
    with _metered(MOST_WORK):
        return _first(sentence for error in found for sentence in _sentences(error, subject))


def fault_of(schema: Mapping[str, Any]) -> str:
    """Why this is no JSON Schema in any draft; "" when it is one."""
    try:
        encoded = msgspec.json.encode(schema)
        if _validator(encoded) is not None:
            return ""
        error = _fault(schema, _drafts(schema)[0])
    except (RecursionError, TypeError):
        return "it is nested too deeply"
    return "" if error is None else _short(f"{_path('it', error.absolute_path)}: {error.message}")


@remembering(count=256, longest=64 * 1024)
def _validator(encoded: bytes) -> "Validator | None":
    """Of the first draft in which this is a schema. Building one costs milliseconds; agents repeat their tools."""
    from referencing.jsonschema import EMPTY_REGISTRY

    schema = msgspec.json.decode(encoded)
    for draft in _drafts(schema):
        if _fault(schema, draft) is None:
            return bounded(draft, unevaluated=is_plain(encoded))(schema, registry=EMPTY_REGISTRY)
    return None


def _drafts(schema: Mapping[str, Any]) -> "list[type[Validator]]":
    """The draft that the schema names comes first. Those that name none are written after several."""
    from jsonschema import Draft4Validator, Draft7Validator, Draft202012Validator
    from jsonschema.validators import validator_for

    first: type[Validator] = Draft202012Validator
    if isinstance(schema.get("$schema"), str):
        with suppress(ValueError):  # it is no address
            first = validator_for(schema, default=first)
    return [first, Draft7Validator, Draft4Validator]


def _fault(schema: Mapping[str, Any], draft: "type[Validator]") -> "ValidationError | None":
    """The first thing because of which this is no schema of that draft. Whether an expression is one is not looked at:
    who writes schemas has other engines than Python's in mind."""
    from jsonschema.validators import validator_for

    rules: Any = draft.META_SCHEMA
    with _metered(MOST_WORK_ON_A_SCHEMA):
        return next(_errors(bounded(validator_for(rules, default=draft))(rules), schema), None)


@contextmanager
def _metered(units: int) -> Iterator[None]:
    before = METER.set(Meter(units, LEVELS))
    try:
        yield
    finally:
        METER.reset(before)


def _errors(validator: "Validator", value: Any) -> Iterator["ValidationError"]:
    """All errors, or those that are found with as much work as may be done."""
    from referencing.exceptions import Unresolvable

    try:
        yield from validator.iter_errors(value)
    except (Unresolvable, RecursionError, SpentError):
        return


def _first(said: Iterable[str]) -> list[str]:
    """The first of them that differ."""
    found: dict[str, None] = {}
    try:
        for sentence in said:
            found[sentence] = None
            if len(found) == MOST:
                break
    except SpentError:
        found[_TOO_MUCH] = None
    return list(found)


def _place(error: "ValidationError") -> tuple[str, ...]:
    return tuple(str(step).rjust(6) if isinstance(step, int) else step for step in error.absolute_path)


def _sentences(error: "ValidationError", subject: str) -> list[str]:
    at, wanted, value = (
        _path(subject, error.absolute_path),
        cast("Any", error.validator_value),
        cast("Any", error.instance),
    )
    match error.validator:
        case "required":
            return [f"{at} lacks {_listed(name for name in wanted if name not in value)}."]
        case "additionalProperties" if wanted is False:
            return [_of_additional(error, at)]
        case "type":
            if value is None and isinstance(error.schema, Mapping) and error.schema.get("nullable") is True:
                return []  # OpenAPI's way to allow it
            return [f"{at} must be of type {_types(wanted)}, but is {type_of(value)}: {_shown(value)}."]
        case "enum":
            return [f"{at} must be one of {_shown(wanted, 4 * _LONGEST_VALUE)}, but is {_shown(value)}."]
        case "const":
            return [f"{at} must be {_shown(wanted)}, but is {_shown(value)}."]
        case "anyOf" | "oneOf":
            return [_of_alternatives(error, at, subject)]
        case _:
            return [_short(f"{at} breaks the rule `{error.validator}`: {error.message}.")]


def _of_additional(error: "ValidationError", at: str) -> str:
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    known, extra = schema.get("properties", {}), extras(cast("Any", error.instance), schema)
    allowed = f"only {_listed(known)} may be" if known else "nothing may be"
    return f"{at} has {_listed(extra)}; {allowed} there."


def _of_alternatives(error: "ValidationError", at: str, subject: str) -> str:
    from jsonschema.exceptions import best_match

    if not error.context:
        return f"{at} fits more than one of the alternatives of which exactly one must fit."
    nearest = best_match(error.context)
    why = _sentences(nearest, subject) if nearest is not None else []
    return " ".join((f"{at} fits none of its alternatives.", *why))


def _path(subject: str, steps: Iterable[str | int]) -> str:
    """`files[2].path`, or the subject where there are no steps."""
    path = ""
    for step in steps:
        if isinstance(step, int):
            path += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            path += f".{step}" if path else step
        else:
            path += f"[{encode(step)}]"
    return f"`{path}`" if path else subject


def _types(wanted: object) -> str:
    return " or ".join(map(str, wanted)) if isinstance(wanted, list) else str(wanted)


def _listed(names: Iterable[object]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _shown(value: object, longest: int = _LONGEST_VALUE) -> str:
    return _short(encode(value), longest)


def _short(text: str, longest: int = _LONGEST_MESSAGE) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
