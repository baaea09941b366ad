"""Where chats stand."""

import gc
import tracemalloc
from secrets import token_hex

from luna.state.turns import MOST, MOST_BYTES, Place, Turns


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


def test_they_take_what_they_count_for() -> None:
    """In Python's own count: never more, and not much less."""
    number = 1_000
    gc.collect()
    tracemalloc.start()
    try:
        turns = Turns()
        before, _ = tracemalloc.get_traced_memory()
        for position in range(number):
            chat, response = token_hex(18), token_hex(18)
            turns.note(Place("".join(["an ", "account"]), chat, response, "".join(["qwen", "-plus"]), f"{position:16}"))
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert 0.7 * turns.bytes <= taken <= turns.bytes
    assert turns.bytes / number * MOST < MOST_BYTES


def test_large_ones_are_fewer() -> None:
    turns = Turns(most_bytes=100_000)
    for number in range(50):
        turns.note(Place("a", f"c{number}", "r", system="x" * 10_000))
    assert turns.bytes <= 100_000
    assert [turns.find(f"c{number}") is not None for number in (0, 40, 41, 42, 49)] == [False, False, True, True, True]


def test_what_is_noted_again_or_forgotten_counts_once_or_not_at_all() -> None:
    turns = Turns()
    turns.note(Place("a", "c", "r1", system="x" * 10_000))
    turns.note(Place("a", "c", "r2"))
    assert turns.bytes < 1_000
    turns.forget("c")
    turns.forget("c")
    assert turns.bytes == 0
