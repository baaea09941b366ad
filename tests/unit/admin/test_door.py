"""The way into the control plane: key, session, signing out, guessing; and the two routes in front of the lock."""

import stat
from pathlib import Path

import msgspec
import pytest
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from luna.admin import signin
from luna.admin.door import COOKIE, KEY_MISSES, LOGIN_MISSES, SESSION_SECONDS, Door, Locked, signed_out_file
from luna.admin.patience import PLACES, Patience
from luna.model.ambient import ManualClock
from luna.model.errors import Kind, LunaError
from luna.state.audit import Audit
from luna.state.store import Store
from tests.support.panel import Panel, Told

KEY = "admin-key-of-a-test"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def door(clock: ManualClock) -> Door:
    return Door(KEY, clock)


def bearer(key: str) -> Headers:
    return Headers({"authorization": f"Bearer {key}"})


def with_session(session: str, name: str = COOKIE) -> Headers:
    return Headers({"cookie": f"theme=dark; {name}={session}"})


def refused(door: Door, headers: Headers, remote: str = "") -> Kind:
    with pytest.raises(LunaError) as failure:
        door.check(headers, remote)
    assert KEY not in failure.value.told
    return failure.value.kind


def test_the_key_opens_and_nothing_else_does(door: Door) -> None:
    assert door.check(bearer(KEY)) == "key"
    assert door.check(Headers({"authorization": f"bearer  {KEY} "})) == "key"
    for headers in (
        Headers({}),
        bearer(""),
        bearer(KEY[:-1]),
        bearer(KEY + "x"),
        bearer("\xff"),
        Headers({"authorization": KEY}),
        Headers({"authorization": f"Basic {KEY}"}),
        Headers({"x-api-key": KEY}),
    ):
        assert refused(door, headers) is Kind.UNAUTHORIZED
    assert KEY not in repr(door)


def test_a_session_lasts_until_its_end(door: Door, clock: ManualClock) -> None:
    session = door.session()
    assert KEY not in session
    assert door.check(with_session(session)) == f"session {session.split('.')[1][:4]}"
    assert door.check(Headers({"cookie": f"{COOKIE}={session}", "authorization": "Bearer wrong"}))
    clock.advance(SESSION_SECONDS - 1)
    assert door.admits(session)
    clock.advance(1)
    assert not door.admits(session)
    assert refused(door, with_session(session)) is Kind.UNAUTHORIZED


def test_a_session_cannot_be_made_up_or_stretched(door: Door, clock: ManualClock) -> None:
    session = door.session()
    expiry, number, signature = session.split(".")
    for forged in (
        "",
        ".",
        "..",
        f"{int(expiry) + 1}.{number}.{signature}",
        f"{expiry}.{number[::-1]}.{signature}",
        f"{expiry}.{number}.{signature[::-1]}",
        f"{expiry}.{number}",
        f"{expiry}.{number}.",
        f"x.{number}.{signature}",
        session + "0",
        "\udcff.\udcff.\udcff",
    ):
        assert not door.admits(forged)
    assert not Door(KEY + "x", clock).admits(session), "a changed key ends them all"
    assert door.session() != session


async def test_who_has_signed_out_is_out_and_others_stay(door: Door, clock: ManualClock) -> None:
    mine, other = door.session(), door.session()
    await door.end(mine)
    await door.end("nonsense")
    assert (door.admits(mine), door.admits(other)) == (False, True)
    clock.advance(SESSION_SECONDS + 1)
    await door.end(door.session())
    assert len(door._ended) == 1, "those that would have ended anyway are not remembered"


async def test_who_has_signed_out_is_out_after_a_restart_too(tmp_path: Path, clock: ManualClock) -> None:
    door = Door(KEY, clock, signed_out=signed_out_file(tmp_path))
    mine, other = door.session(), door.session()
    await door.end(mine)
    again = Door(KEY, clock, signed_out=signed_out_file(tmp_path))
    assert (again.admits(mine), again.admits(other)) == (False, True)
    file = tmp_path / "signed-out.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert mine.rpartition(".")[2] not in file.read_text(), "it opens nothing"
    file.write_text("{")
    assert Door(KEY, clock, signed_out=signed_out_file(tmp_path)).admits(other)


async def test_signing_out_says_when_it_cannot_be_kept(tmp_path: Path, clock: ManualClock) -> None:
    file = signed_out_file(tmp_path / "file" / "x")
    (tmp_path / "file").write_text("in the way")
    door = Door(KEY, clock)
    door._file = file
    mine = door.session()
    with pytest.raises(LunaError, match="until luna is restarted") as failure:
        await door.end(mine)
    assert failure.value.kind is Kind.INTERNAL
    assert str(tmp_path) not in failure.value.told
    assert not door.admits(mine)


