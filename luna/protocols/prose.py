"""The visible text of an answer, with media woven in.

Owns how a picture, film or sound becomes Markdown. Knows no protocol.
"""

from luna.model.events import Media


class Prose:
    """The visible text with media woven in: each a paragraph of its own, so that Markdown shows it."""

    def __init__(self) -> None:
        self._last = ""

    def __repr__(self) -> str:
        return f"<Prose after {self._last or 'nothing'}>"

    def text(self, text: str) -> str:
        """What a text delta adds to the visible text."""
        lead = "\n\n" if self._last == "media" and text else ""
        self._last = "text" if text else self._last
        return lead + text

    def media(self, media: Media) -> str:
        """What a picture, film or sound adds to it."""
        lead = "\n\n" if self._last else ""
        self._last = "media"
        url = media.url.replace(" ", "%20").replace("(", "%28").replace(")", "%29")
        return f"{lead}{'!' if media.kind == 'image' else ''}[{media.kind}]({url})"
