"""Breaks a good JSON body in every place, for properties that must hold for whatever clients send."""

from collections.abc import Iterable
from typing import Any

import msgspec
from hypothesis import strategies as st

Place = tuple[Any, ...]


def values(names: Iterable[str]) -> st.SearchStrategy[object]:
    """Any JSON; objects have these names among their keys."""
    keys = st.sampled_from(list(names)) | st.text(max_size=3)
    leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    return st.recursive(
        leaves | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=6,
    )


def places(value: object, at: Place = ()) -> list[Place]:
    """Where everything in the body stands, the body itself first."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, child in inner for place in places(child, (*at, key)))]


def mutated(good: object, place: Place, value: object) -> bytes:
    """The body with something else in that place."""
    body = msgspec.json.decode(msgspec.json.encode(good))
    parent = body
    for key in place[:-1]:
        parent = parent[key]
    parent[place[-1]] = value
    return msgspec.json.encode(body)
