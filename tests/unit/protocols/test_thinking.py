"""Which thinking mode a client's words amount to."""

import pytest

from luna.model.chat import ThinkingMode
from luna.protocols.thinking import resolve, split_model


@pytest.mark.parametrize(
    ("mode", "effort", "enabled", "suffix", "expected"),
    [
        ("", "", None, None, None),
        ("auto", "high", False, "fast", "auto"),
        ("fast", "auto", None, None, "auto"),
        ("thinking", "none", False, "fast", "thinking"),
        ("Think", "", None, None, "thinking"),
        ("on", "", None, None, "thinking"),
        ("fast", "xhigh", None, None, "thinking"),
        ("", "low", None, None, "thinking"),
        ("", "medium", None, None, "thinking"),
        ("", "MAX", None, None, "thinking"),
        ("off", "", True, "thinking", "fast"),
        ("none", "", None, None, "fast"),
        ("", "minimal", True, None, "fast"),
        ("", "fast", None, None, "fast"),
        ("", "", True, "fast", "thinking"),
        ("", "", False, "thinking", "thinking"),
        ("", "", None, "thinking", "thinking"),
        ("", "", None, "fast", "fast"),
        ("", "", False, None, "fast"),
        ("hard", "some", True, None, "thinking"),
        ("hard", "some", None, None, None),
    ],
)
def test_mode_and_effort_beat_switch_and_suffix(
    mode: str, effort: str, enabled: bool | None, suffix: ThinkingMode | None, expected: ThinkingMode | None
) -> None:
    assert resolve(mode=mode, effort=effort, enabled=enabled, suffix=suffix) == expected


@pytest.mark.parametrize(
    ("model", "bare", "mode"),
    [
        ("qwen3-max", "qwen3-max", None),
        ("qwen3-max-thinking", "qwen3-max", "thinking"),
        ("Qwen3-Max-FAST", "Qwen3-Max", "fast"),
        ("qwen3-235b-a22b-thinking-2507", "qwen3-235b-a22b-thinking-2507", None),
        ("thinker-r1", "thinker-r1", None),
        ("breakfast", "breakfast", None),
        ("-fast", "-fast", None),
        ("x-fast-thinking", "x-fast", "thinking"),
    ],
)
def test_only_a_suffix_speaks(model: str, bare: str, mode: ThinkingMode | None) -> None:
    assert split_model(model) == (bare, mode)
