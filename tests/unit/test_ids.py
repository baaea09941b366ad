"""Ids: the n-th is a function of the seed and n, whoever has drawn the others."""

import hashlib
import uuid

import pytest

from luna.model.ambient import Ids


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
