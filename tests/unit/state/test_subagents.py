"""Each subagent of a client has a thread of its own, in the session that the client names."""

import pytest
from sqlalchemy import select

from luna.state.sessions import Sessions
from luna.state.store import Store
from luna.state.store.tables import nodes
from luna.state.store.tables import sessions as sessions_table
from tests.support.sessions import answered, asked, ids, place, word


@pytest.fixture
def sessions(store: Store) -> Sessions:
    return Sessions(store)


async def test_subagents_of_one_session_never_share_a_chat(sessions: Sessions, store: Store) -> None:
    main = await answered(sessions, asked("go", session="s"), "ok", at=place("main", "r0"))
    one = await answered(sessions, asked("go", session="s", subagent="one"), "ok", at=place("c1", "r1"))
    other = await answered(sessions, asked("go", session="s", subagent="two"), "ok", at=place("c2", "r2"))
    assert ids([main, one, other]) == ["s", "s", "s"]
    assert [found.place for found in (main, one, other)] == [None, None, None]
    for subagent, chat in (("one", "c1"), ("two", "c2"), ("", "main")):
        on = (
            asked("go", "ok", "on", session="s", subagent=subagent)
            if subagent
            else asked("go", "ok", "on", session="s")
        )
        found = await sessions.find(on)
        assert found.place is not None
        assert (found.place.chat, found.known) == (chat, 2)
    assert sorted(row.subagent for row in await store.read(select(nodes))) == ["", "one", "two"]
    (row,) = await store.read(select(sessions_table))
    assert row.turn_count == 3


async def test_another_process_tells_them_apart_too(sessions: Sessions, store: Store) -> None:
    for subagent in ("one", "two"):
        await answered(sessions, asked("go", session="s", subagent=subagent), "ok", at=place(subagent, "r"))
    later = Sessions(store)
    found = await later.find(asked("go", "ok", "on", session="s", subagent="two"))
    assert found.place is not None
    assert found.place.chat == "two"


async def test_new_words_follow_the_subagents_own_last_answer(sessions: Sessions) -> None:
    await answered(sessions, asked("go", session="s"), "ok", at=place("main", "r0"))
    begun = await answered(sessions, asked("help", session="s", subagent="one"), "ok", at=place("c1", "r1"))
    assert (begun.place, word(begun)) == (None, "named")
    await answered(sessions, asked("on", session="s"), "ok", at=place("main", "r2"))
    found = await sessions.find(asked("more", session="s", subagent="one"))
    assert (found.place, found.reason) == (place("c1", "r1"), "named: follows the session's last answer")


async def test_in_a_named_thread_they_are_at_home_as_well(sessions: Sessions) -> None:
    main = await answered(sessions, asked("go", thread="t"), "ok", at=place("main", "r0"))
    helper = await answered(sessions, asked("help", thread="t", subagent="one"), "ok", at=place("c1", "r1"))
    assert ids([helper]) == ids([main])


async def test_without_a_name_the_conversation_of_a_subagent_is_a_session(sessions: Sessions) -> None:
    main = await answered(sessions, asked("go"), "ok", at=place("main", "r0"))
    helper = await answered(sessions, asked("go", subagent="one"), "ok", at=place("c1", "r1"))
    assert ids([helper]) != ids([main])
    found = await sessions.find(asked("go", "ok", "on", subagent="one"))
    assert (found.place, ids([found])) == (place("c1", "r1"), ids([helper]))


async def test_the_chats_of_subagents_alone_can_be_left(sessions: Sessions) -> None:
    await answered(sessions, asked("go", session="s"), "ok", at=place("main", "r0"))
    await answered(sessions, asked("go", session="s", subagent="one"), "ok", at=place("c1", "r1"))
    sessions.forget_places("s", main=False)
    await sessions.commit()
    main = await sessions.find(asked("go", "ok", "on", session="s"))
    helper = await sessions.find(asked("go", "ok", "on", session="s", subagent="one"))
    assert (main.place, helper.place) == (place("main", "r0"), None)
    assert (helper.known, helper.reason) == (2, "continued: after message 2; its chat is no more, another is begun")
