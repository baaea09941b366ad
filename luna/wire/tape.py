"""Takes down one exchange with the upstream. Belongs to a `Recorder`, which makes it."""

from typing import Literal

from luna.model.dialect import Headers
from luna.model.errors import LunaError
from luna.wire.frames import UpEnd, UpHead, UpRequest, pack
from luna.wire.ledger import Ledger, harmless

LARGEST_UPLOAD = 64 * 1024
"""Bytes. Of a larger file that goes out only its size is taken down."""
_FILES = ("image/", "video/", "audio/", "application/")
_WORDS = ("application/json",)


class Tape:
    """Never raises. Number `x` of its flow."""

    def __init__(self, ledger: Ledger, x: int) -> None:
        self.ledger = ledger
        self._x = x
        self._body = ledger.body(x, fields=True)
        self.ended = False

    def __repr__(self) -> str:
        return f"<Tape {self._x} of {self.ledger.flow} {'ended' if self.ended else 'running'}>"

    @harmless
    def request(self, method: str, url: str, headers: Headers, body: bytes, waited: int = 0) -> None:
        """The exchange begins. `waited` in microseconds."""
        ledger, redact = self.ledger, self.ledger.redactor
        headers = redact.headers(headers)  # first: it learns credentials that may stand elsewhere
        body = _shortened(headers, body)
        body = redact.body(body) if ledger.afford(len(body)) else b""
        url = redact.text(url)
        ledger.write(UpRequest(ledger.now(), self._x, method, url, headers, waited, **pack(body)))

    @harmless
    def head(self, status: int, headers: Headers) -> None:
        """The upstream answers."""
        ledger = self.ledger
        self._body = ledger.body(self._x, fields=not is_event_stream(headers))
        ledger.write(UpHead(ledger.now(), self._x, status, ledger.redactor.headers(headers)))

    def data(self, data: bytes) -> None:
        """One read of the body."""
        self.ledger.piece(self._body, data)

    @harmless
    def end(self, how: Literal["complete", "closed", "broken"], error: LunaError | None = None) -> None:
        """The exchange is over; the first call counts."""
        if self.ended:
            return
        self.ended = True
        ledger = self.ledger
        ledger.over(self._body)
        if error is None:
            ledger.write(UpEnd(ledger.now(), self._x, how))
        else:
            told = (error.kind.value, error.message, error.hint)
            ledger.write_redacted(UpEnd(ledger.now(), self._x, how, *told))


def _shortened(headers: Headers, body: bytes) -> bytes:
    """A file that is uploaded stands in the client's request already; twice it would eat up the whole budget."""
    if len(body) <= LARGEST_UPLOAD:
        return body
    kind = next((value.lower() for name, value in headers if name.lower() == "content-type"), "")
    is_file = kind.startswith(_FILES) and not kind.startswith(_WORDS)
    return f"<left out: {len(body)} bytes of {kind}>".encode() if is_file else body


def is_event_stream(headers: Headers) -> bool:
    """True for a stream of server-sent events. Field rules do not apply there: no credential is ever a field of an
    answer's delta, and the search for fields would cost more than everything else that is recorded of it."""
    return any(name.lower() == "content-type" and "event-stream" in value for name, value in headers)
