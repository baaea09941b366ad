"""Where the client says that the conversation lives.

Owns the `x-luna-*` headers, the same on every protocol; a field of the body beats its header.
"""

from collections.abc import Mapping
from typing import Any

from luna.model.chat import Binding
from luna.model.dialect import ClientRequest

OURS = "x-luna-"
_MARK = len(OURS)


def binding(
    client: ClientRequest,
    *,
    account: str | None = None,
    session: str | None = None,
    chat: str | None = None,
    subagent: str | None = None,
) -> Binding:
    """What the body says (`account`, `session`, `chat`: the upstream's id, `subagent`), completed from the headers."""
    said = {name: value for name, value in reversed(client.headers) if name[:_MARK] == OURS}
    if not said:
        return Binding(account=account or "", session=session or "", subagent=subagent or "", chat=chat or "")
    return Binding(
        account=account or said.get("x-luna-account-id", ""),
        session=session or said.get("x-luna-session-id", ""),
        thread=said.get("x-luna-thread-id", ""),
        subagent=subagent or said.get("x-luna-subagent-id", ""),
        chat=chat or said.get("x-luna-provider-session-id", ""),
        source=said.get("x-luna-source", ""),
        workspace=said.get("x-luna-workspace", ""),
    )


def subagent(metadata: Mapping[str, Any] | None) -> str | None:
    """Whom of the client's agents the body's metadata names (`subagent_id`, else `agent_id`)."""
    if not metadata:
        return None
    named = metadata
    return next((name for key in ("subagent_id", "agent_id") if isinstance(name := named.get(key), str) and name), None)
