"""JSON Schema's keywords, with a bound on the work that a schema and a value can make together.

Owns what a check may cost. A schema is a stranger's: references that double at each step, expressions that go round and
round, or many alternatives for a long list would otherwise keep everybody waiting. Each keyword that is looked at, each
step of an expression and each character of a message counts; see `luna.patterns`.

An expression that cannot be read there is nothing to judge by: what it ought to fit counts as fitting.
"""

from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from luna.patterns.meter import Meter
from luna.patterns.search import found

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

_FOLLOWED = (b'Ref"', b'"$ref"', b'"patternProperties"')
METER: ContextVar[Meter] = ContextVar("METER")
"""Of the check that is being made."""
LEVELS = 200
"""Keywords within keywords, at three calls each. A circle of references must not come to Python's own limit: the
library's maps, which are not Python, end in a panic there."""
_KEYWORD = 16
"""Steps of an expression that cost as much as one keyword, apart from what that does to each of its parts."""
_CHARACTERS = 8
"""Characters of a message that cost as much as one step."""

_Keyword = Callable[[Any, Any, Any, Any], "Iterator[ValidationError] | None"]


@cache
def bounded(draft: "type[Validator]", *, unevaluated: bool = True) -> "type[Validator]":
    """The draft, whose work is taken from `METER`: to go through its errors raises SpentError.

    `unevaluated`: whether `unevaluatedProperties` and `unevaluatedItems` count. The library follows references and
    expressions for these by itself, past the meter; see `is_plain`."""
    from jsonschema.validators import extend

    keywords: dict[str, _Keyword] = {
        **draft.VALIDATORS,
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items(draft.VALIDATORS["uniqueItems"]),
    }
    keywords |= {name: _passed for name in keywords if name.startswith("unevaluated") and not unevaluated}
    metered = {name: _metered(keyword) for name, keyword in keywords.items()}
    made: Any = extend(draft, metered)  # type: ignore[no-untyped-call]
    made.evolve = _evolving(made)
    return cast("type[Validator]", made)


def is_plain(encoded: bytes) -> bool:
    """Whether a schema (JSON text) has nothing that `unevaluatedProperties` and `unevaluatedItems` could follow without
    an end that is in sight."""
    return not any(word in encoded for word in _FOLLOWED)


def extras(value: Mapping[str, object], schema: Mapping[str, Any]) -> list[str]:
    """The members that neither `properties` nor `patternProperties` knows."""
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    return [name for name in value if name not in known and not any(_fits(each, name) for each in patterns)]


def _metered(keyword: _Keyword) -> _Keyword:
    """A keyword whose work counts. What stands behind it may be nonsense: a reference leads to places of a schema that
    nobody has looked at as one. Then there is nothing to judge by."""
    from jsonschema.exceptions import UnknownType

    def checked(validator: Any, wanted: Any, value: Any, schema: Any) -> Iterator["ValidationError"]:
        meter = METER.get()
        meter.spend(_KEYWORD + (len(wanted) if isinstance(wanted, list | dict) else 0))
        meter.enter()
        try:
            for error in keyword(validator, wanted, value, schema) or ():
                meter.spend(len(error.message) // _CHARACTERS)
                yield error
        except (UnknownType, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            return
        finally:
            meter.leave()

    return checked


def _fits(pattern: str, text: str) -> bool:
    return found(pattern, text, METER.get()) is not False


def _pattern(validator: Any, wanted: Any, value: Any, schema: Any) -> Iterator["ValidationError"]:
    from jsonschema import ValidationError

    if validator.is_type(value, "string") and not _fits(wanted, value):
        yield ValidationError(f"{value!r} does not match {wanted!r}")


def _pattern_properties(validator: Any, wanted: Any, value: Any, schema: Any) -> Iterator["ValidationError"]:
    """A member must fit what belongs to an expression only where its name certainly fits the expression."""
    if not validator.is_type(value, "object"):
        return
    for pattern, below in wanted.items():
        for name, member in value.items():
            if found(pattern, name, METER.get()):
                yield from validator.descend(member, below, path=name, schema_path=pattern)


def _additional_properties(validator: Any, wanted: Any, value: Any, schema: Any) -> Iterator["ValidationError"]:
    from jsonschema import ValidationError

    if not validator.is_type(value, "object"):
        return
    METER.get().spend(len(value))
    others = extras(value, schema)
    if validator.is_type(wanted, "object"):
        for name in others:
            yield from validator.descend(value[name], wanted, path=name)
    elif not wanted and others:
        yield ValidationError(f"{', '.join(map(repr, others))} may not be there")


def _unique_items(keyword: _Keyword) -> _Keyword:
    """Items that cannot be sorted are compared each with each."""

    def checked(validator: Any, wanted: Any, value: Any, schema: Any) -> "Iterator[ValidationError] | None":
        if wanted and validator.is_type(value, "array"):
            sortable = all(isinstance(item, str) for item in value) or all(_is_number(item) for item in value)
            METER.get().spend(len(value) if sortable else len(value) * len(value))
        return keyword(validator, wanted, value, schema)

    return checked


def _passed(validator: Any, wanted: Any, value: Any, schema: Any) -> None:
    """A keyword that is not looked at."""


def _evolving(draft: Any) -> Callable[..., Any]:
    """What makes the same draft for a part of the schema; also for a part that names another draft, which would have no
    meter."""
    fields = [(field.alias, field.name) for field in draft.__attrs_attrs__ if field.init]

    def evolved(validator: Any, **changes: Any) -> Any:
        kept = {alias: getattr(validator, name) for alias, name in fields if alias not in changes}
        return type(validator)(**kept, **changes)

    return evolved


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
