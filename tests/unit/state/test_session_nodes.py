"""What is kept at hand of late answers: so many, of so many bytes, and the bytes are true."""

import gc
import tracemalloc
from secrets import token_bytes, token_hex
from weakref import WeakValueDictionary

import pytest

from luna.state.place import Place
from luna.state.session_nodes import BARE, HOT, HOT_BYTES, TWINS, HotNodes, Node, Session


def _name() -> str:
    return token_hex(18)


def a_session(thread: str = "", workspace: str = "") -> Session:
    return Session(_name(), "a key", thread or _name(), "auto", workspace, updated=0.1)


def a_node(session: Session, *, digest: bytes | None = None, instructions: str = "", system: str = "") -> Node:
    """One with strings of its own, as the database gives them."""
    place = Place("".join(["an ", "account"]), _name(), _name(), "".join(["qwen", "-plus"]), system)
    name, history = f"flow_{_name()}", token_bytes(16) if digest is None else digest
    made = Node(
        name, history, token_bytes(16), session, _name(), place, instructions, 1, 1000, created=float(len(name))
    )
    made.next = token_bytes(16)
    return made


@pytest.mark.parametrize("turns", [1, 8])
@pytest.mark.parametrize("long", ["", "a mark of the system", "é" * 300, "𝄞" * 2_000])
def test_they_take_what_they_count_for(turns: int, long: str) -> None:
    """In Python's own count: never more, and of the sort that is most usual not much less."""
    number = 500
    gc.collect()
    tracemalloc.start()
    try:
        hot, known = HotNodes(), WeakValueDictionary[str, Session]()
        before, _ = tracemalloc.get_traced_memory()
        session = a_session()
        for position in range(number):
            if position % turns == 0:
                session = a_session(*(f"{position} {long}" for _ in range(2) if long))
                known[session.id] = session
            hot.add(a_node(session, instructions=f"{position}{long}" if long else "", system=f"{long}{position}"))
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert len(hot) == number
    assert taken <= hot.bytes
    if turns == 1:
        assert taken >= 0.7 * hot.bytes


def test_as_many_as_are_kept_mostly_fit_into_the_bytes() -> None:
    session = a_session()
    hot = HotNodes()
    hot.add(a_node(session, instructions="0123456789abcdef", system="0123456789abcdef"))
    assert hot.bytes * HOT < HOT_BYTES


def test_large_ones_are_fewer() -> None:
    large = "x" * 10_000
    hot = HotNodes(limit=1_000, most_bytes=100_000)
    nodes = [hot.add(a_node(a_session(), instructions=large)) for _ in range(50)]
    assert hot.bytes <= 100_000
    assert list(hot) == nodes[-len(hot) :]
    assert len(hot) == 100_000 // nodes[0].weight


def test_one_that_is_larger_than_all_may_be_is_not_kept() -> None:
    hot = HotNodes(most_bytes=2 * BARE)
    small = hot.add(a_node(a_session()))
    large = hot.add(a_node(a_session(), instructions="x" * 10_000))
    assert (large.instructions, len(hot), hot.bytes) == ("x" * 10_000, 0, 0)
    hot.drop([small, large])
    assert (len(hot), hot.bytes) == (0, 0)


def test_what_goes_counts_no_more() -> None:
    """Whichever way it goes: as one twin too many, as the longest unused, or because it is told to."""
    session, hot = a_session(), HotNodes(limit=2 * TWINS)
    twins = [hot.add(a_node(session, digest=b"same", instructions="x" * number)) for number in range(TWINS + 10)]
    assert list(hot) == twins[10:]
    others = [hot.add(a_node(session)) for _ in range(TWINS + 1)]
    assert list(hot) == others
    hot.drop([*others[1:], *twins])
    assert hot.bytes == others[0].weight
    hot.drop(others)
    assert (len(hot), hot.bytes, repr(hot)) == (0, 0, "<HotNodes 0, 0 bytes>")


def test_one_that_is_there_already_counts_once() -> None:
    hot, node = HotNodes(), a_node(a_session())
    assert hot.add(node) is node
    again = Node(node.id, node.digest, node.asked, node.session, None, node.place, "", 1, 1, 0.1)
    assert hot.add(again) is node
    assert (len(hot), hot.bytes) == (1, node.weight)
