"""Compressed bodies are undone piece by piece, and cannot become enormous."""

import gzip
import zlib

import pytest

from luna.upstream.encoding import FLOOR, EncodingError, Inflater, inflater

TEXT = "Die Würde des Menschen ist unantastbar. 人的尊严不可侵犯。".encode() * 50


def raw_deflate(data: bytes) -> bytes:
    squeeze = zlib.compressobj(wbits=-15)
    return squeeze.compress(data) + squeeze.flush()


ENCODED = {
    "gzip": gzip.compress(TEXT),
    "x-gzip": gzip.compress(TEXT),
    "deflate": zlib.compress(TEXT),
    "two members": gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:]),
    "raw deflate": raw_deflate(TEXT),
}
NAMES = {"two members": "gzip", "raw deflate": "deflate"}


def undone(encoding: str, *pieces: bytes) -> bytes:
    undo = inflater(encoding)
    assert undo is not None
    body = b"".join([undo.feed(piece) for piece in pieces])
    undo.end()
    return body


@pytest.mark.parametrize("kind", ENCODED)
def test_each_encoding_is_undone(kind: str) -> None:
    assert undone(NAMES.get(kind, kind), ENCODED[kind]) == TEXT


@pytest.mark.parametrize("kind", ENCODED)
def test_byte_by_byte_is_the_same(kind: str) -> None:
    assert undone(NAMES.get(kind, kind), *(bytes([byte]) for byte in ENCODED[kind])) == TEXT


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_nothing_to_undo(encoding: str) -> None:
    assert inflater(encoding) is None


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, br"])
def test_what_nobody_asked_for_is_named(encoding: str) -> None:
    with pytest.raises(EncodingError, match=f"'{encoding}'"):
        inflater(encoding)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_an_empty_body_is_an_empty_body(encoding: str) -> None:
    assert undone(encoding) == b""


@pytest.mark.parametrize("kind", ENCODED)
def test_a_cut_body_is_noticed(kind: str) -> None:
    with pytest.raises(EncodingError, match="was cut"):
        undone(NAMES.get(kind, kind), ENCODED[kind][:-1])


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_body_that_is_something_else_is_noticed(encoding: str) -> None:
    with pytest.raises(EncodingError, match=f"is not {encoding}"):
        undone(encoding, b"<html>Access denied</html>")


def test_a_bomb_is_stopped_before_it_is_unpacked() -> None:
    bomb = gzip.compress(b"\0" * (FLOOR * 2))
    undo = Inflater("gzip")
    with pytest.raises(EncodingError, match="became more than"):
        undo.feed(bomb)
    assert repr(undo).endswith(f"-> {FLOOR + 1} bytes>")


def test_a_bomb_in_small_pieces_is_stopped_too() -> None:
    bomb = gzip.compress(b"\0" * (FLOOR * 2))
    undo = Inflater("gzip")
    given = 0
    with pytest.raises(EncodingError, match="became more than"):
        for start in range(0, len(bomb), 500):
            given += len(undo.feed(bomb[start : start + 500]))
    assert given <= FLOOR
