"""Estimates token counts where nobody reports them.

Owns one rule of thumb: each kind of character costs a fixed fraction of a token. That makes the estimate linear,
and additive: however a text is cut, its pieces weigh what the whole weighs, so a limit that counts a stream delta
by delta ends at the same place for any chunking. The weights amount to some 4.4 characters of English prose, 3 of
code and 1.5 of Chinese per token. `Usage.exact` is False for figures of this kind.
"""

import string
from collections.abc import Sequence

import msgspec

from luna.model.chat import Attachment, ChatRequest, Part, Text, Thought, ToolCall, ToolResult
from luna.model.events import Usage

UNIT = 100
"""What one token weighs."""

_CLASSES: tuple[tuple[bytes, int], ...] = (
    (string.ascii_letters.encode(), 26),
    (b" \t", 4),
    (string.punctuation.encode(), 60),
    (b"\r\n", 50),
    (string.digits.encode(), 100),  # Qwen's tokenizer gives each digit a token of its own
    (bytes(range(0x80, 0xC0)), 0),  # continuation bytes: their lead byte has counted
    (bytes(range(0xE0, 0xF0)), 65),  # three bytes: Chinese, Japanese, Korean
    (bytes(range(0xC0, 0xE0)), 40),  # two bytes: accented Latin, Greek, Cyrillic, Arabic
    (bytes(range(0xF0, 0x100)), 200),  # four bytes: emoji, rare characters
    (bytes(range(0x20)) + b"\x7f", 100),
)
"""Bytes of UTF-8 and what each weighs, the most frequent first."""

LONG = 64 * 1024
"""Characters up to which everything is weighed that need be."""
SAMPLED = 32 * 1024
_SLICE = 512
_HEAVIEST = max(each for _, each in _CLASSES)
_MESSAGE = 4
_ATTACHMENT = 1000


def weight(text: str) -> int:
    """The text's weight in hundredths of a token. `weight(a + b) == weight(a) + weight(b)`."""
    return _weight(text.encode("utf-8", "surrogatepass"))


def _weight(rest: bytes) -> int:
    total = 0
    for members, each in _CLASSES:
        if not rest:
            break
        without = rest.translate(None, members)
        total += (len(rest) - len(without)) * each
        rest = without
    return total


def tokens(weighed: int) -> int:
    """A weight in whole tokens, rounded up."""
    return -(-weighed // UNIT)


def estimate(text: str) -> int:
    """About how many tokens the text is."""
    return tokens(weight(text))


def about(texts: Sequence[str] | Sequence[bytes]) -> int:
    """What texts (or their UTF-8) weigh together. Of long ones `SAMPLED` characters are weighed that are taken from all
    over them, in steps of the same length: that is some hundredths off, where the weights themselves are guesses."""
    length = sum(map(len, texts))
    if length <= LONG:
        return sum([weight(text) if isinstance(text, str) else _weight(text) for text in texts])
    every = length * _SLICE // SAMPLED
    sample: list[str | bytes] = []
    begun, wanted = 0, 0
    for text in texts:
        size = len(text)
        while wanted < begun + size:
            end = wanted + _SLICE - begun
            sample.append(text[max(0, wanted - begun) : end])
            if end > size:
                break  # it goes on in the next text
            wanted += every
        begun += size
    if isinstance(sample[0], str):
        said = "".join(sample)  # type: ignore[arg-type]
        return weight(said) * length // len(said)
    data = b"".join(sample)  # type: ignore[arg-type]
    return _weight(data) * length // len(data)


def fitting(text: str, room: int) -> str:
    """The longest beginning of the text that weighs at most `room`."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if weight(text[:middle]) <= room:
            low = middle
        else:
            high = middle - 1
    return text[:low]


class Meter:
    """Weighs a text that comes in pieces, as late as it can: most pieces are far from any limit, and to weigh a
    few letters costs more than to keep them until there are many."""

    def __init__(self) -> None:
        self._weighed = 0
        self._pieces: list[str] = []
        self._at_most = 0

    def __repr__(self) -> str:
        return f"<Meter {self._weighed}+{len(self._pieces)} pieces>"

    def add(self, text: str) -> None:
        """One more piece."""
        self._pieces.append(text)
        self._at_most += len(text) * _HEAVIEST

    def fits(self, text: str, limit: int) -> bool:
        """Whether everything would weigh at most `limit` with this piece."""
        if self._weighed + self._at_most + len(text) * _HEAVIEST <= limit:
            return True
        return self.weight() + weight(text) <= limit

    def weight(self) -> int:
        """What everything weighs."""
        if self._pieces:
            self._weighed += weight("".join(self._pieces))
            self._pieces.clear()
            self._at_most = 0
        return self._weighed


def estimate_request(chat: ChatRequest) -> int:
    """About how many tokens the whole request is, tools included."""
    words = sum(_part(part) for message in chat.messages for part in message.parts)
    for tool in () if chat.bridged else chat.tools:  # a bridged tool stands in the messages already
        words += weight(tool.name) + weight(tool.description) + weight(msgspec.json.encode(tool.parameters).decode())
    return tokens(words) + _MESSAGE * (len(chat.messages) + (0 if chat.bridged else len(chat.tools)))


def estimated_usage(prompt: int, text: str, thinking: str) -> Usage:
    """The usage of an answer that nobody counted. `prompt` is in tokens."""
    reasoning = estimate(thinking)
    return Usage(input=prompt, output=estimate(text) + reasoning, reasoning=reasoning, exact=False)


def _part(part: Part) -> int:
    match part:
        case Text() | Thought():
            return weight(part.text)
        case ToolCall():
            return weight(part.name) + weight(part.arguments)
        case ToolResult():
            return sum(_part(inner) for inner in part.parts)
        case Attachment():
            return _ATTACHMENT * UNIT
