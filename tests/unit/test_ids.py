"""Ids: the n-th is a function of the seed and n, whoever has drawn the others; those of new seeds rise in time."""

import hashlib
import uuid

import pytest

from luna.model.ambient import TIMED, Ids


def drawn(seed: bytes, number: int) -> str:
    """As recordings of before have it."""
    return hashlib.blake2b(number.to_bytes(8, "big"), key=seed, digest_size=16).hexdigest()


@pytest.mark.parametrize("seed", [b"test", bytes(16), bytes(range(16))])
def test_the_nth_id_is_what_it_always_was(seed: bytes) -> None:
    ids = Ids(seed)
    for number in range(1, 300, 2):
        digits = drawn(seed, number)
        made = uuid.UUID(ids.uuid())
        assert made.version == 4
        assert made.int == uuid.UUID(digits, version=4).int
        assert ids.token("x_") == "x_" + drawn(seed, number + 1)[:24]


@pytest.mark.parametrize("seed", [b"test", bytes(16)])
def test_a_seed_without_a_time_has_no_ordered_ids(seed: bytes) -> None:
    assert Ids(seed).ordered() == Ids(seed).uuid()


def born(milliseconds: int, chance: bytes = bytes(16)) -> Ids:
    return Ids(milliseconds.to_bytes(6, "big") + chance)


def test_a_new_seed_begins_with_its_time_and_is_never_drawn_twice() -> None:
    first, second = Ids(), Ids()
    assert len(first.seed) == TIMED
    assert first.seed != second.seed
    assert first.token("") != second.token("")
    assert first.ordered() != second.ordered()
    assert uuid.UUID(first.uuid()).version == 4
    age = int.from_bytes(second.seed[:6], "big") - int.from_bytes(first.seed[:6], "big")
    assert 0 <= age < 60_000


@pytest.mark.parametrize("later", [1, 255, 256, 1 << 20, 1 << 40])
def test_ids_of_a_later_flow_stand_behind_those_of_an_earlier(later: int) -> None:
    start = 1_795_000_000_000
    early, late = born(start, b"\xff" * 16), born(start + later)
    assert max(early.token("flow_") for _ in range(50)) < min(late.token("flow_") for _ in range(50))
    assert max(early.ordered() for _ in range(50)) < min(late.ordered() for _ in range(50))


def test_ordered_ids_are_uuids_of_version_7() -> None:
    ids, start = born(1_795_000_000_000), 1_795_000_000_000
    drawn = [uuid.UUID(ids.ordered()) for _ in range(100)]
    assert {each.version for each in drawn} == {7}
    assert {each.variant for each in drawn} == {uuid.RFC_4122}
    assert {each.int >> 80 for each in drawn} == {start}
    assert len(set(drawn)) == 100


def test_the_nth_id_is_the_same_again() -> None:
    one, other = born(1_795_000_000_000), born(1_795_000_000_000)
    one.uuid()
    other.token("x")
    assert one.ordered() == other.ordered()
    assert one.token("call_") == other.token("call_")
    assert len(one.token("")) == 24
