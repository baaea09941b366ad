"""What a document of preferences may say: every leaf with its type, what is wrong with a value, how two are merged.

Owns the way from loose JSON to `luna.model.preferences.Preferences` and the sentences about what is not understood.
Pure: the file is `luna.config.preferences`' business.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec import inspect

from luna.config.diagnostics import did_you_mean
from luna.model.preferences import Group, Preferences

ABSENT: Mapping[str, str] = {
    "tokenOverflow.sanitizer.mode": "luna has one set of rules; each of them has its own switch",
    "tokenOverflow.sanitizer.preserveRawDebugFile": "the recording of a request keeps what was sent",
    "tokenOverflow.sanitizer.includeProjectSnapshot": "it described the proxy's own folder, not the client's project",
    "session.fallbackMode": "a conversation that is not found again is always a new one",
    "session.fileBacked": "what goes into a file is decided by tokenOverflow",
    "multiThread.subagentMode": "requests of subagents are requests like any other",
    "egressIsolation.mode": "the network profile of an account says how it goes out",
}
"""Settings of LunaProxy that luna lacks on purpose, with the reason."""

_UNWANTED: Mapping[tuple[str, str], str] = {
    ("session.chatCleanup.scheduled.mode", "all"): "luna only ever deletes chats that it has created itself",
}

SHOWN = 60
"""Characters of a foreign name or word that may stand in a sentence."""


class FieldProblem(msgspec.Struct, frozen=True, order=True):
    """One thing that is wrong, and where: `session.historyLimit`."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class WrongPreferences(Exception):
    """A change that cannot be made; nothing of it was."""

    def __init__(self, problems: list[FieldProblem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


class Leaf(NamedTuple):
    """One setting: its path, its type with ranges and description, its default."""

    path: str
    type: Any
    default: Any


class Understood(msgspec.Struct, frozen=True):
    """What a document says. `given` are the paths of the leaves that it sets."""

    preferences: Preferences
    given: frozenset[str]
    problems: list[FieldProblem]


def leaves(kind: type[Group] = Preferences, prefix: str = "") -> Iterator[Leaf]:
    """Every setting there is, in the order of the document."""
    for field in msgspec.structs.fields(kind):
        path = prefix + field.encode_name
        if _is_group(field.type):
            yield from leaves(field.type, path + ".")
        else:
            yield Leaf(path, field.type, field.default)


def understand(document: Mapping[str, Any], stored: Mapping[str, Any] | None = None) -> Understood:
    """The preferences of a document, with the defaults for all that it does not say or says wrongly. Never raises.
    Null is the default; on an unknown key it is only right where `stored` has that key, to be rid of it."""
    given: set[str] = set()
    problems: list[FieldProblem] = []
    preferences = _group(Preferences, document, stored or {}, "", given, problems)
    assert isinstance(preferences, Preferences)
    return Understood(preferences, frozenset(given), problems)


def merged(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with what `patch` says; null takes a key out, and a group without keys goes too."""
    result = dict(base)
    for key, value in patch.items():
        if isinstance(value, Mapping):
            below = result.get(key)
            value = merged(below if isinstance(below, Mapping) else {}, value) or None
        if value is None:
            result.pop(key, None)
        else:
            result[key] = value
    return result


def plain(preferences: Group) -> dict[str, Any]:
    """The whole document, every default written out."""
    document: dict[str, Any] = msgspec.to_builtins(preferences)
    return document


def flat(preferences: Preferences) -> dict[str, Any]:
    """Every setting by its path."""
    return dict(_flat(preferences, ""))


def _flat(group: Group, prefix: str) -> Iterator[tuple[str, Any]]:
    for field in msgspec.structs.fields(group):
        path, value = prefix + field.encode_name, getattr(group, field.name)
        if isinstance(value, Group):
            yield from _flat(value, path + ".")
        else:
            yield path, value


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the document, with descriptions, defaults and ranges."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Preferences)}


def _group(
    kind: type[Group],
    document: Mapping[str, Any],
    stored: Mapping[str, Any],
    prefix: str,
    given: set[str],
    problems: list[FieldProblem],
) -> Group:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    values: dict[str, Any] = {}
    for key, value in document.items():
        path, field = prefix + key[:SHOWN], fields.get(key)
        if field is None:
            if value is not None or key not in stored:
                problems.append(FieldProblem(path, _unknown(path, key, fields)))
        elif value is None:
            continue
        elif _is_group(field.type):
            below = stored.get(key)
            if isinstance(value, Mapping):
                below = below if isinstance(below, Mapping) else {}
                values[field.name] = _group(field.type, value, below, path + ".", given, problems)
            else:
                problems.append(FieldProblem(path, "must be an object"))
        else:
            try:
                values[field.name] = msgspec.convert(_whole(value), field.type)
                given.add(path)
            except msgspec.ValidationError:
                problems.append(FieldProblem(path, _wrong(path, field.type, value)))
    return kind(**values)


def _whole(value: Any) -> Any:
    """5.0 is the number 5 (JSON has one kind of numbers)."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_group(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Group)


def suggestion(word: str, choices: Iterable[str]) -> str:
    """` (did you mean 'x'?)` for the choice that looks most like `word`; "" when none does."""
    question = did_you_mean(word, choices)
    return f" ({question})" if question else ""


def lacking(path: str, value: object = None) -> str:
    """Why luna does without that setting of LunaProxy's, or without that value of one; "" where it has it."""
    return ABSENT.get(path) or (_UNWANTED.get((path, value), "") if isinstance(value, str) else "")


def _unknown(path: str, key: str, known: Mapping[str, object]) -> str:
    reason = lacking(path)
    if reason:
        return f"luna has no such setting: {reason}"
    return f"there is no such setting{suggestion(key, known)}"


def _wrong(path: str, kind: Any, value: object) -> str:
    info = inspect.type_info(kind)
    said = f"must be {_expected(info)}"
    if not isinstance(value, str):
        return f"{said}; got {_got(value)}"
    reason = lacking(path, value)
    if reason:
        return f"{said}; {reason}"
    choices = [str(choice) for part in _parts(info) if isinstance(part, inspect.LiteralType) for choice in part.values]
    if choices:
        return f"{said}; got '{value[:SHOWN]}'{suggestion(value, choices)}"
    return said if any(isinstance(part, inspect.StrType) for part in _parts(info)) else f"{said}; got text"


def _parts(info: inspect.Type) -> list[inspect.Type]:
    match info:
        case inspect.Metadata(type=inner):
            return _parts(inner)
        case inspect.UnionType(types=types):
            return [part for each in types for part in _parts(each)]
        case _:
            return [info]


def _expected(info: inspect.Type) -> str:
    return " or ".join(_described(part) for part in _parts(info))


def _described(info: inspect.Type) -> str:
    match info:
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return "a whole number" + _range(info)
        case inspect.FloatType():
            return "a number" + _range(info)
        case inspect.LiteralType(values=values):
            return f"one of: {', '.join(map(str, values))}"
        case inspect.StrType(pattern=str(pattern)):
            return f"text that fits {pattern}"
        case inspect.StrType():
            return "text that is not empty"
        case inspect.NoneType():
            return "null"
        case _:
            return f"a {type(info).__name__}"


def _range(info: inspect.IntType | inspect.FloatType) -> str:
    bounds = (("of at least", info.ge), ("above", info.gt), ("of at most", info.le), ("below", info.lt))
    said = [f"{words} {bound:g}" for words, bound in bounds if bound is not None]
    return f" {' and '.join(said)}" if said else ""


def _got(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)[:SHOWN]
        case list():
            return "a list"
        case _:
            return "an object"
