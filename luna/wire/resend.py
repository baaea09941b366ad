"""Which headers of a recorded client request can be sent once more. Pure."""

from luna.model.dialect import ClientRequest, Headers

_CONNECTIONS_OWN = frozenset(
    {"host", "content-length", "connection", "transfer-encoding", "accept-encoding", "keep-alive", "expect"}
)
_CREDENTIALS = frozenset({"authorization", "x-api-key", "x-proxy-key", "cookie"})
_CHOICES = frozenset({"x-luna-route", "x-luna-pipeline"})
_REDACTED = "<redacted:"


def sendable(client: ClientRequest) -> Headers:
    """Without what belongs to one connection, what was taken out of the recording, and what chose the way."""
    left_out = _CONNECTIONS_OWN | _CREDENTIALS | _CHOICES
    return tuple((name, value) for name, value in client.headers if name not in left_out and _REDACTED not in value)
