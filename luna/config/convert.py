"""Nodes → typed values, every mistake reported where it stands.

msgspec stops at the first error and loses mapping keys; so structs are read field by field, lists item
by item and maps entry by entry, and msgspec only sees leaves. Owns the wording of those mistakes. Pure.
Values from the environment never appear in a message.
"""

import re
import types
from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Any, Final, Literal, TypeGuard, TypeVar, Union, get_args, get_origin

import msgspec

from luna.config.diagnostics import Place, Report, closest, did_you_mean
from luna.config.nodes import Key, MappingNode, Node, ScalarNode, SequenceNode, scrub
from luna.config.schema import IN_WORDS
from luna.model import values
from luna.model.late_pattern import LatePattern

S = TypeVar("S", bound=msgspec.Struct)

INVALID: Final = object()
"""Stands for a value that was reported and must not be used."""

_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
_EXPECTED = LatePattern(r"Expected `(?P<wanted>[^`]+)`(?P<more>.*?)(, got `?(?P<got>[^`]*)`?)?")
_SUFFIX = re.compile(r"(?s)(?P<message>.*) - at `\$(?P<path>[^`]*)`")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|(.)")


def fields_of(kind: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    """A struct's fields by the name they have in YAML. Raises TypeError or NameError when a third party's
    annotations cannot be read."""
    return {field.encode_name: field for field in msgspec.structs.fields(kind)}


def read_struct(
    node: Node, kind: type[S], report: Report, what: str, *, skip: Collection[str] = (), noun: str = "field"
) -> S | None:
    """A struct from a mapping, or None after reporting all that is wrong with it. `what` is how messages call it.
    Fields in `skip` may be there and keep their default; the caller reads them."""
    if not isinstance(node, MappingNode):
        report.error(node.place, f"expected a mapping for {what}, got {kind_of(node)}")
        return None
    fields = fields_of(kind)
    misspelt = report_unknown(node.keys, fields, report, what, noun)
    found = read_fields(node.entries, fields, report, what, node.place, skip=skip, misspelt=misspelt or ())
    if found is None or misspelt is not None:
        return None
    blank = {fields[name].name: None for name in skip if name in fields}
    return build(kind, blank | found, report, node.place, node.secrets())


def refuse_filled(node: Node | None, names: Iterable[str], report: Report) -> bool:
    """Report fields of a mapping that must not come from the environment, because messages, verdicts and recordings
    repeat them. True when there are none."""
    sound = True
    for name in names:
        value = node.entries.get(name) if isinstance(node, MappingNode) else None
        for filled in value.secrets() if value is not None else ():
            report.error(filled.place, f"'{name}' cannot come from the environment", "write it out")
            sound = False
    return sound


def report_unknown(
    keys: Mapping[str, Place], known: Collection[str], report: Report, what: str, noun: str
) -> set[str] | None:
    """Report the keys that are not known. None when there are none, else the names that they probably stand for
    and that are not there themselves."""
    unknown = [name for name in keys if name not in known]
    meant: set[str] = set()
    for name in unknown:
        close = closest(name, [each for each in known if each not in keys])
        meant.update(close)
        hint = f"did you mean '{close[0]}'?" if close else f"it has: {', '.join(known)}" if known else ""
        report.error(keys[name], f"{what} has no {noun} '{name}'", hint)
    return meant if unknown else None


def read_fields(
    nodes: dict[str, Node],
    fields: dict[str, msgspec.structs.FieldInfo],
    report: Report,
    what: str,
    place: Place,
    *,
    skip: Collection[str] = (),
    misspelt: Collection[str] = (),
) -> dict[str, Any] | None:
    """The values of the fields that `nodes` has, by attribute name; None after reporting. Required fields that are
    missing are reported at `place`, unless they are `misspelt`. Leaves unknown names to the caller."""
    found: dict[str, Any] = {}
    sound = True
    for name, field in fields.items():
        node = nodes.get(name)
        if node is None:
            if field.required and name not in misspelt:
                report.error(place, f"{what} needs '{name}'")
                sound = False
            continue
        if name in skip:
            continue
        value = read(node, field.type, report, f"'{name}'")
        sound = sound and value is not INVALID
        found[field.name] = value
    return found if sound else None


def build(
    kind: type[S], found: dict[str, Any], report: Report, place: Place, secrets: Collection[ScalarNode]
) -> S | None:
    """The struct from checked values; its `__post_init__` may still refuse them."""
    try:
        return kind(**found)
    except (ValueError, TypeError) as error:
        report.error(place, scrub(str(error), list(secrets)))
        return None


def read(node: Node, kind: Any, report: Report, what: str) -> Any:
    """A value of any type that msgspec knows, or INVALID after reporting."""
    core, optional = _unwrap(kind)
    if optional and isinstance(node, ScalarNode) and node.value is None and not node.broken:
        return None
    arguments = get_args(core)
    if _is_struct(core):
        shorthand = getattr(core, "shorthand", "")
        if shorthand and not isinstance(node, MappingNode):
            value = read(node, fields_of(core)[shorthand].type, report, what)
            return INVALID if value is INVALID else core(**{shorthand: value})
        struct = read_struct(node, core, report, what)
        return INVALID if struct is None else struct
    if get_origin(core) is list and _is_struct(_unwrap(arguments[0])[0]) and isinstance(node, SequenceNode):
        items = [read(item, arguments[0], report, f"an item of {what}") for item in node.items]
        return INVALID if any(item is INVALID for item in items) else items
    if get_origin(core) is dict and arguments[0] is str and isinstance(node, MappingNode):
        entries = {key: read(value, arguments[1], report, f"'{key}'") for key, value in node.entries.items()}
        return INVALID if any(value is INVALID for value in entries.values()) else entries
    return _convert(node, kind, report, what)


def _convert(node: Node, kind: Any, report: Report, what: str) -> Any:
    if any(scalar.broken for scalar in node.scalars()):
        return INVALID
    try:
        return msgspec.convert(node.plain(), kind, dec_hook=values.decode)
    except msgspec.ValidationError as error:
        message, path = _split(str(error))
        target = node.reach(path)
        if message.startswith("Object contains unknown field"):
            name = message.split("`")[1]
            at = target.keys.get(name, target.place) if isinstance(target, MappingNode) else target.place
            report.error(at, f"{what} has no field '{name}'")
        else:
            words, hint = _in_words(message, kind, target)
            report.error(target.place, f"{what}: {words}", hint)
    except (TypeError, NotImplementedError, RecursionError) as error:
        report.error(node.place, f"{what} is declared in a way that luna cannot read: {error}")
    return INVALID


def _split(message: str) -> tuple[str, list[Key]]:
    found = _SUFFIX.fullmatch(message)
    if found is None:
        return message, []
    path: list[Key] = []
    for name, index, other in _STEP.findall(found["path"]):
        if other:  # `[...]`: msgspec does not know the key
            break
        path.append(name or int(index))
    return found["message"], path


def _in_words(message: str, kind: Any, node: Node) -> tuple[str, str]:
    """A msgspec message in a person's words, and a hint. Repeats no value that came from the environment."""
    secrets = node.secrets()
    origin = f" (from {secrets[0].text})" if secrets else ""
    expected = _EXPECTED.fullmatch(message)
    if expected is not None:
        pattern = next((words for pattern, words in IN_WORDS.items() if f"'{pattern}'" in expected["more"]), "")
        if pattern:
            return f"expected {pattern}{origin}", ""
        kinds = [each for each in expected["wanted"].split(" | ") if each != "null"]
        wanted = " or ".join(_WORDS.get(each, each) for each in kinds)
        got = expected["got"]
        given = _WORDS.get(got, got) if got else "something else" if secrets else repr(node.written())
        return f"expected {wanted}{expected['more']}, got {given}{origin}", ""
    choices = list(_choices(kind))
    if message.startswith("Invalid enum value") and choices:
        said = "the value" if secrets else repr(node.written())
        listed = ", ".join(str(choice) for choice in choices)
        hint = "" if secrets else did_you_mean(str(node.written()), [str(choice) for choice in choices])
        return f"{said}{origin} is not one of: {listed}", hint
    return (f"the value{origin} cannot be used here", "") if secrets else (message[:1].lower() + message[1:], "")


def _choices(kind: Any) -> Iterable[object]:
    if get_origin(kind) is Literal:
        yield from get_args(kind)
    else:
        for inner in get_args(kind):
            if get_origin(inner) is not None:
                yield from _choices(inner)


def _unwrap(kind: Any) -> tuple[Any, bool]:
    """The type without `Annotated` and `| None`, and whether None was in it."""
    optional = False
    while True:
        origin = get_origin(kind)
        if origin is Annotated:
            kind = get_args(kind)[0]
            continue
        if origin in (Union, types.UnionType):
            inner = [each for each in get_args(kind) if each is not type(None)]
            if len(inner) == 1:
                kind, optional = inner[0], True
                continue
        return kind, optional


def _is_struct(kind: Any) -> TypeGuard[type[msgspec.Struct]]:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__struct_config__.tag is None


def kind_of(node: Node) -> str:
    """What a node is, in words; never its value."""
    match node:
        case MappingNode():
            return "a mapping"
        case SequenceNode():
            return "a list"
        case ScalarNode(value=None):
            return "nothing"
        case ScalarNode(value=bool()):
            return "true or false"
        case ScalarNode(value=int() | float()):
            return "a number"
        case _:
            return "text"
