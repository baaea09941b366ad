"""The place of uploads: credentials for the store, the store itself, and parsing (wire document, section 6).

The look-alike has no store, so these routes answer as a site without them would.
"""

from luna.demo.envelope import Call
from luna.demo.http import Reply
from luna.demo.state import Refusal

PATHS = ("/api/v2/files/getstsToken", "/api/v2/files/parse", "/api/v2/files/parse/status")


async def absent(call: Call) -> Reply:
    """There is no such thing here."""
    return call.failure(Refusal("Not_Found", f"{call.request.path} is not available.", 404))
