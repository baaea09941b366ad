"""One run with its log lines, read straight from the database: for commands that run beside a luna, or without one."""

from typing import Any

from luna.state.log_archive import LogEntry, fields_of
from luna.state.run import RunRecord
from luna.state.store.sql import Connection, select
from luna.state.store.tables import logs, runs

LINES = 2000
"""Log lines that are read; the newest ones."""
_FIELDS = RunRecord.__struct_fields__


def run_of(connection: Connection, flow: str) -> RunRecord | None:
    """The run of that flow."""
    row = connection.execute(select(*(runs.c[name] for name in _FIELDS)).where(runs.c.id == flow)).first()
    if row is None:
        return None
    return RunRecord(**{name: value for name, value in zip(_FIELDS, row, strict=True) if value is not None})


def lines_of(connection: Connection, flow: str) -> list[LogEntry]:
    """Its lines, the oldest first."""
    names = LogEntry.__struct_fields__
    wanted = select(*(logs.c[name] for name in names)).where(logs.c.flow == flow).order_by(logs.c.id.desc())
    return [
        _entry(dict(zip(names, row, strict=True))) for row in reversed(connection.execute(wanted.limit(LINES)).all())
    ]


def _entry(row: dict[str, Any]) -> LogEntry:
    return LogEntry(**(row | {"flow": row["flow"] or "", "fields": fields_of(row["fields"])}))
