"""Sessions, told apart by what was said in them or by the name that the client gives them; fingerprints of clients and
files that were uploaded for them play no part."""

from typing import Any

import anyio
import pytest
from sqlalchemy import func, select

from luna.state.sessions import Sessions
from luna.state.store import Store
from luna.state.store.tables import messages, nodes, sessions
from tests.support.sessions import answered, asked, ids, place


@pytest.fixture
def known(store: Store) -> Sessions:
    return Sessions(store)


async def counted(store: Store, *tables: Any) -> list[int]:
    return [(await store.read(select(func.count()).select_from(table)))[0][0] for table in tables]


async def test_looking_for_a_conversation_makes_no_session(known: Sessions, store: Store) -> None:
    found = await known.find(asked("one", "two", "three"))
    assert found.node is None
    await known.commit()
    assert await counted(store, sessions, nodes, messages) == [0, 0, 0]


async def test_a_named_session_can_be_found_by_its_name(known: Sessions, store: Store) -> None:
    made = await answered(known, asked("one", session="mine"), "two")
    found = await known.find(asked("three", session="mine"))
    assert ids([made, found]) == ["mine", "mine"]
    (row,) = await store.read(select(sessions))
    assert (row.id, row.mode, row.source) == ("mine", "persistent", "auto")


async def test_the_same_name_is_the_same_session(known: Sessions, store: Store) -> None:
    for words in ("one", "three", "five"):
        await answered(known, asked(words, session="mine"), "ok")
    assert await counted(store, sessions) == [1]


async def test_another_source_is_another_session(known: Sessions, store: Store) -> None:
    one = await answered(known, asked("one", thread="t", scope="cli", source="cli"), "two")
    other = await answered(known, asked("one", thread="t", scope="ide", source="ide"), "two")
    assert len(set(ids([one, other]))) == 2
    assert {row.source for row in await store.read(select(sessions))} == {"cli", "ide"}


async def test_instead_of_a_file_what_was_said_makes_a_session_that_lasts(known: Sessions, store: Store) -> None:
    made = await answered(known, asked("one"), "two")
    assert made.mode == "new"
    (row,) = await store.read(select(sessions))
    assert row.mode == "persistent"
    again = await Sessions(store).find(asked("one", "two", "three"))
    assert (again.mode, ids([again])) == ("persistent", ids([made]))


async def test_instead_of_a_fingerprint_the_history_leads_to_the_same_session(known: Sessions, store: Store) -> None:
    first = await answered(known, asked("one"), "two", at=place("c", "r1"))
    second = await answered(known, asked("one", "two", "three"), "four", at=place("c", "r2"))
    assert ids([first]) == ids([second])
    chain = await store.read(select(nodes).order_by(nodes.c.depth))
    assert [(node.depth, node.response_id) for node in chain] == [(2, "r1"), (4, "r2")]
    assert chain[1].parent_id == chain[0].id


async def test_instead_of_an_unmatched_identity_an_unknown_history_is_a_new_session(
    known: Sessions, store: Store
) -> None:
    first = await answered(known, asked("one"), "two")
    other = await answered(known, asked("quite", "another", "one"), "yes")
    assert len(set(ids([first, other]))) == 2
    assert await counted(store, sessions) == [2]


async def test_how_many_there_are_can_be_counted(known: Sessions, store: Store) -> None:
    await answered(known, asked("one"), "two")
    await answered(known, asked("uno", session="named"), "due")
    assert await counted(store, sessions, nodes, messages) == [2, 2, 4]
    assert repr(known) == "<Sessions 2 answers at hand>"


async def test_two_answers_at_once_are_both_counted(known: Sessions, store: Store) -> None:
    await answered(known, asked("one", session="mine"), "two")

    async with anyio.create_task_group() as tasks:
        for words in ("left", "right"):
            tasks.start_soon(answered, known, asked("one", "two", words, session="mine"))
    (row,) = await store.read(select(sessions))
    assert (row.turn_count, row.message_count) == (3, 6)
