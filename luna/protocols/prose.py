"""The visible text of an answer, with media woven in.

Owns how a picture, film or sound becomes Markdown. Knows no protocol.
"""

from luna.model.events import Media


class Prose:
    """The visible text with media woven in: each a paragraph of its own, so that Markdown shows it."""

    def __init__(self) -> None:
        self.flows = False
        """A text delta goes on where the last one ended: it adds itself, and `text` need not be asked."""
        self._begun = False

    def __repr__(self) -> str:
        return f"<Prose after {'text' if self.flows else 'media' if self._begun else 'nothing'}>"

    def text(self, text: str) -> str:
        """What a text delta adds to the visible text."""
        if self.flows or not text:
            return text
        lead = "\n\n" if self._begun else ""
        self.flows = self._begun = True
        return lead + text

    def media(self, media: Media) -> str:
        """What a picture, film or sound adds to it."""
        lead = "\n\n" if self._begun else ""
        self._begun, self.flows = True, False
        url = media.url.replace(" ", "%20").replace("(", "%28").replace(")", "%29")
        return f"{lead}{'!' if media.kind == 'image' else ''}[{media.kind}]({url})"
