"""The tables, all of them, as they are in the newest version.

Owns names, columns and indexes; each index is paid for by every write, so there is none but what a query needs. What a
row means belongs to the service that writes it; how an older database becomes like this belongs to
`luna.state.store.migrations`. Times are seconds since the epoch, ids are text, documents are JSON. Services speak of
tables by `luna.state.store.tables`. A change here changes `sqlite.json`, too: `make statements`.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

from luna.state.store.tables import NAMES

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)

NOT_COMPLETED = text("status <> 'completed'")
"""Runs that go on, or ended otherwise. A query that is to use their index has to say this, word for word."""
_HAS_ID = text("chat_id IS NOT NULL")

runs = Table(
    "runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("status", String(20), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("queued_at", Float),
    Column("started_at", Float),
    Column("first_event_at", Float),
    Column("completed_at", Float),
    Column("queue_ms", Float),
    Column("first_event_ms", Float),
    Column("duration_ms", Float),
    Column("session_id", String(64)),
    Column("thread_id", String(128)),
    Column("session_reason", Text),
    Column("provider_id", String(40)),
    Column("account_id", String(64)),
    Column("worker_id", String(64)),
    Column("network_profile_id", String(64)),
    Column("outbound_ip", String(64)),
    Column("chat_id", String(64)),
    Column("model", Text),
    Column("target", Text),
    Column("route", Text),
    Column("pipeline", Text),
    Column("protocol", String(40)),
    Column("client", Text),
    Column("agent", Text),
    Column("stream", Boolean, nullable=False, default=False),
    Column("preview", Text),
    Column("preview_folded", Text),
    Column("bytes_in", BigInteger),
    Column("queue_reason", Text),
    Column("error_kind", String(40)),
    Column("error_message", Text),
    Column("error_hint", Text),
    Column("error_stage", String(80)),
    Column("http_status", Integer),
    Column("input_tokens", Integer),
    Column("output_tokens", Integer),
    Column("thinking_tokens", Integer),
    Column("attempts", Integer, nullable=False, default=1),
    Column("reasks", Integer, nullable=False, default=0),
    Column("tools", Text),
    Column("stages", Text),
    Column("recording", Text),
    Index("runs_by_time", "created_at", "id"),
    # Nearly all end well, and who looks for those looks at them all: the others are the ones to be found.
    Index("runs_not_completed", "status", "created_at", sqlite_where=NOT_COMPLETED, postgresql_where=NOT_COMPLETED),
    Index("runs_by_session", "session_id", "created_at"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("scope", Text, nullable=False, default=""),
    Column("source", Text, nullable=False, default="auto"),
    Column("workspace", Text),
    Column("thread_id", String(128), nullable=False),
    Column("title", Text),
    Column("model", Text),
    Column("provider_id", String(40)),
    Column("account_id", String(64)),
    Column("chat_id", Text),
    Column("mode", String(20), nullable=False, default="persistent"),
    Column("reason", Text),
    Column("summary", Text),
    Column("turn_count", Integer, nullable=False, default=0),
    Column("message_count", Integer, nullable=False, default=0),
    Column("first_message", Integer),
    Column("compacted_at", Float),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Column("last_request_at", Float),
    Column("renamed", Boolean),
    Column("title_folded", Text),
    Column("detail", Text),
    Index("sessions_by_time", "updated_at", "id"),
    Index("sessions_by_thread", "scope", "thread_id"),
)

nodes = Table(
    "nodes",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("digest", LargeBinary(16), nullable=False),
    Column("asked", LargeBinary(16), nullable=False),
    Column("session_id", String(64), nullable=False),
    Column("subagent", String(128), nullable=False, default=""),
    Column("parent_id", String(64)),
    Column("account_id", String(64), nullable=False),
    Column("chat_id", Text, nullable=False),
    Column("response_id", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("system", Text, nullable=False, default=""),
    Column("instructions", Text, nullable=False, default=""),
    Column("next", LargeBinary(16)),
    Column("depth", Integer, nullable=False, default=0),
    Column("position", Integer, nullable=False, default=0),
    Column("created_at", Float, nullable=False),
    Index("nodes_by_digest", "digest"),
    Index("nodes_by_session", "session_id", "created_at"),
    Index("nodes_by_chat", "chat_id"),
)

messages = Table(
    "messages",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("session_id", String(64), nullable=False),
    Column("position", Integer, nullable=False),
    Column("role", String(20), nullable=False),
    Column("content", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("tokens", Integer),
    Column("run_id", String(64)),
    Column("provider_id", String(40)),
    Column("account_id", String(64)),
    Column("chat_id", Text),
    Index("messages_by_session", "session_id", "position"),
)

summaries = Table(
    "summaries",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("session_id", String(64), nullable=False),
    Column("node_id", String(64), nullable=False),
    Column("digest", LargeBinary(16), nullable=False),
    Column("position", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Index("summaries_by_session", "session_id", "created_at"),
)

chats = Table(
    "chats",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("chat_id", Text, info={NAMES: True}),
    Column("account_id", String(64), nullable=False),
    Column("state", String(20), nullable=False),
    Column("purpose", String(20), nullable=False, default="main"),
    Column("title", Text, nullable=False, default=""),
    Column("run_id", String(64)),
    Column("session_id", String(64)),
    Column("created_at", Float, nullable=False),
    Column("used_at", Float),
    Column("ended_at", Float),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_try", Float),
    Column("reason", String(20)),
    Column("error", Text),
    Index("chats_by_id", "chat_id", sqlite_where=_HAS_ID, postgresql_where=_HAS_ID),
    Index("chats_by_state", "state", "purpose", "used_at"),
)

files = Table(
    "files",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("account_id", String(64), primary_key=True),
    Column("kind", String(20), primary_key=True),
    Column("file_id", String(64), nullable=False),
    Column("entry", Text, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
    Index("files_by_file", "account_id", "file_id"),
    Index("files_by_time", "created_at"),
)

overflow_files = Table(
    "overflow_files",
    metadata,
    Column("name", String(120), primary_key=True),
    Column("folder", String(20), nullable=False, default="overflow"),
    Column("session_id", String(64)),
    Column("run_id", String(64)),
    Column("bytes", Integer, nullable=False),
    Column("tokens", Integer),
    Column("created_at", Float, nullable=False),
    Index("overflow_files_by_time", "created_at"),
)

account_states = Table(
    "account_states",
    metadata,
    Column("account_id", String(64), primary_key=True),
    Column("purpose", String(20), primary_key=True),
    Column("state", String(20), nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("since", Float, nullable=False),
    Column("until", Float),
    Column("detail", Text),
)

logs = Table(
    "logs",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("level", String(10), nullable=False),
    Column("logger", String(80), nullable=False),
    Column("message", Text, nullable=False),
    Column("folded", Text, nullable=False),
    Column("flow", String(64)),
    Column("fields", Text),
    Index("logs_by_flow", "flow", "id"),
    Index("logs_by_level", "level", "id"),
    Index("logs_by_time", "at"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("actor", Text, nullable=False),
    Column("remote", Text, nullable=False, default=""),
    Column("method", String(10), nullable=False),
    Column("path", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("said", Text),
    Index("audit_by_time", "at"),
)