def test_each_port_has_a_cookie_of_its_own(clock: ManualClock) -> None:
    one, other = Door(KEY, clock, port=8080), Door(KEY, clock, port=8081)
    session = one.session()
    assert one.check(with_session(session, "luna_session_8080"))
    assert refused(other, with_session(session, "luna_session_8080")) is Kind.UNAUTHORIZED


def test_guessing_has_to_wait(door: Door, clock: ManualClock) -> None:
    for _ in range(LOGIN_MISSES):
        with pytest.raises(LunaError) as failure:
            door.try_key("wrong", "1.1.1.1")
        assert failure.value.kind is Kind.UNAUTHORIZED
        clock.advance(1)
    with pytest.raises(LunaError) as failure:
        door.try_key(KEY, "1.1.1.1")
    assert (failure.value.kind, failure.value.retry_after) == (Kind.RATE_LIMITED, 60.0 - LOGIN_MISSES)
    door.try_key(KEY, "2.2.2.2")
    assert door.check(bearer(KEY), "1.1.1.1") == "key", "programs are counted by themselves"
    clock.advance(60 - LOGIN_MISSES)
    door.try_key(KEY, "1.1.1.1")


def test_a_right_key_does_not_let_another_go_on_guessing(door: Door) -> None:
    for _ in range(LOGIN_MISSES):
        with pytest.raises(LunaError):
            door.try_key("wrong", "1.1.1.1")
        if _ < LOGIN_MISSES - 1:
            door.try_key(KEY, "1.1.1.1")
    with pytest.raises(LunaError) as failure:
        door.try_key(KEY, "1.1.1.1")
    assert failure.value.kind is Kind.RATE_LIMITED


def test_programs_that_guess_have_to_wait_and_sessions_are_not_hurt(door: Door, clock: ManualClock) -> None:
    session = door.session()
    for _ in range(KEY_MISSES):
        assert refused(door, bearer("wrong"), "1.1.1.1") is Kind.UNAUTHORIZED
    assert refused(door, bearer(KEY), "1.1.1.1") is Kind.RATE_LIMITED
    assert refused(door, Headers({}), "1.1.1.1") is Kind.UNAUTHORIZED
    assert door.check(bearer(KEY), "2.2.2.2") == "key"
    assert door.check(with_session(session), "1.1.1.1").startswith("session ")
    clock.advance(60)
    assert door.check(bearer(KEY), "1.1.1.1") == "key"


def test_an_owner_of_many_addresses_counts_once(clock: ManualClock) -> None:
    patience = Patience(3, clock)
    for number in range(3):
        patience.check(f"2001:db8::{number}")
        patience.missed(f"2001:db8::{number}")
    with pytest.raises(LunaError):
        patience.check("2001:db8::ffff")
    patience.check("2001:db8:0:1::1")
    for number in range(3):
        patience.missed(f"::ffff:10.0.0.{number}")
        patience.missed("unix socket")
    patience.check("::ffff:10.0.0.1")
    with pytest.raises(LunaError):
        patience.check("unix socket")


def test_what_is_remembered_is_bounded(clock: ManualClock) -> None:
    patience = Patience(2, clock)
    for number in range(PLACES + 50):
        patience.missed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
        patience.missed("10.99.99.99")
    assert repr(patience) == f"<Patience 2 a minute, {PLACES} places>"
    with pytest.raises(LunaError):
        patience.check("10.99.99.99")


# In front of the lock


@pytest.fixture
def panel(door: Door) -> Panel:
    return Panel(open_routes=signin.routes(door), door=door)


def cookie_of(told: Told) -> str:
    return told.headers["set-cookie"]


async def test_signing_in_and_out(panel: Panel, door: Door) -> None:
    told = await panel("POST", "/api/login", {"key": KEY}, key="")
    assert (told.status, told.document) == (200, {"ok": True})
    name, _, rest = cookie_of(told).partition("=")
    session, *attributes = [part.strip() for part in rest.split(";")]
    assert name == COOKIE
    assert {one.lower() for one in attributes} == {
        "httponly",
        "samesite=strict",
        "path=/",
        f"max-age={SESSION_SECONDS}",
    }
    assert door.admits(session)
    assert KEY.encode() not in told.body

    out = await panel("POST", "/api/logout", {}, key="", headers={"cookie": f"{COOKIE}={session}"})
    assert (out.status, out.document) == (200, {"ok": False})
    assert "max-age=0" in cookie_of(out).lower()
    assert not door.admits(session)
    assert (await panel("POST", "/api/logout", {}, key="")).status == 200, "who is no one may leave"


