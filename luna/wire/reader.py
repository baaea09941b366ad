"""Reads a recording back into what happened.

Owns the way from lines to a `Recording`: what was left out because it did not change is put back,
batches and exchanges are sorted out. Pure: it is given lines and never opens a file. What a frame
looks like is `luna.wire.frames`, what older ones looked like `luna.wire.upgrade`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec

from luna.model.chat import ChatRequest
from luna.model.dialect import ClientRequest, Headers
from luna.model.errors import Kind, LunaError
from luna.model.events import StreamEvent
from luna.wire.frames import (
    VERSION,
    AnyFrame,
    ClientBytes,
    ClientRequested,
    ClientStart,
    Document,
    End,
    Events,
    Failure,
    Head,
    Recalled,
    Truncated,
    UpData,
    UpEnd,
    UpHead,
    UpRequest,
)
from luna.wire.references import resolved
from luna.wire.upgrade import LADDER, RawFrame, Step, upgrade, version_of

_FRAME: msgspec.json.Decoder[AnyFrame] = msgspec.json.Decoder(AnyFrame)
_RAW: msgspec.json.Decoder[RawFrame] = msgspec.json.Decoder(RawFrame)
LONGEST_SEED = 64
"""Bytes; those of luna's flows have 16."""
_LAST_SECOND = 253_402_214_400.0
"""Of the year 9999, less a day for whoever lives elsewhere: the last that is a date."""
MOST_MESSAGES = 5_000_000
"""In all documents together: a line of a few bytes may refer to thousands."""
LONGEST_WHY = 300
"""Characters of a message that may repeat what stands in the line."""
_EVENTS = msgspec.json.Decoder(list[StreamEvent])


class Chunk(msgspec.Struct, frozen=True, gc=False):
    """Bytes, and when they came or went: microseconds since the flow was born. `line` is the number of their frame:
    what came first where two times are equal; 0 where there is none."""

    t: int
    data: bytes
    line: int = 0


class Moment(msgspec.Struct, frozen=True, gc=False):
    """When something happened, and the number of the frame that says so."""

    t: int
    line: int


@dataclass
class Exchange:
    """One exchange with the upstream. `status` is 0 when no head ever came."""

    opened: UpRequest
    status: int = 0
    headers: Headers = ()
    head_t: int = 0
    chunks: list[Chunk] = field(default_factory=list)
    end: UpEnd | None = None
    """None when the recording stopped before the exchange did."""

    def __repr__(self) -> str:
        how = self.end.how if self.end is not None else "open"
        return f"<Exchange {self.opened.method} {self.opened.url} {self.status} chunks={len(self.chunks)} {how}>"

    @property
    def body(self) -> bytes:
        """The response's body as far as it was read."""
        return b"".join(chunk.data for chunk in self.chunks)


@dataclass
class Recording:
    """One flow, as it was."""

    head: Head
    client: ClientRequest | None = None
    documents: dict[str, ChatRequest] = field(default_factory=dict)
    """By boundary, in order: the request as it left each request stage."""
    recalled: list[Recalled] = field(default_factory=list)
    """The remembered responses that the flow asked for."""
    exchanges: list[Exchange] = field(default_factory=list)
    events: dict[str, list[list[StreamEvent]]] = field(default_factory=dict)
    """By boundary, in order: the batches as they left the transport and each response stage."""
    times: dict[str, int] = field(default_factory=dict)
    """By boundary: when the document, or the first batch, left it. Microseconds since the flow was born."""
    batches: list[Moment] = field(default_factory=list)
    """When each batch left the transport."""
    status: int = 0
    """What the client got; 0 when nothing was sent."""
    started: int = 0
    """When it was told so."""
    headers: Headers = ()
    sent: list[Chunk] = field(default_factory=list)
    failure: Failure | None = None
    truncated: bool = False
    """True when the budget was used up and bodies are missing."""
    end: End | None = None
    """None when the recording stops in the middle."""

    def __repr__(self) -> str:
        outcome = self.end.outcome if self.end is not None else "unfinished"
        return f"<Recording {self.head.flow} {self.head.pipeline} {outcome} exchanges={len(self.exchanges)}>"

    @property
    def answer(self) -> bytes:
        """All bytes that went out to the client."""
        return b"".join(chunk.data for chunk in self.sent)


def read(lines: Iterable[bytes], ladder: Mapping[int, Step] = LADDER) -> Recording:
    """The recording that these lines are. A last line that was cut is passed over.
    Raises LunaError(BAD_REQUEST) that names the line."""
    builder: _Builder | None = None
    version = VERSION
    torn: LunaError | None = None
    for number, line in enumerate(lines, 1):
        if torn is not None:
            raise torn
        try:
            if builder is None:
                version = version_of(_RAW.decode(line), ladder)
                builder = _Builder(_decode(line, version, ladder))
            else:
                builder.add(_FRAME.decode(line) if version == VERSION else _decode(line, version, ladder), number)
        except (ValueError, RecursionError) as error:  # msgspec's errors are such, too
            refused = _unreadable(number, error)
            if isinstance(error, msgspec.ValidationError) or not isinstance(error, msgspec.DecodeError):
                raise refused from error
            torn = refused  # no JSON: if this is the last line, it was cut
    if builder is None:
        raise torn or LunaError(Kind.BAD_REQUEST, "The recording is empty.", hint="Its flow may have died at once.")
    return builder.recording()


def _decode(line: bytes, version: int, ladder: Mapping[int, Step]) -> AnyFrame:
    if version != VERSION:
        line = msgspec.json.encode(upgrade(_RAW.decode(line), version, ladder))
    return _FRAME.decode(line)


