"""Where a chat stands."""

import pytest

from luna.qwen.chats import current_answer, said_in

NODES = {
    "u1": {"id": "u1", "role": "user", "parentId": None},
    "a1": {"id": "a1", "role": "assistant", "parentId": "u1"},
    "u2": {"id": "u2", "role": "user", "parentId": "a1"},
}


def reply(**chat: object) -> dict[str, object]:
    return {"success": True, "data": {"id": "c", "chat": chat}}


def test_the_current_response_ids_say_it() -> None:
    assert (
        current_answer(reply(history={"messages": NODES, "currentId": "u2", "currentResponseIds": ["x", "y"]})) == "y"
    )


def test_else_the_current_place() -> None:
    assert current_answer(reply(history={"messages": NODES, "currentId": "a1", "currentResponseIds": []})) == "a1"
    assert current_answer(reply(history={"messages": NODES, "currentId": "u2"})) == "a1"
    assert current_answer(reply(history={"messages": {}, "currentId": "a9"})) == "a9"


def test_else_the_last_answer_of_the_list() -> None:
    assert current_answer(reply(messages=list(NODES.values()))) == "a1"
    assert current_answer({"data": {"messages": list(NODES.values())}}) == "a1"
    assert current_answer(reply(history={"messages": NODES})) == "a1"


@pytest.mark.parametrize(
    "odd",
    [
        None,
        [],
        {},
        {"data": None},
        reply(),
        reply(messages=[]),
        reply(messages=[{"id": "u", "role": "user"}]),
        reply(history={"messages": {"u": {"role": "user", "parentId": "u"}}, "currentId": "u"}),
        reply(history=5, messages="x"),
    ],
)
def test_a_chat_without_an_answer(odd: object) -> None:
    assert current_answer(odd) is None


def test_the_words_and_the_parts_of_an_answer() -> None:
    parts = [{"phase": "think", "content": "Hm."}, {"phase": "answer", "content": "Yes", "status": "finished"}]
    whole = {"id": "a", "role": "assistant", "content": "Yes", "content_list": parts}
    assert said_in(reply(history={"messages": {"a": whole}}), "a") == ("Yes", parts)
    assert said_in(reply(messages=[{**whole, "content": ""}]), "a") == ("Yes", parts), "the parts say it, too"
    assert said_in(reply(messages=[whole]), "b") == ("", [])
    assert said_in(reply(messages=[{"id": "a", "content": 5, "content_list": "x"}]), "a") == ("", [])


@pytest.mark.parametrize("odd", [None, [], {"data": 5}, reply(), reply(history=5, messages="x")])
def test_nothing_is_said_in_what_is_no_chat(odd: object) -> None:
    assert said_in(odd, "a") == said_in(odd, None) == ("", [])
