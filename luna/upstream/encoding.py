"""Undoes a body's content encoding, piece by piece (RFC 9110, section 8.4.1).

luna asks for `identity`; this is for servers that compress all the same. Pure: how the body is cut
never matters. Owns the bound that keeps a small body from becoming an enormous one.
"""

import zlib

FLOOR = 16 * 1024 * 1024
RATIO = 100
"""A body may always decode to FLOOR bytes, and beyond that to at most RATIO times what came in."""

_GZIP, _ZLIB, _RAW = 31, 15, -15


class EncodingError(Exception):
    """The body is not what its `content-encoding` says, or grows beyond all measure."""


class Inflater:
    """Undoes gzip (`gzip`, `x-gzip`) and deflate, with zlib's wrapping or without."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._window = _GZIP if encoding.endswith("gzip") else 0
        self._inflate = zlib.decompressobj(_GZIP)
        self._start = b""
        self._taken = 0
        self._given = 0

    def __repr__(self) -> str:
        return f"<Inflater {self._encoding} {self._taken} -> {self._given} bytes>"

    def feed(self, data: bytes) -> bytes:
        """What `data` adds to the body. Raises EncodingError."""
        self._taken += len(data)
        if not self._window:
            data = self._start = self._start + data
            if len(data) < 2:
                return b""
            self._window = _ZLIB if _wrapped(data) else _RAW
            self._inflate = zlib.decompressobj(self._window)
        pieces: list[bytes] = []
        while data:
            if self._inflate.eof:  # another member follows (RFC 1952, section 2.2)
                self._inflate = zlib.decompressobj(self._window)
            bound = max(FLOOR, RATIO * self._taken)
            try:
                piece = self._inflate.decompress(data, bound - self._given + 1)
            except zlib.error as error:
                raise EncodingError(f"the body is not {self._encoding}") from error
            pieces.append(piece)
            self._given += len(piece)
            if self._given > bound:
                raise EncodingError(f"{self._taken} bytes of {self._encoding} became more than {bound}")
            data = self._inflate.unconsumed_tail or self._inflate.unused_data
        return b"".join(pieces)

    def end(self) -> None:
        """No more will come. Raises EncodingError when the encoded body was cut."""
        if self._taken and not self._inflate.eof:
            raise EncodingError(f"the {self._encoding} body was cut")


def inflater(encoding: str) -> Inflater | None:
    """The way back for a `content-encoding`; None when there is nothing to undo. Raises EncodingError."""
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip" | "deflate" as known:
            return Inflater(known)
        case other:
            raise EncodingError(f"it is encoded with '{other[:40]}', which nobody asked for")


def _wrapped(data: bytes) -> bool:
    """True when a deflate body begins with zlib's header (RFC 1950, section 2.2); some servers leave it out."""
    return data[0] & 15 == 8 and (data[0] << 8 | data[1]) % 31 == 0
