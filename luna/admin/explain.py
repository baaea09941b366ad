"""`POST /api/explain`: which route a request would take, and why not the others. Nothing is sent anywhere.

Owns how a described request becomes one that routing can judge: its body is read by the protocol of its path, as the
gateway does it. The decision is `luna.config.explain`'s.
"""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from luna.admin.envelope import json, read
from luna.admin.operation import Operation
from luna.config.explain import Explanation, explain
from luna.config.live import LiveConfig
from luna.core.routing import RequestFacts
from luna.model.dialect import ClientRequest, Dialect, Facts, facts_of, parse_body
from luna.model.errors import LunaError

DialectFor = Callable[[str, str], Dialect]


class ExplainBody(msgspec.Struct, rename="camel"):
    """A request as a client would send it. What is said apart from the body counts more than the body."""

    path: Annotated[str, msgspec.Meta(min_length=1, description="With or without a query.")]
    method: str = "POST"
    headers: dict[str, str] = {}
    body: Any = None
    """A JSON document, or text as it would be sent."""
    model: str | None = None
    stream: bool | None = None
    tools: list[str] | None = None
    """Names."""
    size: Annotated[int, msgspec.Meta(ge=0)] | None = None
    """Of the body in bytes, where it is not given."""


class Explained(Explanation, frozen=True, kw_only=True, rename="camel"):
    """The decision. `problem` says why the body could not be read: the client gets that as an error once its key was
    checked."""

    problem: str


def routes(config: LiveConfig, dialect_for: DialectFor) -> list[Operation]:
    """The routes of this subject."""

    async def answer(request: Request) -> Response:
        asked = await read(request, ExplainBody)
        client = _client(asked)
        parsed = parse_body(dialect_for(client.method, client.path), client) if client.body else None
        facts = facts_of(parsed) if parsed is not None else Facts()
        said = {
            "model": asked.model,
            "stream": asked.stream,
            "tools": tuple(asked.tools) if asked.tools is not None else None,
        }
        facts = msgspec.structs.replace(facts, **{name: value for name, value in said.items() if value is not None})
        size = len(client.body) if client.body or asked.size is None else asked.size
        about = RequestFacts(client.method, client.path, client.headers, size)
        explanation = explain(config.cell.current, about, facts)
        problem = parsed.message if isinstance(parsed, LunaError) else ""
        return json(Explained(**msgspec.structs.asdict(explanation), problem=problem))

    said = "Which route a request would take, and why not the others."
    return [Operation("POST", "/explain", answer, said, takes=ExplainBody, gives=Explained, reads=True)]


def _client(asked: ExplainBody) -> ClientRequest:
    path, _, query = asked.path.partition("?")
    headers = tuple((name.strip().lower(), value) for name, value in asked.headers.items())
    match asked.body:
        case None:
            body = b""
        case str():
            body = asked.body.encode()
        case _:
            body = msgspec.json.encode(asked.body)
            if not any(name == "content-type" for name, _ in headers):
                headers = (*headers, ("content-type", "application/json"))
    return ClientRequest(asked.method.strip().upper(), path, query, headers, body)
