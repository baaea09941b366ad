"""No secret gets into a recording, and everything else does."""

import re

import pytest

from luna.wire.redact import HOLD_LIMIT, Redactor

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJpZCI6IjEyMyIsImV4cCI6MX0.c2lnbmF0dXJlLW9mLWl0"
KEY = "sk-luna-0123456789abcdef"


def placeholders(text: str) -> list[str]:
    return re.findall(r"<redacted:\d+>", text)


# Headers.


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("Authorization", f"Bearer {JWT}", "Bearer <redacted:1>"),
        ("authorization", "OSS4-HMAC-SHA256 Credential=AK/x,Signature=ff", "OSS4-HMAC-SHA256 <redacted:1>"),
        ("authorization", KEY, "<redacted:1>"),
        ("Proxy-Authorization", "Basic dTpw", "Basic <redacted:1>"),
        ("Cookie", f"token={JWT}; cna=abc;  x=1", "token=<redacted:1>; cna=<redacted:2>; x=<redacted:3>"),
        ("cookie", "a=same; b=same; bare", "a=<redacted:1>; b=<redacted:1>; <redacted:2>"),
        ("cookie", "a=", "a="),
        ("Set-Cookie", f"token={JWT}; Path=/; HttpOnly", "token=<redacted:1>; Path=/; HttpOnly"),
        ("x-api-key", KEY, "<redacted:1>"),
        ("x-proxy-key", "k", "<redacted:1>"),
        ("X-Goog-Api-Key", KEY, "<redacted:1>"),
        ("x-oss-security-token", "CAIS", "<redacted:1>"),
        ("bx-ua", "231!abc", "<redacted:1>"),
        ("bx-umidtoken", "T2gA", "<redacted:1>"),
        ("some-new-token", "abc", "<redacted:1>"),
        ("bx-v", "2.5.37", "2.5.37"),
        ("version", "0.3.11", "0.3.11"),
        ("x-luna-session-id", "s-1", "s-1"),
        ("x-request-id", "11111111-aaaa-4aaa-8aaa-000000000001", "11111111-aaaa-4aaa-8aaa-000000000001"),
        ("referer", f"https://a/?key={JWT}&b=1", "https://a/?key=<redacted:1>&b=1"),
    ],
)
def test_headers(name: str, value: str, kept: str) -> None:
    assert Redactor().headers(((name, value),)) == ((name, kept),)


def test_a_credential_seen_in_a_header_is_known_everywhere_from_then_on() -> None:
    redact = Redactor()
    redact.headers((("authorization", f"Bearer {KEY}"), ("cookie", "refresh_token=0123456789abcdef0123; n=1")))
    assert redact.text(f"the key {KEY} was refused") == "the key <redacted:1> was refused"
    assert redact.body(b"0123456789abcdef0123") == b"<redacted:2>"


def test_the_parts_of_a_stores_proof_are_known_from_then_on() -> None:
    """A store that refuses a request repeats them in its reply."""
    redact = Redactor()
    proof = (
        "OSS4-HMAC-SHA256 Credential=STS.0123456789/20260925/ap-southeast-1/oss/aliyun_v4_request,Signature=" + "f" * 64
    )
    kept = redact.headers((("Authorization", proof), ("x-oss-security-token", "CAIS0123456789abcdef")))
    assert [value for _, value in kept] == ["OSS4-HMAC-SHA256 <redacted:1>", "<redacted:2>"]
    reply = (
        "<Error><Code>SignatureDoesNotMatch</Code><OSSAccessKeyId>STS.0123456789</OSSAccessKeyId><SignatureProvided>"
        f"{'f' * 64}</SignatureProvided><CanonicalRequest>PUT\nx-oss-security-token:CAIS0123456789abcdef\n"
        "20260925/ap-southeast-1/oss/aliyun_v4_request</CanonicalRequest></Error>"
    )
    said = redact.body(reply.encode()).decode()
    assert "STS." not in said
    assert "ffff" not in said
    assert "CAIS" not in said
    assert "SignatureDoesNotMatch" in said
    assert "/oss/aliyun_v4_request" in said
    halves = redact.stream(fields=True)
    assert (halves.feed(reply[:90].encode()) + halves.feed(reply[90:].encode()) + halves.flush()).decode() == said


