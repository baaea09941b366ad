r"""Puts words into blocks that their content cannot break.

Owns the notation in which luna shows a conversation to a model:

    <turn n="3" role="assistant" call="call_1" tool="Bash">
    {"command": "ls"}
    </turn>

Inside a block `<turn` and `</turn` get a backslash after the `<`, and what has backslashes there already gets one
more, so that the way back is exact. Knows nothing of what stands in a block.
"""

import re
from collections.abc import Mapping

_MARK = re.compile(r"<(\\*)(/?turn\b)", re.IGNORECASE)
_ESCAPED = re.compile(r"<\\(\\*)(/?turn\b)", re.IGNORECASE)


def escape(text: str) -> str:
    """Content as it may stand inside a block, or between blocks."""
    if "<" not in text or _MARK.search(text) is None:  # as nearly always
        return text
    return _MARK.sub(r"<\\\1\2", text)


def unescape(text: str) -> str:
    """The way back."""
    return _ESCAPED.sub(r"<\1\2", text)


def block(content: str, /, **attributes: str | None) -> str:
    """One block. An attribute that is None is not written; names are written without a trailing underscore."""
    return f"{_opening(attributes)}\n{escape(content)}\n</turn>"


def block_bytes(content: str, /, **attributes: str | None) -> bytes:
    """The same in UTF-8, where a long content is not copied first. What Unicode does not have becomes `?`."""
    opening = _opening(attributes).encode("utf-8", "replace")
    return b"%b\n%b\n</turn>" % (opening, escape(content).encode("utf-8", "replace"))


def _opening(attributes: Mapping[str, str | None]) -> str:
    said = [
        f' {name.rstrip("_")}="{value if value.isalnum() else _attribute(value)}"'
        for name, value in attributes.items()
        if value is not None
    ]
    return f"<turn{''.join(said)}>"


def _attribute(value: str) -> str:
    from html import escape  # which brings a table of all entities

    return escape(value).replace("\n", "&#10;").replace("\r", "&#13;")
