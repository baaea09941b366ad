"""Which protocol a path speaks.

Owns the table, one row for each protocol. Paths under a row's prefix are its own (`/v1/messages/count_tokens`);
everything else under `/v1`, known or not, speaks OpenAI's: its error shape is the one that most clients read.
"""

from luna.model.dialect import Dialect
from luna.protocols.anthropic_messages import AnthropicMessages
from luna.protocols.completions_dialect import OpenAICompletions
from luna.protocols.openai_chat import OpenAIChat
from luna.protocols.responses_dialect import OpenAIResponses

OPENAI_CHAT = OpenAIChat()
ANTHROPIC_MESSAGES = AnthropicMessages()
OPENAI_RESPONSES = OpenAIResponses()
OPENAI_COMPLETIONS = OpenAICompletions()

ANY: frozenset[str] = frozenset()

_ROWS: tuple[tuple[frozenset[str], str, Dialect], ...] = (
    # methods, path prefix, dialect
    (ANY, "/v1/chat/completions", OPENAI_CHAT),
    (ANY, "/v1/messages", ANTHROPIC_MESSAGES),
    (ANY, "/v1/responses", OPENAI_RESPONSES),
    (ANY, "/v1/completions", OPENAI_COMPLETIONS),
)


def dialect_for(method: str, path: str) -> Dialect:
    """The dialect in which a request is to be read and answered, be it only with an error."""
    for methods, prefix, dialect in _ROWS:
        if (methods is ANY or method in methods) and (path == prefix or path.startswith(prefix + "/")):
            return dialect
    return OPENAI_CHAT
