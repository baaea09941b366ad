"""What a filter looks at in a flow in progress: its request, and one complete call of its answer."""

from collections.abc import Callable

import msgspec

from luna.filters.conditions import Condition, operators_in
from luna.filters.operators import OF_CALLS, Operator
from luna.filters.text import folded
from luna.model.chat import Attachment, ChatRequest, Text, Thought, ToolCall, ToolResult


def _nothing() -> str:
    return ""


class LiveFacts(msgspec.Struct, frozen=True):
    """The columns that the operators for flows in progress name; the others are not known yet."""

    model: str = ""
    target: str = ""
    account_id: str = ""
    session_id: str = ""
    client: str = ""
    agent: str = ""
    route: str = ""
    protocol: str = ""
    preview_folded: str = ""
    tools: str = ""
    """The name of the call that is looked at, as one line."""
    arguments_folded: str = ""
    request: Callable[[], str] = _nothing
    """All words of the request; asked only by filters that look for them."""
    created_at: float = 0.0
    status: str = ""
    duration_ms: float | None = None
    first_event_ms: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None

    @property
    def request_folded(self) -> str:
        """The words as they are searched."""
        return folded(self.request())


def looks_at_calls(condition: Condition | None) -> bool:
    """Whether it can be answered only for a call of which name and arguments are complete."""
    asked: frozenset[Operator] = operators_in(condition)
    return not OF_CALLS.isdisjoint(asked)


def words_of(chat: ChatRequest) -> str:
    """Everything that is said in a request: turns, calls and results, one to a line."""
    said: list[str] = []
    for message in chat.messages:
        for part in message.parts:
            match part:
                case Text() | Thought():
                    said.append(part.text)
                case ToolCall():
                    said.append(f"{part.name} {part.arguments}")
                case ToolResult():
                    said += [inner.text for inner in part.parts if isinstance(inner, Text)]
                case Attachment():
                    said.append(part.name)
    return "\n".join(said)
