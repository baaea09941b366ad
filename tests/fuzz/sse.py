"""Looks for streams that luna reads wrongly: `python -m tests.fuzz.sse --seconds 600`.

Each seed makes an event stream of Qwen's: right frames, odd ones, torn JSON, garbage, in all kinds of line ends. It is
cut into reads at random, several times. What must hold:

    lines     the payloads are those of a reader that splits the whole; held is what no end of line follows, not more
    limit     a line that is too long is refused, complete or not, and as soon as it is; what came before it is given
    frames    the same events and the same failure, wherever the reads end; events that obey the grammar

and nothing is ever raised but `LunaError`. A failure is cut down to a small list of reads.
"""

from random import Random

from luna.model.errors import Kind, LunaError
from luna.model.events import StreamEvent, Usage
from luna.model.grammar import Grammar
from luna.protocols.sse import SSEReader
from luna.qwen.stream import StreamReader
from tests.fuzz.search import command, smallest
from tests.support.streams import a_stream, in_reads, lines_of, payloads_of

Read = tuple[list[StreamEvent], Usage | None, str]
"""Events, the count of tokens, and the kind of the failure ("" for none)."""


def check(seed: int) -> None:
    """Raises AssertionError, or whatever the readers raise."""
    draw = Random(seed)
    stream = b"".join(a_stream(draw))
    limit = draw.choice((8, 60, 200, 1000))
    for _ in range(3):
        reads = in_reads(draw, stream)
        assert not misread(reads), f"other payloads than the whole: {smallest(reads, misread)}"
        assert not differs(reads), f"it matters where the reads end: {smallest(reads, differs)}"
        _check_limit(reads, limit)
    _check_grammar(stream)
    _check_endless(draw, limit)


def misread(reads: list[bytes]) -> bool:
    """Whether the reads give other payloads than they should, or more is held than one line."""
    reader, payloads, came = SSEReader(), list[bytes](), b""
    for piece in reads:
        payloads += reader.feed(piece)
        came += piece
        if repr(reader) != f"<SSEReader holding={_unended(came)}>":
            return True
    return payloads + reader.close() != payloads_of(b"".join(reads))


def differs(reads: list[bytes]) -> bool:
    """Whether the reads amount to something else than the whole."""
    return read(reads) != read([b"".join(reads)])


def read(reads: list[bytes]) -> Read:
    """What the readers make of it."""
    lines, reader, events = SSEReader(), StreamReader("qwen3-max"), list[StreamEvent]()
    for piece in reads:
        events += reader.feed(lines.feed(piece))
    events += reader.feed(lines.close())
    try:
        events += reader.close()
    except LunaError as error:
        return events, reader.usage, f"{error.kind.value}: {error.message}"
    return events, reader.usage, ""


def _check_grammar(stream: bytes) -> None:
    grammar = Grammar()
    events, _, failure = read([stream])
    for event in events:
        grammar.feed(event)
    assert grammar.done == (not failure), failure


def _check_limit(reads: list[bytes], limit: int) -> None:
    """With a limit for lines."""
    whole = b"".join(reads)
    longest = max(map(len, lines_of(whole)))
    reader, payloads = SSEReader(max_line=limit), list[bytes]()
    try:
        for piece in reads:
            payloads += reader.feed(piece)
        payloads += reader.close()
    except LunaError as error:
        assert error.kind is Kind.UPSTREAM_BROKEN
        assert longest > limit, f"refused a line of {longest} bytes, {limit} are allowed"
        assert payloads == payloads_of(whole)[: len(payloads)]
    else:
        assert longest <= limit, f"let a line of {longest} bytes pass, {limit} are allowed"


def _check_endless(draw: Random, limit: int) -> None:
    """A line that never ends is given up on as soon as it is too long."""
    reader, came = SSEReader(max_line=limit), 0
    reader.feed(draw.choice((b"", b"data: x\n", b"data: x\r")))
    try:
        while True:
            piece = draw.randbytes(draw.randint(1, limit)).translate(None, b"\r\n")
            came += len(piece)
            reader.feed(piece)
            assert came <= limit, f"{came} bytes of one line are held, {limit} are allowed"
    except LunaError:
        assert came > limit


def _unended(stream: bytes) -> int:
    """How many bytes no end of line follows."""
    return len(stream) - max(stream.rfind(b"\n"), stream.rfind(b"\r")) - 1


if __name__ == "__main__":
    command(check, __doc__ or "", "streams")
