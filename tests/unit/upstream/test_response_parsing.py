"""What a response is, where it ends and whether its connection may serve again."""

import pytest

from luna.upstream.parser import ResponseParser
from tests.support.rawserver import chunked, response


def fed(*pieces: bytes, bodiless: bool = False, head_limit: int = 65536) -> tuple[ResponseParser, bytes]:
    parser = ResponseParser(bodiless=bodiless, head_limit=head_limit)
    return parser, b"".join([parser.feed(piece) for piece in pieces])


@pytest.mark.parametrize(
    ("message", "status", "body", "reusable"),
    [
        (response(b"hello"), 200, b"hello", True),
        (response(b""), 200, b"", True),
        (response(b"hello", headers=["connection: close"]), 200, b"hello", False),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi", 200, b"hi", False),
        (b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nhi", 200, b"hi", True),
        (chunked(b"hel", b"lo"), 200, b"hello", True),
        (chunked(), 200, b"", True),
        (chunked(b"hello")[:-2] + b"x-checksum: 7\r\n\r\n", 200, b"hello", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n", 200, b"hello", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 10\r\n\r\n", 304, b"", True),
        (b"HTTP/1.1 500\r\ncontent-length: 2\r\n\r\nno", 500, b"no", True),
        (b"HTTP/1.1 100 Continue\r\nx: y\r\n\r\n" + response(b"hi"), 200, b"hi", True),
        (b"HTTP/1.1 103 Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 102 Wait\r\n\r\n" + chunked(b"hi"), 200, b"hi", True),
    ],
)  # fmt: skip
def test_a_complete_response(message: bytes, status: int, body: bytes, reusable: bool) -> None:
    parser, read = fed(message)
    assert (parser.status, read, parser.done, parser.reusable) == (status, body, True, reusable)
    assert parser.failure is None


def test_interim_heads_leave_no_headers_behind() -> None:
    parser, _ = fed(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + response(b"hi"))
    assert parser.headers == (("content-length", "2"),)


def test_trailers_are_no_headers() -> None:
    parser, _ = fed(chunked(b"hi")[:-2] + b"x-late: 1\r\n\r\n")
    assert parser.headers == (("transfer-encoding", "chunked"),)


def test_header_names_come_in_lower_case_in_order_and_repeated_ones_stay() -> None:
    parser, _ = fed(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nX-Y: z\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n")
    assert parser.headers == (
        ("set-cookie", "a=1"), ("x-y", "z"), ("set-cookie", "b=2"), ("content-length", "0"),
    )  # fmt: skip


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    parser, body = fed(b"HTTP/1.1 200 OK\r\n\r\nhel", b"lo")
    assert (body, parser.done) == (b"hello", False)
    parser.end()
    assert (parser.done, parser.reusable, parser.failure) == (True, False, None)


def test_the_answer_to_head_has_no_body_whatever_its_length_says() -> None:
    parser, body = fed(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n", bodiless=True)
    assert (parser.done, parser.reusable, body) == (True, True, b"")


@pytest.mark.parametrize(
    ("message", "failure"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhel", "closed in the middle of the body"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel", "closed in the middle of the body"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", "closed in the middle of the body"),
        (b"HTTP/1.1 200 OK\r\ncontent-le", "closed in the middle of the head"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "closed in the middle of the head"),
    ],
)
def test_a_response_that_is_cut(message: bytes, failure: str) -> None:
    parser, _ = fed(message)
    parser.end()
    assert not parser.done
    assert failure in str(parser.failure)


@pytest.mark.parametrize(
    "message",
    [
        b"<html>not HTTP</html>\r\n\r\n",
        b"HTTP/2 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\ncontent-length: 0\n\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused(message: bytes) -> None:
    parser, body = fed(message)
    assert parser.failure
    assert (parser.head_read, parser.done, body) == (False, False, b"")


@pytest.mark.parametrize("broken", [b"zz\r\nhi\r\n0\r\n\r\n", b"2\r\nhiXX0\r\n\r\n"])
def test_broken_chunks_are_refused_but_what_came_before_them_is_given(broken: bytes) -> None:
    parser, body = fed(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n" + broken)
    assert parser.failure and not parser.done
    assert body.startswith(b"hello")


@pytest.mark.parametrize("surplus", [b"X", b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"])
def test_what_follows_a_response_makes_its_connection_useless(surplus: bytes) -> None:
    together, body = fed(response(b"hi") + surplus)
    assert (together.done, together.reusable, together.failure, body) == (True, False, None, b"hi")
    later, _ = fed(response(b"hi"), surplus)
    assert (later.done, later.reusable, later.failure) == (True, False, None)


def test_a_body_after_the_answer_to_head_makes_its_connection_useless() -> None:
    parser, body = fed(response(b"hello"), bodiless=True)
    assert (parser.done, parser.reusable, body) == (True, False, b"")


def test_a_head_that_never_ends_is_given_up() -> None:
    parser = ResponseParser(head_limit=1000)
    parser.feed(b"HTTP/1.1 200 OK\r\n")
    for _ in range(40):
        parser.feed(b"x: " + b"y" * 60 + b"\r\n")
    assert parser.failure == "the head is too long"
    assert not parser.head_read


def test_one_endless_line_is_given_up() -> None:
    parser = ResponseParser(head_limit=1000)
    parser.feed(b"HTTP/1.1 200 OK\r\nx: ")
    for _ in range(40):
        parser.feed(b"y" * 60)
    assert parser.failure == "the head is too long"


def test_a_head_of_the_usual_size_passes_the_limit() -> None:
    parser, _ = fed(response(b"", headers=[f"x-{n}: {'y' * 90}" for n in range(9)]), head_limit=1000)
    assert parser.done


def test_it_says_where_it_is() -> None:
    parser = ResponseParser()
    assert repr(parser) == "<ResponseParser head>"
    parser.feed(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n")
    assert repr(parser) == "<ResponseParser body 200>"
    parser.feed(b"hi")
    assert repr(parser) == "<ResponseParser done 200>"
