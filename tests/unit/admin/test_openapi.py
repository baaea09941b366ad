"""The description of the admin API: valid OpenAPI 3.1, made of the code that answers, and of all of it."""

import re
from collections.abc import AsyncIterator, Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
import schemathesis
from jsonschema import Draft202012Validator
from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from luna.admin import openapi
from luna.admin.envelope import json
from luna.admin.openapi import document
from luna.admin.operation import Operation
from luna.config.settings import Settings
from luna.server.assemble import House, assemble
from tests.support.panel import Panel


class Colour(Enum):
    RED = "red"


class Inner(msgspec.Struct, rename="camel"):
    """What is inside."""

    some_name: int | None = None


class Body(msgspec.Struct, forbid_unknown_fields=True):
    """What goes in."""

    inner: Inner
    maybe: str | UnsetType | None = UNSET
    colour: Colour = Colour.RED


class Told(msgspec.Struct, rename="camel"):
    """What only comes out."""

    some_name: str
    count: int = 0
    more: list["Told"] = []
    maybe: str | UnsetType = UNSET


class Terse(msgspec.Struct, omit_defaults=True):
    """What leaves out what goes without saying."""

    name: str
    count: int = 0


class Asked(msgspec.Struct):
    """What is asked."""

    needed: int
    limit: Annotated[int, Meta(ge=1, le=5, description="How many.")] = 3
    state: Literal["a", "b"] | None = None


async def _answer(_: Request) -> Response:
    return json({})


OPERATIONS = [
    Operation("GET", "/things", _answer, "All things.", asks=Asked, gives=list[Inner]),
    Operation("PUT", "/things/{id}", _answer, "Make one.", takes=Body, gives=Inner, also=(201,)),
    Operation("DELETE", "/things/{id:int}/parts/{part}", _answer, "Break it.", status=204),
    Operation("GET", "/stream", _answer, "A stream.", media="text/event-stream"),
    Operation("GET", "/open", _answer, "For everybody.", gives=dict[str, Any], open=True),
]


