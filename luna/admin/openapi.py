"""`GET /api/openapi.json`: the admin API, described by the structs that it reads and writes.

Pure but for the route. Owns the translation of operations into an OpenAPI 3.1 document; the UI's types are made of it,
and a test walks it.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from luna import __version__
from luna.admin.envelope import STATUS, ErrorDocument, json
from luna.admin.operation import Operation

_COMPONENTS = "#/components/schemas/{name}"
_PLACEHOLDER = re.compile(r"\{(\w+)(?::\w+)?\}")
_ERRORS = sorted({400, 401, 403, 404, 405, 413, 415, *STATUS.values()} & {400, 401, 403, 404, 409, 413, 415, 422, 429})


def document(operations: Sequence[Route], prefix: str = "/api") -> dict[str, Any]:
    """The whole document. Routes that are not operations are not in it."""
    known = [route for route in operations if isinstance(route, Operation)]
    types = [kind for one in known for kind in (one.takes, one.gives, one.asks) if kind is not None]
    schemas, components = msgspec.json.schema_components([*types, ErrorDocument], ref_template=_COMPONENTS)
    by_type = iter(schemas)
    paths: dict[str, dict[str, Any]] = {}
    for one in known:
        takes, gives, asks = (next(by_type) if kind is not None else None for kind in (one.takes, one.gives, one.asks))
        whole = _PLACEHOLDER.sub(r"{\1}", ("" if one.open else prefix) + one.path)
        paths.setdefault(whole, {})[one.method.lower()] = _operation(one, whole, takes, gives, asks, components)
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
                "session": {"type": "apiKey", "in": "cookie", "name": "luna_session"},
            },
        },
    }


def _operation(
    one: Operation, path: str, takes: Any, gives: Any, asks: Any, components: dict[str, Any]
) -> dict[str, Any]:
    success: dict[str, Any] = {"description": one.summary}
    if gives is not None:
        success["content"] = {one.media: {"schema": gives}}
    elif one.media != "application/json":
        success["content"] = {one.media: {"schema": {"type": "string"}}}
    errors = {
        str(status): {
            "description": "It did not work; the body says why.",
            "content": {"application/json": {"schema": {"$ref": _COMPONENTS.format(name="ErrorDocument")}}},
        }
        for status in _ERRORS
    }
    described: dict[str, Any] = {
        "summary": one.summary,
        "operationId": _name(one.method, path),
        "tags": [path.removeprefix("/api/").strip("/").partition("/")[0] or "luna"],
        "parameters": [*_in_path(path), *_in_query(asks, components)],
        "responses": {str(one.status): success, **errors},
    }
    if one.open:
        described["security"] = []
    if takes is not None:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": takes}}}
    return described


def _name(method: str, path: str) -> str:
    words = re.findall(r"[A-Za-z0-9]+", path.removeprefix("/api"))
    return method.lower() + "".join(word[:1].upper() + word[1:] for word in words)


def _in_path(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PLACEHOLDER.findall(path)
    ]


def _in_query(asks: Any, components: dict[str, Any]) -> list[dict[str, Any]]:
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


def routes(others: Sequence[Route]) -> list[Operation]:
    """The route that gives the document of all others, and of itself."""

    async def show(_: Request) -> Response:
        return json(document([*others, itself]))

    itself = Operation("GET", "/openapi.json", show, "This document.", gives=dict[str, Any])
    return [itself]
