"""What every protocol says of a failure, each in its own shape.

Owns the words (where it happened) and the headers that clients act on. Status, type and body are the protocols'.
"""

import math

from luna.model.dialect import Headers
from luna.model.errors import Kind, LunaError


def words(error: LunaError, flow_id: str) -> str:
    """The message, and the place to look for more: `… [flow flow_…, stage qwen]`."""
    place = f"flow {flow_id}, stage {error.stage}" if error.stage else f"flow {flow_id}"
    return f"{error.told} [{place}]"


def headers(error: LunaError, *, retry: bool) -> Headers:
    """The kind, when to come back, and `x-should-retry: false` where repeating at once cannot help; the vendors'
    SDKs obey it."""
    told: Headers = (("x-luna-error", error.kind.value),)
    if error.retry_after is not None:
        told += (("retry-after", str(max(0, math.ceil(error.retry_after)))),)
    if error.kind is Kind.UPGRADE_REQUIRED:
        told += (("upgrade", "HTTP/1.1"),)  # what to speak instead (RFC 9110, section 15.5.22)
    if not retry:
        told += (("x-should-retry", "false"),)
    return told