def walk(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a document."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)


def check(described: dict[str, Any]) -> None:
    """Raises what is wrong with a document."""
    plain = msgspec.json.decode(msgspec.json.encode(described))
    assert plain["openapi"] == "3.1.0"
    schemathesis.openapi.from_dict(plain).validate()
    schemas = plain["components"]["schemas"]
    for name, schema in schemas.items():
        assert re.fullmatch(r"[A-Za-z0-9._-]+", name), name
        Draft202012Validator.check_schema(schema)
    for place in walk(plain):
        reference = place.get("$ref")
        if isinstance(reference, str):
            assert reference.removeprefix("#/components/schemas/") in schemas, reference
    names = [operation["operationId"] for path in plain["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))
    for path, operations in plain["paths"].items():
        for operation in operations.values():
            placed = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
            assert placed == set(re.findall(r"\{([^}]+)\}", path))
            assert "default" in operation["responses"]
            assert operation["summary"]


def test_what_an_operation_says_stands_there() -> None:
    described = document(OPERATIONS)
    check(described)
    paths = described["paths"]
    assert list(paths) == [
        "/api/stream",
        "/api/things",
        "/api/things/{id}",
        "/api/things/{id}/parts/{part}",
        "/open",
    ]
    listing = paths["/api/things"]["get"]
    assert (listing["summary"], listing["operationId"], listing["tags"]) == ("All things.", "getThings", ["things"])
    assert listing["parameters"] == [
        {"name": "needed", "in": "query", "required": True, "schema": {"type": "integer"}},
        {
            "name": "limit",
            "in": "query",
            "required": False,
            "schema": {"type": "integer", "minimum": 1, "maximum": 5, "default": 3},
            "description": "How many.",
        },
        {
            "name": "state",
            "in": "query",
            "required": False,
            "schema": {"anyOf": [{"enum": ["a", "b"]}, {"type": "null"}], "default": None},
        },
    ]
    items = listing["responses"]["200"]["content"]["application/json"]["schema"]
    assert items == {"type": "array", "items": {"$ref": "#/components/schemas/Inner"}}
    made = paths["/api/things/{id}"]["put"]
    assert set(made["responses"]) == {"200", "201", "default"}
    assert made["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Body"}
    body = described["components"]["schemas"]["Body"]
    assert (body["required"], body["additionalProperties"]) == (["inner"], False)
    assert body["properties"]["maybe"] == {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert list(described["components"]["schemas"]["Inner"]["properties"]) == ["someName"]
    broken = paths["/api/things/{id}/parts/{part}"]["delete"]
    assert broken["responses"]["204"] == {"description": "It worked; there is nothing to say."}
    assert [one["name"] for one in broken["parameters"]] == ["id", "part"]
    assert paths["/api/stream"]["get"]["responses"]["200"]["content"] == {
        "text/event-stream": {"schema": {"type": "string"}}
    }
    assert (paths["/open"]["get"]["security"], "security" in listing) == ([], False)


def test_an_answer_has_all_its_fields_and_a_request_those_without_a_default() -> None:
    told = Operation("GET", "/told", _answer, "All.", gives=dict[str, list[Told] | None])
    terse = Operation("GET", "/terse", _answer, "Less.", gives=Terse)
    described = document([*OPERATIONS, told, terse])
    check(described)
    schemas = described["components"]["schemas"]
    assert schemas["Told"]["required"] == ["someName", "count", "more"]
    assert schemas["Terse"]["required"] == ["name"]
    assert schemas["Inner"].get("required", []) == [], "it is read too"
    assert schemas["Body"]["required"] == ["inner"]
    assert document([*OPERATIONS, told])["components"]["schemas"].keys() == schemas.keys() - {"Terse"}


def test_every_error_is_the_one_shape() -> None:
    for path in document(OPERATIONS)["paths"].values():
        for operation in path.values():
            content = operation["responses"]["default"]["content"]
            assert content == {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorDocument"}}}


def test_routes_of_another_kind_are_left_out() -> None:
    assert document([Route("/x", _answer), *OPERATIONS])["paths"].keys() == document(OPERATIONS)["paths"].keys()


def test_structs_of_the_same_name_are_told_apart() -> None:
    one = msgspec.defstruct("Same", [("a", int)], module="one")
    two = msgspec.defstruct("Same", [("b", int)], module="two")
    described = document(
        [Operation("GET", "/a", _answer, "A.", gives=one), Operation("GET", "/b", _answer, "B.", gives=two)]
    )
    check(described)
    shown = [described["paths"][path]["get"]["responses"]["200"]["content"] for path in ("/api/a", "/api/b")]
    assert shown[0] != shown[1]


async def test_the_route_describes_itself_and_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def counting(*arguments: Any) -> dict[str, Any]:
        made.append(1)
        return document(*arguments)

    monkeypatch.setattr(openapi, "document", counting)
    ask = Panel([*OPERATIONS, *openapi.routes(OPERATIONS)])
    for _ in range(2):
        told = await ask("GET", "/api/openapi.json")
        assert "/api/openapi.json" in told.document["paths"]
        check(told.document)
    assert made == [1]
    assert (await ask("GET", "/api/openapi.json", key="")).status == 401


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with assemble(Settings.from_environment({"LUNA_DATA_DIR": str(tmp_path)})) as house:
        yield house


async def test_the_whole_api_is_described(house: House) -> None:
    assert [route for route in house.operations if not isinstance(route, Operation)] == []
    described = document(house.operations)
    check(described)
    for path in ("/api/login", "/api/network-profiles/{id}/verify", "/api/workers", "/api/audit", "/api/events"):
        assert path in described["paths"]


async def test_no_answer_has_a_place_for_a_secret(house: House) -> None:
    """But those that give a new key, once, and the settings, which mask theirs."""
    described = document(house.operations)
    schemas = described["components"]["schemas"]
    found = set()
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            answers = [answer for status, answer in operation["responses"].items() if status != "default"]
            for name in _named(answers, schemas):
                fields = schemas[name].get("properties", {})
                telling = {
                    field for field in fields if re.search(r"password|secret|cookie|proxyUrl|^token$|^key$", field)
                }
                found |= {f"{method} {path} {field}" for field in telling}
    known = {"post /api/keys", "post /api/workers", "put /api/workers/{id}"}
    known |= {f"{method} /api/config" for method in ("get", "post", "patch")}
    assert found <= {f"{one} key" for one in known}


def _named(value: Any, schemas: dict[str, Any]) -> set[str]:
    """The schemas that a part of the document leads to."""
    found: set[str] = set()
    waiting = [value]
    while waiting:
        for place in walk(waiting.pop()):
            reference = place.get("$ref")
            name = reference.rpartition("/")[2] if isinstance(reference, str) else ""
            if name and name not in found:
                found.add(name)
                waiting.append(schemas[name])
    return found
