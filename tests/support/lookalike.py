"""A look-alike for a test, and a page that talks to it over a bare socket, so that every byte can be seen.

@pytest.fixture
async def site() -> AsyncIterator[Lookalike]:
    async with running() as site:
        yield site
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import msgspec

from luna.demo.serve import Lookalike
from luna.demo.state import Credentials
from luna.model.ambient import Clock, Ids

MODEL = "qwen3.7-plus"

THINKING = {"thinking_enabled": True, "auto_thinking": False, "thinking_mode": "Thinking", "thinking_format": "summary"}
THINKING_PLAIN = {"thinking_enabled": True, "auto_thinking": False, "thinking_mode": "Thinking"}
AUTO = {"thinking_enabled": True, "auto_thinking": True, "thinking_mode": "Auto", "thinking_format": "summary"}


@asynccontextmanager
async def running(
    *,
    clock: Clock | None = None,
    seed: bytes = b"test",
    pace: float = 0.0,
    linger: float = 30.0,
    settle: float = 0.0,
    fixtures: Path | None = None,
    max_streams: int | None = None,
    parse_polls: int = 0,
) -> AsyncIterator[Lookalike]:
    """A look-alike whose ids are the same in every run."""
    async with Lookalike(
        clock=clock,
        ids=Ids(seed),
        pace=pace,
        linger=linger,
        settle=settle,
        fixtures=fixtures,
        max_streams=max_streams,
        parse_polls=parse_polls,
    ) as lookalike:
        yield lookalike


@dataclass
class Heard:
    """A response, as far as it came."""

    raw: bytes
    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    """Chunks joined; a chunk that was cut is here as far as it came."""
    complete: bool = False
    """The end that the headers promised was there."""

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")

    def header_all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def actual(self) -> int:
        """What `x-actual-status-code` says."""
        return int(self.header("x-actual-status-code"))

    @property
    def frames(self) -> list[Any]:
        """The stream's `data:` lines, decoded; one that was cut is left out."""
        lines = self.body.splitlines(keepends=True)
        return [msgspec.json.decode(line[5:]) for line in lines if line.startswith(b"data: {") and line.endswith(b"\n")]

    @property
    def deltas(self) -> list[dict[str, Any]]:
        return [choice["delta"] for frame in self.frames for choice in frame.get("choices", [])]

    @property
    def text(self) -> str:
        """The answer's words."""
        return "".join(
            delta["content"] for delta in self.deltas if delta.get("phase") == "answer" and delta["role"] == "assistant"
        )

    @property
    def response_id(self) -> str:
        return str(self.frames[0]["response.created"]["response_id"])


def heard(raw: bytes) -> Heard:
    """Take a response apart."""
    head, _, rest = raw.partition(b"\r\n\r\n")
    if not head:
        return Heard(raw)
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines)]
    found = Heard(raw, int(first.split()[1]), headers)
    if found.header("transfer-encoding") != "chunked":
        found.body, found.complete = rest, len(rest) == int(found.header("content-length"))
        return found
    while rest:
        size_line, mark, rest = rest.partition(b"\r\n")
        if not mark:
            break
        size = int(size_line, 16)
        if size == 0:
            found.complete = rest == b"\r\n"
            break
        found.body += rest[:size]
        rest = rest[size + 2 :]
    return found


async def read_to_end(socket: anyio.abc.ByteReceiveStream) -> bytes:
    """Everything until the other side closes."""
    raw = b""
    try:
        while True:
            raw += await socket.receive()
    except anyio.EndOfStream:
        return raw


class Page:
    """A browser's page, signed in; or anyone, with no credentials. Each call has a connection of its own."""

    def __init__(self, lookalike: Lookalike, session: Credentials | None = None) -> None:
        self.url = lookalike.url
        self.headers: dict[str, str] = {"version": "0.3.11", "source": "web", "content-type": "application/json"}
        if session is not None:
            self.headers |= {"authorization": f"Bearer {session.token}", "cookie": session.cookie_header}

    async def connect(self) -> anyio.abc.SocketStream:
        host, _, port = self.url.removeprefix("http://").partition(":")
        return await anyio.connect_tcp(host, int(port))

    def request(self, method: str, target: str, document: Any = None, **headers: str) -> bytes:
        """A request's bytes. Header names with underscores for hyphens; an empty value leaves a header out."""
        body = b"" if document is None else document if isinstance(document, bytes) else msgspec.json.encode(document)
        own = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        own |= {"host": self.url.removeprefix("http://"), "content-length": str(len(body)), "connection": "close"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in own.items() if value)
        return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + body

    async def call(self, method: str, target: str, document: Any = None, **headers: str) -> Heard:
        """Send a request and read the response until the connection closes."""
        async with await self.connect() as socket:
            await socket.send(self.request(method, target, document, **headers))
            return heard(await read_to_end(socket))

    async def get(self, target: str, **headers: str) -> Heard:
        return await self.call("GET", target, **headers)

    async def post(self, target: str, document: Any, **headers: str) -> Heard:
        return await self.call("POST", target, document, **headers)

    async def new_chat(self) -> str:
        """Create a chat; its id."""
        created = await self.post("/api/v2/chats/new", new_chat_body())
        return str(created.json["data"]["id"])

    async def ask(self, chat: str, text: str, parent: str | None = None, **changes: Any) -> Heard:
        """Send a message and read the whole answer."""
        return await self.post(completions(chat), question(chat, text, parent, **changes))

    async def say(self, text: str, **changes: Any) -> Heard:
        """Send a message to a chat made for it."""
        return await self.ask(await self.new_chat(), text, **changes)


def completions(chat: str) -> str:
    return f"/api/v2/chat/completions?chat_id={chat}"


def new_chat_body() -> dict[str, Any]:
    """What the web client sends to make a chat."""
    return {
        "chatId": "",
        "models": [MODEL],
        "project_id": "",
        "timestamp": 1790400000000,
        "chat_type": "t2t",
        "chat_mode": "normal",
    }


def question(
    chat: str, text: str, parent: str | None = None, *, thinking: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    """What the web client sends to ask something; `changes` replace fields of the body."""
    message = {
        "id": None,
        "fid": "77777777-1111-4111-8111-000000000007",
        "parentId": parent,
        "parent_id": parent,
        "childrenIds": ["88888888-1111-4111-8111-000000000008"],
        "role": "user",
        "content": text,
        "user_action": "chat",
        "files": [],
        "timestamp": 1790400000,
        "models": [MODEL],
        "model": "",
        "chat_type": "t2t",
        "sub_chat_type": "t2t",
        "feature_config": {"output_schema": "phase", "thinking_enabled": False, "auto_search": False}
        | (thinking or {"thinking_mode": "Fast"}),
        "extra": {"meta": {"subChatType": "t2t"}},
    }
    return {
        "stream": True,
        "version": "2.1",
        "incremental_output": True,
        "chatId": chat,
        "parentId": parent or "",
        "chat_id": chat,
        "chat_mode": "normal",
        "model": MODEL,
        "parent_id": parent,
        "messages": [message | changes.pop("message", {})],
        "timestamp": 1790400000,
    } | changes
