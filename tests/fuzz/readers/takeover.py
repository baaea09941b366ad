"""LunaProxy's files, as `luna import` reads them.

The first byte says which: configuration, sessions or runs. What must hold: every record is taken or remarked upon, a
row fits its table and becomes a document again, and no credential gets into a remark.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
from sqlalchemy import create_engine, insert

from luna.config.lunaproxy import others_of, settings_of
from luna.config.preference_document import merged, understand
from luna.disk.salvage import is_json, mended
from luna.state.lunaproxy_accounts import accounts_of, login_of, provider_of
from luna.state.lunaproxy_fields import records_of
from luna.state.lunaproxy_runs import run_document, run_row
from luna.state.lunaproxy_sessions import session_document, session_rows
from luna.state.store.schema import messages, metadata, runs, sessions
from tests.fuzz.guided import Target

SECRET = "canary-"
_FILES = Path(__file__).parents[3] / "fixtures" / "lunaproxy"
_ENGINE = create_engine("sqlite://")
metadata.create_all(_ENGINE, tables=[runs, sessions, messages])


def run(data: bytes) -> None:
    """One of the files."""
    kind, text = data[:1], data[1:]
    left = mended(text, 4 if kind == b"C" else 1)
    if left is None:
        assert not is_json(text)
        return
    assert is_json(left), "what was mended is no JSON"
    match kind:
        case b"S" | b"R":
            _records(kind, left)
        case _:
            _configuration(left)


def _configuration(data: bytes) -> None:
    document = msgspec.json.decode(data)
    if not isinstance(document, dict):
        return
    settings = settings_of(document)
    assert not understand(merged({}, settings.patch)).problems, "a patch that is none"
    remarks = [*map(str, settings.ignored), *map(str, settings.wrong), *settings.notes, *map(str, others_of(document))]
    accounts = accounts_of(document)
    assert not any(SECRET in remark for remark in map(str, accounts.wrong)) or SECRET in str(document.keys())
    assert all(isinstance(remark, str) for remark in remarks)
    for record in accounts.records:
        assert login_of(record.credentials)
    written = msgspec.json.encode({"version": 1, "providers": [provider_of(accounts.records, with_credentials=True)]})
    again = accounts_of(msgspec.json.decode(written))
    assert [one.id for one in again.records] == [one.id for one in accounts.records], "unstable: the accounts"


def _records(kind: bytes, data: bytes) -> None:
    try:
        found = records_of(data)
    except msgspec.DecodeError:
        return
    with _ENGINE.connect() as connection:
        for name, raw in found[:50]:
            try:
                if kind == b"R":
                    row = run_row(raw)
                    connection.execute(insert(runs).prefix_with("OR REPLACE"), row)
                    again = run_row(msgspec.json.encode(run_document(row)))
                    assert again["id"] == row["id"] and again["status"] == row["status"], "unstable: a run"
                    continue
                rows = session_rows(raw, name, "client")
            except msgspec.ValidationError:
                continue
            connection.execute(insert(sessions).prefix_with("OR REPLACE"), rows.session)
            for message in rows.messages:
                connection.execute(insert(messages).prefix_with("OR REPLACE"), message)
            written = msgspec.json.encode(session_document(rows.session, rows.messages))
            back = session_rows(written, name, "client")
            assert back.session["id"] == rows.session["id"], "unstable: a session"
            assert len(back.messages) == len(rows.messages), "unstable: its messages"
        connection.rollback()


def _seeds() -> Iterator[bytes]:
    for kind, name in ((b"C", "config.json"), (b"S", "sessions.json"), (b"R", "runs.json")):
        data = (_FILES / name).read_bytes()
        yield kind + data[:12000]
        yield kind + data[: len(data) // 2]
    parts = b'[{"type":"text","text":"x"},{"type":"image_url","image_url":{"url":"u"}}]'
    yield b'S[{"id":"a","createdAt":1,"messages":[{"role":"user","content":' + parts + b"}]}]"
    yield b'R[{"id":"a","status":"streaming","createdAt":1,"luna":{"tools":"x","attempts":2}}]'


TARGETS = {
    "takeover": Target(
        "takeover",
        run,
        _seeds,
        (b'"createdAt":', b"1790000000000", b"\\ud800", b"\xef\xbb\xbf", b'"role":"tool"'),
        largest=16 * 1024,
    )
}
