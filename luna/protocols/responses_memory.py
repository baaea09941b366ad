"""What of a conversation in the Responses protocol is remembered from one request to the next, and how it comes back.

Owns the remembered form (items, as a client would send them) and the references by id into it. Where it is kept is
not known here: whoever keeps it hands in a `lookup`.
"""

from collections.abc import Callable, Sequence

import msgspec

from luna.protocols.responses_input import REFERENCE
from luna.protocols.responses_items import RESPONSE_PREFIX
from luna.protocols.responses_types import ItemIn


class _Output(msgspec.Struct):
    """The part of a response document that the conversation goes on from."""

    output: list[ItemIn]


_ITEMS = msgspec.json.Decoder(list[ItemIn])
_OUTPUT = msgspec.json.Decoder(_Output)

Lookup = Callable[[str], bytes | None]
"""Response id → its document, if it is remembered."""


def pack(items: Sequence[ItemIn], document: bytes) -> bytes:
    """The conversation after an answer: the items that led to it, and its output."""
    return msgspec.json.encode([*items, *_OUTPUT.decode(document).output])


def unpack(packed: bytes) -> list[ItemIn]:
    """The items of `pack`."""
    return _ITEMS.decode(packed)


def resolved(items: Sequence[ItemIn], lookup: Lookup) -> tuple[list[ItemIn], list[str]]:
    """The items with every reference replaced by what it stands for, and where references stand that lead nowhere."""
    found: list[ItemIn] = []
    missing: list[str] = []
    for index, item in enumerate(items):
        meant = _referenced(item.id or "", lookup) if item.type == REFERENCE else item
        if meant is None:
            missing.append(f"input[{index}].{REFERENCE}")
        else:
            found.append(meant)
    return found, missing


def _referenced(wanted: str, lookup: Lookup) -> ItemIn | None:
    """An item's id says which response it stands in: `msg_TOKEN_0` in `resp_TOKEN`."""
    document = lookup(RESPONSE_PREFIX + "_".join(wanted.split("_")[1:-1]))
    items = _OUTPUT.decode(document).output if document is not None else []
    return next((item for item in items if item.id == wanted), None)
