"""The words of SQLAlchemy, without SQLAlchemy: what is said with them is built when it is needed, or never.

The toolkit is a fifth of luna's start and of its memory at rest, and what luna asks its own SQLite file from day to day
is the same few dozen statements. So services say `select(runs.c.id).where(runs.c.status == word)` as ever, and what
that makes at runtime is a `Deferred`: a note of what was said. `spelled` writes the note down as text, and where
`luna.state.store.texts` knows SQLite's words for it, nothing else is needed; everywhere else `made` builds the real
thing, which imports the toolkit. SQLAlchemy itself takes a `Deferred` wherever it takes a statement or a part of one.

Type checkers see SQLAlchemy's own names. Owns that note alone: it knows no table and no database.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import (
        BigInteger,
        ColumnElement,
        Connection,
        Delete,
        Executable,
        Integer,
        Row,
        Select,
        Text,
        and_,
        bindparam,
        case,
        cast,
        delete,
        exists,
        func,
        insert,
        literal,
        literal_column,
        or_,
        select,
        tuple_,
        update,
    )

__all__ = [
    "BigInteger",
    "ColumnElement",
    "Connection",
    "Deferred",
    "Delete",
    "Executable",
    "Integer",
    "Row",
    "Select",
    "Text",
    "and_",
    "bindparam",
    "case",
    "cast",
    "delete",
    "exists",
    "func",
    "insert",
    "literal",
    "literal_column",
    "made",
    "named",
    "or_",
    "select",
    "spelled",
    "tuple_",
    "update",
]

VALUE = "value_"
"""Values that stand in a statement are bound parameters of this name and a number: so its text is always the same."""
_SIGNS = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "/": lambda a, b: a / b,
}
_TAKE_VALUES = ("limit", "offset", "in_", "not_in")
"""Methods whose arguments are values."""


class Deferred:
    """Something said in SQLAlchemy's words. It has no truth value, and equal is only what is the same object."""

    __slots__ = ("__weakref__", "_how", "_made", "_spelled")

    is_clause_element = False
    """Not yet: SQLAlchemy looks there."""

    def __init__(self, *how: Any) -> None:
        self._how = how
        self._made: Any = None
        self._spelled: tuple[str | None, tuple[Any, ...]] | None = None

    def __repr__(self) -> str:
        return f"<Deferred {spelled(self)[0] or self._how[0]}>"

    def __getattr__(self, name: str) -> "Deferred":
        if name.startswith("_"):
            raise AttributeError(name)
        return Deferred("attribute", self, name)

    def __getitem__(self, key: Any) -> "Deferred":
        return Deferred("item", self, key)

    def __call__(self, *given: Any, **named: Any) -> "Deferred":
        return Deferred("call", self, given, named)

    def __eq__(self, other: object) -> "Deferred":  # type: ignore[override]
        return Deferred("sign", "==", self, other)

    def __ne__(self, other: object) -> "Deferred":  # type: ignore[override]
        return Deferred("sign", "!=", self, other)

    __hash__ = object.__hash__

    def __lt__(self, other: object) -> "Deferred":
        return Deferred("sign", "<", self, other)

    def __le__(self, other: object) -> "Deferred":
        return Deferred("sign", "<=", self, other)

    def __gt__(self, other: object) -> "Deferred":
        return Deferred("sign", ">", self, other)

    def __ge__(self, other: object) -> "Deferred":
        return Deferred("sign", ">=", self, other)

    def __and__(self, other: object) -> "Deferred":
        return Deferred("sign", "&", self, other)

    def __or__(self, other: object) -> "Deferred":
        return Deferred("sign", "|", self, other)

    def __ror__(self, other: object) -> "Deferred":
        return Deferred("sign", "|", other, self)

    def __add__(self, other: object) -> "Deferred":
        return Deferred("sign", "+", self, other)

    def __sub__(self, other: object) -> "Deferred":
        return Deferred("sign", "-", self, other)

    def __truediv__(self, other: object) -> "Deferred":
        return Deferred("sign", "/", self, other)

    def __invert__(self) -> "Deferred":
        return Deferred("not", self)

    def __bool__(self) -> bool:
        raise TypeError("what is said in SQL is neither true nor false here")

    def __iter__(self) -> Iterator[Any]:
        return iter(made(self))

    def __contains__(self, item: object) -> bool:
        return item in made(self)

    # Where SQLAlchemy looks at what it is given

    def __clause_element__(self) -> Any:
        real = made(self)
        return real.__clause_element__() if hasattr(real, "__clause_element__") else real

    def _execute_on_connection(self, *given: Any) -> Any:
        return made(self)._execute_on_connection(*given)

    def _execute_on_scalar(self, *given: Any) -> Any:
        return made(self)._execute_on_scalar(*given)


