"""The entries that stand in `messages[0].files` of a completion (wire document section 6).

Pure. Owns their shape for documents, images, video and audio, and for a file of which only the id is known.
"""

from typing import Any

import msgspec

from luna.model.ambient import Ids
from luna.qwen.file_types import FileKind

_CLASSES: dict[FileKind, tuple[str, str]] = {
    "document": ("file", "document"),
    "image": ("image", "vision"),
    "video": ("video", "video"),
    "audio": ("audio", "audio"),
}
"""Kind → type (and showType), file class."""


class Uploaded(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file that Qwen has. `url` is signed and lives for about five minutes, so it never shows; `user` is Qwen's id
    of its owner."""

    id: str
    url: str
    name: str
    kind: FileKind
    media_type: str
    size: int
    user: str = ""

    def __repr__(self) -> str:
        return f"<Uploaded {self.kind} {self.id} {self.name!r} {self.size} bytes>"


def entry(file: Uploaded, ids: Ids, now: float) -> dict[str, Any]:
    """The entry of an uploaded file. `ids` gives it the two ids that the web client makes up, `now` in seconds since
    the epoch."""
    shown, file_class = _CLASSES[file.kind]
    moment = int(now * 1000)
    meta: dict[str, Any] = {"name": file.name, "size": file.size, "content_type": file.media_type}
    if file.kind == "document":
        meta["parse_meta"] = {"parse_status": "success"}
    return {
        "type": shown,
        "file": {
            "created_at": moment,
            "data": {},
            "filename": file.name,
            "hash": None,
            "id": file.id,
            "user_id": file.user,
            "meta": meta,
            "update_at": moment,
        },
        "id": file.id,
        "url": file.url,
        "name": file.name,
        "collection_name": "",
        "progress": 0,
        "status": "uploaded",
        "greenNet": "success",
        "size": file.size,
        "error": "",
        "itemId": ids.uuid(),
        "file_type": file.media_type,
        "showType": shown,
        "file_class": file_class,
        "uploadTaskId": ids.uuid(),
    }


def named_only(file_id: str, name: str = "", kind: FileKind = "document") -> Uploaded:
    """A file that the client uploaded by itself: luna knows its id and nothing else."""
    return Uploaded(file_id, "", name or file_id, kind, "", 0)
