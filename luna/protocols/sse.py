"""Server-sent events: bytes in whatever pieces they come → payloads, and payloads → frames.

Owns the line grammar of both directions. Reads line by line and not event by event, because the
upstream does not always send the blank line (wire document 4.1): each `data:` line is one payload.
Knows nothing of what a payload means. How the bytes were cut into pieces never matters.
"""

from luna.model.errors import Kind, LunaError

CONTENT_TYPE = "text/event-stream"
DONE = b"data: [DONE]\n\n"
MAX_LINE = 8 * 1024 * 1024

_BOM = b"\xef\xbb\xbf"


class SSEReader:
    """Incremental reader. Lines end in LF, CRLF or CR; a BOM at the start, comments and fields other than
    `data` are skipped, as are payloads that are empty. Once it has raised, it is of no further use."""

    def __init__(self, max_line: int = MAX_LINE) -> None:
        self._max_line = max_line
        self._tail = bytearray()
        self._fresh = True

    def __repr__(self) -> str:
        return f"<SSEReader holding={len(self._tail)}>"

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads of the lines that `data` completes. Raises LunaError(UPSTREAM_BROKEN) when a line is
        longer than the limit, complete or not."""
        # A CR at the end of one piece ends its line; an LF at the start of the next is then a blank line, and
        # blank lines mean nothing here. So CRLF needs no memory.
        cut = len(data) if data[-1:] == b"\n" else max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        if not cut:
            self._tail += data
            self._check(len(self._tail))
            return []
        block = bytes(self._tail) + data[:cut] if self._tail else data[:cut]
        if self._tail or cut < len(data):
            self._tail = bytearray(data[cut:])
            self._check(len(self._tail))
        return self._payloads(block)

    def close(self) -> list[bytes]:
        """The stream has ended: the payload of the last line, if nothing ended that line."""
        if not self._tail:
            return []
        block, self._tail = bytes(self._tail), bytearray()
        return self._payloads(block)

    def _payloads(self, block: bytes) -> list[bytes]:
        lines = block.splitlines()
        if len(block) > self._max_line:
            self._check(max(map(len, lines), default=0))
        if self._fresh and lines:
            self._fresh = False
            lines[0] = lines[0].removeprefix(_BOM)
        return [
            payload
            for line in lines
            if line[:5] == b"data:" and (payload := line[6:] if line[5:6] == b" " else line[5:])
        ]

    def _check(self, length: int) -> None:
        if length > self._max_line:
            raise LunaError(
                Kind.UPSTREAM_BROKEN,
                f"The upstream sent a line of more than {self._max_line} bytes.",
                hint="Send the request again; if it happens each time, ask for a shorter answer.",
            )


def frame(payload: bytes) -> bytes:
    """One event. `payload` is a single line, as JSON always is."""
    return b"data: " + payload + b"\n\n"


def event(name: str, payload: bytes) -> bytes:
    """One event of that name. Both are single lines."""
    return b"event: " + name.encode() + b"\ndata: " + payload + b"\n\n"


def comment(text: str) -> bytes:
    """A line that every client skips: a sign of life. `text` is a single line."""
    return b": " + text.encode() + b"\n\n"
