"""Collects the pictures of one answer, each once.

Pure. Owns the three forms in which Qwen sends a picture (wire document section 4.3): a bare signed address in
phase `image_gen`, lists in `extra` in phase `image_gen_tool` (where every picture stands twice), Markdown in
phase `image`.
"""

import re
from typing import Any

from luna.model.events import Media, Notice, StreamEvent

_MARKDOWN_IMAGE = re.compile(r"!\[[^\]]*\]\(\s*(https?://[^)\s]+)[^)]*\)")


class Gallery:
    """Remembers which pictures were shown."""

    def __init__(self) -> None:
        self._shown: set[str] = set()
        self._markdown = ""

    def __repr__(self) -> str:
        return f"<Gallery {len(self._shown)}>"

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
        self._markdown += content
        found = _MARKDOWN_IMAGE.findall(self._markdown)
        return [event for url in found for event in self._show(url)]

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
