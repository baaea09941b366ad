"""What a conversation is called that nobody has given a name.

Pure. Owns which words those are: the first that the user said, without what the client's program puts around them.
"""

import re
from collections.abc import Sequence
from unicodedata import normalize

from luna.conversation.classify import Nature, is_plain, pieces
from luna.model.chat import Message, Text
from luna.model.preferences import Sanitizer
from luna.tools.profiles import GENERIC, ClientProfile

LONGEST = 80
"""Characters."""
LOOKED_AT = 200_000
"""Characters of a message in which a client's own blocks are looked for."""
JUDGED = 500
"""Characters of what is left that are judged: this is on the way of a conversation's first request."""
_OPENING = re.compile(r"<[A-Za-z_]{1,40}>\s*")
"""A tag that ends beyond that."""
_NOISE = Sanitizer()
_ORDER = (Nature.TASK, Nature.CONTEXT)


def first_words(messages: Sequence[Message], profile: ClientProfile = GENERIC, most: int = LONGEST) -> str:
    """The first words of the first message in which the user says what is wanted, in one line; "" where none does."""
    for message in messages:
        if message.role == "user" and (words := " ".join(_wanted(message, profile).split())):
            return words if len(words) <= most else f"{words[: most - 1].rstrip()}…"
    return ""


def _wanted(message: Message, profile: ClientProfile) -> str:
    stable = profile.stabiliser or str
    said = [stable(part.text[:LOOKED_AT]).strip() for part in message.parts if type(part) is Text]
    if len(said) == 1 and is_plain(words := normalize("NFC", said[0][:JUDGED])):
        return words
    found = pieces([Message("user", [Text(text[:JUDGED]) for text in said if text])], _NOISE)
    words = next((piece.text for nature in _ORDER for piece in found if piece.nature is nature), "")
    return _OPENING.sub("", words, count=1) if words.startswith("<") else words
