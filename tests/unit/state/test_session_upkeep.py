"""Summaries and compaction in the background: when they are due, what goes into a summary, and who waits for whom."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from sqlalchemy import select

from luna.model.chat import Message, Text, ToolCall, ToolResult
from luna.model.errors import Kind, LunaError
from luna.protocols.tokens import estimate
from luna.state.sessions import Sessions
from luna.state.store import Store
from luna.state.store.tables import messages, sessions, summaries
from tests.support.remembering import Memory
from tests.support.sessions import asked

FAILED = LunaError(Kind.RATE_LIMITED, "The account has to rest.", retry_after=60.0)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """What differs between databases is tried in test_session_memory.py."""
    async with Store.opened(tmp_path) as opened:
        yield opened


@pytest.fixture
def kept(store: Store, tmp_path: Path) -> Memory:
    return Memory(store, tmp_path)


async def rows(store: Store, table: Any) -> list[Any]:
    return [*await store.read(select(table))]


async def stored(store: Store) -> list[tuple[int, str]]:
    found = await rows(store, messages)
    return sorted((row.position, row.content.strip('"')) for row in found)


# Rolling summaries


async def test_by_default_nothing_is_ever_due(kept: Memory) -> None:
    await kept.talk(30)
    assert (kept.upkeep.due, kept.oracle.questions) == (0, [])


@pytest.mark.parametrize(("every", "turns", "made"), [(1, 3, 3), (2, 5, 2), (5, 5, 1), (5, 4, 0), (0, 10, 0)])
async def test_a_summary_is_made_every_so_many_turns(kept: Memory, every: int, turns: int, made: int) -> None:
    kept.prefer(summary_every_n_turns=every)
    said: list[str] = []
    for number in range(1, turns + 1):
        async with kept.working():
            await kept.turn(*said, f"q{number}", answer=f"a{number}", session="s")
        said += (f"q{number}", f"a{number}")
    assert (len(kept.oracle.questions), kept.upkeep.made) == (made, made)


async def test_it_is_asked_of_the_sessions_own_model_and_account(kept: Memory, store: Store) -> None:
    kept.prefer(summary_every_n_turns=2, compact_model="other")
    async with kept.working():
        _, node = await kept.talk(2)
    (question,) = kept.oracle.questions
    assert (question.account, question.model, question.purpose) == ("env", "m", "summary")
    assert (question.session, question.file) == (node.session.id, None)
    for words in ("q1", "a1", "q2", "a2", "800 tokens"):
        assert words in question.prompt
    (row,) = await rows(store, sessions)
    assert (row.summary, row.compacted_at, row.message_count) == ("a summary", None, 4)


async def test_the_next_one_is_made_of_the_last_and_what_is_new(kept: Memory) -> None:
    kept.prefer(summary_every_n_turns=2)
    kept.oracle.answers = ["first summary", "second summary"]
    async with kept.working():
        said, _ = await kept.talk(2, session="s")
    async with kept.working():
        await kept.turn(*said, "q3", answer="a3", session="s")
        await kept.turn(*said, "q3", "a3", "q4", answer="a4", session="s")
    first, second = kept.oracle.questions
    assert 'name="summary"' not in first.prompt.replace("named `summary`", "")
    assert "first summary" in second.prompt
    assert ("q2" in second.prompt, "q3" in second.prompt, "a4" in second.prompt) == (False, True, True)


async def test_of_the_branch_that_was_answered(kept: Memory) -> None:
    kept.prefer(summary_every_n_turns=3)
    async with kept.working():
        await kept.turn("q1", answer="a1")
        await kept.turn("q1", "a1", "left", answer="l")
        await kept.turn("q1", "a1", "right", answer="r")
    (question,) = kept.oracle.questions
    assert "right" in question.prompt
    assert "left" not in question.prompt


@pytest.mark.parametrize("tokens", [5, 50, 800])
async def test_a_summary_is_no_longer_than_wished(kept: Memory, store: Store, tokens: int) -> None:
    kept.prefer(summary_every_n_turns=1, summary_max_tokens=tokens)
    kept.oracle.answers = ["word " * 2000]
    async with kept.working():
        await kept.talk(1)
    assert f"{tokens} tokens" in kept.oracle.questions[0].prompt
    (row,) = await rows(store, sessions)
    assert tokens - 3 <= estimate(row.summary) <= tokens + 1
    assert row.summary.endswith("…")


async def test_so_many_tokens_of_messages_go_in(kept: Memory) -> None:
    long = "some words of a longer message " * 40
    asked_of: list[int] = []
    for most in (1_300, 6_000):
        kept.prefer(summary_every_n_turns=4, summary_input_max_tokens=most)
        async with kept.working():
            said: list[str] = []
            for number in range(4):
                said.append(f"q{number} {long}")
                await kept.turn(*said, answer=f"a{number} {long}", session=f"s{most}")
                said.append(f"a{number} {long}")
        prompt = kept.oracle.questions[-1].prompt
        assert "a3 some words" in prompt
        asked_of.append(sum(f"{who}{number} some" in prompt for who in "qa" for number in range(4)))
        assert estimate(prompt) <= most + 250
    assert asked_of[0] < asked_of[1] == 8


async def test_so_many_characters_of_one_message_go_in(kept: Memory) -> None:
    kept.prefer(summary_every_n_turns=1, summary_message_max_chars=40)
    async with kept.working():
        await kept.turn("a" * 100, answer="short")
    (question,) = kept.oracle.questions
    assert "a" * 30 + "\n[… 60 characters left out …]\n" + "a" * 10 in question.prompt


@pytest.mark.parametrize("included", [False, True])
async def test_the_system_and_tools_go_in_only_when_that_is_wished(kept: Memory, included: bool) -> None:
    kept.prefer(summary_every_n_turns=1, summary_include_system_messages=included)
    system = Message("system", [Text("Be brief.")])
    result = Message("tool", [ToolResult("c", [Text("listing")])])
    answer = Message("assistant", [Text("I see."), ToolCall("c", "ls", "{}")])
    async with kept.working():
        await kept.turn(system, "not said", result, Message("user", [Text("look")]), answer=answer)
    (question,) = kept.oracle.questions
    assert ("Be brief." in question.prompt, "listing" in question.prompt) == (included, included)
    assert 'tool="ls"' in question.prompt


async def test_where_nothing_is_stored_nothing_is_summarised(kept: Memory, store: Store) -> None:
    kept.prefer(history_limit=0, summary_every_n_turns=1, auto_compact=True, compact_after_messages=1)
    await kept.talk(3)
    assert (kept.upkeep.due, await rows(store, messages)) == (0, [])


async def test_an_answer_that_was_cut_is_no_reason(kept: Memory) -> None:
    kept.prefer(summary_every_n_turns=1)
    await kept.turn("q1", whole=False)
    assert kept.upkeep.due == 0


async def test_a_failure_is_logged_and_changes_nothing(
    kept: Memory, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    kept.prefer(summary_every_n_turns=1)
    kept.oracle.answers = [FAILED, "better"]
    with caplog.at_level(logging.WARNING):
        async with kept.working():
            said, node = await kept.talk(1)
    assert f"session {node.session.id} could not be summarised (rate-limited): The account has to rest." in caplog.text
    assert "q1" not in caplog.text
    assert (kept.upkeep.failed, await rows(store, summaries)) == (1, [])
    async with kept.working():
        await kept.turn(*said, "q2")
    assert [row.text for row in await rows(store, summaries)] == ["better"]


async def test_one_at_a_time_for_a_session_and_two_for_all(kept: Memory) -> None:
    kept.prefer(summary_every_n_turns=1)
    go_on, under_way, most = anyio.Event(), list[str](), list[int]()

    async def meanwhile() -> None:
        question = kept.oracle.questions[-1]
        under_way.append(question.session)
        assert under_way.count(question.session) == 1
        most.append(len(under_way))
        await go_on.wait()
        under_way.remove(question.session)

    kept.oracle.meanwhile = meanwhile
    async with kept.working():
        said, _ = await kept.talk(1, session="a")
        await kept.talk(1, session="b")
        await kept.talk(1, session="c")
        with anyio.fail_after(2):
            while len(under_way) < 2:
                await anyio.sleep(0.002)
        await kept.turn(*said, "q2", answer="a2", session="a")
        assert (kept.upkeep.working, kept.upkeep.due) == (2, 2)
        go_on.set()
    assert max(most) == 2
    assert sorted(question.session for question in kept.oracle.questions) == ["a", "a", "b", "c"]


async def test_of_several_turns_that_wait_the_last_is_summarised(kept: Memory) -> None:
    kept.prefer(summary_every_n_turns=1)
    await kept.talk(4, session="s")
    assert kept.upkeep.due == 1
    async with kept.working():
        pass
    (question,) = kept.oracle.questions
    assert "a4" in question.prompt


async def test_the_turn_does_not_wait_for_it(kept: Memory) -> None:
    kept.prefer(summary_every_n_turns=1)
    kept.oracle.meanwhile = anyio.sleep_forever
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(kept.upkeep.run)
        with anyio.fail_after(2):
            await kept.talk(3)
        tasks.cancel_scope.cancel()
    assert kept.upkeep.working == 0


# Automatic compaction


async def grow(kept: Memory, turns: int, said: list[str] | None = None) -> list[str]:
    """So many turns more, with everything done after each."""
    said = list(said or [])
    for _ in range(turns):
        async with kept.working():
            said.append(f"q{len(said) // 2 + 1}")
            await kept.turn(*said, answer=f"a{len(said) // 2 + 1}", session="s")
        said.append(f"a{len(said) // 2 + 1}")
    return said


@pytest.mark.parametrize("enabled", [True, False])
async def test_a_session_that_has_grown_long_is_compacted_if_wished(kept: Memory, store: Store, enabled: bool) -> None:
    kept.prefer(auto_compact=enabled, compact_after_messages=10, compact_keep_recent=3)
    said = await grow(kept, 4)
    assert kept.oracle.questions == []
    await grow(kept, 1, said)
    assert [question.purpose for question in kept.oracle.questions] == (["compact"] if enabled else [])
    assert len(await stored(store)) == (3 if enabled else 10)


async def test_then_it_must_grow_long_again(kept: Memory, store: Store) -> None:
    kept.prefer(auto_compact=True, compact_after_messages=10, compact_keep_recent=4)
    said = await grow(kept, 5)
    said = await grow(kept, 2, said)
    assert (len(kept.oracle.questions), len(await stored(store))) == (1, 8)
    await grow(kept, 1, said)
    assert (len(kept.oracle.questions), len(await stored(store))) == (2, 4)


async def test_another_process_knows_how_long_it_is(kept: Memory, store: Store, tmp_path: Path) -> None:
    kept.prefer(auto_compact=True, compact_after_messages=10, compact_keep_recent=4)
    said = await grow(kept, 5)
    later = Memory(store, tmp_path, auto_compact=True, compact_after_messages=10)
    found = await later.sessions.find(asked(*said, "more", session="s"))
    assert found.session is not None
    assert (found.session.messages, found.session.first) == (10, 6)


async def test_what_fails_is_not_tried_with_each_turn(kept: Memory) -> None:
    kept.prefer(auto_compact=True, compact_after_messages=8, history_limit=100)
    kept.oracle.answers = [FAILED]
    await grow(kept, 20)
    assert 10 < len(kept.oracle.questions) < 20
    kept.oracle.questions.clear()
    kept.prefer(auto_compact=True, compact_after_messages=80, history_limit=100)
    await grow(kept, 40)
    assert len(kept.oracle.questions) == 3


async def test_where_both_are_due_it_is_compacted(kept: Memory) -> None:
    kept.prefer(auto_compact=True, compact_after_messages=4, summary_every_n_turns=2)
    async with kept.working():
        await kept.talk(2)
    assert [question.purpose for question in kept.oracle.questions] == ["compact"]


async def test_sessions_trim_their_messages_as_before(store: Store, tmp_path: Path) -> None:
    kept = Memory(store, tmp_path, history_limit=3)
    await kept.talk(16, session="s")
    assert [position for position, _ in await stored(store)] == [26, 27, 28, 29, 30, 31]
    assert (await kept.archive.get("s")).messages == 6
    later = Sessions(store, kept.preferences)
    found = await later.find(asked("more", session="s"))
    assert found.session is not None
    assert found.session.first == 26


async def test_a_description_for_people(kept: Memory) -> None:
    kept.prefer(summary_every_n_turns=1)
    await kept.talk(1)
    assert repr(kept.upkeep) == "<Upkeep 0 at work, 1 due, made=0 failed=0>"
