"""Where chats stand."""

from luna.state.turns import Place, Turns


def test_a_chat_is_remembered_until_it_proves_wrong() -> None:
    turns = Turns()
    assert turns.find("c") is None
    turns.note(Place("a", "c", "r1"))
    turns.note(Place("a", "c", "r2"))
    assert turns.find("c") == Place("a", "c", "r2")
    turns.forget("c")
    turns.forget("c")
    assert turns.find("c") is None


def test_the_longest_unused_is_forgotten() -> None:
    turns = Turns(limit=2)
    for chat in ("a", "b"):
        turns.note(Place("x", chat, "r"))
    turns.find("a")
    turns.note(Place("x", "c", "r"))
    assert turns.find("b") is None
    assert turns.find("a") is not None
    assert repr(turns) == "<Turns 2 chats, 0 generating>"


def test_who_is_generating() -> None:
    turns = Turns()
    turns.begin("c")
    turns.begin("c")
    turns.end("c")
    assert (turns.generators("c"), turns.generators("d")) == (1, 0)
    assert repr(turns) == "<Turns 0 chats, 1 generating>"
    turns.end("c")
    assert turns.generators("c") == 0
