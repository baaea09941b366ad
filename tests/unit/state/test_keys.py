"""Proxy keys: made, stored as digests, compared in constant time, revoked at once."""

import hashlib
import hmac
import logging
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from luna.disk.private import NewerFile
from luna.model.ambient import ManualClock
from luna.model.errors import Kind, LunaError
from luna.state.keys import ProxyKeys, key_problem


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "keys.json"


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


async def test_a_key_that_is_made_is_admitted_by_its_name_and_lasts(path: Path) -> None:
    clock = ManualClock(1000.0)
    keys = ProxyKeys((), path, clock=clock)
    assert not keys
    key, text = await keys.create("editor")
    assert re.fullmatch(r"sk-luna-[A-Za-z0-9_-]{43}", text), "32 random bytes"
    for each in (keys, ProxyKeys((), path)):
        assert each
        admitted = each.admit(text)
        assert admitted is not None
        assert (admitted.name, admitted.source, admitted.created_at) == ("editor", "file", 1000.0)
        assert admitted.fingerprint == digest(text)[:8]
        assert each.admit(text + "x") is None
        assert each.admit("") is None
    assert repr(key) == "<ProxyKey editor file>"


async def test_no_two_keys_are_equal(path: Path) -> None:
    keys = ProxyKeys((), path)
    assert len({(await keys.create(f"key {number}"))[1] for number in range(10)}) == 10


async def test_the_key_is_in_no_file_and_no_log(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        keys = ProxyKeys(["from-the-environment"], path)
        _, first = await keys.create("first")
        _, second = await keys.create("second")
        keys.admit(first)
        await keys.keep_used()
        await keys.revoke("second")
        with pytest.raises(LunaError) as refused:
            await keys.store("third", "two words")
    said = [record.getMessage() for record in caplog.records] + [repr(keys), repr(keys.all()), repr(refused.value)]
    files = [file.read_text() for file in path.parent.iterdir()]
    for secret in (first, second, "from-the-environment", "two words"):
        assert not any(secret in text for text in (*files, *said))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert msgspec.json.decode(path.read_bytes())["keys"][0]["sha256"] == digest(first)


@pytest.mark.parametrize("shown", ["known-b", "unknown"])
def test_every_key_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch, shown: str) -> None:
    compared: list[tuple[bytes, bytes]] = []
    real: Callable[[Any, Any], bool] = hmac.compare_digest

    def counting(left: bytes, right: bytes) -> bool:
        compared.append((left, right))
        return real(left, right)

    keys = ProxyKeys(["known-a", "known-b", "known-c"])
    monkeypatch.setattr("luna.state.keys.hmac.compare_digest", counting)
    keys.admit(shown)
    expected = hashlib.sha256(shown.encode()).digest()
    assert [left for left, _ in compared] == [expected] * 3, "a hit does not end the search"


async def test_a_revoked_key_is_refused_at_once_and_for_good(path: Path) -> None:
    keys = ProxyKeys((), path)
    _, text = await keys.create("editor")
    await keys.create("other")
    await keys.revoke("editor")
    assert keys.admit(text) is None
    assert ProxyKeys((), path).admit(text) is None
    assert [key.name for key in ProxyKeys((), path).all()] == ["other"]


async def test_a_revocation_that_cannot_be_written_holds_until_the_end_of_the_process(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = ProxyKeys((), path)
    _, text = await keys.create("editor")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            await keys.revoke("editor")
        with pytest.raises(OSError, match="No space"):
            await keys.create("never told")
    assert keys.admit(text) is None
    assert [key.name for key in keys.all()] == []
    assert ProxyKeys((), path).admit(text) is not None
    await keys.create("other")
    assert ProxyKeys((), path).admit(text) is None, "the next change is rid of it"


def test_keys_of_the_environment_have_names_and_stay() -> None:
    keys = ProxyKeys(["first", "second"])
    assert [key.name for key in keys.all()] == ["environment", "environment-2"]
    admitted = keys.admit("second")
    assert admitted is not None
    assert (admitted.name, admitted.source, admitted.created_at) == ("environment-2", "environment", None)
    assert repr(keys) == "<ProxyKeys environment, environment-2>"
    assert repr(ProxyKeys()) == "<ProxyKeys none>"


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("environment", Kind.FORBIDDEN, "The key 'environment' is one of LUNA_PROXY_KEY."),
        ("nobody", Kind.NOT_FOUND, "There is no key 'nobody'."),
    ],
)
async def test_what_cannot_be_revoked(path: Path, name: str, kind: Kind, said: str) -> None:
    keys = ProxyKeys(["first"], path)
    with pytest.raises(LunaError) as refused:
        await keys.revoke(name)
    assert (refused.value.kind, refused.value.message) == (kind, said)
    assert keys.admit("first") is not None


async def test_a_name_is_given_once_even_to_two_at_the_same_time(path: Path) -> None:
    keys = ProxyKeys((), path)
    made: list[str] = []
    refused: list[Kind] = []

    async def create() -> None:
        try:
            made.append((await keys.create("editor"))[1])
        except LunaError as error:
            refused.append(error.kind)

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(create)
    assert refused == [Kind.CONFLICT] * 2
    assert keys.admit(made[0]) is not None