def _check_address(url: str) -> None:
    """Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("there is no such address")


def _check_status(status: int) -> None:
    """Raises ValueError."""
    if not 100 <= status <= 999:
        raise ValueError(f"there is no status {status}")


def _unreadable(number: int, error: Exception) -> LunaError:
    return LunaError(
        Kind.BAD_REQUEST,
        f"The recording cannot be read: line {number}: {str(error)[:LONGEST_WHY]}",
        hint="Check that the file is a whole recording and that nobody has changed it.",
    )


class _Builder:
    """Puts frames together."""

    def __init__(self, head: AnyFrame) -> None:
        if not isinstance(head, Head):
            raise ValueError("a recording begins with its head")
        if len(bytes.fromhex(head.seed)) > LONGEST_SEED:  # raises ValueError, too
            raise ValueError("its seed is too long")
        if not 0 <= head.born < _LAST_SECOND:
            raise ValueError("it was born at no time that there is")
        self._made = Recording(head)
        self._document: ChatRequest | None = None
        self._messages = 0
        """Of all documents."""
        self._events: dict[str, dict[int, list[StreamEvent]]] = {}
        """By boundary: the batches that were written out there, by their number."""
        self._seen = ""
        self._cut: dict[int, str] = {}
        self._line = 1

    def add(self, frame: AnyFrame, line: int) -> None:
        """The frame on that line. Raises ValueError for one that does not fit."""
        made = self._made
        self._line = line
        match frame:  # what there is most of comes first
            case UpData():
                self._exchange(frame.x).chunks.append(Chunk(frame.t, frame.data, line))
            case Events():
                self._add_events(frame)
            case ClientBytes():
                made.sent.append(Chunk(frame.t, frame.data, line))
            case UpRequest() | UpHead() | UpEnd():
                self._add_exchanged(frame)
            case Document():
                self._add_document(frame)
            case Truncated():
                made.truncated = True
                self._cut_here()
            case _:
                self._add_single(frame)

    def _add_single(self, frame: Head | ClientRequested | Recalled | ClientStart | Failure | End) -> None:
        made = self._made
        match frame:
            case ClientRequested():
                made.client = ClientRequest(frame.method, frame.path, frame.query, frame.headers, frame.data)
            case Recalled():
                made.recalled.append(frame)
            case ClientStart():
                _check_status(frame.status)
                made.status, made.headers, made.started = frame.status, frame.headers, frame.t
            case Failure():
                made.failure = frame
            case End():
                made.end = frame
            case Head():
                raise ValueError("a second head")

    def recording(self) -> Recording:
        """What it all comes to."""
        made = self._made
        if made.end is None:
            self._cut_here()
        elif made.end.reached:
            self._cut.setdefault(len(made.batches), made.end.reached)
        names = list(self._events)
        column: list[list[StreamEvent]] = [[] for _ in made.batches]
        for name in names:  # what was not written out here is what it was at the boundary before
            column = column.copy()
            for n, batch in self._events[name].items():
                column[n - 1] = batch
            made.events[name] = column
        for n, last in sorted(self._cut.items(), reverse=True):
            for name in names[names.index(last) + 1 :] if last in names else []:
                del made.events[name][n - 1]
        return made

    def _exchange(self, x: int) -> Exchange:
        if not 0 < x <= len(self._made.exchanges):
            raise ValueError(f"exchange {x} was never opened")
        return self._made.exchanges[x - 1]

    def _add_exchanged(self, frame: UpRequest | UpHead | UpEnd) -> None:
        match frame:
            case UpRequest():
                _ = frame.data  # raises ValueError: nobody may meet with it later
                _check_address(frame.url)
                self._made.exchanges.append(Exchange(frame))
                if self._exchange(frame.x).opened is not frame:
                    raise ValueError(f"exchange {frame.x} was opened out of its turn")
            case UpHead():
                _check_status(frame.status)
                exchange = self._exchange(frame.x)
                exchange.status, exchange.headers, exchange.head_t = frame.status, frame.headers, frame.t
            case UpEnd():
                self._exchange(frame.x).end = frame

    def _add_document(self, frame: Document) -> None:
        encoded = bytes(frame.doc)
        if encoded:
            self._document = resolved(encoded, self._document)
            self._messages += len(self._document.messages)
            if self._messages > MOST_MESSAGES:
                raise ValueError("its documents have too many messages")
        if self._document is None:
            raise ValueError(f"the document at '{frame.boundary}' refers to one before it, and there is none")
        self._made.documents[frame.boundary] = self._document
        self._made.times[frame.boundary] = frame.t

    def _add_events(self, frame: Events) -> None:
        made, known = self._made, len(self._made.batches)
        if frame.n > known and made.truncated:
            return  # the batch itself was left out
        if not 0 < frame.n <= known + 1:
            raise ValueError(f"there is no batch {frame.n} after {known} batches")
        if frame.n > known:
            made.batches.append(Moment(frame.t, self._line))
        written = self._events.get(frame.boundary)
        if written is None:
            written = self._events[frame.boundary] = {}
            made.times[frame.boundary] = frame.t
        encoded = bytes(frame.events)
        if encoded:
            written[frame.n] = _EVENTS.decode(encoded)
        self._seen = frame.boundary

    def _cut_here(self) -> None:
        """What the last batch became after the boundary that was seen last is not known."""
        if self._made.batches:
            self._cut.setdefault(len(self._made.batches), self._seen)
