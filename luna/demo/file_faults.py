"""What can go wrong with an upload, for tests to push: `lookalike.faults.push(Fault("store-refuses"), path=STORE)`.

Owns the table, the paths that it makes sense for, and how the store and the reading say that they failed. These are
not for prompts: an upload comes before them.
"""

from typing import TYPE_CHECKING, Any

import msgspec

from luna.demo.http import Reply
from luna.demo.misbehave import Entry, Instead
from luna.demo.oss import Denied
from luna.demo.shelf import BUCKET

if TYPE_CHECKING:
    from luna.demo.envelope import Call

PERMIT = "/api/v2/files/getstsToken"
STORE = f"/{BUCKET}/*"
PARSE = "/api/v2/files/parse"
PARSE_STATUS = "/api/v2/files/parse/status"

REFUSED = Denied(
    403,
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided.",
)
BROKEN = Denied(500, "InternalError", "We encountered an internal error. Please try again.")
_UNREADABLE = {"error_code": "FileParseError", "error_msg": "The file is damaged or encrypted.", "retry": False}


class StatusAsked(msgspec.Struct):
    """Which documents are asked after."""

    file_id_list: list[str]


def item(id: str, status: str) -> dict[str, Any]:
    """How far the reading of one document is."""
    told = {"file_id": id, "status": status, "error_msg": "", "error_code": "", "retry": False}
    return told | _UNREADABLE if status == "failed" else told


def _all(status: str) -> Instead:
    """Whatever is asked after has this status."""

    def reply(call: "Call") -> Reply:
        return call.success([item(id, status) for id in call.body(StatusAsked).file_id_list])

    return Instead(reply)


FILE_FAULTS: dict[str, Entry] = {
    "store-refuses": Entry(
        "The store does not believe the signature (403).",
        lambda: Instead(lambda call: REFUSED.reply(call.request_id)),
    ),
    "store-fails": Entry(
        "The store fails (500).",
        lambda: Instead(lambda call: BROKEN.reply(call.request_id)),
    ),
    "parse-fails": Entry("The document cannot be read.", lambda: _all("failed")),
    "parse-pending": Entry("The document is still being read.", lambda: _all("pending")),
}
"""For the paths above; the faults for any path (`http-500`, `rate-limit`, `cut` …) do there, too."""
