"""Wherever a secret stands and however the bytes around it are cut, it does not come through; all else does."""

from itertools import pairwise

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from luna.wire.redact import Redactor

SECRETS = ("sk-luna-0123456789abcdef", "token=abc; cna=def", 'quo"ted\\secret', "sk-luna-0123", "人的尊严不可侵犯")
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJpZCI6IjEyMyJ9.c2lnbmF0dXJl"

SCRAPS = st.one_of(
    st.sampled_from([
        *SECRETS, JWT,
        '"token":"', '"access_token" : "', '\\"password\\":\\"', '"email":"', '"', '\\"', "\\", "}", ",",
        '"tok', 'en"', ":", "?key=", "&x5secdata=", "\\u0026token=", "\\u00", "26key=", "&amp;sig", "nature=",
        "=", "?", "&", "6", ";", "eyJ", "sk-luna-01", "\n\n", "data: ", "ann@example.com", "<redacted:3>", " ",
        "abc", "e", "k", "ey", "人", "@", ".",
    ]),
    st.text(max_size=6),
)  # fmt: skip
TEXTS = st.lists(SCRAPS, max_size=25).map(lambda scraps: "".join(scraps).encode("utf-8", "replace"))


@st.composite
def pieces(draw: st.DrawFn, data: bytes) -> list[bytes]:
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return [data[start:end] for start, end in pairwise([0, *cuts, len(data)])]


def streamed(parts: list[bytes], *, fields: bool) -> list[bytes]:
    stream = Redactor(SECRETS).stream(fields=fields)
    return [*[stream.feed(part) for part in parts], stream.flush()]


@given(st.data(), TEXTS, st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_stream_comes_out_as_the_whole_would_however_it_is_cut(
    data: st.DataObject, text: bytes, fields: bool
) -> None:
    whole = b"".join(streamed([text], fields=fields))
    assert b"".join(streamed(data.draw(pieces(text)), fields=fields)) == whole
    assert b"".join(streamed([bytes([byte]) for byte in text], fields=fields)) == whole


@given(st.data(), TEXTS, st.sampled_from(SECRETS), TEXTS)
@settings(max_examples=100, deadline=None)
@example(data=None, before=b"", secret=SECRETS[0], after=b"").via("nothing around it")
def test_a_planted_secret_never_appears(data: st.DataObject | None, before: bytes, secret: str, after: bytes) -> None:
    text = before + secret.encode() + after
    parts = [text] if data is None else data.draw(pieces(text))
    kept = b"".join(streamed(parts, fields=False))
    for known in SECRETS:
        assert known.encode() not in kept


VALUES = st.one_of(st.sampled_from([*SECRETS, JWT, "https://a/?key=abc&n=1"]), st.text(max_size=8), st.integers())
NAMES = st.sampled_from(["token", "accessToken", "email", "cookies", "content", "n", 'q"'])
DOCUMENTS = st.recursive(
    st.dictionaries(NAMES, VALUES, max_size=4),
    lambda inner: st.dictionaries(NAMES, st.one_of(VALUES, inner, st.lists(inner, max_size=3)), max_size=4),
    max_leaves=8,
)


@given(DOCUMENTS, st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_document_stays_one_and_redacting_it_twice_changes_nothing(document: object, nested: bool) -> None:
    text = msgspec.json.encode(document)
    if nested:
        text = msgspec.json.encode({"arguments": text.decode()})
    redact = Redactor(SECRETS)
    once = redact.body(text)
    assert msgspec.json.decode(once).keys() == msgspec.json.decode(text).keys()
    assert redact.body(once) == once


@given(st.data(), st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_what_holds_no_secret_passes_byte_for_byte(data: st.DataObject, text: bytes) -> None:
    assert b"".join(streamed(data.draw(pieces(text)), fields=True)) == text
