"""Frames and token counts."""

import msgspec
import pytest

from luna.model.events import Usage
from luna.qwen.frames import decode_frame, read_usage


def usage(document: object) -> Usage | None:
    return read_usage(msgspec.Raw(msgspec.json.encode(document)))


def test_the_newer_names() -> None:
    said = {
        "input_tokens": 10,
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 3},
        "prompt_tokens_details": {"cached_tokens": 2},
    }
    assert usage(said) == Usage(10, 5, reasoning=3, cached=2)


def test_the_older_names() -> None:
    assert usage({"prompt_tokens": 12, "completion_tokens": 4, "total_tokens": 16}) == Usage(12, 4)


@pytest.mark.parametrize("odd", [None, 5, [], {}, {"total_tokens": 5}, {"input_tokens": "x"}])
def test_no_counts(odd: object) -> None:
    assert usage(odd) is None


def test_odd_counts_count_as_none() -> None:
    assert usage({"input_tokens": -5, "output_tokens": 3, "output_tokens_details": [1]}) == Usage(0, 3)
    assert read_usage(msgspec.Raw(b"{nonsense")) is None


def test_a_phase_may_be_null_or_missing() -> None:
    for text in (b'{"choices":[{"delta":{"content":"x","phase":null}}]}', b'{"choices":[{"delta":{"content":"x"}}]}'):
        delta = decode_frame(text).choices[0].delta
        assert delta is not None
        assert delta.phase is None


def test_whatever_usage_is_the_words_survive() -> None:
    for odd in (b"null", b'"x"', b"[]", b"5"):
        frame = decode_frame(b'{"choices":[{"delta":{"content":"x"}}],"usage":%b}' % odd)
        assert frame.choices[0].delta is not None
