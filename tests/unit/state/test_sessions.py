"""Where conversations go on, found by what they say or by what the client names."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from sqlalchemy import select

from luna.model.chat import Attachment, Message, Text
from luna.model.preferences import LivePreferences, Preferences, SessionPreferences
from luna.state.session_expiry import DAY, tidy
from luna.state.session_nodes import TWINS, HotNodes
from luna.state.sessions import Sessions
from luna.state.store import Store
from luna.state.store.tables import messages as messages_table
from luna.state.store.tables import nodes as nodes_table
from luna.state.store.tables import sessions as sessions_table
from tests.support.sessions import answered, asked, ids, place, word
from tests.support.stores import Database


@pytest.fixture
def sessions(store: Store) -> Sessions:
    return Sessions(store)


@pytest.fixture(autouse=True)
async def nothing_is_lost(store: Store) -> AsyncIterator[None]:
    yield
    await store.commit()
    assert store.describe()["lost"] == 0


def preferring(**options: Any) -> LivePreferences:
    return LivePreferences(Preferences(session=SessionPreferences(**options)))


async def rows(store: Store, table: Any) -> list[Any]:
    return [*await store.read(select(table))]


@pytest.fixture
async def fresh(database: Database, store: Store) -> AsyncIterator[Any]:
    """Makes a service of another process over the same data, as often as it is called."""
    async with anyio.create_task_group() as tasks:
        over = anyio.Event()

        async def again(**how: Any) -> Sessions:
            made: list[Sessions] = []
            ready = anyio.Event()
            await store.settle()

            async def live() -> None:
                async with database.opened() as store:
                    made.append(Sessions(store, **how))
                    ready.set()
                    await over.wait()

            tasks.start_soon(live)
            await ready.wait()
            return made[0]

        yield again
        over.set()


# By content


async def test_a_conversation_goes_on_where_it_was_answered(sessions: Sessions) -> None:
    first = await answered(sessions, asked("one"), "two", at=place("c", "r1"))
    assert (first.place, first.known, first.mode) == (None, 0, "new")
    second = await answered(sessions, asked("one", "two", "three"), "four", at=place("c", "r2"))
    assert second.place == place("c", "r1")
    assert (second.known, second.mode, second.reason) == (2, "persistent", "continued: after message 2")
    third = await sessions.find(asked("one", "two", "three", "four", "five"))
    assert (third.place, third.known) == (place("c", "r2"), 4)
    assert len(set(ids([first, second, third]))) == 1


async def test_a_new_conversation_never_reads(sessions: Sessions) -> None:
    await answered(sessions, asked("one"), "two")
    sessions.store = None  # type: ignore[assignment]
    found = await sessions.find(asked("one"))
    assert found.reason == "new: the conversation begins"


async def test_a_warm_conversation_never_reads(sessions: Sessions) -> None:
    await answered(sessions, asked("one"), "two")
    await answered(sessions, asked("one", "two", "three"), "four")
    sessions.store = None  # type: ignore[assignment]
    assert (await sessions.find(asked("one", "two", "three", "four", "five"))).known == 4


async def test_a_history_that_luna_has_not_seen_begins_anew(sessions: Sessions) -> None:
    found = await sessions.find(asked("one", "two", "three"))
    assert (found.place, found.known, found.mode) == (None, 0, "new")
    assert found.reason == "unknown: luna has not seen this history"
    assert len(found.fresh) == 3


async def test_an_edited_history_goes_on_from_where_it_parted(sessions: Sessions) -> None:
    await answered(sessions, asked("one"), "two", at=place("c", "r1"))
    await answered(sessions, asked("one", "two", "three"), "four", at=place("c", "r2"))
    found = await sessions.find(asked("one", "two", "THREE", "four", "five"))
    assert (found.place, found.known) == (place("c", "r1"), 2)
    assert found.reason == "forked: after message 2"
    assert found.differs is not None
    assert (found.differs.index, found.differs.role) == (2, "user")
    assert (found.differs.before, found.differs.now) == ("three", "THREE")


async def test_an_edited_answer_is_where_it_parts_too(sessions: Sessions) -> None:
    await answered(sessions, asked("one"), "two", at=place("c", "r1"))
    await answered(sessions, asked("one", "two", "three"), f"{'x' * 100} four", at=place("c", "r2"))
    found = await sessions.find(asked("one", "two", "three", f"{'x' * 100} FOUR", "five"))
    assert (found.place, found.known) == (place("c", "r1"), 2)
    assert found.differs is not None
    assert (found.differs.index, found.differs.role) == (3, "assistant")
    assert found.differs.before == "x" * 20 + "four"
    assert found.differs.now == "x" * 20 + "FOUR"


async def test_two_branches_stand_side_by_side(sessions: Sessions) -> None:
    await answered(sessions, asked("one"), "two", at=place("c", "r1"))
    await answered(sessions, asked("one", "two", "left"), "l", at=place("c", "rl"))
    await answered(sessions, asked("one", "two", "right"), "r", at=place("c", "rr"))
    left = await sessions.find(asked("one", "two", "left", "l", "more"))
    right = await sessions.find(asked("one", "two", "right", "r", "more"))
    assert (left.place, right.place) == (place("c", "rl"), place("c", "rr"))


async def test_the_same_message_once_more_is_asked_at_the_same_place(sessions: Sessions) -> None:
    await answered(sessions, asked("one"), "two", at=place("c", "r1"))
    await answered(sessions, asked("one", "two", "three"), "bad", at=place("c", "r2"))
    found = await sessions.find(asked("one", "two", "three"))
    assert found.place == place("c", "r1")
    assert found.reason == "repeated: after message 2"


async def test_the_same_first_words_twice_are_two_conversations(sessions: Sessions) -> None:
    one = await answered(sessions, asked("hi"), "hello", at=place("c1", "r1"))
    other = await answered(sessions, asked("hi"), "hello", at=place("c2", "r2"))
    assert len(set(ids([one, other]))) == 2
    first = await sessions.find(asked("hi", "hello", "a"))
    second = await sessions.find(asked("hi", "hello", "b"))
    assert first.place is not None
    assert second.place is not None
    assert {first.place.chat, second.place.chat} == {"c1", "c2"}


async def test_many_same_conversations_at_once_never_share_a_chat(sessions: Sessions) -> None:
    for number in range(20):
        await answered(sessions, asked("hi"), "hello", at=place(f"c{number}", "r"))
    found = [await sessions.find(asked("hi", "hello", "more")) for _ in range(20)]
    assert len({one.place.chat for one in found if one.place}) == 20


async def test_what_comes_to_nothing_leaves_the_place_free(sessions: Sessions) -> None:
    await answered(sessions, asked("hi"), "hello", at=place("c1", "r1"))
    await answered(sessions, asked("hi"), "hello", at=place("c2", "r2"))
    failed = await sessions.find(asked("hi", "hello", "a"))
    failed.release()
    again = await sessions.find(asked("hi", "hello", "b"))
    assert again.place == failed.place


async def test_a_name_that_the_client_uses_prefers_its_own(sessions: Sessions) -> None:
    await answered(sessions, asked("hi", conversation="mine"), "hello", at=place("c1", "r1"))
    await answered(sessions, asked("hi", conversation="yours"), "hello", at=place("c2", "r2"))
    found = await sessions.find(asked("hi", "hello", "a", conversation="mine"))
    assert found.place is not None
    assert found.place.chat == "c1"
    assert found.session is not None
    assert found.session.thread == "mine"


async def test_but_never_overrides_what_was_said(sessions: Sessions) -> None:
    main = await answered(sessions, asked("do it", conversation="s"), "ok", at=place("c1", "r1"))
    helper = await answered(sessions, asked("help", conversation="s"), "ok", at=place("c2", "r2"))
    assert len(set(ids([main, helper]))) == 2
    assert helper.session is not None
    assert helper.session.thread == "s"
    found = await sessions.find(asked("do it", "ok", "go on", conversation="s"))
    assert found.place == place("c1", "r1")
    renamed = await sessions.find(asked("help", "ok", "go on", conversation="t"))
    assert renamed.place == place("c2", "r2")


async def test_the_same_instructions_are_preferred(sessions: Sessions) -> None:
    await answered(sessions, asked("hi", instructions="pirate"), "hello", at=place("c1", "r1"))
    await answered(sessions, asked("hi", instructions="poet"), "hello", at=place("c2", "r2"))
    found = await sessions.find(asked("hi", "hello", "a", instructions="pirate"))
    assert found.place is not None
    assert found.place.chat == "c1"


async def test_scopes_never_meet(sessions: Sessions) -> None:
    await answered(sessions, asked("hi", scope="ann"), "hello")
    found = await sessions.find(asked("hi", "hello", "a", scope="bob"))
    assert found.place is None
    assert (await sessions.find(asked("hi", "hello", "a", scope="ann"))).place is not None


async def test_the_longest_known_part_counts(sessions: Sessions) -> None:
    await answered(sessions, asked("1"), "2", at=place("c", "r1"))
    await answered(sessions, asked("1", "2", "3"), "4", at=place("c", "r2"))
    await answered(sessions, asked("1", "2", "3", "4", "5"), "6", at=place("c", "r3"))
    found = await sessions.find(asked("1", "2", "3", "4", "5", "x", "7"))
    assert found.place == place("c", "r2")


async def test_an_answer_that_was_cut_is_no_place_to_go_on_from(sessions: Sessions, store: Store) -> None:
    await answered(sessions, asked("one"), "two", at=place("c", "r1"))
    await answered(sessions, asked("one", "two", "three"), "fo", at=place("c", "r2"), whole=False)
    found = await sessions.find(asked("one", "two", "three", "fo", "go on"))
    assert (found.place, found.known) == (place("c", "r1"), 2)
    assert [row.content for row in await rows(store, messages_table)] == ['"one"', '"two"', '"three"', '"fo"']


async def test_an_answer_that_the_client_had_begun_is_none_either(sessions: Sessions) -> None:
    await answered(sessions, asked("json please", "{"), '"a": 1}', at=place("c", "r1"))
    found = await sessions.find(asked("json please", '{"a": 1}', "more"))
    assert found.place is None


# After a restart


async def test_another_process_goes_on(sessions: Sessions, fresh: Any) -> None:
    one = await answered(sessions, asked("one"), "two", at=place("c", "r1"))
    await answered(sessions, asked("one", "two", "three"), "four", at=place("c", "r2"))
    later = await fresh()
    found = await later.find(asked("one", "two", "three", "four", "five"))
    assert (found.place, found.known) == (place("c", "r2"), 4)
    assert found.session is not None
    assert one.session is not None
    assert found.session.id == one.session.id
    assert (found.session.turns, found.session.messages, found.session.stored) == (2, 4, True)


async def test_another_process_tells_twins_apart_too(sessions: Sessions, fresh: Any) -> None:
    await answered(sessions, asked("hi"), "hello", at=place("c1", "r1"))
    await answered(sessions, asked("hi"), "hello", at=place("c2", "r2"))
    gone_on = await answered(sessions, asked("hi", "hello", "a"), "b")
    later = await fresh()
    found = await later.find(asked("hi", "hello", "other"))
    assert found.place is not None
    assert gone_on.place is not None
    assert found.place.chat != gone_on.place.chat
    again = await later.find(asked("hi", "hello", "a"))
    assert again.place == gone_on.place


async def test_another_process_sees_where_a_history_parts(sessions: Sessions, fresh: Any) -> None:
    await answered(sessions, asked("one"), "two", at=place("c", "r1"))
    await answered(sessions, asked("one", "two", "three"), "four", at=place("c", "r2"))
    later = await fresh()
    found = await later.find(asked("one", "two", "three", "FOUR", "five"))
    assert found.place == place("c", "r1")
    assert found.differs is not None
    assert (found.differs.before, found.differs.now) == ("four", "FOUR")


async def test_a_long_history_is_known_however_far_back_it_parts(sessions: Sessions, fresh: Any) -> None:
    said: list[str] = []
    known: set[str] = set()
    for turn in range(3):
        found = await answered(sessions, asked(*said, f"question {turn}"), f"answer {turn}")
        said += [f"question {turn}", f"answer {turn}"]
        known |= {found.session.id} if found.session is not None else set()
    more = [text for turn in range(100) for text in (f"other question {turn}", f"other answer {turn}")]
    for kept in (1, 2, 3):
        again = await (await fresh()).find(asked(*said[: 2 * kept], *more, "and now?"))
        assert (word(again), again.known) == ("forked", 2 * kept)
        assert again.session is not None
        assert {again.session.id} == known


async def test_what_is_not_at_hand_is_read(store: Store) -> None:
    sessions = Sessions(store, hot=HotNodes(limit=2))
    for number in range(5):
        await answered(sessions, asked(f"one {number}"), "two", at=place(f"c{number}", "r"))
    assert len(sessions.hot) == 2
    await store.settle()  # so much is forgotten within half a second only here
    found = await sessions.find(asked("one 0", "two", "three"))
    assert found.place == place("c0", "r")


async def test_a_longer_part_that_is_not_at_hand_beats_a_shorter_one_that_is(store: Store, fresh: Any) -> None:
    sessions = Sessions(store)
    await answered(sessions, asked("1"), "2", at=place("c", "r1"))
    await answered(sessions, asked("1", "2", "3"), "4", at=place("c", "r2"))
    later = await fresh()
    await later.find(asked("1", "2", "x"))
    assert len(later.hot) == 1
    found = await later.find(asked("1", "2", "3", "4", "5"))
    assert found.place == place("c", "r2")


# By name


async def test_a_named_session_begins(sessions: Sessions, store: Store) -> None:
    found = await answered(sessions, asked("one", session="mine"), "two")
    assert found.session is not None
    assert (found.session.id, found.mode, word(found)) == ("mine", "new", "named")
    (row,) = await rows(store, sessions_table)
    assert (row.id, row.turn_count, row.message_count, row.title) == ("mine", 1, 2, "one")


async def test_in_a_named_session_content_finds_the_place(sessions: Sessions) -> None:
    await answered(sessions, asked("one", session="a"), "two", at=place("c1", "r1"))
    await answered(sessions, asked("one", session="b"), "two", at=place("c2", "r2"))
    for session, chat in (("a", "c1"), ("b", "c2"), ("a", "c1")):
        found = await sessions.find(asked("one", "two", "three", session=session))
        assert found.place is not None
        assert found.place.chat == chat
        assert ids([found]) == [session]


async def test_a_history_that_is_not_the_sessions_begins_another_chat_in_it(sessions: Sessions) -> None:
    await answered(sessions, asked("one", session="mine"), "two", at=place("c1", "r1"))
    found = await sessions.find(asked("other", "words", "now", session="mine"))
    assert (ids([found]), found.place) == (["mine"], None)
    assert found.reason == "named: the history is not the session's"
    assert found.differs is not None
    assert (found.differs.before, found.differs.now) == ("one", "other")


async def test_nothing_but_new_words_follow_the_sessions_last_answer(sessions: Sessions) -> None:
    await answered(sessions, asked("one", session="mine"), "two", at=place("c", "r1"))
    second = await answered(sessions, asked("three", session="mine"), "four", at=place("c", "r2"))
    assert (second.place, second.known) == (place("c", "r1"), 0)
    assert second.reason == "named: follows the session's last answer"
    third = await sessions.find(asked("five", session="mine"))
    assert third.place == place("c", "r2")


async def test_turns_are_counted_where_only_new_words_are_sent(sessions: Sessions, store: Store) -> None:
    for number in range(3):
        await answered(sessions, asked(f"words {number}", session="mine"))
    assert sorted(node.depth for node in await rows(store, nodes_table)) == [2, 4, 6]
    await answered(sessions, asked("one", "ok", "two", session="whole"))
    assert max(node.depth for node in await rows(store, nodes_table) if node.session_id == "whole") == 4


async def test_but_the_same_words_again_are_asked_again(sessions: Sessions) -> None:
    await answered(sessions, asked("one", session="mine"), "two", at=place("c", "r1"))
    again = await sessions.find(asked("one", session="mine"))
    assert (again.place, word(again)) == (None, "repeated")
    again.release()
    await answered(sessions, asked("three", session="mine"), "four", at=place("c", "r2"))
    found = await sessions.find(asked("three", session="mine"))
    assert (found.place, word(found)) == (place("c", "r1"), "repeated")


async def test_an_agents_first_request_in_a_named_session_begins_a_chat(sessions: Sessions) -> None:
    await answered(sessions, asked("one", session="mine"), "two", at=place("c", "r1"))
    found = await sessions.find(asked("three", session="mine", bare=False))
    assert (found.place, ids([found])) == (None, ["mine"])
    assert found.reason == "named: the session begins another chat"


async def test_a_session_of_somebody_else_is_not_given(sessions: Sessions) -> None:
    await answered(sessions, asked("one", session="mine", scope="ann"), "two")
    found = await answered(sessions, asked("one", session="mine", scope="bob"), "two")
    assert ids([found]) != ["mine"]
    assert found.reason.endswith("the session that the client names is another client's")
    later = await sessions.find(asked("one", "two", "three", session="mine", scope="bob"))
    assert (ids([later]), later.known) == (ids([found]), 2)


async def test_a_named_thread_keeps_to_itself(sessions: Sessions, store: Store) -> None:
    await answered(sessions, asked("one", thread="t"), "two", at=place("c1", "r1"))
    await answered(sessions, asked("one", thread="u"), "two", at=place("c2", "r2"))
    found = await sessions.find(asked("one", "two", "three", thread="t"))
    assert found.place == place("c1", "r1")
    other = await sessions.find(asked("new", "history", "here", thread="u"))
    assert other.session is not None
    assert (other.session.thread, other.place) == ("u", None)
    assert {row.thread_id for row in await rows(store, sessions_table)} == {"t", "u"}


async def test_a_named_thread_that_is_new_does_not_take_anothers_place(sessions: Sessions) -> None:
    await answered(sessions, asked("one"), "two", at=place("c1", "r1"))
    found = await sessions.find(asked("one", "two", "three", thread="t"))
    assert found.place is None


async def test_a_named_chat_that_luna_knows(sessions: Sessions) -> None:
    first = await answered(sessions, asked("one"), "two", at=place("c1", "r1"))
    await answered(sessions, asked("one"), "two", at=place("c2", "r2"))
    found = await sessions.find(asked("one", "two", "three", chat="c1"))
    assert (found.place, ids([found])) == (place("c1", "r1"), ids([first]))


async def test_a_named_chat_with_words_that_luna_does_not_know(sessions: Sessions) -> None:
    first = await answered(sessions, asked("one"), "two", at=place("c1", "r1"))
    found = await sessions.find(asked("said", "elsewhere", "three", chat="c1"))
    assert (found.place, found.known, ids([found])) == (None, 2, ids([first]))
    assert found.reason == "named: the client names the chat"
    bare = await sessions.find(asked("three", chat="c1"))
    assert (bare.place, bare.known, ids([bare])) == (None, 0, ids([first]))
    unknown = await sessions.find(asked("three", chat="c9"))
    assert unknown.session is not None
    assert not unknown.session.stored


# Settings


async def test_sessions_can_be_switched_off(store: Store) -> None:
    sessions = Sessions(store, preferring(enabled=False))
    found = await answered(sessions, asked("one", session="mine"), "two")
    assert (found.session, found.mode) == (None, "disabled")
    assert await rows(store, sessions_table) == []


async def test_only_named_sessions_when_people_say_so(store: Store) -> None:
    sessions = Sessions(store, preferring(require_explicit_id=True))
    await answered(sessions, asked("one"), "two")
    assert (await sessions.find(asked("one", "two", "three"))).mode == "stateless"
    await answered(sessions, asked("one", session="mine"), "two")
    assert (await sessions.find(asked("one", "two", "three", session="mine"))).known == 2
    assert len(await rows(store, sessions_table)) == 1


# What is written down


async def test_only_what_is_new_is_written_down(sessions: Sessions, store: Store) -> None:
    await answered(sessions, asked("one"), "two", when=1.0)
    await answered(sessions, asked("one", "two", "three"), "four", when=2.0)
    found = await rows(store, messages_table)
    said = sorted((row.position, row.role, row.content) for row in found)
    assert said == [(0, "user", '"one"'), (1, "assistant", '"two"'), (2, "user", '"three"'), (3, "assistant", '"four"')]
    assert len({row.id for row in found}) == 4
    (session,) = await rows(store, sessions_table)
    assert (session.turn_count, session.message_count, session.created_at, session.updated_at) == (2, 4, 1.0, 2.0)
    assert (session.mode, session.reason, session.provider_id) == (
        "persistent",
        "continued: after message 2",
        "qwen-ai",
    )


async def test_bytes_of_attachments_are_not_written_down(sessions: Sessions, store: Store) -> None:
    request = asked("look")
    picture = Attachment("image", url="data:image/png;base64," + "A" * 5000)
    request.history.messages[0].parts.append(picture)
    await answered(sessions, request, "nice")
    first = min(await rows(store, messages_table), key=lambda row: row.position)
    assert "digest:" in first.content
    assert len(first.content) < 200


async def test_a_session_keeps_so_many_messages(store: Store) -> None:
    sessions = Sessions(store, preferring(history_limit=3))
    said: list[str] = []
    for number in range(16):
        said.append(f"q{number}")
        await answered(sessions, asked(*said), f"a{number}")
        said.append(f"a{number}")
    positions = sorted(row.position for row in await rows(store, messages_table))
    assert positions == [26, 27, 28, 29, 30, 31]
    assert (await sessions.find(asked(*said, "more"))).known == 32


@pytest.mark.parametrize("summarising", [False, True])
async def test_of_a_long_history_only_what_is_kept_is_written(store: Store, summarising: bool) -> None:
    sessions = Sessions(store, preferring(history_limit=3, summary_every_n_turns=4 if summarising else 0))
    said = [f"said {number}" for number in range(41)]
    await answered(sessions, asked(*said), "answer")
    positions = sorted(row.position for row in await rows(store, messages_table))
    assert positions == [*range(0 if summarising else 36, 42)]
    stored = (await rows(store, sessions_table))[0]
    assert (stored.message_count, stored.first_message or 0) == (42, positions[0])
    assert (await sessions.find(asked(*said, "answer", "more"))).known == 42


async def test_a_long_history_that_joins_a_session_leaves_as_much_of_it(store: Store) -> None:
    sessions = Sessions(store, preferring(history_limit=3))
    await answered(sessions, asked("one"), "two")
    said = ["one", "two", *(f"said {number}" for number in range(21))]
    await answered(sessions, asked(*said), "answer")
    assert sorted(row.position for row in await rows(store, messages_table)) == [18, 19, 20, 21, 22, 23]
    branched = await sessions.find(asked("one", "two", "said 0", "something else", "more"))
    assert (branched.known, branched.differs) == (2, None), "what is not stored is not compared"


async def test_nothing_is_kept_to_read_when_people_want_it_so(store: Store) -> None:
    sessions = Sessions(store, preferring(history_limit=0))
    await answered(sessions, asked("one"), "two")
    assert await rows(store, messages_table) == []
    assert (await sessions.find(asked("one", "two", "three"))).known == 2


# What is forgotten


async def test_a_chat_that_is_gone_is_forgotten(sessions: Sessions, store: Store, fresh: Any) -> None:
    await answered(sessions, asked("one"), "two", at=place("c1", "r1"))
    await answered(sessions, asked("uno"), "due", at=place("c2", "r2"))
    sessions.forget_chat("c1")
    await sessions.commit()
    for service in (sessions, await fresh()):
        assert (await service.find(asked("one", "two", "three"))).place is None
        assert (await service.find(asked("uno", "due", "tre"))).place is not None
    assert {row.chat_id for row in await rows(store, sessions_table)} == {None, "c2"}


async def test_an_answer_that_is_gone_is_forgotten_alone(sessions: Sessions) -> None:
    await answered(sessions, asked("1"), "2", at=place("c", "r1"))
    await answered(sessions, asked("1", "2", "3"), "4", at=place("c", "r2"))
    found = await sessions.find(asked("1", "2", "3", "4", "5"))
    assert found.node is not None
    sessions.forget_answer(found.node)
    await sessions.commit()
    assert (await sessions.find(asked("1", "2", "3", "4", "5"))).place == place("c", "r1")


async def test_the_places_of_a_session_can_be_forgotten(sessions: Sessions, store: Store) -> None:
    first = await answered(sessions, asked("one"), "two")
    sessions.forget_places(ids([first])[0])
    await sessions.commit()
    assert (await sessions.find(asked("one", "two", "three"))).place is None
    assert len(await rows(store, messages_table)) == 2


async def test_a_deleted_session_is_gone_with_all_that_was_said(sessions: Sessions, store: Store) -> None:
    first = await answered(sessions, asked("one"), "two")
    under_way = await sessions.find(asked("one", "two", "three"))
    sessions.delete(ids([first])[0])
    sessions.remember(under_way, Message("assistant", [Text("x")]), place(), run="late", at=5.0)
    await sessions.commit()
    for table in (sessions_table, nodes_table, messages_table):
        assert await rows(store, table) == []
    assert word(await sessions.find(asked("one", "two", "three"))) == "unknown"


async def test_sessions_expire(store: Store) -> None:
    sessions = Sessions(store, preferring(expire_after_days=7))
    await answered(sessions, asked("old"), "x", when=0.0)
    await answered(sessions, asked("new"), "y", when=5 * DAY)
    assert await tidy(sessions, 7 * DAY) == 0
    assert await tidy(sessions, 8 * DAY) == 1
    assert (await sessions.find(asked("old", "x", "more"))).place is None
    assert (await sessions.find(asked("new", "y", "more"))).place is not None
    assert {row.content for row in await rows(store, messages_table)} == {'"new"', '"y"'}
    assert len(await rows(store, nodes_table)) == 1


async def test_of_too_many_the_longest_unused_go(store: Store) -> None:
    sessions = Sessions(store, preferring(max_sessions=2, expire_after_days=1000))
    for number in range(4):
        await answered(sessions, asked(f"q{number}"), "a", when=float(number))
    await answered(sessions, asked("q0", "a", "again"), "b", when=9.0)
    assert await tidy(sessions, 10.0) == 2
    left = sorted(row.title for row in await rows(store, sessions_table))
    assert left == ["q0", "q3"]
    assert len(sessions.hot) == 3
    assert await tidy(sessions, 10.0) == 0


async def test_memory_is_bounded(store: Store) -> None:
    sessions = Sessions(store, preferring(history_limit=0), hot=HotNodes(limit=100))
    for number in range(300):
        await answered(sessions, asked("same" if number % 2 else f"q{number}"), "a")
    assert len(sessions.hot) <= 100
    assert len(sessions.hot.at(asked("same", "a", "x").history.digests[1])) <= TWINS
    assert repr(sessions) == f"<Sessions {len(sessions.hot)} answers at hand>"


async def test_parallel_turns_of_one_session_are_all_counted(sessions: Sessions, store: Store) -> None:
    await answered(sessions, asked("one", session="mine"), "two", at=place("c", "r1"))

    async def branch(number: int) -> None:
        await answered(sessions, asked("one", "two", f"b{number}", session="mine"), "x")

    async with anyio.create_task_group() as tasks:
        for number in range(10):
            tasks.start_soon(branch, number)
    (session,) = await rows(store, sessions_table)
    assert (session.turn_count, session.message_count) == (11, 22)
    positions = sorted(row.position for row in await rows(store, messages_table))
    assert positions == list(range(22))


async def test_two_first_requests_of_one_named_session_make_one(sessions: Sessions, store: Store) -> None:
    one, other = await sessions.find(asked("a", session="s")), await sessions.find(asked("b", session="s"))
    for number, found in enumerate((one, other)):
        sessions.remember(found, Message("assistant", [Text("x")]), place(), run=f"f{number}", at=1.0)
    await sessions.commit()
    (session,) = await rows(store, sessions_table)
    assert (session.turn_count, session.message_count) == (2, 4)
