"""Where the client says that the conversation lives.

Owns the `x-luna-*` headers, the same on every protocol; a field of the body beats its header.
"""

from luna.model.chat import Binding
from luna.model.dialect import ClientRequest


def binding(
    client: ClientRequest, *, account: str | None = None, session: str | None = None, chat: str | None = None
) -> Binding:
    """What the body says (`account`, `session`, and `chat`: the upstream's id), completed from the headers."""
    return Binding(
        account=account or client.header("x-luna-account-id"),
        session=session or client.header("x-luna-session-id"),
        thread=client.header("x-luna-thread-id"),
        chat=chat or client.header("x-luna-provider-session-id"),
        source=client.header("x-luna-source"),
        workspace=client.header("x-luna-workspace"),
    )