@pytest.mark.parametrize("body", [{"key": "wrong"}, {"key": ""}])
async def test_a_wrong_key_gives_no_session_and_at_some_time_no_answer(panel: Panel, body: object) -> None:
    for _ in range(LOGIN_MISSES):
        told = await panel("POST", "/api/login", body, key="")
        assert (told.status, "set-cookie" in told.headers) == (401, False)
    told = await panel("POST", "/api/login", {"key": KEY}, key="")
    assert (told.status, told.kind, "set-cookie" in told.headers) == (429, "rate-limited", False)
    assert int(told.headers["retry-after"]) >= 60


@pytest.mark.parametrize("body", [{}, {"key": 1}, {"key": None}, {"key": KEY, "more": 1}, [], "x"])
async def test_a_body_that_says_no_key_is_refused(panel: Panel, body: object) -> None:
    told = await panel("POST", "/api/login", body, key="")
    assert told.status == 400
    assert KEY.encode() not in told.body


async def test_who_comes_and_goes_is_written_down_without_the_key(store: Store, door: Door, clock: ManualClock) -> None:
    audit = Audit(store, clock)
    ask = Panel(open_routes=signin.routes(door, audit), door=door, audit=audit)
    await ask("POST", "/api/login", {"key": "wrong-key"}, key="")
    session = cookie_of(await ask("POST", "/api/login", {"key": KEY}, key="")).partition("=")[2].partition(";")[0]
    await ask("GET", f"/login?key={KEY}", key="")
    await ask("GET", "/login?key=wrong-key", key="")
    await ask("POST", "/api/logout", {}, key="", headers={"cookie": f"{COOKIE}={session}"})
    await ask("POST", "/api/logout", {}, key="")
    await store.commit()
    entries = (await audit.entries())[::-1]
    assert [(one.method, one.path, one.status) for one in entries] == [
        ("POST", "/api/login", 401),
        ("POST", "/api/login", 200),
        ("GET", "/login", 303),
        ("GET", "/login", 401),
        ("POST", "/api/logout", 200),
    ]
    assert entries[1].actor == entries[4].actor == f"session {session.split('.')[1][:4]}"
    assert [entries[0].actor, entries[3].actor] == ["", ""]
    kept = msgspec.json.encode(entries)
    assert KEY.encode() not in kept and b"wrong-key" not in kept
    for _ in range(3 * LOGIN_MISSES):
        await ask("POST", "/api/login", {"key": "wrong"}, key="")
    await store.commit()
    assert len(await audit.entries()) <= len(entries) + LOGIN_MISSES, "who has to wait fills no list"


async def test_the_url_with_the_key_opens_once_too(panel: Panel, door: Door) -> None:
    told = await panel("GET", f"/login?key={KEY}", key="")
    assert (told.status, told.headers["location"], told.headers["cache-control"]) == (303, "/", "no-store")
    assert door.admits(cookie_of(told).partition("=")[2].partition(";")[0])
    wrong = await panel("GET", "/login?key=wrong", key="")
    assert (wrong.status, "set-cookie" in wrong.headers) == (401, False)


async def test_behind_the_lock_it_is_known_who_it_is(door: Door) -> None:
    seen: list[object] = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["state"])
        await Response()(scope, receive, send)

    async def receive() -> Message:
        raise AssertionError("nothing is read")

    sent: list[int] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            sent.append(message["status"])

    shared = {"server": 1}
    session = door.session()
    for header in ((b"authorization", f"Bearer {KEY}"), (b"cookie", f"{COOKIE}={session}"), (b"x", "y")):
        headers = [(header[0], header[1].encode())]
        await Locked(inner, door)({"type": "http", "headers": headers, "state": shared}, receive, send)
    assert seen == [{"server": 1, "actor": "key"}, {"server": 1, "actor": f"session {session.split('.')[1][:4]}"}]
    assert sent == [200, 200, 401]
    assert shared == {"server": 1}, "it may be that of all requests"


def test_the_file_says_only_which_and_until_when(tmp_path: Path) -> None:
    file = signed_out_file(tmp_path)
    file.save({"1.ab": 1})
    assert msgspec.json.decode((tmp_path / "signed-out.json").read_bytes()) == {"1.ab": 1}
