"""`docs/stages.md`: every built-in stage with its options, written from the classes themselves.

Made of the same structs that read the files, so the page cannot say anything else than the compiler does.
"""

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from luna.config.options import default_of, meaning, option_fields, schema_of, takes
from luna.config.order import side_of
from luna.core.registry import Registry
from luna.core.stage import Stage

_INTRO = """\
# The stages

What a pipeline can be made of, in alphabetical order. This page is generated (`make generated`).

A pipeline lists its stages in the order in which the data meets them: request stages, around stages, one \
transport (or an answer stage, with which the pipeline ends), response stages, and last the encoder. \
Besides its own options every stage takes `name`, by which errors, recordings and a route's `with` know it.
"""


def page(registry: Registry) -> str:
    """The whole page. Raises StageLoadError when a stage cannot be loaded."""
    stages = [(name, registry.find(name, Path())) for name in registry.names()]
    return "\n".join([_INTRO, *(_section(name, kind) for name, kind in stages)])


def _section(name: str, kind: type[Stage]) -> str:
    about = " ".join(inspect.cleandoc(kind.__doc__ or "").split())
    fields = option_fields(kind)
    parts = [f"## `{name}`", f"*{side_of(kind)}* — {about}"]
    if fields:
        parts.append("\n".join(_table(fields)))
    return "\n\n".join(parts) + "\n"


def _table(fields: Mapping[str, msgspec.structs.FieldInfo]) -> Iterator[str]:
    yield "| option | what it takes | default | meaning |"
    yield "|---|---|---|---|"
    for option, field in fields.items():
        schema = schema_of(field)
        default = "required" if field.required else f"`{_shown(default_of(field))}`"
        yield f"| `{option}` | {takes(schema)} | {default} | {meaning(schema)} |"


def _shown(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
