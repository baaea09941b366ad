"""Sends a text through the sieve, whole or in pieces, and adds up what comes out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from luna.model.chat import Tool
from luna.model.events import Finish, Notice, StreamEvent, TextDelta, ToolOpen
from luna.model.fold import Fold
from luna.model.grammar import Grammar
from luna.tools.numbering import Numbering
from luna.tools.schema import Toolbox
from luna.tools.sieve import Sieve
from tests.support.events import OPENED


def tool(name: str, /, *required: str, **parameters: Any) -> Tool:
    """A tool; a parameter is a JSON type, a list of types, or a schema."""
    properties = {
        key: said if isinstance(said, dict) else {"type": said if isinstance(said, str) else list(said)}
        for key, said in parameters.items()
    }
    return Tool(name, parameters={"type": "object", "properties": properties, "required": list(required)})


TOOLS = [
    tool("search", "query", query="string", limit="integer", exact="boolean", filter="object", site="string"),
    tool("write_file", "path", "content", path="string", content="string", mode={"enum": ["append", "replace"]}),
    tool("list_files", path=("string", "null"), patterns={"type": "array", "items": {"type": "string"}}),
    tool("now"),
]


@dataclass
class Sifted:
    """What a text has become."""

    text: str
    calls: list[tuple[str, Any]]
    """(name, arguments); the arguments as text where they are no JSON, because the call was cut."""
    notices: list[tuple[str, str]] = field(default_factory=list)
    """(kind, reason or "")"""


def pieces_of(text: str, size: int) -> list[str]:
    """The text in pieces of this many characters."""
    return [text[start : start + size] for start in range(0, len(text), size)]


def a_sieve(tools: Sequence[Tool] = TOOLS) -> Sieve:
    count = iter(range(10_000))
    return Sieve(Toolbox(tools), Numbering(lambda: f"call_{next(count)}"))


def events_of(pieces: Iterable[str], tools: Sequence[Tool] = TOOLS, *, broken: bool = False) -> list[StreamEvent]:
    """The events, checked against the grammar."""
    sieve, grammar = a_sieve(tools), Grammar()
    events = [event for piece in pieces for event in sieve.feed(piece)]
    events += sieve.flush() if broken else sieve.finish()
    for event in (OPENED, *events):
        grammar.feed(event)
    if not broken:
        grammar.feed(Finish("stop"))
    return events


def summed(events: Iterable[StreamEvent]) -> Sifted:
    """What they amount to."""
    fold = Fold()
    for event in events:
        fold.feed(event)
    calls = [(call.name, _read(call.arguments)) for call in fold.calls]
    return Sifted(fold.text, calls, [(n.kind, str((n.data or {}).get("reason", ""))) for n in fold.notices])


def sifted(*pieces: str, tools: Sequence[Tool] = TOOLS) -> Sifted:
    """What a text in these pieces amounts to."""
    return summed(events_of(pieces, tools))


def sifted_alike(text: str, tools: Sequence[Tool] = TOOLS) -> Sifted:
    """What a text amounts to, having checked that it is the same in pieces of any of several sizes."""
    whole = sifted(text, tools=tools)
    for size in (1, 2, 3, 7, 16):
        assert sifted(*pieces_of(text, size), tools=tools) == whole, f"differs in pieces of {size}"
    return whole


def named(events: Iterable[StreamEvent]) -> list[str]:
    """The names of the calls that were opened."""
    return [event.name for event in events if isinstance(event, ToolOpen)]


def text_in(events: Iterable[StreamEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def notices_in(events: Iterable[StreamEvent]) -> list[Notice]:
    return [event for event in events if isinstance(event, Notice)]


def _read(arguments: str) -> Any:
    try:
        return msgspec.json.decode(arguments)
    except msgspec.DecodeError:
        return arguments
