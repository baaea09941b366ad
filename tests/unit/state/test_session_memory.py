"""What is stored of a conversation up to one of its answers, and summaries that are used only where exactly that was
said."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from luna.conversation.digest import History
from luna.model.chat import Message, Text
from luna.state.session_memory import KEPT, Line
from luna.state.store import Store
from luna.state.store.tables import messages, sessions, summaries
from luna.tools.profiles import GENERIC
from tests.support.remembering import Memory
from tests.support.sessions import asked, history


@pytest.fixture
def kept(store: Store, tmp_path: Path) -> Memory:
    return Memory(store, tmp_path, history_limit=100)


async def line_of(kept: Memory, session: str, node: str = "") -> Line:
    found = await kept.memory.line(session, node)
    assert found is not None
    return found


def words(line: Line) -> list[str]:
    return [stored.message.text for stored in line.said]


async def rows(store: Store, table: Any) -> list[Any]:
    return [*await store.read(select(table))]


async def test_a_line_leads_from_the_beginning_to_its_answer(kept: Memory) -> None:
    _, node = await kept.talk(3)
    line = await line_of(kept, node.session.id, node.id)
    assert words(line) == ["q1", "a1", "q2", "a2", "q3", "a3"]
    assert [stored.position for stored in line.said] == [0, 1, 2, 3, 4, 5]
    assert (line.node, line.account, line.model, line.digest) == (node.id, "env", "m", node.digest)
    assert line.before is None


async def test_other_branches_are_no_part_of_it(kept: Memory) -> None:
    first = await kept.turn("q1", answer="a1")
    left = await kept.turn("q1", "a1", "left", answer="l")
    right = await kept.turn("q1", "a1", "right", answer="r")
    further = await kept.turn("q1", "a1", "left", "l", "more", answer="m")
    assert first and left and right and further
    session = first.session.id
    assert words(await line_of(kept, session, left.id)) == ["q1", "a1", "left", "l"]
    assert words(await line_of(kept, session, right.id)) == ["q1", "a1", "right", "r"]
    assert words(await line_of(kept, session)) == ["q1", "a1", "left", "l", "more", "m"]


async def test_nor_are_answers_that_were_cut(kept: Memory) -> None:
    await kept.turn("q1", answer="a1")
    await kept.turn("q1", "a1", "q2", answer="half", whole=False)
    node = await kept.turn("q1", "a1", "q2", answer="a2")
    assert node
    assert words(await line_of(kept, node.session.id)) == ["q1", "a1", "q2", "a2"]


async def test_nor_what_subagents_were_asked(kept: Memory) -> None:
    main = await kept.turn("q1", session="s")
    helper = await kept.turn("help", session="s", subagent="h")
    assert main and helper
    assert words(await line_of(kept, "s")) == ["q1", "a1"]
    assert words(await line_of(kept, "s", helper.id)) == ["help", "a2"]


async def test_a_line_goes_on_behind_an_answer_that_was_lost(kept: Memory) -> None:
    said, node = await kept.talk(2)
    kept.sessions.forget_answer(node)
    await kept.turn(*said, "q3", answer="a3")
    assert words(await line_of(kept, node.session.id)) == ["q1", "a1", "q2", "a2", "q3", "a3"]


async def test_what_was_taken_over_from_elsewhere_has_no_answers_of_lunas(kept: Memory, store: Store) -> None:
    row = {"id": "old", "scope": "", "source": "auto", "thread_id": "t", "mode": "persistent", "account_id": "a"}
    store.write(insert(sessions), row | {"created_at": 1.0, "updated_at": 1.0})
    for position, (role, text) in enumerate([("user", '"one"'), ("assistant", '"two"')]):
        said = {"id": f"m{position}", "session_id": "old", "position": position, "role": role, "content": text}
        store.write(insert(messages), said | {"created_at": 1.0})
    line = await line_of(kept, "old")
    assert (words(line), line.node, line.account) == (["one", "two"], "", "a")
    assert await kept.memory.keep(line, "short", 5.0)
    (kept_row,) = await rows(store, sessions)
    assert kept_row.summary == "short"


async def test_there_is_no_line_of_what_is_not_there(kept: Memory) -> None:
    _, node = await kept.talk(1)
    assert await kept.memory.line("nobody") is None
    assert await kept.memory.line(node.session.id, "no-such-answer") is None


# Summaries


def sent(*said: str) -> History:
    return History.of(history(*said), GENERIC, "")


async def test_a_summary_covers_exactly_what_it_was_made_of(kept: Memory) -> None:
    said, node = await kept.talk(3)
    session = node.session.id
    assert await kept.memory.covering(session, sent(*said, "more")) is None
    assert await kept.memory.keep(await line_of(kept, session, node.id), "so far", 7.0)
    assert await kept.memory.covering(session, sent(*said, "more")) == ("so far", 6)
    assert await kept.memory.covering(session, sent(*said, "more", "a", "b")) == ("so far", 6)
    assert await kept.memory.covering(session, sent(*said[:4], "other", "a3", "more")) is None
    assert await kept.memory.covering("another", sent(*said, "more")) is None


async def test_the_one_that_covers_the_most_is_used(kept: Memory) -> None:
    first, early = await kept.talk(1)
    session = early.session.id
    await kept.memory.keep(await line_of(kept, session, early.id), "early", 1.0)
    late = await kept.turn(*first, "q2", answer="a2")
    assert late
    await kept.memory.keep(await line_of(kept, session, late.id), "late", 2.0)
    said = [*first, "q2", "a2"]
    assert await kept.memory.covering(session, sent(*said, "q3")) == ("late", 4)
    assert await kept.memory.covering(session, sent(*first, "another", "x", "q3")) == ("early", 2)
    line = await line_of(kept, session)
    assert line.before is not None
    assert (line.before.text, line.fresh) == ("late", [])


async def test_what_came_after_the_last_summary_is_fresh(kept: Memory) -> None:
    said, node = await kept.talk(2)
    await kept.memory.keep(await line_of(kept, node.session.id), "so far", 1.0)
    await kept.turn(*said, "q3", answer="a3")
    line = await line_of(kept, node.session.id)
    assert [message.text for message in line.fresh] == ["q3", "a3"]
    assert line.before is not None
    assert line.before.text == "so far"


async def test_of_many_the_newest_are_kept(kept: Memory, store: Store) -> None:
    said: list[str] = []
    for number in range(KEPT + 3):
        said.append(f"q{number}")
        node = await kept.turn(*said, answer=f"a{number}")
        assert node
        said.append(f"a{number}")
        await kept.memory.keep(await line_of(kept, node.session.id, node.id), f"s{number}", float(number))
    assert sorted(row.created_at for row in await rows(store, summaries)) == [float(n) for n in range(3, KEPT + 3)]
    (row,) = await rows(store, sessions)
    assert row.summary == f"s{KEPT + 2}"


async def test_the_same_answer_is_summarised_anew(kept: Memory, store: Store) -> None:
    _, node = await kept.talk(1)
    for number in (1, 2):
        assert await kept.memory.keep(await line_of(kept, node.session.id), f"s{number}", float(number))
    assert [row.text for row in await rows(store, summaries)] == ["s2"]


@pytest.mark.parametrize("end", ["clear", "delete", "delete_all"])
async def test_a_session_that_is_gone_meanwhile_gets_no_summary(kept: Memory, store: Store, end: str) -> None:
    _, node = await kept.talk(2)
    line = await line_of(kept, node.session.id)
    match end:
        case "clear":
            await kept.archive.clear(node.session.id)
        case "delete":
            await kept.archive.delete(node.session.id)
        case _:
            await kept.archive.delete_all()
    assert not await kept.memory.keep(line, "too late", 9.0, first=4)
    assert await rows(store, summaries) == []
    assert [row.summary for row in await rows(store, sessions)] == ([None] if end == "clear" else [])


async def test_only_what_was_summarised_is_let_go(kept: Memory, store: Store) -> None:
    said, node = await kept.talk(3)
    line = await line_of(kept, node.session.id)
    await kept.turn(*said, "meanwhile", answer="yes")
    assert await kept.memory.keep(line, "so far", 9.0, first=4)
    left = sorted((row.position, row.content) for row in await rows(store, messages))
    assert left == [(4, '"q3"'), (5, '"a3"'), (6, '"meanwhile"'), (7, '"yes"')]
    (row,) = await rows(store, sessions)
    assert (row.first_message, row.message_count, row.compacted_at, row.summary) == (4, 8, 9.0, "so far")


async def test_summaries_go_with_their_sessions(kept: Memory, store: Store) -> None:
    for name in ("a", "b"):
        await kept.talk(1, session=name)
        await kept.memory.keep(await line_of(kept, name), "so far", 1.0)
    kept.sessions.delete("a")
    await kept.sessions.commit()
    assert [row.session_id for row in await rows(store, summaries)] == ["b"]


async def test_a_summary_is_still_there_in_another_process(kept: Memory, store: Store, tmp_path: Path) -> None:
    said, node = await kept.talk(2)
    await kept.memory.keep(await line_of(kept, node.session.id), "so far", 1.0)
    later = Memory(store, tmp_path)
    found = await later.sessions.find(asked(*said, "more"))
    assert found.session is not None
    assert await later.memory.covering(found.session.id, found.asked.history) == ("so far", 4)


async def test_a_line_reads_whatever_stands_there(kept: Memory, store: Store) -> None:
    _, node = await kept.talk(1)
    broken = {
        "id": "x",
        "session_id": node.session.id,
        "position": 9,
        "role": "ghost",
        "content": "{",
        "run_id": node.id,
    }
    store.write(insert(messages), broken | {"created_at": 1.0})
    line = await line_of(kept, node.session.id)
    assert line.said[-1].message == Message("user", [])
    assert line.said[0].message == Message("user", [Text("q1")])
