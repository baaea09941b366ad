"""The control plane in memory, with the routes of one subject: what a request to it is answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.routing import Route
from starlette.types import Message, Scope

from luna.admin.door import Door
from luna.model.ambient import ManualClock
from luna.server.control import control_plane
from luna.state.audit import Audit

KEY = "admin-key-of-a-test"


@dataclass
class Told:
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """The body's JSON."""
        return msgspec.json.decode(self.body)

    @property
    def kind(self) -> str:
        """The kind of error that it tells."""
        kind: str = self.document["error"]["kind"]
        return kind


@dataclass
class Panel:
    """`api` lies below `/api` and behind the key, `open_routes` at the root."""

    api: Sequence[Route] = ()
    open_routes: Sequence[Route] = ()
    door: Door = field(default_factory=lambda: Door(KEY, ManualClock()))
    audit: Audit | None = None

    def __post_init__(self) -> None:
        self._app = control_plane(door=self.door, api=self.api, open_routes=self.open_routes, audit=self.audit)

    async def __call__(
        self, method: str, path: str, body: object = None, key: str = KEY, headers: Mapping[str, str] | None = None
    ) -> Told:
        """Ask; `path` may have a query."""
        sent: list[Message] = []
        data = msgspec.json.encode(body) if body is not None else b""
        where, _, query = path.partition("?")
        scope: Scope = {
            "type": "http",
            "method": method,
            "path": where,
            "raw_path": where.encode(),
            "root_path": "",
            "scheme": "http",
            "server": ("127.0.0.1", 8080),
            "query_string": query.encode(),
            "headers": [
                (b"host", b"127.0.0.1:8080"),
                *([(b"authorization", f"Bearer {key}".encode())] if key else []),
                *((name.encode(), value.encode()) for name, value in (headers or {}).items()),
            ],
        }

        async def receive() -> Message:
            return {"type": "http.request", "body": data, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Told(sent[0]["status"], told, b"".join(message.get("body", b"") for message in sent))
