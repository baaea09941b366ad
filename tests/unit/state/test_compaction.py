"""Compaction: all that is stored of a session becomes a summary and its last messages, or nothing is changed."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from luna.model.chat import Attachment, Message, Text, ToolCall, ToolResult
from luna.model.errors import Kind, LunaError
from luna.state.store import Store
from luna.state.store.tables import messages, overflow_files, sessions, summaries
from tests.support.remembering import Memory
from tests.support.sessions import asked

FAILED = LunaError(Kind.RATE_LIMITED, "The account has to rest.", retry_after=60.0)


@pytest.fixture
def kept(store: Store, tmp_path: Path) -> Memory:
    return Memory(store, tmp_path)


async def rows(store: Store, table: Any) -> list[Any]:
    return [*await store.read(select(table))]


async def stored(store: Store) -> list[tuple[int, str]]:
    found = await rows(store, messages)
    return sorted((row.position, row.content.strip('"')) for row in found)


async def test_compaction_asks_for_a_summary_of_all_that_is_stored(kept: Memory, store: Store) -> None:
    kept.prefer(compact_model="the-summariser", compact_keep_recent=2)
    _, node = await kept.talk(4, session="s")
    kept.oracle.answers = ["All of it."]
    done = await kept.upkeep.compact("s")
    (question,) = kept.oracle.questions
    assert (question.account, question.model, question.purpose, question.session) == (
        "env",
        "the-summariser",
        "compact",
        "s",
    )
    assert question.file is not None
    assert question.file.name in question.prompt
    assert "500 words" in question.prompt
    assert question.text.startswith("THIS FILE IS THE RECORD OF A CONVERSATION.")
    blocks = [f'<turn n="{2 * n - 1}" role="user">\nq{n}\n</turn>' for n in range(1, 5)]
    assert all(block in question.text for block in blocks)
    assert '<turn n="8" role="assistant">\na4\n</turn>' in question.text
    assert (done.summary, done.kept, done.dropped) == ("All of it.", 2, 6)
    assert await stored(store) == [(6, "q4"), (7, "a4")]
    (row,) = await rows(store, sessions)
    assert (row.summary, row.compacted_at, row.first_message) == ("All of it.", kept.clock.wall(), 6)
    assert (await kept.archive.get("s")).messages == 2
    assert node.session.first == 6


async def test_nothing_is_left_out_of_the_file(kept: Memory) -> None:
    said = [
        Message("system", [Text("Be brief.")]),
        Message("user", [Text("x" * 50_000), Attachment("image", url="data:image/png;base64,AAAA", name="a.png")]),
        Message("assistant", [ToolCall("c1", "Read", '{"path":"a"}')]),
        Message("tool", [ToolResult("c1", [Text("content")], error=True)]),
    ]
    await kept.turn(*said, answer="done", session="s")
    await kept.upkeep.compact("s")
    text = kept.oracle.questions[0].text
    for words in (
        '<turn n="1" role="system">\nBe brief.',
        "x" * 50_000,
        "[image a.png]",
        '<turn n="3" role="assistant" call="c1" tool="Read">\n{"path":"a"}',
        '<turn n="4" role="tool" result="c1" error="true">\ncontent',
        "done",
    ):
        assert words in text
    assert "base64" not in text


@pytest.mark.parametrize(("recent", "left"), [(0, 0), (1, 1), (5, 5), (99, 8)])
async def test_so_many_messages_stay(kept: Memory, store: Store, recent: int, left: int) -> None:
    kept.prefer(compact_keep_recent=recent)
    await kept.talk(4, session="s")
    await kept.upkeep.compact("s")
    assert len(await stored(store)) == left


async def test_a_call_is_not_parted_from_its_result(kept: Memory, store: Store) -> None:
    kept.prefer(compact_keep_recent=2)
    called = Message("assistant", [ToolCall("c", "ls", "{}")])
    said = ["q1", "a1", "q2", "a2", "look"]
    await kept.talk(2, session="s")
    await kept.turn(*said, answer=called, session="s")
    await kept.turn(*said, called, Message("tool", [ToolResult("c", [Text("listing")])]), answer="I see.", session="s")
    done = await kept.upkeep.compact("s")
    assert (done.dropped, done.kept) == (5, 3)
    assert [position for position, _ in await stored(store)] == [5, 6, 7]


async def test_a_second_compaction_knows_of_the_first(kept: Memory) -> None:
    kept.prefer(compact_keep_recent=2)
    kept.oracle.answers = ["the beginning", "everything"]
    said, _ = await kept.talk(3, session="s")
    await kept.upkeep.compact("s")
    await kept.turn(*said, "q4", answer="a4", session="s")
    await kept.upkeep.compact("s")
    text = kept.oracle.questions[1].text
    assert '<turn n="1" role="system" name="summary">\nthe beginning\n</turn>' in text
    assert ("q2" in text, "q3" in text, "q4" in text) == (False, True, True)


async def test_what_is_said_meanwhile_stays(kept: Memory, store: Store) -> None:
    kept.prefer(compact_keep_recent=1)
    said, _ = await kept.talk(3, session="s")

    async def meanwhile() -> None:
        kept.oracle.meanwhile = None
        await kept.turn(*said, "q4", answer="a4", session="s")
        await kept.turn(*said, "q4", "a4", "q5", answer="a5", session="s")

    kept.oracle.meanwhile = meanwhile
    done = await kept.upkeep.compact("s")
    assert (done.kept, done.dropped) == (1, 5)
    assert [text for _, text in await stored(store)] == ["a3", "q4", "a4", "q5", "a5"]
    record = await kept.archive.get("s")
    assert (record.turns, record.messages) == (5, 5)
    found = await kept.sessions.find(asked(*said, "q4", "a4", "q5", "a5", "q6", session="s"))
    assert found.known == 10


async def test_the_file_is_kept_within_the_limits_of_overflow_files(kept: Memory, store: Store, tmp_path: Path) -> None:
    await kept.talk(2, session="my/session:1")
    done = await kept.upkeep.compact("my/session:1")
    path = tmp_path / "compact" / done.file
    assert path.read_text() == kept.oracle.questions[0].text
    assert path.stat().st_mode & 0o777 == 0o600
    assert done.file.startswith("session-my-session-1-2026")
    (row,) = await rows(store, overflow_files)
    assert (row.name, row.folder, row.session_id) == (done.file, "compact", "my/session:1")
    assert (await kept.archive.get("my/session:1")).files == 0


@pytest.mark.parametrize(
    "failure",
    [
        LunaError(Kind.UPSTREAM_REJECTED, "The document cannot be uploaded."),
        LunaError(Kind.UPSTREAM_BROKEN, "The model answered without a word."),
        FAILED,
    ],
)
async def test_a_failed_compaction_is_a_failure_and_changes_nothing(
    kept: Memory, store: Store, tmp_path: Path, failure: LunaError
) -> None:
    await kept.talk(3, session="s")
    before = await stored(store)
    kept.oracle.answers = [failure]
    with pytest.raises(LunaError) as raised:
        await kept.upkeep.compact("s")
    assert raised.value is failure
    assert await stored(store) == before
    (row,) = await rows(store, sessions)
    assert (row.summary, row.compacted_at, row.first_message) == (None, None, None)
    assert await rows(store, summaries) == []
    assert not (tmp_path / "compact").exists()
    assert kept.upkeep.working == 0


@pytest.mark.parametrize("session", ["nobody", "silent"])
async def test_what_cannot_be_compacted(kept: Memory, session: str) -> None:
    kept.prefer(history_limit=0)
    await kept.talk(1, session="silent")
    with pytest.raises(LunaError) as raised:
        await kept.upkeep.compact(session)
    assert raised.value.kind is (Kind.NOT_FOUND if session == "nobody" else Kind.CONFLICT)
    assert kept.oracle.questions == []


async def test_a_session_that_is_cleared_meanwhile_stays_cleared(kept: Memory, store: Store) -> None:
    await kept.talk(3, session="s")

    async def meanwhile() -> None:
        await kept.archive.clear("s")
        kept.oracle.meanwhile = None
        await kept.turn("anew", answer="yes", session="s")

    kept.oracle.meanwhile = meanwhile
    with pytest.raises(LunaError) as raised:
        await kept.upkeep.compact("s")
    assert raised.value.kind is Kind.CONFLICT
    assert [text for _, text in await stored(store)] == ["anew", "yes"]
    assert (await kept.archive.get("s")).summary == ""


async def test_two_people_cannot_compact_one_session_at_once(kept: Memory) -> None:
    await kept.talk(3, session="s")
    refused: list[Kind] = []

    async def meanwhile() -> None:
        with pytest.raises(LunaError) as raised:
            await kept.upkeep.compact("s")
        refused.append(raised.value.kind)

    kept.oracle.meanwhile = meanwhile
    await kept.upkeep.compact("s")
    assert refused == [Kind.CONFLICT]
