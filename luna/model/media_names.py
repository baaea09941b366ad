"""What files are commonly called, by Python's built-in table alone: the same on every machine.

The table comes with the first file whose name or type has to tell something.
"""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mimetypes import MimeTypes


def type_of(name: str) -> str:
    """The media type that a name of a file tells; "" where it tells none."""
    return _table().guess_type(name)[0] or ""


def ending_of(media_type: str) -> str:
    """What such a file is called at its end, `.png`; "" where nothing is common."""
    return _table().guess_extension(media_type) or ""


@cache
def _table() -> "MimeTypes":
    from mimetypes import MimeTypes  # which reads the machine's tables when it is first made

    return MimeTypes(filenames=())
