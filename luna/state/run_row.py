"""A run as one row of a list: what fits on a line, and no more. Lists and the live view speak it alike."""

import msgspec

from luna.state.run import RunRecord, names_of


class RunRow(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """One run, shortly. What is not known is left out. Times are milliseconds since the epoch."""

    id: str
    status: str
    created_at: int
    model: str = ""
    target: str = ""
    account_id: str = ""
    session_id: str = ""
    client: str = ""
    """The name of the key that the client showed."""
    agent: str = ""
    """What kind of client it is."""
    route: str = ""
    protocol: str = ""
    stream: bool = False
    preview: str = ""
    """The beginning of what the user said last."""
    tools: list[str] = []
    """Those that were called."""
    queue_reason: str = ""
    queue_ms: float | None = None
    first_event_ms: float | None = None
    duration_ms: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    bytes_in: int | None = None
    attempts: int = 1
    reasks: int = 0
    error_kind: str = ""
    http_status: int | None = None
    recorded: bool = False


def row_of(record: RunRecord) -> RunRow:
    """The row of a run."""
    return RunRow(
        id=record.id,
        status=record.status,
        created_at=round(record.created_at * 1000),
        model=record.model,
        target=record.target,
        account_id=record.account_id,
        session_id=record.session_id,
        client=record.client,
        agent=record.agent,
        route=record.route,
        protocol=record.protocol,
        stream=record.stream,
        preview=record.preview,
        tools=names_of(record.tools),
        queue_reason=record.queue_reason if record.status == "queued" else "",
        queue_ms=record.queue_ms,
        first_event_ms=record.first_event_ms,
        duration_ms=record.duration_ms,
        input_tokens=record.input_tokens,
        output_tokens=record.output_tokens,
        bytes_in=record.bytes_in,
        attempts=record.attempts,
        reasks=record.reasks,
        error_kind=record.error_kind,
        http_status=record.http_status,
        recorded=bool(record.recording),
    )
