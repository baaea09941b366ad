"""JSON Schemas of routes.yaml and of pipeline files, for editors.

Made of the same structs that read the files, and of every registered stage's options, so that completion
offers what the compiler accepts. Pure but for the loading of stage classes.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from luna.config.convert import fields_of
from luna.config.options import default_of, option_fields
from luna.config.order import side_of
from luna.config.schema import PipelineFile, RoutesFile, StageSpec, ToolsMatch
from luna.core.registry import Registry, StageLoadError
from luna.core.stage import Stage
from luna.model import values

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ROUTES, PIPELINE = "routes.schema.json", "pipeline.schema.json"
LOCAL_STAGE = r"\.py:[A-Za-z_][A-Za-z0-9_]*$"

Schema = dict[str, Any]


def documents(registry: Registry) -> dict[str, bytes]:
    """File name → contents, as they lie in schemas/. Raises StageLoadError when a stage cannot be loaded."""
    stages = {name: registry.find(name, Path()) for name in registry.names()}
    return {ROUTES: _render(routes_schema()), PIPELINE: _render(pipeline_schema(stages))}


def usable(registry: Registry) -> dict[str, type[Stage]]:
    """Every registered stage whose code and options can be read: what an editor of a running luna may offer."""
    stages: dict[str, type[Stage]] = {}
    for name in registry.names():
        try:
            stages[name] = registry.find(name, Path())
            option_fields(stages[name])
        except (StageLoadError, TypeError, NameError):
            stages.pop(name, None)  # a pipeline that uses it is told why
    return stages


def _render(schema: Schema) -> bytes:
    return msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"


def routes_schema() -> Schema:
    """The schema of routes.yaml."""
    (top,), components = msgspec.json.schema_components(
        [RoutesFile], schema_hook=values.schema, ref_template="#/$defs/{name}"
    )
    definitions = dict(components)
    body = definitions.pop("RoutesFile")
    tools = ToolsMatch.__name__
    definitions[tools] = {"anyOf": [values.schema(values.Globs), definitions[tools]]}
    assert "$ref" in top
    return {"$schema": DIALECT, **_tidy(body), "$defs": _tidy(definitions)}


def pipeline_schema(stages: Mapping[str, type[Stage]]) -> Schema:
    """The schema of a pipeline file in which these stages are known."""
    fields = [(use, kind, option_fields(kind)) for use, kind in sorted(stages.items())]
    own = fields_of(StageSpec)
    types = [own["name"].type, *(field.type for _, _, options in fields for field in options.values())]
    schemas, definitions = msgspec.json.schema_components(
        types, schema_hook=values.schema, ref_template="#/$defs/{name}"
    )
    rest = iter(schemas)
    name = next(rest)
    branches = [_branch(use, kind, options, name, rest) for use, kind, options in fields]
    local: Schema = {
        "title": "a stage of your own",
        "description": "A class in a Python file, found from this one: ./redact.py:Redact. Its options are its own.",
        "type": "object",
        "properties": {"use": {"type": "string", "pattern": LOCAL_STAGE}, "name": name},
        "required": ["use"],
    }
    body = _tidy(msgspec.json.schema(PipelineFile)["$defs"]["PipelineFile"])
    body["properties"]["stages"]["items"] = {"anyOf": [*branches, local]}
    body["properties"]["stages"]["minItems"] = 1
    return {"$schema": DIALECT, **body, **({"$defs": _tidy(definitions)} if definitions else {})}


def _branch(
    use: str,
    kind: type[Stage],
    options: Mapping[str, msgspec.structs.FieldInfo],
    name: Schema,
    schemas: Iterable[Schema],
) -> Schema:
    about = (kind.__doc__ or "").strip().split("\n\n")[0]
    words = f"[{side_of(kind) or 'stage'}] {' '.join(about.split())}".strip()
    properties: Schema = {"use": {"const": use, "description": words}, "name": name}
    for (option, field), schema in zip(options.items(), schemas, strict=False):
        default = {} if field.required else {"default": default_of(field)}
        properties[option] = {**schema, **default}
    return {
        "title": use,
        "type": "object",
        "properties": properties,
        "required": ["use", *(option for option, field in options.items() if field.required)],
        "additionalProperties": False,
    }


def _tidy(schema: Any) -> Any:
    """Without the class names that msgspec puts in as titles, and with choices within choices made one list."""
    if isinstance(schema, list):
        return [_tidy(value) for value in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: _tidy(value) for key, value in schema.items() if not (key == "title" and isinstance(value, str))}
    if "anyOf" in kept:
        nested = [each["anyOf"] if set(each) == {"anyOf"} else [each] for each in kept["anyOf"]]
        kept["anyOf"] = [choice for choices in nested for choice in choices]
    return kept
