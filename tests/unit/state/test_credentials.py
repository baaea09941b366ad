"""The credentials file: its permissions, its survival."""

import os
import stat
from pathlib import Path

import pytest

from luna.qwen.credentials import Credentials
from luna.state.credentials import CredentialStore, NewerFile, Record


def record(id: str = "a", token: str = "secret-token") -> Record:
    return Record(id, "qwen-ai", Credentials.read({"token": token, "cookies": "x=1; y=2"}), label="Mine")


def store_in(directory: Path) -> CredentialStore:
    return CredentialStore(directory / "data" / "credentials.json")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_saved_can_be_loaded(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    assert store.load() == []
    store.save([record("a"), record("b")])
    assert CredentialStore(store.path).load() == [record("a"), record("b")]
    store.save([])
    assert store.load() == []


def test_only_the_owner_may_read(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        store = store_in(tmp_path)
        store.path.parent.mkdir(mode=0o777)
        store.save([record()])
        store.save([record("b")])
    finally:
        os.umask(old)
    assert mode(store.path) == 0o600
    assert mode(store.previous) == 0o600
    assert mode(store.path.parent) == 0o700


def test_the_generation_before_is_kept(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.save([record("a")])
    store.save([record("b")])
    assert CredentialStore(store.previous).load() == [record("a")]
    assert sorted(path.name for path in store.path.parent.iterdir()) == [
        "credentials.json",
        "credentials.json.previous",
    ]


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"\xff\xfe", b"[]", b'{"version": 1}', b'{"version": 1, "accounts": [{"id": 5}]}', b"[" * 9999],
)
def test_a_damaged_file_is_moved_aside_and_the_one_before_is_used(tmp_path: Path, damage: bytes) -> None:
    store = store_in(tmp_path)
    store.save([record("a")])
    store.save([record("b")])
    store.path.write_bytes(damage)
    assert store.load() == [record("a")]
    (problem,) = store.problems
    assert "credentials.json.damaged-1" in problem
    assert store.path.with_name("credentials.json.damaged-1").read_bytes() == damage
    store.save([record("c")])
    assert store.path.with_name("credentials.json.damaged-1").read_bytes() == damage, "never written over"


def test_damage_upon_damage(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.path.parent.mkdir()
    for number in (1, 2):
        store.path.write_bytes(b"x%d" % number)
        store.previous.write_bytes(b"y")
        assert store.load() == []
    names = sorted(path.name for path in store.path.parent.iterdir())
    assert names == [
        "credentials.json.damaged-1",
        "credentials.json.damaged-2",
        "credentials.json.previous.damaged-1",
        "credentials.json.previous.damaged-2",
    ]


def test_the_file_of_a_newer_luna_is_left_alone(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.path.parent.mkdir()
    store.path.write_bytes(b'{"version": 2, "accounts": {"new": "shape"}}')
    with pytest.raises(NewerFile, match="version 2"):
        store.load()
    assert store.path.exists()


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_in(tmp_path)
    store.save([record("a")])

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        store.save([record("b")])
    monkeypatch.undo()
    assert CredentialStore(store.path).load() == [record("a")]
    assert [path.name for path in store.path.parent.iterdir()] == ["credentials.json"]


def test_no_secret_in_a_repr(tmp_path: Path) -> None:
    assert "secret-token" not in f"{record()!r} {store_in(tmp_path)!r}"
