"""`GET /api/openapi.json`: the admin API, described by the structs that it reads and writes.

Pure but for the route. Owns the translation of operations into an OpenAPI 3.1 document; the UI's types are made of it,
and a test walks it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import NODEFAULT
from msgspec.inspect import Field, StructType, Type, multi_type_info
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from luna import __version__
from luna.admin.door import COOKIE
from luna.admin.envelope import ErrorDocument, json
from luna.admin.operation import Operation

_COMPONENTS = "#/components/schemas/{name}"
_PLACEHOLDER = re.compile(r"\{(\w+)(?::\w+)?\}")
_SUCCESS = {
    200: "It worked.",
    201: "It was made.",
    202: "It has begun.",
    204: "It worked; there is nothing to say.",
    303: "It is elsewhere, see `location`.",
}

Schema = dict[str, Any]


def document(routes: Iterable[BaseRoute], prefix: str = "/api") -> dict[str, Any]:
    """The whole document. Routes that are not operations are not in it."""
    operations = [route for route in routes if isinstance(route, Operation)]
    types = [kind for one in operations for kind in (one.takes, one.gives, one.asks) if kind is not None]
    asked, told = (_structs(kinds) for kinds in _directions(operations))
    only_told = [told[kind] for kind in told.keys() - asked.keys()]
    named = [struct.cls for struct in only_told]
    schemas, components = msgspec.json.schema_components([*types, *named], ref_template=_COMPONENTS)
    for struct, reference in zip(only_told, schemas[len(types) :], strict=True):
        _complete(components[reference["$ref"].rpartition("/")[2]], struct)
    by_type = iter(schemas)
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        takes, gives, asks = (next(by_type) if kind is not None else None for kind in (one.takes, one.gives, one.asks))
        path = _PLACEHOLDER.sub(r"{\1}", ("" if one.open else prefix) + one.path)
        described: dict[str, Any] = {
            "summary": one.summary,
            "operationId": _name(one.method, path),
            "tags": [path.removeprefix(prefix).strip("/").partition("/")[0]],
            "parameters": [*_in_path(path), *_in_query(asks, components)],
            "responses": _responses(one, gives),
        }
        if takes is not None:
            described["requestBody"] = {"required": True, "content": {"application/json": {"schema": takes}}}
        if one.open:
            described["security"] = []
        paths.setdefault(path, {})[one.method.lower()] = described
    return _framed(paths, components)


def _directions(operations: Sequence[Operation]) -> tuple[list[Any], list[Any]]:
    """The types that luna reads, and those that it writes."""
    asked = [kind for one in operations for kind in (one.takes, one.asks) if kind is not None]
    return asked, [ErrorDocument, *(one.gives for one in operations if one.gives is not None)]


def _structs(kinds: Iterable[Any]) -> dict[type, StructType]:
    """Every struct that they are made of."""
    found: dict[type, StructType] = {}
    waiting: list[Any] = [*multi_type_info(kinds)]
    while waiting:
        match waiting.pop():
            case StructType() as struct:
                if struct.cls not in found:
                    found[struct.cls] = struct
                    waiting += [field.type for field in struct.fields]
            case tuple() as several:
                waiting += several
            case Type() | Field() as part:
                waiting += [getattr(part, name) for name in part.__struct_fields__]
    return found


def _complete(schema: Schema, struct: StructType) -> None:
    """What luna writes has all its fields, also those that have a default; but for what is left out on purpose."""
    if struct.cls.__struct_config__.omit_defaults or "properties" not in schema:
        return
    # One that may be UNSET has no default that could be described, and is not required either.
    unset = {
        field.encode_name
        for field in struct.fields
        if not field.required and field.default is NODEFAULT and field.default_factory is NODEFAULT
    }
    schema["required"] = [name for name in schema["properties"] if name not in unset]


def _framed(paths: Mapping[str, Any], components: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "luna's admin API",
            "version": __version__,
            "description": "Needs the admin key (`Authorization: Bearer …`, or the cookie of POST /api/login), but for"
            " what says otherwise. Changes are JSON. Every error has one shape.",
        },
        "security": [{"key": []}, {"session": []}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(components.items())),
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
            },
        },
    }


def _responses(one: Operation, gives: Schema | None) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if gives is not None:
        content = {one.media: {"schema": gives}}
    elif one.media != "application/json":
        content = {one.media: {"schema": {"type": "string"}}}
    if one.text:
        content["text/plain"] = {"schema": {"type": "string"}}
    successes = {
        str(status): {"description": _SUCCESS[status], **({"content": content} if content else {})}
        for status in one.statuses
    }
    error = {"schema": {"$ref": _COMPONENTS.format(name=ErrorDocument.__name__)}}
    failure = {"description": "It did not work; the body says why.", "content": {"application/json": error}}
    return {**successes, "default": failure}


def _name(method: str, path: str) -> str:
    words = re.findall(r"[A-Za-z0-9]+", path.removeprefix("/api"))
    return method.lower() + "".join(word[:1].upper() + word[1:] for word in words)


def _in_path(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PLACEHOLDER.findall(path)
    ]


def _in_query(asks: Schema | None, components: Mapping[str, Any]) -> list[dict[str, Any]]:
    if asks is None:
        return []
    schema = components[asks["$ref"].rpartition("/")[2]]
    required = set(schema.get("required", ()))
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": {key: value for key, value in field.items() if key != "description"},
            **({"description": field["description"]} if "description" in field else {}),
        }
        for name, field in schema["properties"].items()
    ]


def routes(others: Sequence[BaseRoute]) -> list[Operation]:
    """The route that gives the document of all others, and of itself; it is made when it is first asked for."""
    made: list[msgspec.Raw] = []

    async def show(_: Request) -> Response:
        if not made:
            made.append(msgspec.Raw(msgspec.json.encode(document([*others, itself]))))
        return json(made[0])

    itself = Operation("GET", "/openapi.json", show, "This document.", gives=dict[str, Any])
    return [itself]
