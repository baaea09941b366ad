"""Reads Qwen's thinking summaries as a text that only grows.

Pure. Owns the phase `thinking_summary` (wire document section 4.3): two arrays, titles and thoughts, that every
frame sends again whole. The text is laid out as paragraphs, each a title on its own line above its thought.
"""

from itertools import zip_longest
from typing import Any

Place = tuple[int, bool]
"""Which item, and whether it is the thought (True) or its title."""


class Summary:
    """Turns arrays that are resent whole into increments.

    The item written last may grow; whatever changes elsewhere, or is rewritten, is said again in full on a line
    of its own, since what went out cannot be taken back. So every title and thought, in its last version, is
    part of the text.
    """

    def __init__(self) -> None:
        self._said: dict[Place, str] = {}
        self._last: Place | None = None

    def __repr__(self) -> str:
        return f"<Summary {len(self._said)} pieces>"

    def feed(self, titles: Any, thoughts: Any) -> str:
        """What is new in this frame's arrays, or ""."""
        grown: list[str] = []
        for index, (title, thought) in enumerate(zip_longest(_texts(titles), _texts(thoughts), fillvalue="")):
            grown.append(self._piece((index, False), title))
            grown.append(self._piece((index, True), thought))
        return "".join(grown)

    def _piece(self, place: Place, text: str) -> str:
        said = self._said.get(place, "")
        if not text or text == said:
            return ""
        self._said[place] = text
        if place == self._last and text.startswith(said):
            return text[len(said) :]
        follows_its_title = place[1] and self._last == (place[0], False)
        between = "" if self._last is None else "\n" if follows_its_title else "\n\n"
        self._last = place
        return between + text


def _texts(content: Any) -> list[str]:
    """The array, with what is no text made empty so that the places stay."""
    if isinstance(content, str):
        return [content]
    if not isinstance(content, list):
        return []
    return [item if isinstance(item, str) else "" for item in content]
