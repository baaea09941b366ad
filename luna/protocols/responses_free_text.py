"""The free text of a custom tool's call, out of the JSON in which the model wrote it.

Owns the way from `{"input": "…"}`, however it is cut, to the text. Knows nothing of calls or events.
"""

import re
from typing import Any

import msgspec

_OPENING = re.compile(r'\s*\{\s*"input"\s*:\s*"')
_HEX = r"[0-9a-fA-F]"
_CERTAIN = re.compile(
    rf'(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u(?![dD][89a-fA-F]){_HEX}{{4}}'
    rf"|\\u[dD][89abAB]{_HEX}{{2}}\\u[dD][c-fC-F]{_HEX}{{2}})+"
)
"""What of a JSON string is a text of its own: whole characters, whole escapes, pairs of surrogates."""
_LONGEST_OPENING = 100


class FreeText:
    """Reads the arguments of one call as they come. What `feed` and `close` return adds up to the text. Arguments of
    another form than the one above are kept until the end: then their `input` counts, or all of them as they are."""

    def __init__(self) -> None:
        self._arguments: list[str] = []
        self._told: list[str] = []
        self._held = ""
        self._inside: bool | None = None
        """Whether the text is being read as it comes; None as long as that is open."""

    def __repr__(self) -> str:
        return f"<FreeText told={len(self._told)} pieces, held={len(self._held)}>"

    def feed(self, fragment: str) -> str:
        """More of the arguments → more of the text."""
        self._arguments.append(fragment)
        if self._inside is False:
            return ""
        self._held += fragment
        if self._inside is None:
            opening = _OPENING.match(self._held)
            if opening is None:
                self._inside = None if len(self._held) < _LONGEST_OPENING else False
                return ""
            self._inside = True
            self._held = self._held[opening.end() :]
        certain = _CERTAIN.match(self._held)
        if certain is None:
            self._inside = len(self._held) < _LONGEST_OPENING  # the end of the string, or nothing that JSON knows
            return ""
        self._held = self._held[certain.end() :]
        return self._tell(_unquoted(certain[0]))

    def close(self) -> str:
        """The arguments are complete: the rest of the text."""
        arguments, told = "".join(self._arguments), "".join(self._told)
        whole = _input(arguments)
        if whole is None:
            whole = told or arguments
        return self._tell(whole[len(told) :]) if whole.startswith(told) else ""

    def _tell(self, text: str) -> str:
        self._told.append(text)
        return text


def _unquoted(certain: str) -> str:
    return msgspec.json.decode(f'"{certain}"', type=str) if "\\" in certain else certain


def _input(arguments: str) -> str | None:
    """The text in the arguments, if they are what they should be."""
    try:
        decoded = msgspec.json.decode(arguments, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        return None
    text = decoded.get("input")
    return text if isinstance(text, str) else None
