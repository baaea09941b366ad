"""Where the client says that the conversation lives.

Owns the `x-luna-*` headers, the same on every protocol; a field of the body beats its header.
"""

from collections.abc import Mapping
from typing import Any

from luna.model.chat import Binding
from luna.model.dialect import ClientRequest


def binding(
    client: ClientRequest,
    *,
    account: str | None = None,
    session: str | None = None,
    chat: str | None = None,
    subagent: str | None = None,
) -> Binding:
    """What the body says (`account`, `session`, `chat`: the upstream's id, `subagent`), completed from the headers."""
    return Binding(
        account=account or client.header("x-luna-account-id"),
        session=session or client.header("x-luna-session-id"),
        thread=client.header("x-luna-thread-id"),
        subagent=subagent or client.header("x-luna-subagent-id"),
        chat=chat or client.header("x-luna-provider-session-id"),
        source=client.header("x-luna-source"),
        workspace=client.header("x-luna-workspace"),
    )


def subagent(metadata: Mapping[str, Any] | None) -> str | None:
    """Whom of the client's agents the body's metadata names (`subagent_id`, else `agent_id`)."""
    named = metadata or {}
    return next((name for key in ("subagent_id", "agent_id") if isinstance(name := named.get(key), str) and name), None)