async def test_there_is_an_end_to_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("luna.state.keys.MOST", 2)
    keys = ProxyKeys(["environment"], path)
    await keys.create("a")
    await keys.create("b")
    with pytest.raises(LunaError, match="There are 2 keys already"):
        await keys.create("c")
    await keys.store("b", "sk_instead")


@pytest.mark.parametrize(
    "name", ["", " x", "x ", "a/b", "a\nb", "a" * 65, "environment", "environment-2", "environment-x"]
)
async def test_names_that_cannot_be(path: Path, name: str) -> None:
    keys = ProxyKeys((), path)
    with pytest.raises(LunaError) as refused:
        await keys.create(name)
    assert (refused.value.kind, refused.value.param) == (Kind.BAD_REQUEST, "name")
    assert not path.exists()


@pytest.mark.parametrize(
    ("text", "problem"),
    [("sk_abc", ""), ("", "word"), ("two words", "word"), ("ümlaut", "word"), ("x" * 1001, "word"), ("a\tb", "word")],
)
def test_texts_that_cannot_be_keys(text: str, problem: str) -> None:
    assert (problem in key_problem(text)) if problem else key_problem(text) == ""


async def test_a_key_that_somebody_else_has_made_takes_the_place_of_the_one_of_its_name(path: Path) -> None:
    keys = ProxyKeys((), path)
    await keys.store("default", "sk_old")
    await keys.store("default", "sk_new")
    assert keys.admit("sk_old") is None
    assert keys.admit("sk_new") is not None
    assert len(ProxyKeys((), path).all()) == 1


async def test_when_a_key_was_last_used_is_written_down_after_a_while(path: Path) -> None:
    clock = ManualClock(1000.0)
    keys = ProxyKeys((), path, clock=clock)
    key, text = await keys.create("editor")
    before = path.stat().st_mtime_ns
    clock.advance(5)
    keys.admit(text)
    assert key.last_used_at == 1005.0
    assert path.stat().st_mtime_ns == before, "not on a request's time"
    await keys.keep_used()
    again = ProxyKeys((), path).find("editor")
    assert again is not None
    assert again.last_used_at == 1005.0
    written = path.stat().st_mtime_ns
    await keys.keep_used()
    assert path.stat().st_mtime_ns == written, "nothing new, nothing written"


async def test_the_use_of_a_key_of_the_environment_writes_nothing(path: Path) -> None:
    keys = ProxyKeys(["first"], path)
    keys.admit("first")
    await keys.keep_used()
    assert not path.exists()


async def test_the_watch_writes_at_its_end(path: Path) -> None:
    keys = ProxyKeys((), path, clock=ManualClock(1000.0))
    _, text = await keys.create("editor")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(keys.watch)
        await anyio.lowlevel.checkpoint()
        keys.admit(text)
        tasks.cancel_scope.cancel()
    again = ProxyKeys((), path).find("editor")
    assert again is not None
    assert again.last_used_at == 1000.0


async def test_the_watch_writes_now_and_then_and_outlives_a_full_disk(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = ProxyKeys((), path, clock=ManualClock(1000.0))
    _, text = await keys.create("editor")
    failed = anyio.Event()

    def full(descriptor: int) -> None:
        anyio.from_thread.run_sync(failed.set)
        raise OSError(28, "No space left on device")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(keys.watch, 0.005)
        with monkeypatch.context() as patch, anyio.fail_after(2):
            patch.setattr("os.fsync", full)
            keys.admit(text)
            await failed.wait()
        keys.admit(text)
        with anyio.fail_after(2):
            while (again := ProxyKeys((), path).find("editor")) is None or again.last_used_at is None:
                await anyio.sleep(0.005)
        tasks.cancel_scope.cancel()


def test_where_a_key_is_required_none_means_nobody() -> None:
    keys = ProxyKeys((), required=True)
    assert keys
    assert keys.admit("anything") is None


async def test_two_changes_at_the_same_time_both_count(path: Path) -> None:
    keys = ProxyKeys((), path)
    await keys.create("old")
    async with anyio.create_task_group() as tasks:
        for number in range(5):
            tasks.start_soon(keys.create, f"key {number}")
        tasks.start_soon(keys.revoke, "old")
    assert {key.name for key in ProxyKeys((), path).all()} == {f"key {number}" for number in range(5)}


async def test_a_damaged_file_admits_nobody_by_accident(path: Path) -> None:
    keys = ProxyKeys((), path)
    _, first = await keys.create("first")
    _, second = await keys.create("second")
    path.write_bytes(path.read_bytes()[:-20])
    again = ProxyKeys((), path)
    assert again.admit(first) is not None
    assert again.admit(second) is None
    (problem,) = again.problems
    assert "keys.json.damaged-1" in problem


@pytest.mark.parametrize("sha", ["", "xyz", "a" * 63, "A" * 64])
def test_a_digest_that_is_none_is_damage(path: Path, sha: str) -> None:
    path.parent.mkdir()
    path.write_bytes(msgspec.json.encode({"version": 1, "keys": [{"name": "a", "sha256": sha, "created_at": 1}]}))
    keys = ProxyKeys((), path)
    assert keys.all() == []
    assert len(keys.problems) == 1


def test_the_file_of_a_newer_luna_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b'{"version": 2, "keys": {}}')
    with pytest.raises(NewerFile):
        ProxyKeys((), path)
