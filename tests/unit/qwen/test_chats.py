"""Where a chat stands."""

import pytest

from luna.qwen.chats import current_answer

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
