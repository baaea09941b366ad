"""A stage's options, looked at from outside: their fields, and what they come to when some are written.

Pure; shared by the compiler, the schemas and whoever shows a pipeline.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from luna.config.convert import fields_of
from luna.config.nodes import Node
from luna.config.schema import RESERVED
from luna.core.stage import Stage, StageOptions
from luna.model import values
from luna.model.values import Duration

_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))


def option_fields(kind: type[Stage]) -> dict[str, msgspec.structs.FieldInfo]:
    """The options of a stage by the name they have in YAML. Raises TypeError or NameError when a third party
    declared them in a way that luna cannot read."""
    declared: object = kind.Options
    if not (isinstance(declared, type) and issubclass(declared, StageOptions)):
        raise TypeError("Options does not derive from StageOptions")
    fields = fields_of(declared)
    taken = [name for name in RESERVED if name in fields]
    if taken:
        raise TypeError(f"the name '{taken[0]}' is reserved")
    return fields


def effective(fields: Mapping[str, msgspec.structs.FieldInfo], nodes: Mapping[str, Node]) -> dict[str, Any]:
    """Every option as it holds: as written where it is (references to the environment unfilled), else the default."""
    return {
        name: nodes[name].written() if name in nodes else default_of(field)
        for name, field in fields.items()
        if name in nodes or not field.required
    }


def default_of(field: msgspec.structs.FieldInfo) -> Any:
    """An optional field's default in builtins, as a person would write it."""
    made = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    return msgspec.to_builtins(made, enc_hook=_encode)


def schema_of(field: msgspec.structs.FieldInfo) -> dict[str, Any]:
    """What an option may be, as JSON Schema. Raises TypeError for a third party's own types."""
    return msgspec.json.schema(field.type, schema_hook=values.schema)


def takes(schema: Mapping[str, Any]) -> str:
    """The kind of value, in words; what is to be typed stands between backticks."""
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(takes(each) for each in schema["anyOf"] if each.get("type") != "null")
    examples = schema.get("examples")
    word = {"string": "text", "integer": "number", "boolean": "`true` or `false`", "array": "list"}
    kind = word.get(str(schema.get("type")), str(schema.get("type", "")))
    return f"like `{examples[1 if len(examples) > 1 else 0]}`" if examples else kind


def meaning(schema: Mapping[str, Any]) -> str:
    """What the option does, as its author says it."""
    return " ".join(str(schema.get("description", "")).split())


def _encode(value: object) -> object:
    if isinstance(value, Duration):
        milliseconds = round(value * 1000)
        unit, size = next(
            ((unit, size) for unit, size in _UNITS if milliseconds % size == 0 and milliseconds), ("s", 1)
        )
        return f"{milliseconds // size}{unit}"
    return values.encode(value)