_NAMES: dict[str, Callable[[], Any]] = {}


def named(name: str, find: Callable[[], Any]) -> Any:
    """Something that is known by that name wherever it is spelled: a table, a function. `find` gets the real one."""
    _NAMES[name] = find
    return Deferred("name", name)


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    return named(name, lambda: _of_the_toolkit(name))


def _of_the_toolkit(name: str) -> Any:
    import sqlalchemy  # here, and nowhere sooner: that is what this module is for

    return getattr(sqlalchemy, name)


def made(what: Any) -> Any:
    """The real thing, whatever it is nested in."""
    match what:
        case Deferred():
            if what._made is None:
                what._made = _make(*what._how)
            return what._made
        case tuple():
            return tuple(made(one) for one in what)
        case list() | set() | frozenset():
            return [made(one) for one in what]
        case dict():
            return {made(key): made(value) for key, value in what.items()}
    return what


def _make(how: str, first: Any, *rest: Any) -> Any:
    match how:
        case "name":
            return _NAMES[first]()
        case "attribute":
            return getattr(made(first), rest[0])
        case "item":
            return made(first)[made(rest[0])]
        case "call":
            return made(first)(*made(rest[0]), **made(rest[1]))
        case "sign":
            return _SIGNS[first](made(rest[0]), made(rest[1]))
    return ~made(first)


class _Unspeakable(Exception):
    """It has something in it that has no spelling."""


def spelled(what: Any) -> tuple[str | None, tuple[Any, ...]]:
    """What was said, as an expression of Python with `value_0`, `value_1`, … for the values in it, and those values.
    None for the text where something in it cannot be written down."""
    if not isinstance(what, Deferred):
        return None, ()
    if what._spelled is None:
        values: list[Any] = []
        try:
            what._spelled = _spell(what, values), tuple(values)
        except _Unspeakable:
            what._spelled = None, ()
    return what._spelled


def _spell(what: Any, values: list[Any]) -> str:
    if not isinstance(what, Deferred):
        return _word(what, values)
    how, first, *rest = what._how
    match how:
        case "name":
            return str(first)
        case "attribute":
            return f"{_spell(first, values)}.{rest[0]}"
        case "item":
            return f"{_spell(first, values)}[{_spell(rest[0], values)}]"
        case "call":
            spell = _value if first._how[0] == "attribute" and first._how[2] in _TAKE_VALUES else _spell
            given = [spell(one, values) for one in rest[0]]
            given += [f"{name}={_spell(one, values)}" for name, one in rest[1].items()]
            return f"{_spell(first, values)}({', '.join(given)})"
        case "sign":
            return f"({_value(rest[0], values)} {first} {_value(rest[1], values)})"
    return f"~{_spell(first, values)}"


def _word(what: Any, values: list[Any]) -> str:
    match what:
        case None | bool() | int() | float():
            return repr(what)
        case str():
            return repr(str(what))
        case tuple():
            return f"({''.join(f'{_spell(one, values)}, ' for one in what)})"
        case list():
            return f"[{', '.join(_spell(one, values) for one in what)}]"
        case dict():
            return f"{{{', '.join(f'{_word(key, values)}: {_spell(one, values)}' for key, one in what.items())}}}"
    raise _Unspeakable


def _value(what: Any, values: list[Any]) -> str:
    match what:
        case None | bool() | Deferred():  # the text depends on these
            return _spell(what, values)
        case int() | float() | str() | bytes():
            values.append(what)
            return f"{VALUE}{len(values) - 1}"
        case (_, *_) | set() | frozenset():
            if not what:
                raise _Unspeakable
            return f"[{', '.join(_value(one, values) for one in what)}]"
    raise _Unspeakable
