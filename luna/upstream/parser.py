"""Reads one HTTP/1.1 response, fed in any pieces.

Owns the framing: interim heads, where a body ends, whether the connection may serve again. The
grammar is llhttp's (httptools). Pure: how the bytes are cut never matters. Knows no socket.
"""

from collections.abc import Callable
from typing import Any

import httptools

from luna.upstream.exchange import Headers

HEAD_LIMIT = 64 * 1024
"""Bytes. A head that is longer is refused."""

_TOO_LONG = "the head is too long"


class ResponseParser:
    """Feed it until `done`, or call `end` when the other side has closed.

    `bodiless` is for the answer to HEAD. `failure` is set when the bytes are no HTTP any more; what
    came before it has been handed out.
    """

    on_body: Callable[[bytes], None]

    def __init__(self, *, bodiless: bool = False, head_limit: int = HEAD_LIMIT) -> None:
        self.status = 0
        self.headers: Headers = ()
        """Names in lower case, in order."""
        self.head_read = False
        self.done = False
        self.reusable = False
        """True once the response is complete and the connection may carry another one."""
        self.failure: str | None = None
        self._bodiless = bodiless
        self._room = head_limit
        self._fed = 0
        """Bytes, as long as the head is not complete."""
        self._fields: list[bytes] = []
        """Name, value, name, value, ..."""
        self._body: list[bytes] = []
        self.on_body = self._body.append
        self._whole = 0
        """Of `_body`, the pieces that are the response's own once it is complete."""
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
        body = self._body
        if self.done:
            self._parser = None
            if len(body) > self._whole:
                self.reusable = False
                del body[self._whole :]
        elif self._fed > 2 * self._room and not self.head_read:
            self._fail(_TOO_LONG)
        if not body:
            return b""
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
        if self.head_read and not self._framed():
            self.done = True
        else:
            self._fail("the connection was closed in the middle of the " + ("body" if self.head_read else "head"))

    def _framed(self) -> bool:
        """The head says where the body ends."""
        return any(
            name == "content-length" or (name == "transfer-encoding" and value.lower().endswith("chunked"))
            for name, value in self.headers
        )

    def _fail(self, failure: str) -> None:
        self.failure = failure if self.failure is None else self.failure
        self.reusable = False

    # What httptools calls, beside `on_body`.

    def on_message_begin(self) -> None:
        if self.done:
            self.reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.head_read:  # else it is a trailer
            self._fields += (name, value)

    def on_headers_complete(self) -> None:
        if self.done or self.failure:
            return
        self.status = self._parser.get_status_code()
        fields = self._fields
        if self._fed > self._room and sum(map(len, fields)) + 2 * len(fields) > self._room:
            self._fail(_TOO_LONG)
        if self.status < 200:
            return
        if fields:
            texts = b"\0".join(fields).decode("latin-1").split("\0")  # no field holds a NUL
            names = "\0".join(texts[::2]).lower().split("\0")
            self.headers = tuple(zip(names, texts[1::2], strict=True))
        self.head_read = True
        if self._bodiless:
            self._complete()

    def on_message_complete(self) -> None:
        if self.done:
            return
        if self.head_read:
            self._complete()
        elif self.status != 101:
            self._fields = []  # an interim head (RFC 9110, section 15.2)

    def _complete(self) -> None:
        self.done = True
        self.reusable = self._parser.should_keep_alive()
        self._whole = len(self._body)
