"""How the model should reason, out of the many ways in which clients say so.

Owns the words and which of them wins. Pure, and shared by all protocols. A model's name says something
only by its suffix: names that merely contain "think" or "r1" mean nothing.
"""

from luna.model.chat import ThinkingMode
from luna.model.memo import remembering

SUFFIXES: dict[str, ThinkingMode] = {"-thinking": "thinking", "-fast": "fast"}

MODES: dict[str, ThinkingMode] = {
    "auto": "auto",
    "thinking": "thinking",
    "think": "thinking",
    "on": "thinking",
    "fast": "fast",
    "off": "fast",
    "none": "fast",
}
"""What `thinking_mode` may say, in lower case."""

EFFORTS: dict[str, ThinkingMode] = {
    "auto": "auto",
    "low": "thinking",
    "medium": "thinking",
    "high": "thinking",
    "xhigh": "thinking",
    "max": "thinking",
    "none": "fast",
    "minimal": "fast",
    "fast": "fast",
}
"""What `reasoning_effort` may say, in lower case."""

_PRECEDENCE: tuple[ThinkingMode, ...] = ("auto", "thinking", "fast")


@remembering(count=256, longest=256)
def split_model(model: str) -> tuple[str, ThinkingMode | None]:
    """A model's name without its suffix, and what the suffix asks for: `qwen3-max-fast` → `qwen3-max`, fast."""
    lowered = model.lower()
    for suffix, mode in SUFFIXES.items():
        if lowered.endswith(suffix) and len(model) > len(suffix):
            return model[: -len(suffix)], mode
    return model, None


def resolve(
    *, mode: str = "", effort: str = "", enabled: bool | None = None, suffix: ThinkingMode | None = None
) -> ThinkingMode | None:
    """The one mode that all this amounts to; None when nothing was said. Words that are not in the tables above
    say nothing. Mode and effort beat the switch and the suffix; where two of equal rank disagree, the earlier of
    auto, thinking, fast wins."""
    if not (mode or effort or suffix) and enabled is None:
        return None
    said = (MODES.get(mode.lower()), EFFORTS.get(effort.lower()))
    switched: ThinkingMode | None = None if enabled is None else "thinking" if enabled else "fast"
    for candidates in (said, (suffix, switched)):
        for choice in _PRECEDENCE:
            if choice in candidates:
                return choice
    return None
