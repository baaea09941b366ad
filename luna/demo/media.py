"""Pictures and films: what the stream's links lead to, and the tasks behind films.

The wire document, section 1.5. The pictures are real PNG files of the promised size in one colour;
a film is an empty MP4 container.
"""

import re
import struct
import zlib
from functools import lru_cache
from typing import Any

from luna.demo.envelope import Call
from luna.demo.http import Reply
from luna.demo.refusal import Refusal
from luna.demo.state import Task

POLLS = 1
"""How often a task is still running when it is asked after."""
LARGEST = 4096

_SIZE = re.compile(r"(\d{1,4})x(\d{1,4})")
_EMPTY_FILM = b"\x00\x00\x00\x14ftypisom\x00\x00\x02\x00isom" + b"\x00\x00\x00\x08mdat"


async def picture(call: Call) -> Reply:
    """A picture; its size stands in the link's key."""
    size = _SIZE.fullmatch(call.request.query.get("key", ""))
    if size is None or not 0 < int(size[1]) <= LARGEST or not 0 < int(size[2]) <= LARGEST:
        return Reply(403, b"AccessDenied", (("content-type", "text/plain"),))
    return Reply(200, png(int(size[1]), int(size[2])), (("content-type", "image/png"),))


async def film(call: Call) -> Reply:
    """A film."""
    return Reply(200, _EMPTY_FILM, (("content-type", "video/mp4"),))


async def task_status(call: Call) -> Reply:
    """How far a film is."""
    return call.success(_progress(call))


async def old_task_status(call: Call) -> Reply:
    """The same without an envelope."""
    return call.json(_progress(call))


def _progress(call: Call) -> dict[str, Any]:
    user = call.user()
    task = call.state.tasks.get(call.params[0])
    if task is None or task.user != user.id:
        raise Refusal("Not_Found", "Task not found", 404)
    task.polls += 1
    done = task.polls > POLLS
    return {
        "chat_type": task.chat_type,
        "task_status": "success" if done else "running",
        "message": "",
        "content": _link(call, task) if done else "",
        "remaining_time": "",
        "sub_chat_type": None,
        "duration": None,
    }


def _link(call: Call, task: Task) -> str:
    return f"{call.site.origin}/output/{task.user}/{task.chat_type}/{task.chat}/{task.id}.mp4?key=SIGNEDKEY"


@lru_cache(maxsize=8)
def png(width: int, height: int) -> bytes:
    """A picture in one colour (PNG, one bit for each pixel)."""
    rows = (b"\0" + b"\0" * (-(-width // 8))) * height
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 3, 0, 0, 0)),
            _chunk(b"PLTE", bytes((0x61, 0x5C, 0xED, 0xFF, 0xFF, 0xFF))),
            _chunk(b"IDAT", zlib.compress(rows)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
