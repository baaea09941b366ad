"""Upstream transcripts (`fixtures/wire`) as recordings: a client's request, and what Qwen would say to each call.

Owns the way from a folder (`meta.json` and a body) to a `Recording` that `luna.replay` can run.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from luna.model.dialect import ClientRequest
from luna.wire.frames import Head, UpEnd, UpRequest
from luna.wire.reader import Chunk, Exchange, Recording

FIXTURES = Path(__file__).parents[2] / "fixtures" / "wire"
BASE = "https://chat.qwen.ai"
COMPLETIONS = "/api/v2/chat/completions"
BORN = 1_790_400_000.0
TRIES = 16
"""How often the upstream says the same again: luna may stop a busy chat and retry."""


@dataclass(frozen=True)
class Transcript:
    """One upstream reply and what is known of it."""

    name: str
    folder: Path
    status: int
    headers: dict[str, str]
    path: str
    body: bytes
    expect: dict[str, Any]


def transcript(name: str) -> Transcript:
    """Read one."""
    folder = FIXTURES / name
    meta = msgspec.json.decode((folder / "meta.json").read_bytes())
    headers = {key: value for key, value in meta["response"]["headers"].items() if key != "transfer-encoding"}
    body = (folder / meta["body"]).read_bytes()
    return Transcript(
        name, folder, meta["response"]["status"], headers, meta["request"]["path"], body, meta.get("expect", {})
    )


def completions() -> list[str]:
    """The names of all transcripts of a completion."""
    replies = [path.name for path in FIXTURES.iterdir() if (path / "meta.json").is_file()]
    return sorted(name for name in replies if transcript(name).path == COMPLETIONS)


def whole(body: bytes) -> list[bytes]:
    """In one read."""
    return [body]


def byte_by_byte(body: bytes) -> list[bytes]:
    """One byte in each read."""
    return [body[at : at + 1] for at in range(len(body))]


def scenario(found: Transcript, *, stream: bool, chunks: Iterable[bytes] | None = None) -> Recording:
    """A client asks, luna makes a chat, and Qwen answers with the transcript, in these reads."""
    document = {"model": "qwen3.7-plus", "stream": stream, "messages": [{"role": "user", "content": "Hello!"}]}
    recording = Recording(Head(0, 1, "0", found.name, BORN, "00" * 16, "chat", "chat", "0" * 64))
    recording.client = ClientRequest(
        "POST",
        "/v1/chat/completions",
        "",
        (("host", "127.0.0.1:8080"), ("content-type", "application/json")),
        msgspec.json.encode(document),
    )
    reads = list(chunks if chunks is not None else [found.body])
    recording.exchanges = list(_exchanges(found, reads))
    return recording


def _exchanges(found: Transcript, reads: list[bytes]) -> Iterator[Exchange]:
    created, stopped = transcript("62_api_chats_new"), transcript("72_api_stop")
    yield _exchange("/api/v2/chats/new", created, [created.body])
    for _ in range(TRIES):
        yield _exchange(COMPLETIONS, found, reads)
        yield _exchange(f"{COMPLETIONS}/stop", stopped, [stopped.body])


def _exchange(path: str, reply: Transcript, reads: list[bytes]) -> Exchange:
    return Exchange(
        UpRequest(0, 1, "POST", f"{BASE}{path}"),
        reply.status,
        tuple(reply.headers.items()),
        0,
        [Chunk(0, data) for data in reads],
        UpEnd(0, 1),
    )
