"""Lines for people hold no secrets, and little else is taken from them."""

import logging
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luna.state.discretion import GONE, LONGEST, DiscreetFormatter, Discretion

CANARY = "c4n4ry-5ecret-V4lue"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJpZCI6IjEyMyIsImV4cCI6MX0.c2lnbmF0dXJlLW9mLWl0"

UNKNOWN = [
    "authorization: Bearer {}",
    "Authorization: Basic {}=",
    "proxy-authorization: Digest username={}, response=x",
    "sent {{'Authorization': 'Bearer {}', 'host': 'h'}}",
    "headers=[(b'cookie', b'a=1; token={}; b=2'), (b'host', b'h')]",
    "Cookie: cna=x; {}=1",
    "set-cookie: token={}; Path=/; HttpOnly",
    "cookies={}; more={}",
    'cookie: a="{}"; b=2',
    'it said {{"cookie": "token={}"}} and more',
    'escaped "{{\\"authorization\\": \\"{}\\"}}"',
    "token={}",
    "QWEN_AI_TOKEN={} is set",
    "access_token: '{}'",
    "refreshToken={}&x=1",
    "(b'x-api-key', b'{}')",
    "x-proxy-key: {}",
    "api key = {}",
    "LUNA_PROXY_KEY={}",
    "admin_key: {}",
    "password={}",
    "client_secret: {}",
    "access_key_id={} signature={}",
    "bx-ua: {}",
    "x5secdata={}",
    "GET /x?key={}&b=2",
    "a bearer {} in a sentence",
    "http://user:{}@proxy.example:8080/",
    "socks5://someone:{}@192.0.2.1:1080",
    "the key sk-{} was shown",
]


@pytest.mark.parametrize("line", UNKNOWN)
def test_a_secret_that_nobody_knows_is_recognised_by_its_surroundings(line: str) -> None:
    said = Discretion().text(line.replace("{{", "{").replace("}}", "}").replace("{}", CANARY))
    assert CANARY not in said
    assert "redacted" in said


@pytest.mark.parametrize("secret", [JWT, "luna-" + "Ab1_" * 8, "sk-luna-" + "x" * 20])
def test_a_secret_that_looks_like_one_is_recognised_anywhere(secret: str) -> None:
    assert secret not in Discretion().text(f"what is {secret}? nobody knows")


def test_a_known_secret_goes_wherever_it_stands_and_for_a_moment_after_it_was_rotated() -> None:
    known = [CANARY]
    discretion = Discretion(lambda: known)
    assert CANARY not in discretion.text(f"x{CANARY}y")
    known[0] = "another-secret-value"
    assert CANARY not in discretion.text(f"said just before: {CANARY}")
    assert "another-secret-value" not in discretion.text("and another-secret-value")


@pytest.mark.parametrize(
    "line",
    [
        "flow flow_0123 failed at qwen: rate-limited: Qwen says that it is enough.",
        "POST /v1/chat/completions completed: 200 in 1234 ms",
        "max_tokens=4096, tokens: 12000, token 5 of 9",
        "session sess_1 goes on in chat 0a1b2c",
        "configuration 3 is in force: 4 routes, 2 pipelines, compiled in 12 ms",
        "http://127.0.0.1:8080/login?x=1 and https://chat.qwen.ai/api/v2/chats/new",
        "This route needs the admin key. `luna key` prints it.",
        "the cookies of the account were renewed",
        "No Qwen account is configured: set QWEN_AI_TOKEN or QWEN_AI_COOKIES",
        "",
    ],
)
def test_lines_without_secrets_stay_as_they_are(line: str) -> None:
    assert Discretion(lambda: [CANARY]).text(line) == line


@given(st.text(max_size=40), st.text(max_size=40))
@settings(max_examples=100)
def test_a_known_secret_goes_whatever_stands_around_it(before: str, after: str) -> None:
    assert CANARY not in Discretion(lambda: [CANARY]).text(f"{before}{CANARY}{after}")


@given(st.text(max_size=200))
@settings(max_examples=100)
def test_redacting_twice_changes_nothing(text: str) -> None:
    discretion = Discretion(lambda: [CANARY])
    once = discretion.text(text)
    assert discretion.text(once) == once


def test_structured_fields() -> None:
    said = (
        Discretion(lambda: [CANARY])
        .now()
        .fields(
            {
                "note": f"it is {CANARY}",
                "headers": {"Cookie": "short", "host": "h", "x-api-key": "k"},
                "list": [CANARY, 1, None, ("b", {"refresh_token": "x"})],
                "input_tokens": 12,
                "maxTokens": 5,
                "token": "t",
                "ok": True,
                "deep": {"a": {"b": {"c": {"d": {"e": "f"}}}}},
                "long": "x" * 99_999,
                "many": list(range(99)),
                "odd": object,
            }
        )
    )
    assert said["note"] == "it is <redacted:1>"
    assert said["headers"] == {"Cookie": GONE, "host": "h", "x-api-key": GONE}
    assert said["list"] == ["<redacted:1>", 1, None, ["b", {"refresh_token": GONE}]]
    assert (said["input_tokens"], said["maxTokens"], said["ok"], said["token"]) == (12, 5, True, GONE)
    assert said["deep"] == {"a": {"b": {"c": {"d": "{'e': 'f'}"}}}}
    assert (len(said["long"]), len(said["many"]), said["odd"]) == (LONGEST, 40, "<class 'object'>")


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        ("done", {"status": 200, "account": "env", "none": None, "list": (1, "a")}),
        ("done", {}),
        (f"it is {CANARY}", {"status": 200}),
        ("done", {"note": CANARY}),
        ("done", {"Cookie": "short"}),
        ("done", {"note": "password: short"}),
        ('quoted "' + CANARY + '"', {"a": f'"{CANARY}\\"'}),
        ("half \ud800", {"a": "b"}),
        ("long", {"a": "x" * 9000}),
        ("odd", {"a": object()}),
        ("keys", {1: "a"}),
    ],
)
def test_the_quick_look_at_a_line_lets_pass_what_the_thorough_one_would(message: str, fields: dict[Any, Any]) -> None:
    censor = Discretion(lambda: [CANARY]).now()
    said, kept = censor.line(message, fields)
    assert said == censor.text(message)
    assert kept == msgspec.json.decode(msgspec.json.encode(censor.fields(fields)))
    assert CANARY not in f"{said} {kept}"
    assert "short" not in f"{said} {kept}"
    beside = ("well", {"status": 200})
    assert censor.lines([beside, (message, fields), beside]) == [beside, (said, kept), beside]


@pytest.mark.parametrize(
    "hostile",
    ["cookie" * 4000, "token" * 5000, "bearer " * 5000, "cookie='" * 4000, "://a:" * 5000, "token" + "\\" * 20_000,
     "token =" + " " * 20_000, "a" * 50_000, "basic " + "a" * 50_000],
)  # fmt: skip
def test_no_line_takes_long(hostile: str) -> None:
    begun = time.process_time()
    Discretion().text(hostile)
    assert time.process_time() - begun < 0.5


def test_the_console_can_have_the_same() -> None:
    formatter = DiscreetFormatter(Discretion(lambda: [CANARY]), "%(name)s: %(message)s")
    try:
        raise ValueError(f"cookie: {CANARY}")
    except ValueError as error:
        exc = (type(error), error, error.__traceback__)
    record = logging.LogRecord("luna.x", logging.INFO, "x.py", 1, "token=%s", (CANARY,), exc)
    said = formatter.format(record)
    assert said.startswith("luna.x: token=<redacted")
    assert CANARY not in said
