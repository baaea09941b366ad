"""The short way to decode a chat completion, for bodies as most clients send them: once through, and tools that were
there before are not read again.

Owns what such a body is: every field of it is read, or says nothing that luna would name as ignored, and nothing is
wrong with it. Any other is left to the long way (`luna.protocols.openai_chat`), which says precisely what is wrong.
"""

from operator import attrgetter
from typing import Any

import msgspec

from luna.model.memo import remembering
from luna.protocols.fields import FieldTable
from luna.protocols.openai_fields import TABLE
from luna.protocols.openai_types import Body, Offered, ToolIn


def _lean(table: FieldTable) -> type[msgspec.Struct]:
    """A body without any other fields, in which tools and what is not read stay as they are."""
    unread = sorted((table.bookkeeping | table.harmless.keys()) - {"tools"})
    fields = [(name, msgspec.Raw, msgspec.Raw()) for name in ("tools", *unread)]
    return msgspec.defstruct("LeanBody", fields, bases=(Body,), kw_only=True, forbid_unknown_fields=True)


_UNREAD = tuple(TABLE.bookkeeping | TABLE.harmless.keys())
_NOTHING = msgspec.Raw()
_unread = attrgetter(*_UNREAD)
_BODY: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_lean(TABLE))
_TOOLS = msgspec.json.Decoder(list[ToolIn] | None)


def read(data: bytes) -> Body | None:
    """The body; None for one that takes the long way. The entries of `tools` are shared, and not to be changed."""
    try:
        found = _BODY.decode(data)
        tools = bytes(found.tools)
        found.tools = _tools(tools) if tools else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    values = _unread(found)
    if any(values):
        said = {name: raw for name, raw in zip(_UNREAD, values, strict=True) if raw}
        if TABLE.ignored(said):
            return None
        for name in said:
            setattr(found, name, _NOTHING)  # it would keep all of the bytes
    body: Body = found
    return body


@remembering(count=32, longest=512 * 1024)
def _tools(raw: bytes) -> Offered | None:
    """Agents send the same tools with every request of a session."""
    entries = _TOOLS.decode(raw)
    return Offered(entries) if entries is not None else None
