"""Which requests are changes, and what is kept of one that holds a whole file."""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from luna.admin.door import Door
from luna.admin.envelope import json
from luna.admin.operation import Operation
from luna.model.ambient import ManualClock
from luna.server.control import control_plane
from luna.state.audit import Audit, masked


class Noted(Audit):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def note(self, **told: Any) -> None:
        self.told.append((told["method"], told["path"]))


async def test_a_question_with_a_body_is_no_change() -> None:
    async def answer(_: Request) -> Response:
        return json({})

    audit = Noted()
    api = [
        Operation("POST", "/files/check", answer, "A question.", reads=True),
        Operation("PUT", "/files/{path:path}", answer, "A change."),
    ]
    app = control_plane(door=Door("key", ManualClock()), api=api, open_routes=[], audit=audit)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Message) -> None:
        assert message.get("status", 200) == 200

    for method, path in (("POST", "/api/files/check"), ("PUT", "/api/files/check")):
        headers = [(b"authorization", b"Bearer key")]
        scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": headers}
        await app(scope, receive, send)
    assert audit.told == [("PUT", "/api/files/check")]


def test_of_a_whole_file_only_the_length_is_kept() -> None:
    body = msgspec.json.encode({"text": "header: {authorization: hush}", "hash": "abc", "draft": False})
    assert msgspec.json.decode(masked(body)) == {"text": "(29 characters)", "hash": "abc", "draft": False}
