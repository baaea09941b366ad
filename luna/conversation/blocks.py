r"""Puts words into blocks that their content cannot break.

Owns the notation in which luna shows a conversation to a model:

    <turn n="3" role="assistant" call="call_1" tool="Bash">
    {"command": "ls"}
    </turn>

Inside a block `<turn` and `</turn` get a backslash after the `<`, and what has backslashes there already gets one
more, so that the way back is exact. Knows nothing of what stands in a block.
"""

import html
import re

_MARK = re.compile(r"<(\\*)(/?turn\b)", re.IGNORECASE)
_ESCAPED = re.compile(r"<\\(\\*)(/?turn\b)", re.IGNORECASE)


def escape(text: str) -> str:
    """Content as it may stand inside a block, or between blocks."""
    if "<" not in text:
        return text
    lowered = text.lower()
    # The expression is tried at every `<`, which code is full of; most texts have no mark at all.
    if not any(mark in lowered for mark in ("<turn", "</turn", "<\\")):
        return text
    return _MARK.sub(r"<\\\1\2", text)


def unescape(text: str) -> str:
    """The way back."""
    return _ESCAPED.sub(r"<\1\2", text)


def block(content: str, **attributes: str | None) -> str:
    """One block. An attribute that is None is not written; names are written without a trailing underscore."""
    said = "".join(
        f' {name.rstrip("_")}="{_attribute(value)}"' for name, value in attributes.items() if value is not None
    )
    return f"<turn{said}>\n{escape(content)}\n</turn>"


def _attribute(value: str) -> str:
    return html.escape(value).replace("\n", "&#10;").replace("\r", "&#13;")
