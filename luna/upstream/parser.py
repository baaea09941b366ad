"""Reads one HTTP/1.1 response, fed in any pieces.

Owns the framing: interim heads, where a body ends, whether the connection may serve again. The
grammar is llhttp's (httptools). Pure: how the bytes are cut never matters. Knows no socket.
"""

from typing import Any

import httptools

HEAD_LIMIT = 64 * 1024
"""Bytes. A head that is longer is refused."""

_TOO_LONG = "the head is too long"

RawHeaders = list[tuple[bytes, bytes]]


class ResponseParser:
    """Feed it until `done`, or call `end` when the other side has closed.

    `bodiless` is for the answer to HEAD. `failure` is set when the bytes are no HTTP any more; what
    came before it has been handed out.
    """

    def __init__(self, *, bodiless: bool = False, head_limit: int = HEAD_LIMIT) -> None:
        self.status = 0
        self.headers: RawHeaders = []
        self.head_read = False
        self.done = False
        self.reusable = False
        """True once the response is complete and the connection may carry another one."""
        self.failure: str | None = None
        self._bodiless = bodiless
        self._room = head_limit
        self._fed = 0
        """Bytes, as long as the head is not complete."""
        self._framed = False
        self._body: list[bytes] = []
        self._parser: Any = httptools.HttpResponseParser(self)

    def __repr__(self) -> str:
        state = "failed" if self.failure else "done" if self.done else "body" if self.head_read else "head"
        return f"<ResponseParser {state} {self.status or ''}>".replace(" >", ">")

    def feed(self, data: bytes) -> bytes:
        """The part of the body that is in `data`."""
        if self.done:
            self.reusable = False
            return b""
        if not self.head_read:
            self._fed += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail("it switched protocols although nobody asked")
        except httptools.HttpParserError as error:
            if self.done:
                self.reusable = False  # something follows a response that was complete
            else:
                self._fail(str(error) or type(error).__name__)
        if self._fed > 2 * self._room and not self.head_read:
            self._fail(_TOO_LONG)
        body = self._body
        data = body[0] if len(body) == 1 else b"".join(body)
        body.clear()
        return data

    def drop(self) -> None:
        """No more will be fed. Breaks the circle with httptools' parser, which holds on to this object."""
        self._parser = None

    def end(self) -> None:
        """The other side has closed: the end of a body without a length, the failure of any other."""
        if self.done or self.failure:
            return
        if self.head_read and not self._framed:
            self.done = True
        else:
            self._fail("the connection was closed in the middle of the " + ("body" if self.head_read else "head"))

    def _fail(self, failure: str) -> None:
        self.failure = failure if self.failure is None else self.failure
        self.reusable = False

    # What httptools calls.

    def on_message_begin(self) -> None:
        if self.done:
            self.reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.head_read:  # else it is a trailer
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self.done or self.failure:
            return
        self.status = self._parser.get_status_code()
        if self._fed > self._room and sum([len(name) + len(value) + 4 for name, value in self.headers]) > self._room:
            self._fail(_TOO_LONG)
        if self.status < 200:
            return
        names = b"\0".join([name for name, _ in self.headers]).lower().split(b"\0")  # no name holds a NUL
        self.headers = [(name, value) for name, (_, value) in zip(names, self.headers, strict=False)]
        for name, value in self.headers:
            if name == b"content-length" or (name == b"transfer-encoding" and value.lower().endswith(b"chunked")):
                self._framed = True
        self.head_read = True
        if self._bodiless:
            self._complete()

    def on_body(self, data: bytes) -> None:
        if self.done:
            self.reusable = False
        else:
            self._body.append(data)

    def on_message_complete(self) -> None:
        if self.done:
            return
        if self.head_read:
            self._complete()
        elif self.status != 101:
            self.headers, self._framed = [], False  # an interim head (RFC 9110, section 15.2)

    def _complete(self) -> None:
        self.done = True
        self.reusable = self._parser.should_keep_alive()
