"""What is left of a JSON text that breaks off: everything before the tear that was whole, and nothing else."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luna.disk.salvage import is_json, mended

encode = msgspec.json.encode

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-999, 999) | st.text(st.sampled_from('ab"\\[]{},:é😀'), max_size=6),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=3), below, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(VALUES, max_size=5), st.data())
def test_every_record_before_the_tear_is_there(records: list[Any], data: st.DataObject) -> None:
    text = encode(records)
    tear = data.draw(st.integers(0, len(text)))
    left = mended(text[:tear], 1)
    whole = [
        record
        for number, record in enumerate(records)
        if len(encode(records[: number + 1])) <= tear + isinstance(record, list | dict)
    ]
    if tear == 0:
        assert left is None
        return
    assert left is not None
    found = msgspec.json.decode(left)
    assert found == records[: len(found)]
    assert len(found) >= len(whole) - 1


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.text(max_size=3), VALUES, max_size=4), st.integers(1, 5), st.data())
def test_whatever_the_tear_what_is_left_is_json(document: dict[str, Any], depth: int, data: st.DataObject) -> None:
    text = msgspec.json.format(encode(document), indent=data.draw(st.integers(-1, 2)))
    left = mended(text[: data.draw(st.integers(1, len(text)))], depth)
    assert left is not None
    assert is_json(left)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.integers(1, 4))
def test_no_garbage_is_too_much(data: bytes, depth: int) -> None:
    left = mended(data, depth)
    assert left is None or is_json(left)


@pytest.mark.parametrize(
    ("text", "depth", "left"),
    [
        (b'{"a": 1, "b": 2}', 1, b'{"a": 1, "b": 2}'),
        (b'\xef\xbb\xbf{"a": 1}', 1, b'{"a": 1}'),
        (b'{"a": 1, "b": 2', 1, b'{"a": 1}'),
        (b'{"a": {"b": 1, "c": 2', 1, b"{}"),
        (b'{"a": {"b": 1, "c": 2', 2, b'{"a": {"b": 1}}'),
        (b'{"a": [{"b": 1}, {"b": 2', 2, b'{"a": [{"b": 1}]}'),
        (b'{"a": 1, "b": "with, [ and {', 1, b'{"a": 1}'),
        (b'{"a": 1, "b": "\\', 1, b'{"a": 1}'),
        (b'{"a": 1, "b": "\xc3', 1, b'{"a": 1}'),
        (b'{"a": 1} {"b": 2}', 1, b'{"a": 1}'),
        (b"[1, 2, !, 3]", 1, b"[1, 2]"),
        (b"[[1], [2]", 1, b"[[1], [2]]"),
        (b'["\xff"]', 1, '["\ufffd"]'.encode()),
        (b"\0\0\0\0", 1, None),
        (b"", 1, None),
        (b'"text', 1, None),
    ],
)
def test_what_is_left(text: bytes, depth: int, left: bytes | None) -> None:
    assert mended(text, depth) == left


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (r"\ud83d", "\ufffd"),
        (r"a\ude00b", "a\ufffdb"),
        (r"\ud83d\ude00\ud83d", "😀\ufffd"),
        (r"\\ud83d\ud83d", "\\ud83d\ufffd"),
    ],
)
def test_half_a_letter_is_none(said: str, read: str) -> None:
    """What a program writes that has cut a text in the middle of a letter."""
    left = mended(f'["{said}"]'.encode(), 1)
    assert left is not None
    assert msgspec.json.decode(left) == [read]