# Fields, parameters, tokens.


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('{"token":"abc"}', '{"token":"<redacted:1>"}'),
        ('{"data": {"access_token" : "a", "expires": 900}}',
         '{"data": {"access_token" : "<redacted:1>", "expires": 900}}'),
        ('{"refreshToken":"a","refresh-token":"a","REFRESH_TOKEN":"b"}',
         '{"refreshToken":"<redacted:1>","refresh-token":"<redacted:1>","REFRESH_TOKEN":"<redacted:2>"}'),
        ('{"email":"ann@example.com","password":"x\\"y\\\\"}',
         '{"email":"<redacted:1>@example.com","password":"<redacted:2>"}'),
        ('{"email":"nobody"}', '{"email":"nobody"}'),
        ('{"access_key_id":"a","access_key_secret":"b","security_token":"c"}',
         '{"access_key_id":"<redacted:1>","access_key_secret":"<redacted:2>","security_token":"<redacted:3>"}'),
        ('{"cookies":"a=b; c=d","apiKey":"k","api_key":"k"}',
         '{"cookies":"<redacted:1>","apiKey":"<redacted:2>","api_key":"<redacted:2>"}'),
        ('{"token":"","password":null,"secret":5,"api_key":{"type":"string"}}',
         '{"token":"","password":null,"secret":5,"api_key":{"type":"string"}}'),
        ('{"input_tokens":"5","tokens":"many","mytoken":"x"}', '{"input_tokens":"5","tokens":"many","mytoken":"x"}'),
        ('{"arguments":"{\\"password\\": \\"hunter2\\", \\"n\\": 1}"}',
         '{"arguments":"{\\"password\\": \\"<redacted:1>\\", \\"n\\": 1}"}'),
        ('{"a":"{\\"token\\":\\"x\\\\\\"y\\\\\\\\\\"}"}', '{"a":"{\\"token\\":\\"<redacted:1>\\"}"}'),
        ('{"token":"cut of', '{"token":"<redacted:1>'),
        ('{"token":"cut\\', '{"token":"<redacted:1>'),
        ('["token","x"]', '["token","x"]'),
        ('"url":"https://a/punish?x5secdata=abc%3D&x5step=2"', '"url":"https://a/punish?x5secdata=<redacted:1>&x5step=2"'),
        ('https://cdn/v.mp4?key=abc.def', 'https://cdn/v.mp4?key=<redacted:1>'),
        ('https://oss/f?Expires=9&OSSAccessKeyId=AK&Signature=a%2Fb',
         'https://oss/f?Expires=9&OSSAccessKeyId=<redacted:1>&Signature=<redacted:2>'),
        ('https://oss/f?x=1\\u0026x-oss-signature=ff\\u0026y=2',
         'https://oss/f?x=1\\u0026x-oss-signature=<redacted:1>\\u0026y=2'),
        ('dict(key=value), monkey=1&donkey=2, a?key=', 'dict(key=value), monkey=1&donkey=2, a?key='),
        (f"Error: token {JWT} is not valid", "Error: token <redacted:1> is not valid"),
        ("eyJ is how they begin, eyJhbGciOiJI.x.y is short", "eyJ is how they begin, eyJhbGciOiJI.x.y is short"),
    ],
)  # fmt: skip
def test_bodies(text: str, kept: str) -> None:
    redact = Redactor()
    assert redact.body(text.encode()).decode() == kept
    assert redact.body(kept.encode()).decode() == kept


def test_a_query_string() -> None:
    assert Redactor().query("key=abc&beta=1&token=x") == "key=<redacted:1>&beta=1&token=<redacted:2>"
    assert Redactor().query("") == ""


# Known secrets.


def test_known_secrets_go_wherever_they_stand_also_as_json_and_urls_spell_them() -> None:
    redact = Redactor(['pass"word\\1', "a/b+c==d&e"])
    body = b'{"text":"it is pass\\"word\\\\1, raw pass"word\\1","url":"/?x=a%2Fb%2Bc%3D%3Dd%26e","y":"a/b+c==d&e"}'
    kept = redact.body(body).decode()
    assert "pass" not in kept
    assert "a/b" not in kept
    assert "a%2F" not in kept
    assert len(placeholders(kept)) == 4


def test_the_same_secret_has_the_same_placeholder_and_others_have_others() -> None:
    redact = Redactor([KEY, "another-secret"])
    assert redact.text(f"{KEY} {KEY} another-secret") == "<redacted:1> <redacted:1> <redacted:2>"
    assert redact.headers((("x-api-key", KEY),)) == (("x-api-key", "<redacted:1>"),)
    assert redact.body(b'{"api_key":"%b"}' % KEY.encode()) == b'{"api_key":"<redacted:1>"}'


def test_what_is_too_short_is_no_secret() -> None:
    assert Redactor(["", "a", "1234567"]).text("a 1234567") == "a 1234567"
    assert Redactor(["12345678"]).text("12345678") == "<redacted:1>"


