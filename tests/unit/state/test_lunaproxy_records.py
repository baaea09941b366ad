"""LunaProxy's sessions and runs as rows, and the way back: no field that luna has is lost."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luna.state.lunaproxy_fields import records_of
from luna.state.lunaproxy_runs import run_document, run_row
from luna.state.lunaproxy_sessions import own_id, session_document, session_rows
from luna.state.run import TERMINAL, RunRecord
from luna.state.store.tables import messages, runs, sessions

FIXTURES = Path("fixtures/lunaproxy")
SESSIONS = [raw for _, raw in records_of((FIXTURES / "sessions.json").read_bytes())]


def there_and_back(document: dict[str, Any], client: str = "") -> dict[str, Any]:
    rows = session_rows(msgspec.json.encode(document), "sessions.json x", client)
    assert rows.session.keys() == {column.name for column in sessions.c}
    assert all(row.keys() == {column.name for column in messages.c} for row in rows.messages)
    assert rows.damaged == []
    written: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(session_document(rows.session, rows.messages)))
    return written


def lost(document: dict[str, Any], written: dict[str, Any]) -> set[str]:
    """The fields that are not what they were."""
    return {key for key, value in document.items() if value is not None and written.get(key) != value}


@pytest.mark.parametrize("number", range(len(SESSIONS)))
def test_a_session_of_the_fixture_loses_nothing(number: int) -> None:
    document = msgspec.json.decode(SESSIONS[number])
    for message in document["messages"]:
        message.pop("workerId", None)  # of runs luna notes it, of messages not
    assert lost(document, there_and_back(document)) == set()


def test_the_row_of_a_session() -> None:
    rows = session_rows(SESSIONS[0], "x", "default")
    detail = msgspec.json.decode(rows.session.pop("detail"))["imported"]
    assert rows.session == {
        "id": "3f0c8a52-4e0e-4d35-9a8e-5f6a1f0c2b11",
        "scope": "default\n\n/home/ann/project",
        "source": "auto",
        "workspace": "/home/ann/project",
        "thread_id": "7d2f0b6e-7c1d-4f5c-8f0a-2b9f4e6d8c22",
        "title": "Mend the parser",
        "model": "Qwen3.6-Plus",
        "provider_id": "qwen-ai",
        "account_id": "work",
        "chat_id": "chat-main",
        "mode": "persistent",
        "reason": "context_hash_hit=01234567",
        "summary": "The parser loses the last line. The fix is in parse.py.",
        "turn_count": 2,
        "message_count": 4,
        "compacted_at": 1_790_000_000.9,
        "created_at": 1_790_000_000.0,
        "updated_at": 1_790_000_002.0,
        "last_request_at": 1_790_000_001.999,
        "first_message": None,
        "renamed": None,
        "title_folded": "mend the parser",
    }
    assert [binding["purpose"] for binding in detail["providerBindings"]] == ["main", "subagent"]
    assert [row["position"] for row in rows.messages] == [0, 1, 2, 3]
    assert rows.messages[1]["content"] == (
        '[{"type":"text","text":"Mend the parser."},'
        '{"type":"attachment","kind":"image","url":"https://pictures.example/1.png"}]'
    )
    assert rows.messages[2]["content"] == '"Done: “parse.py”, line 7."'


@pytest.mark.parametrize(
    ("client", "source", "workspace", "scope"),
    [
        ("", "auto", None, ""),
        ("default", "auto", None, "default"),
        ("", "cline", None, "\ncline"),
        ("k", None, "w", "k\n\nw"),
    ],
)
def test_whose_a_session_is(client: str, source: str | None, workspace: str | None, scope: str) -> None:
    document = {"id": "a", "createdAt": 1, "source": source, "workspace": workspace}
    row = session_rows(msgspec.json.encode(document), "x", client).session
    assert row["scope"] == scope
    again = session_rows(msgspec.json.encode(session_document(row, [])), "x", "somebody else")
    assert again.session["scope"] == scope, "what luna has written says it itself"


def test_a_session_that_has_moved_on_since_has_its_chat_of_now() -> None:
    row = session_rows(SESSIONS[0], "x", "").session | {"account_id": "home", "chat_id": "chat-new"}
    document = session_document(row, [])
    assert document["providerSessionId"] == "chat-new"
    assert [(one["accountId"], one["providerSessionId"], one["purpose"]) for one in document["providerBindings"]] == [
        ("home", "chat-new", "main"),
        ("work", "chat-subagent", "subagent"),
    ]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "Expected `object`, got `array`"),
        ({"createdAt": 1}, "Object missing required field `id`"),
        ({"id": 5, "createdAt": 1}, "Expected `str`, got `int` - at `$.id`"),
        ({"id": "", "createdAt": 1}, "its id is not one to 64 letters long"),
        ({"id": "x" * 65, "createdAt": 1}, "its id is not one to 64 letters long"),
        ({"id": "a\0b", "createdAt": 1}, "its id is not one to 64 letters long"),
        ({"id": "a"}, "it has no time"),
        ({"id": "a", "createdAt": "yesterday"}, "Expected `float | null`, got `str` - at `$.createdAt`"),
        ({"id": "a", "createdAt": 1, "messages": {}}, "Expected `array | null`, got `object` - at `$.messages`"),
    ],
)
def test_a_session_that_is_none_says_why(document: object, said: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        session_rows(msgspec.json.encode(document), "x", "")
    assert str(refused.value) == said


def test_messages_that_are_none_are_left_out_by_name() -> None:
    document = {
        "id": "a",
        "createdAt": 1000,
        "messages": [{"role": "user", "content": "one"}, 5, {"role": "wizard", "content": "x"}, {"content": "x"}],
    }
    rows = session_rows(msgspec.json.encode(document), "sessions.json a", "")
    assert [row["content"] for row in rows.messages] == ['"one"']
    assert [str(remark) for remark in rows.damaged] == [
        "sessions.json a.messages[1]: Expected `object`, got `int`",
        "sessions.json a.messages[2]: nobody has that role",
        "sessions.json a.messages[3]: Object missing required field `role`",
    ]
    assert (rows.messages[0]["id"], rows.messages[0]["created_at"]) == (own_id("a", 0), 1.0)


@pytest.mark.parametrize(
    ("content", "back"),
    [
        ("text", "text"),
        (None, ""),
        ([], ""),
        (["a", {"type": "input_text", "text": "b"}], [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]),
        ([{"type": "text", "text": "a"}], "a"),
        ([{"type": "image_url", "image_url": "https://x"}], [{"type": "image_url", "image_url": {"url": "https://x"}}]),
        ({"odd": 1}, '{"odd":1}'),
        ([{"type": "thought", "text": "hm"}], [{"type": "thought", "text": "hm"}]),
        (
            [{"type": "tool_call", "id": "c", "name": "Read", "arguments": "{}"}],
            [{"type": "tool_call", "id": "c", "name": "Read", "arguments": "{}"}],
        ),
    ],
)
def test_what_a_message_may_hold(content: object, back: object) -> None:
    document = {"id": "a", "createdAt": 1, "messages": [{"role": "assistant", "content": content}]}
    assert there_and_back(document)["messages"][0]["content"] == back


def test_numbers_that_no_column_holds() -> None:
    document = {
        "id": "a",
        "createdAt": 1,
        "turnCount": 10**12,
        "messages": [{"role": "user", "content": "x", "tokenEstimate": 1e300}],
    }
    rows = session_rows(msgspec.json.encode(document), "x", "")
    assert rows.session["turn_count"] == rows.messages[0]["tokens"] == 2**31 - 1


def test_text_that_no_database_takes() -> None:
    document = {
        "id": "a",
        "createdAt": 1,
        "title": "a\0b",
        "summary": "\0",
        "messages": [{"role": "user", "content": "\0"}],
    }
    rows = session_rows(msgspec.json.encode(document), "x", "")
    assert (rows.session["title"], rows.session["summary"]) == ("ab", None)
    assert "\0" not in rows.messages[0]["content"]


TIMES = st.integers(0, 4_000_000_000_000)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
IDS = st.text(st.sampled_from("abcdef0123456789-"), min_size=1, max_size=40)


def some(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=optional)


MESSAGES = some(
    {"id": IDS, "role": st.sampled_from(["system", "user", "assistant", "tool"]), "content": WORDS, "createdAt": TIMES},
    {
        "tokenEstimate": st.integers(0, 99),
        "runId": IDS,
        "providerId": st.just("qwen-ai"),
        "accountId": IDS,
        "providerSessionId": IDS,
    },
)
BINDING = {
    "providerId": st.just("qwen-ai"),
    "accountId": IDS,
    "providerSessionId": IDS,
    "createdAt": TIMES,
    "updatedAt": TIMES,
}
BINDINGS = st.tuples(
    st.fixed_dictionaries(BINDING | {"purpose": st.just("main")}),
    st.lists(
        st.fixed_dictionaries(BINDING | {"purpose": st.sampled_from(["subagent", "overflow", "compact"])}), max_size=2
    ),
).map(lambda found: [found[0], *found[1]])
SESSION = some(
    {
        "id": IDS,
        "source": st.sampled_from(["auto", "cline"]),
        "threadId": IDS,
        "providerId": st.just("qwen-ai"),
        "turnCount": st.integers(1, 99),
        "mode": st.sampled_from(["persistent", "transient", "file-backed", "shared-default", "stateless"]),
        "messages": st.lists(MESSAGES, max_size=3, unique_by=lambda message: message["id"]),
        "createdAt": TIMES,
        "updatedAt": TIMES,
        "active": st.booleans(),
    },
    {
        "workspace": WORDS,
        "title": WORDS,
        "model": WORDS,
        "summary": WORDS,
        "contextHash": IDS,
        "profileId": WORDS,
        "fingerprint": WORDS,
        "confidence": st.sampled_from(["high", "medium", "low"]),
        "overflowChain": st.lists(
            st.fixed_dictionaries({"fileName": WORDS, "localPath": WORDS, "createdAt": TIMES}), max_size=2
        ),
        "providerBindings": BINDINGS,
        "activeRunIds": st.lists(IDS, max_size=2),
        "compactedAt": TIMES,
        "lastRequestAt": TIMES,
        "resolveReason": WORDS,
    },
).map(lambda session: session | _chat_of(session))


def _chat_of(session: dict[str, Any]) -> dict[str, Any]:
    """LunaProxy keeps the chat of the main binding beside it."""
    bindings = session.get("providerBindings")
    return {"providerSessionId": bindings[0]["providerSessionId"]} if bindings else {}


@settings(max_examples=60, deadline=None)
@given(SESSION)
def test_no_session_loses_anything(document: dict[str, Any]) -> None:
    assert lost(document, there_and_back(document)) == set()


RUN = some(
    {
        "id": IDS,
        "status": st.sampled_from(sorted(TERMINAL)),
        "createdAt": TIMES,
        "model": WORDS,
        "stream": st.booleans(),
    },
    {
        "queuedAt": TIMES,
        "startedAt": TIMES,
        "completedAt": TIMES,
        "sessionId": IDS,
        "providerId": st.just("qwen-ai"),
        "accountId": IDS,
        "workerId": IDS,
        "networkProfileId": IDS,
        "outboundIp": st.just("192.0.2.7"),
        "providerChatId": IDS,
        "activeTaskPreview": WORDS,
        "queueReason": WORDS,
        "error": WORDS,
    },
)


@settings(max_examples=60, deadline=None)
@given(RUN)
def test_no_run_loses_anything(document: dict[str, Any]) -> None:
    row = run_row(msgspec.json.encode(document))
    assert row.keys() == {column.name for column in runs.c}
    assert lost(document, run_document(row)) == set()


def test_a_run_of_lunas_comes_back_whole() -> None:
    record = RunRecord(
        id="r",
        status="failed",
        created_at=1_790_000_000.123,
        first_event_at=1_790_000_001.5,
        target="qwen3.7-plus",
        route="chat",
        error_kind="timeout",
        error_message="It took too long.",
        input_tokens=7,
        attempts=2,
        recording="flow_1",
        provider_id="qwen-ai",
    )
    written = msgspec.json.encode(run_document(msgspec.structs.asdict(record)))
    assert run_row(written) == msgspec.structs.asdict(record)


@pytest.mark.parametrize("status", ["queued", "routing", "waiting_provider_chat", "running", "streaming"])
def test_a_run_that_was_at_work_was_interrupted(status: str) -> None:
    assert run_row(msgspec.json.encode({"id": "r", "status": status, "createdAt": 1}))["status"] == "interrupted"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (5, "Expected `object`, got `int`"),
        ({"id": "r", "status": "dancing", "createdAt": 1}, "there is no status 'dancing'"),
        ({"id": "r", "status": "failed"}, "it has no time"),
        ({"id": "r" * 65, "status": "failed", "createdAt": 1}, "its id is not one to 64 letters long"),
        (
            {"id": "r", "status": "failed", "createdAt": 1, "luna": {"attempts": "x"}},
            "Expected `int`, got `str` - at `$.attempts`",
        ),
    ],
)
def test_a_run_that_is_none_says_why(document: object, said: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        run_row(msgspec.json.encode(document))
    assert str(refused.value) == said


def test_an_error_that_is_no_text() -> None:
    row = run_row(msgspec.json.encode({"id": "r", "status": "failed", "createdAt": 1, "error": {"code": 5}}))
    assert row["error_message"] == '{"code":5}'


def test_what_is_ours_can_not_be_what_is_theirs() -> None:
    row = run_row(msgspec.json.encode({"id": "r", "status": "failed", "createdAt": 1, "luna": {"id": "x", "odd": 1}}))
    assert row["id"] == "r"
