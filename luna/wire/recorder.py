"""Takes one flow down: what the client said, what each stage made of it, what the upstream said, what went out.

Owns the order of frames and what is left out because it did not change. A tap in the machine's
sense: synchronous, never blocks, never raises. What comes in pieces is only noted here; it is redacted with what
follows it, before any of it is handed on (`luna.wire.transcribe`).
"""

from collections.abc import Mapping
from contextvars import ContextVar

import msgspec

from luna.model.chat import ChatRequest
from luna.model.dialect import ClientRequest, Headers
from luna.model.errors import LunaError
from luna.model.events import Batch
from luna.wire.frames import (
    VERSION,
    ClientRequested,
    ClientStart,
    Document,
    End,
    Events,
    Failure,
    Head,
    Recalled,
    pack,
)
from luna.wire.ledger import Ledger, harmless
from luna.wire.requests import Requests
from luna.wire.tape import Tape, is_event_stream


class Recorder:
    """Records one flow; a `Tap`. Made when the flow is born."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._requests = Requests(ledger.encode, ledger.redactor)
        self._boundaries: dict[str, None] = {}
        self._first = ""
        self._reached = ""
        self._batch: Batch = ()
        self._batches = 0
        self._tapes: list[Tape] = []
        self._recalled: set[str] = set()
        self._waited = 0
        self._client = ledger.body(0, fields=True)

    def __repr__(self) -> str:
        return f"<Recorder batches={self._batches} exchanges={len(self._tapes)} {self.ledger!r}>"

    @harmless
    def head(
        self,
        *,
        luna: str,
        born: float,
        seed: bytes,
        route: str,
        pipeline: str,
        snapshot: str,
        options: Mapping[str, Mapping[str, object]],
    ) -> None:
        """The first frame. `born` in seconds since the epoch, `options` those in force by stage."""
        ledger = self.ledger
        frame = Head(0, VERSION, luna, ledger.flow, born, seed.hex(), route, pipeline, snapshot)
        if options:
            frame = msgspec.structs.replace(frame, options=msgspec.Raw(ledger.encode(options)))
        ledger.write_redacted(frame)

    @harmless
    def client(self, request: ClientRequest) -> None:
        """What the client sent."""
        ledger, redact = self.ledger, self.ledger.redactor
        headers = redact.headers(request.headers)  # first: it learns credentials that may stand elsewhere
        body = redact.request(request.body) if ledger.afford(len(request.body)) else b""
        path, query = redact.text(request.path), redact.query(request.query)
        ledger.write(ClientRequested(ledger.now(), request.method, path, query, headers, **pack(body)))

    @harmless
    def recalled(self, response: str, document: bytes, items: bytes) -> None:
        """What luna remembers of an earlier response, and the flow has just asked for. Kept once."""
        if response in self._recalled:
            return
        self._recalled.add(response)
        ledger = self.ledger
        if ledger.afford(len(document) + len(items)):
            told = (msgspec.Raw(ledger.redactor.body(part)) for part in (document, items))
            ledger.write(Recalled(ledger.now(), response, *told))

    def exchange(self, method: str, url: str, headers: Headers, body: bytes) -> Tape:
        """An exchange with the upstream begins. The tape takes down the rest of it."""
        tape = Tape(self.ledger, len(self._tapes) + 1)
        self._tapes.append(tape)
        waited, self._waited = self._waited, 0
        tape.request(method, url, headers, body, waited)
        return tape

    def waited(self, seconds: float) -> None:
        """The flow has been in the queue for so long; it stands with the exchange that follows."""
        self._waited += int(seconds * 1_000_000)

    # What the machine tells.

    @harmless
    def document(self, boundary: str, chat: ChatRequest) -> None:
        """The request as it stands after a request stage."""
        ledger = self.ledger
        document = self._requests.changed(chat)
        if document is None:
            ledger.write(Document(ledger.now(), boundary))
        elif ledger.afford(len(document)):
            ledger.write(Document(ledger.now(), boundary, msgspec.Raw(document)))
        else:
            self._requests.forget()  # nobody must refer to what was left out

    def events(self, boundary: str, batch: Batch) -> None:
        """A batch as it leaves the transport (then it counts as a new one) or a response stage."""
        if boundary in self._boundaries and boundary != self._first and _same(self._batch, batch):
            self._reached = boundary  # as nearly always, and all that it costs
        else:
            self._events(boundary, batch)

    @harmless
    def _events(self, boundary: str, batch: Batch) -> None:
        ledger = self.ledger
        if not self._first:
            self._first = boundary
            self._requests.forget()
        if boundary == self._first:
            self._batches += 1
        elif boundary not in self._boundaries and _same(self._batch, batch):
            ledger.write(Events(ledger.now(), boundary, self._batches))
            self._boundaries[boundary] = None
            self._reached = boundary
            return
        self._boundaries[boundary] = None
        self._reached = boundary
        self._batch = batch
        ledger.passed(boundary, self._batches, ledger.encode(batch))

    @harmless
    def started(self, status: int, headers: Headers) -> None:
        """The status line went out to the client."""
        ledger = self.ledger
        self._client = ledger.body(0, fields=not is_event_stream(headers))
        ledger.write(ClientStart(ledger.now(), status, ledger.redactor.headers(headers)))

    def sent(self, data: bytes) -> None:
        """Bytes went out to the client, in one send."""
        self.ledger.piece(self._client, data)

    @harmless
    def failed(self, error: LunaError) -> None:
        """The flow met an error."""
        told = (error.kind.value, error.message, error.hint, error.stage, error.param, error.retry_after, error.detail)
        self.ledger.write_redacted(Failure(self.ledger.now(), *told))

    def ended(self, outcome: str) -> None:
        """The flow is over."""
        ledger = self.ledger
        self._flush()
        last = next(reversed(self._boundaries), "")
        reached = "" if self._reached == last else self._reached
        ledger.close(End(ledger.now(), outcome, reached, ledger.left_out, ledger.fault), outcome)

    @harmless
    def _flush(self) -> None:
        for tape in self._tapes:
            tape.end("closed")
        self.ledger.over(self._client)


CURRENT: ContextVar[Recorder | None] = ContextVar("recorder", default=None)
"""The recorder of the flow that is running; None when nobody records it."""


def _same(before: Batch, now: Batch) -> bool:
    if before is now:
        return True
    if len(before) != len(now):
        return False
    if len(now) == 1:  # most of them
        return before[0] is now[0] or before[0] == now[0]
    return [*before] == [*now]