@pytest.mark.parametrize(
    ("asked", "told", "kept"),
    [
        ('{"metadata":{"api_key": "short"}}', 'data: {"metadata":{"api_key": "short"},"short":1}\n\n',
         'data: {"metadata":{"api_key": "<redacted:1>"},"short":1}\n\n'),
        ('{"text":"{\\"pwd\\": \\"x\\"}"}', 'data: {"delta":"so {\\"pwd\\": \\"x\\"}, x"}\n\n',
         'data: {"delta":"so {\\"pwd\\": \\"<redacted:1>\\"}, x"}\n\n'),
        ('{"email":"ann@example.org"}', 'data: "email":"ann@example.org", ann\n\n',
         'data: "email":"<redacted:1>@example.org", ann\n\n'),
        ('{"pwd":"","token":"<redacted:7>"}', 'data: "pwd":"","token":"<redacted:7>"\n\n',
         'data: "pwd":"","token":"<redacted:7>"\n\n'),
    ],
)  # fmt: skip
@pytest.mark.parametrize("cut", range(0, 30, 3))
def test_a_short_secret_of_the_request_goes_with_its_field_and_nowhere_else(
    asked: str, told: str, kept: str, cut: int
) -> None:
    redact = Redactor()
    redact.request(asked.encode())
    stream = redact.stream(fields=False)
    data = told.encode()
    assert stream.feed(data[:cut]) + stream.feed(data[cut:]) + stream.flush() == kept.encode()


def test_secrets_that_overlap_leave_nothing_of_either() -> None:
    redact = Redactor(["abcdefgh", "efghijkl", "abcdefghijklmnop"])
    assert redact.text("-abcdefghijkl-") == "-<redacted:1>-"
    assert redact.text("-abcdefghijklmnop-") == "-<redacted:2>-"
    assert Redactor(["abababab"]).text("-ababababab-") == "-<redacted:1>-"


def test_it_never_shows_what_it_knows() -> None:
    redact = Redactor([KEY])
    stream = redact.stream(fields=True)
    stream.feed(KEY[:10].encode())
    assert KEY[:8] not in repr(redact) + repr(stream)


# Streams.


def test_a_secret_that_comes_in_two_pieces_is_one() -> None:
    stream = Redactor([KEY]).stream(fields=False)
    assert stream.feed(f"data: my {KEY[:9]}".encode()) == b"data: my "
    assert stream.feed(f"{KEY[9:]} is it\n\n".encode()) == b"<redacted:1> is it\n\n"
    assert stream.flush() == b""


def test_what_only_looked_like_a_secret_comes_back() -> None:
    stream = Redactor([KEY]).stream(fields=False)
    assert [stream.feed(b"a sk-lu"), stream.feed(b"ck"), stream.flush()] == [b"a ", b"sk-luck", b""]


@pytest.mark.parametrize("end", ["\n\n", "}", "]", "!", "x", "人", " "])
def test_pieces_that_end_harmlessly_pass_at_once(end: str) -> None:
    stream = Redactor([KEY, JWT]).stream(fields=False)
    piece = f'data: {{"choices":[{{"delta":{{"content":"Hello"}}}}],"usage":{{"input_tokens":7}}{end}'.encode()
    for _ in range(3):
        assert stream.feed(piece) == piece


def test_a_field_that_comes_in_many_pieces_is_held_back_as_a_whole_and_no_more() -> None:
    stream = Redactor().stream(fields=True)
    pieces = [b'{"id":1,"acc', b"ess_token", b'" ', b': "se', b"cr", b"et\\", b'"!", "x":', b"2}"]
    kept = [stream.feed(piece) for piece in pieces]
    assert kept == [b'{"id":1,', b"", b"", b"", b"", b"", b'"access_token" : "<redacted:1>", "x":', b"2}"]


def test_a_secret_that_is_cut_by_the_end_is_one_all_the_same() -> None:
    for begun in (KEY[:12], JWT[:-4], '{"token":"half of i', "?key=half"):
        stream = Redactor([KEY]).stream(fields=True)
        kept = stream.feed(begun.encode()) + stream.flush()
        assert placeholders(kept.decode()), begun
        assert begun[-8:].encode() not in kept


def test_a_field_that_never_ends_takes_the_rest_of_its_stream_with_it() -> None:
    stream = Redactor().stream(fields=True)
    assert stream.feed(b'{"a":1,"token":"') == b'{"a":1,'
    kept = b"".join(stream.feed(b"x" * 65536) for _ in range(HOLD_LIMIT // 65536 + 2))
    assert kept == b"<redacted: the rest of this body>"
    assert stream.feed(b'","b":2}') + stream.flush() == b""


def test_pieces_looked_at_together_stay_pieces_and_a_secret_stands_where_it_ends() -> None:
    stream = Redactor([KEY]).stream(fields=False)
    pieces = [b"a ", KEY[:5].encode(), KEY[5:12].encode(), KEY[12:].encode() + b" b\n", b"c ?ke"]
    assert stream.feed_all(pieces) == [b"a ", b"", b"", b"<redacted:1> b\n", b"c "]
    assert stream.feed_all([b"y=abc&x", b"=1\n"]) == [b"?key=<redacted:2>&x", b"=1\n"]
    clean = [b"data: 1\n\n", b"", b"data: 2\n\n"]
    assert stream.feed_all(clean) == clean
