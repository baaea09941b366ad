"""The list of changes: what is kept, for how long, and that no secret ever stands in it."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna.model.ambient import ManualClock
from luna.state import audit as module
from luna.state.audit import MASK, Audit, Change, masked
from luna.state.store import Store

SECRET_NAMES = [
    "token", "access_token", "refreshToken", "accessTokens", "tokens", "TOKEN_KEY", "cookie", "cookies", "Set-Cookie",
    "key", "keys", "apiKey", "api-key", "x-proxy-key", "password", "Passwort-password", "passwd", "pwd", "secret",
    "clientSecret", "credentials", "proxyUrl", "proxy_url", "Authorization", "bearer", "signature", "bx-ua",
    "bx_umidtoken",
]  # fmt: skip
PLAIN_NAMES = ["id", "label", "name", "enabled", "mode", "settings", "threshold", "baseUrl", "value"]
SCALARS = st.one_of(st.booleans(), st.none(), st.integers(-(2**53), 2**53), st.text(max_size=8))
CANARY = "canary-7c1f"


def documents(names: list[str]) -> st.SearchStrategy[Any]:
    return st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(names), inner, max_size=4),
        max_leaves=12,
    )


def poison(value: Any, name: str, under: bool = False) -> tuple[Any, bool]:
    """The document with every value below a telling name made a canary; and whether there is one."""
    match value:
        case dict():
            made = {key: poison(inner, key, under or key in SECRET_NAMES) for key, inner in value.items()}
            return {key: inner for key, (inner, _) in made.items()}, any(found for _, found in made.values())
        case list():
            items = [poison(inner, name, under) for inner in value]
            return [inner for inner, _ in items], any(found for _, found in items)
        case None | bool():
            return value, False
        case int() if under and not name.lower().endswith("tokens"):
            return 70_914_233, True
        case str() if under:
            return f"{CANARY} {value}", True
        case _:
            return value, False


@given(documents([*SECRET_NAMES, *PLAIN_NAMES]))
def test_nothing_under_a_telling_name_survives(document: Any) -> None:
    poisoned, found = poison(document, "")
    said = masked(msgspec.json.encode(poisoned))
    assert CANARY not in said
    assert "70914233" not in said
    assert (MASK in said) >= found


@given(documents(PLAIN_NAMES))
def test_everything_else_stays_as_it_was(document: Any) -> None:
    assert msgspec.json.decode(masked(msgspec.json.encode(document))) == document


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"maxInputTokens": 5, "token_limits": {}}, {"maxInputTokens": 5, "token_limits": {}}),
        ({"tokenOverflow": {"threshold": 9}}, {"tokenOverflow": {"threshold": 9}}),
        ({"summaryMaxTokens": "5"}, {"summaryMaxTokens": MASK}),
        ({"tokenOverflow": "5"}, {"tokenOverflow": MASK}),
        ({"tokenLimits": {"apiKey": "x"}}, {"tokenLimits": {"apiKey": MASK}}),
        ({"credentials": {"token": None}, "key": True}, {"credentials": MASK, "key": True}),
        ({"password": 1234}, {"password": MASK}),
        ({"url": "http://user:pw@host/x?a=b@c"}, {"url": f"http://{MASK}@host/x?a=b@c"}),
        ({"note": "mail me@example.com, see https://x/@y"}, {"note": "mail me@example.com, see https://x/@y"}),
        ({"text": "hello", "context": "hello"}, {"text": "(5 characters)", "context": "hello"}),
        (["a", {"cookies": ["b"]}], ["a", {"cookies": MASK}]),
    ],
)  # fmt: skip
def test_what_is_masked_and_what_only_sounds_like_a_secret(body: Any, said: Any) -> None:
    assert msgspec.json.decode(masked(msgspec.json.encode(body))) == said


def test_a_secret_that_gives_itself_away_goes_wherever_it_stands() -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJpZCI6InUxIn0.c2lnbmF0dXJl"
    for body in ({"note": f"use {token} please"}, [token], {"url": f"https://x/?access_token={token}"}):
        assert token not in masked(msgspec.json.encode(body))


@pytest.mark.parametrize("body", [b"{", b"\xff", b"token=x&key=y", b"[" * 5000, b'{"a":' * 600 + b"1" + b"}" * 600])
def test_what_is_no_json_is_not_kept(body: bytes) -> None:
    assert masked(body) in ("(not JSON)", body.decode("latin-1"))
    assert b"key=y" not in masked(body).encode()


def test_no_body_says_nothing() -> None:
    assert masked(b"") == ""


# The list


def note(audit: Audit, number: int = 1, **fields: Any) -> None:
    audit.note(**{
        "actor": "key", "remote": "127.0.0.1", "method": "POST", "path": f"/api/{number}", "status": 200, "body": b"{}",
        **fields,
    })  # fmt: skip


async def test_entries_come_latest_first_and_page_by_page(store: Store) -> None:
    clock = ManualClock()
    audit = Audit(store, clock)
    for number in range(5):
        note(audit, number, body=b'{"token":"x"}' if number else b"")
        clock.advance(1)
    await store.commit()
    found = await audit.entries(limit=3)
    assert [entry.path for entry in found] == ["/api/4", "/api/3", "/api/2"]
    entry = found[0]
    assert (entry.actor, entry.remote, entry.method, entry.status) == ("key", "127.0.0.1", "POST", 200)
    assert (entry.at, entry.said) == (round((clock.wall() - 1) * 1000), f'{{"token":"{MASK}"}}')
    rest = await audit.entries(limit=3, before=found[-1].id)
    assert [(entry.path, entry.said) for entry in rest] == [("/api/1", f'{{"token":"{MASK}"}}'), ("/api/0", "")]


async def test_whatever_a_client_sends_can_be_kept(store: Store) -> None:
    audit = Audit(store, ManualClock())
    note(audit, actor="a" * 500, remote="r" * 500, method="VERSION-CONTROL", path="/api/\0\udcff" + "p" * 900)
    note(audit, body=msgspec.json.encode({"note": "\0\x7f" + "x" * 9000}))
    await store.commit()
    second, first = await audit.entries()
    assert (len(first.actor), len(first.remote), first.method, first.path[:7]) == (80, 80, "VERSION-CO", "/api/??")
    assert len(first.path) == 400
    assert len(second.said) == module.SAID_LIMIT


async def test_what_is_old_or_too_much_is_forgotten(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock()
    audit = Audit(store, clock)
    audit.tidy()
    note(audit, 1)
    clock.advance(module.KEPT_DAYS * 86400 + 1)
    for number in range(2, 6):
        note(audit, number)
    audit.tidy()
    await store.commit()
    assert [entry.path[-1] for entry in await audit.entries()] == ["5", "4", "3", "2"]
    monkeypatch.setattr(module, "_TRIM", module.trim_to(2))
    audit.tidy()
    await store.commit()
    assert [entry.path[-1] for entry in await audit.entries()] == ["5", "4"]


async def test_who_looks_on_is_told_without_what_was_said(store: Store) -> None:
    told: list[Change] = []
    clock = ManualClock()
    audit = Audit(store, clock)
    audit.watch(told.append)
    note(audit, status=400, body=b'{"text":"hello"}')
    assert told == [Change(round(clock.wall() * 1000), "key", "POST", "/api/1", 400)]
