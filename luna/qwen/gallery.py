"""Collects the pictures of one answer, each once.

Pure. Owns the three forms in which Qwen sends a picture (wire document section 4.3): a bare signed address in
phase `image_gen`, lists in `extra` in phase `image_gen_tool` (where every picture stands twice), Markdown in
phase `image`.
"""

import re
from typing import Any

from luna.model.events import Media, Notice, StreamEvent

_PICTURE = re.compile(r"!\[[^\]]{0,2000}+\]\((?=[^)]{0,4000}+\))\s*(https?://[^)\s]+)[^)]*\)")
_BEGUN = re.compile(r"!(?:\[[^\]]{0,2000}+(?:\](?:\([^)]{0,4000}+)?)?)?\Z")
"""An end of the text that may yet become a picture."""


class Gallery:
    """Remembers which pictures were shown."""

    def __init__(self) -> None:
        self._shown: set[str] = set()
        self._held = ""
        """Markdown of a picture that is not complete."""

    def __repr__(self) -> str:
        return f"<Gallery {len(self._shown)}{f' holding={len(self._held)}' if self._held else ''}>"

    def __bool__(self) -> bool:
        return bool(self._shown)

    def address(self, content: str, extra: dict[str, Any]) -> list[StreamEvent]:
        """Phase `image_gen`: the content is the picture's address, `output_image_hw` is `[[height, width]]`."""
        match extra.get("output_image_hw"):
            case [[int(height), int(width)], *_]:
                return self._show(content.strip(), max(0, width), max(0, height))
            case _:
                return self._show(content.strip())

    def markdown(self, content: str) -> list[StreamEvent]:
        """Phase `image`: Markdown, perhaps in pieces."""
        text, end = self._held + content, 0
        events: list[StreamEvent] = []
        for picture in _PICTURE.finditer(text):
            events += self._show(picture[1])
            end = picture.end()
        begun = _BEGUN.search(text, end)
        self._held = text[begun.start() :] if begun is not None else ""
        return events

    def listed(self, extra: dict[str, Any]) -> list[StreamEvent]:
        """Phase `image_gen_tool`: `[{image: url}]` under `image_list` and again under `tool_result`."""
        events: list[StreamEvent] = []
        for entries in (extra.get("image_list"), extra.get("tool_result")):
            for entry in entries if isinstance(entries, list) else ():
                url = entry.get("image") if isinstance(entry, dict) else entry
                if isinstance(url, str):
                    events += self._show(url)
        return events

    def _show(self, url: str, width: int = 0, height: int = 0) -> list[StreamEvent]:
        if not url or url in self._shown:
            return []
        if not url.startswith(("https://", "http://")):
            return [Notice("garbage", url[:200], {"expected": "the address of a picture"})]
        self._shown.add(url)
        return [Media("image", url, width, height)]
