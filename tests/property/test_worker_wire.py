"""The form in which an exchange travels to a worker: what goes in comes out, and nothing else is taken for it."""

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna.model.errors import Kind, LunaError
from luna.upstream.exchange import OutRequest, Timeouts
from luna.upstream.forward import SLACK, Described, describe, failed, outcome_of, request_of, succeeded, through

WORDS = st.text(st.characters(max_codepoint=255), max_size=20)
HEADERS = st.lists(st.tuples(WORDS, WORDS), max_size=5).map(tuple)
TIMES = st.floats(0.001, 1000, allow_nan=False)
REQUESTS = st.builds(
    OutRequest,
    st.sampled_from(["GET", "POST", "PUT"]),
    st.text(max_size=40),
    HEADERS,
    st.binary(max_size=50),
    st.builds(Timeouts, TIMES, TIMES, TIMES),
    st.sampled_from(["", "93.184.216.34", "2606:2800::1"]),
)


@given(REQUESTS)
def test_a_request_comes_out_as_it_went_in_but_for_the_slack(request: OutRequest) -> None:
    value = describe(request)
    assert value.isascii()
    assert not set(value) & set("\r\n \t,")
    read = request_of(value, request.body)
    times = request.timeouts
    assert read == OutRequest(
        request.method,
        request.url,
        request.headers,
        request.body,
        Timeouts(times.connect, times.head, times.idle + SLACK),
        request.address,
    )


@given(REQUESTS)
def test_whatever_makes_up_a_request_is_described(request: OutRequest) -> None:
    """A field that is added to a request must not be lost on the way."""
    assert set(OutRequest.__struct_fields__) - {"body", "timeouts"} | {"connect", "head", "idle"} == set(
        Described.__struct_fields__
    )
    outer = through(request, "https://worker.example", "the-key")
    assert outer.body == request.body
    assert (outer.url, outer.address) == ("https://worker.example/worker/exchange", "")
    assert outer.timeouts.head > request.timeouts.connect + request.timeouts.head
    assert outer.timeouts.idle == request.timeouts.idle


def test_a_large_body_is_given_the_time_to_be_sent_on() -> None:
    short = through(OutRequest("PUT", "https://x/", body=b""), "https://w", "k").timeouts.head
    assert (
        through(OutRequest("PUT", "https://x/", body=bytes(20_000_000)), "https://w", "k").timeouts.head > short + 300
    )


@given(st.integers(100, 999), HEADERS)
def test_an_outcome_comes_out_as_it_went_in(status: int, headers: tuple[tuple[str, str], ...]) -> None:
    outcome = outcome_of(succeeded(status, headers))
    assert (outcome.status, tuple(outcome.headers), outcome.failure) == (status, headers, None)


@given(st.sampled_from(list(Kind)), st.text(max_size=2000), st.text(max_size=2000), st.text(max_size=100))
def test_a_failure_is_raised_on_the_other_side_bounded_and_never_about_an_account(
    kind: Kind, message: str, hint: str, phase: str
) -> None:
    with pytest.raises(LunaError) as raised:
        outcome_of(failed(LunaError(kind, message, hint=hint, detail={"phase": phase, "host": "h"})))
    error = raised.value
    known = (Kind.BAD_REQUEST, Kind.FORBIDDEN, Kind.UPSTREAM_BROKEN, Kind.TIMEOUT)
    assert error.kind is (kind if kind in known else Kind.UPSTREAM_BROKEN)
    assert (error.message, error.hint) == (message[:500], hint[:500])
    assert error.detail == ({"phase": phase[:20]} if phase else {})


@given(st.one_of(st.text(max_size=60), st.binary(max_size=60).map(lambda data: base64.b64encode(data).decode())))
def test_nothing_else_is_taken_for_one(value: str) -> None:
    for read in (lambda: request_of(value, b""), lambda: outcome_of(value)):
        with pytest.raises(ValueError, match=r"."):
            read()


def test_a_document_of_another_shape_is_none() -> None:
    documents: list[object] = [{"status": 0}, {"status": 99}, {"status": "200"}, [], {"method": "GET"}, {"failure": {}}]
    for document in documents:
        value = base64.urlsafe_b64encode(msgspec.json.encode(document)).decode()
        for read in (lambda v=value: request_of(v, b""), lambda v=value: outcome_of(v)):
            with pytest.raises(ValueError, match=r"."):
                read()
    nested = base64.urlsafe_b64encode(b"[" * 100_000).decode()
    with pytest.raises(ValueError, match="two lunas"):
        request_of(nested, b"")
