"""Brings a file to Qwen: permit, store, and for documents the wait until they are read.

Owns the order of the calls and what a failure at each of them means (wire document section 6). The calls themselves
are the client's, so they leave by the account's own way. Nothing of a permit ever stands in an error.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from luna.model.ambient import Clock
from luna.model.errors import Kind, LunaError
from luna.qwen.client import QwenClient
from luna.qwen.file_entries import Uploaded
from luna.qwen.file_types import FileKind
from luna.qwen.oss import signed_headers
from luna.qwen.permits import Permit, read_permit
from luna.qwen.refusals import quoted

POLL = 1.0
"""Seconds between two questions whether a document is read."""
PATIENCE = 60.0
"""Seconds that the reading of a document may take."""
AGAIN_AFTER = 0.5
"""Seconds before the one retry when the store fails."""

READ = frozenset({"success", "parsed", "done"})
FAILED = frozenset({"failed", "fail", "error", "cancelled", "timeout"})

_CODE = re.compile(rb"<Code>\s*([A-Za-z.]{1,60})\s*</Code>")
_HINTS = {
    "RequestTimeTooSkewed": "The clock of this machine is wrong: set it, then try again.",
    "SecurityTokenExpired": "The permit was too old: try again.",
}

Sleep = Callable[[float], Awaitable[None]]


class Content(msgspec.Struct, frozen=True):
    """A file that is to be uploaded."""

    name: str
    kind: FileKind
    media_type: str
    data: bytes

    def __repr__(self) -> str:
        return f"<Content {self.name} {self.media_type} {self.size} bytes>"

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.data)


async def put_file(client: QwenClient, content: Content, *, clock: Clock, sleep: Sleep) -> Uploaded:
    """Bring it into the store. A document can be used only when it is read, too. Raises LunaError naming the file."""
    try:
        told = await client.upload_permit(content.name, content.size, _filetype(content.kind))
        permit = read_permit(told, client.site)
        await _put(client, permit, content, clock=clock, sleep=sleep)
    except LunaError as error:
        raise naming(content.kind, content.name, "cannot be uploaded", error) from error
    return Uploaded(
        id=permit.file_id,
        url=permit.file_url,
        name=content.name,
        kind=content.kind,
        media_type=content.media_type,
        size=content.size,
        user=permit.user,
    )


async def have_read(client: QwenClient, file: Uploaded, *, clock: Clock, sleep: Sleep, patience: float) -> None:
    """Have Qwen read an uploaded document and wait for it, `patience` seconds at most. Raises LunaError naming it."""
    try:
        await client.parse(file.id)
        deadline = clock.monotonic() + patience
        while True:
            item = await client.parse_status(file.id)
            status = str(item.get("status") or "").lower()
            if status in READ:
                return
            if status in FAILED or item.get("error_code"):
                raise _unreadable(item)
            if clock.monotonic() + POLL > deadline:
                raise LunaError(
                    Kind.TIMEOUT,
                    f"Qwen has not finished within {patience:g} s.",
                    hint="Try again, or send a smaller document.",
                )
            await sleep(POLL)
    except LunaError as error:
        raise naming(file.kind, file.name, "cannot be read by Qwen", error) from error


def naming(kind: str, name: str, what: str, error: LunaError) -> LunaError:
    """The error, said of the file that it is about."""
    return LunaError(
        error.kind,
        f"The {kind} '{name}' {what}: {error.message}",
        hint=error.hint,
        param=error.param,
        retry_after=error.retry_after,
        detail={**error.detail, "attachment": name},
    )


async def _put(client: QwenClient, permit: Permit, content: Content, *, clock: Clock, sleep: Sleep) -> None:
    try:
        await _put_once(client, permit, content, clock)
    except LunaError as error:
        if error.kind not in (Kind.UPSTREAM_TRANSIENT, Kind.UPSTREAM_BROKEN):
            raise
        await sleep(AGAIN_AFTER)
        await _put_once(client, permit, content, clock)


async def _put_once(client: QwenClient, permit: Permit, content: Content, clock: Clock) -> None:
    headers = signed_headers(
        "PUT",
        permit.bucket,
        permit.key,
        (("Content-Type", content.media_type),),
        keys=permit.keys,
        region=permit.region,
        now=clock.wall(),
    )
    status, reply = await client.put_object(permit.put_url, headers, content.data)
    if 200 <= status < 300:
        return
    found = _CODE.search(reply)
    code = found[1].decode() if found else ""
    raise LunaError(
        Kind.UPSTREAM_TRANSIENT if status >= 500 else Kind.UPSTREAM_REJECTED,
        f"Qwen's file store answered with status {status}{f' ({code})' if code else ''}.",
        hint=_HINTS.get(code, "Try again."),
        detail={"status": status, "code": code},
    )


def _unreadable(item: Mapping[str, Any]) -> LunaError:
    """The document's own fault, unless Qwen says that it is worth another try."""
    message, code = str(item.get("error_msg") or ""), str(item.get("error_code") or "")
    said = quoted(message or code).rstrip(".")
    return LunaError(
        Kind.UPSTREAM_TRANSIENT if item.get("retry") is True else Kind.BAD_REQUEST,
        f"it gave up{f': {said}' if said else ''}{f' ({code[:60]})' if code and message else ''}.",
        hint="See that the document can be opened and is not protected, or send it in another format.",
        detail={"code": code[:80]},
    )


def _filetype(kind: FileKind) -> str:
    return "file" if kind == "document" else kind
