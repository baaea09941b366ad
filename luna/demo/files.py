"""Uploads: the permit, the store, the reading of documents. The wire document, section 6.

Owns the routes. What is kept is `luna.demo.shelf`, what the store believes `luna.demo.oss`. A file's name can ask for
trouble, for people who try luna without writing code:

    permit-fails      no permit: the site fails internally
    permit-limited    no permit: the cap for the day is reached, for 3 hours
    store-refuses     the store does not believe the signature (403)
    store-fails       the store fails (500)
    parse-fails       the document cannot be read
    parse-slow        it is read only after a few questions
    parse-hangs       it is being read for ever
"""

from typing import Any

import msgspec

from luna.demo import oss
from luna.demo.envelope import Call
from luna.demo.file_faults import BROKEN, REFUSED, StatusAsked, item
from luna.demo.http import Reply
from luna.demo.refusal import LIMIT, WAIT, Refusal
from luna.demo.shelf import BUCKET, REGION, File

LARGEST = 500_000_000
FILETYPES = ("image", "video", "audio", "file", "document")


class PermitAsked(msgspec.Struct):
    """`filesize` comes as a number or as a string of digits; `filetype` is a kind or a media type."""

    filename: str
    filesize: int | str
    filetype: str


class ParseAsked(msgspec.Struct):
    """Which document."""

    file_id: str


async def permit(call: Call) -> Reply:
    """Leave to store a file."""
    return call.success(_permit(call))


async def old_permit(call: Call) -> Reply:
    """The same without an envelope."""
    return call.json(_permit(call))


def _permit(call: Call) -> dict[str, Any]:
    user = call.user()
    asked = call.body(PermitAsked)
    if not asked.filename or not str(asked.filesize).isdecimal() or not 0 < int(asked.filesize) <= LARGEST:
        raise Refusal("Bad_Request", "Invalid input file.", 400)
    kind = asked.filetype.partition("/")[0] if "/" in asked.filetype else asked.filetype
    if kind not in (*FILETYPES, "text", "application"):
        raise Refusal("Bad_Request", "Invalid input filetype.", 400)
    if "permit-fails" in asked.filename:
        raise Refusal("internal_error", "Internal error...", 500)
    if "permit-limited" in asked.filename:
        raise Refusal("RateLimited", LIMIT, 429, template=WAIT, num=3)
    file = call.state.shelf.permit(user.id, asked.filename, int(asked.filesize), kind)
    call.state.counters.permits += 1
    call.state.note("file.permit", user.id, file.id)
    return {
        "access_key_id": file.access_key,
        "access_key_secret": file.secret,
        "security_token": file.token,
        "file_url": call.state.shelf.link(file, call.site.origin),
        "file_path": file.key,
        "file_id": file.id,
        "bucketname": BUCKET,
        "region": REGION,
        "endpoint": call.site.origin,
    }


async def put(call: Call) -> Reply:
    """The store: keep an object, if the signature is right."""
    key, shelf = call.params[0], call.state.shelf
    try:
        file = oss.judge(call.request, key, shelf, call.state.clock.wall())
    except oss.Denied as denied:
        call.state.counters.store_refusals += 1
        return denied.reply(call.request_id)
    if "store-refuses" in file.name:
        return REFUSED.reply(call.request_id)
    if "store-fails" in file.name:
        return BROKEN.reply(call.request_id)
    shelf.store(file, call.request.body, call.request.header("content-type"))
    call.state.counters.uploads += 1
    call.state.note("file.stored", file.user, file.id)
    return Reply(200, b"", (("x-oss-request-id", call.request_id), ("etag", f'"{file.id}"')))


async def get(call: Call) -> Reply:
    """The store: an object, for whoever has its link while that is good."""
    shelf, query = call.state.shelf, call.request.query
    file = shelf.by_key(call.params[0])
    if file is None or file.data is None:
        return oss.Denied(404, "NoSuchKey", "The specified key does not exist.").reply(call.request_id)
    signed = query.get("Signature") == shelf.signature(file) and query.get("Expires") == str(int(file.link_until))
    if not signed or call.state.clock.wall() > file.link_until:
        return oss.Denied(403, "AccessDenied", "Request has expired.").reply(call.request_id)
    return Reply(200, file.data, (("content-type", file.content_type),))


async def parse(call: Call) -> Reply:
    """Have a document read."""
    user = call.user()
    file = call.state.shelf.of(user.id, call.body(ParseAsked).file_id)
    call.state.shelf.begin_reading(file)
    call.state.counters.parses += 1
    call.state.note("file.parse", user.id, file.id)
    return call.success({"status": "pending", "file_id": file.id})


async def parse_status(call: Call) -> Reply:
    """How far that is."""
    user = call.user()
    files = [call.state.shelf.of(user.id, id) for id in call.body(StatusAsked).file_id_list]
    return call.success([item(file.id, call.state.shelf.ask(file)) for file in files])


async def file_link(call: Call) -> Reply:
    """Where a stored file can be read."""
    file = call.state.shelf.of(call.user().id, call.body(ParseAsked).file_id)
    return call.success({"url": call.state.shelf.link(file, call.site.origin)})


def attached(call: Call, user: str, entries: list[dict[str, Any]]) -> list[File]:
    """The files that a message names. Raises Refusal."""
    files = [call.state.shelf.check(user, entry, call.site.origin) for entry in entries]
    for file in files:
        call.state.note("file.used", user, file.id)
    return files
