"""Files that a person edits too: written whole, and afterwards as that person had them."""

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from luna.disk import ordinary


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("permissions", [0o600, 0o644, 0o664])
def test_permissions_stay(tmp_path: Path, permissions: int) -> None:
    path = tmp_path / "routes.yaml"
    path.write_bytes(b"old")
    path.chmod(permissions)
    ordinary.write(path, b"new")
    assert (path.read_bytes(), mode(path)) == (b"new", permissions)
    assert [each.name for each in tmp_path.iterdir()] == ["routes.yaml"]


def test_a_new_file_gets_its_folder_and_can_be_read_by_who_reads_that(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    path = tmp_path / "first.yaml"
    ordinary.write(path, b"1")
    assert mode(path) == 0o644
    tmp_path.chmod(0o700)
    ordinary.write(tmp_path / "second.yaml", b"2")
    assert mode(tmp_path / "second.yaml") == 0o600
    ordinary.write(tmp_path / "prompts" / "own" / "third.md", b"3")
    assert (tmp_path / "prompts" / "own" / "third.md").read_bytes() == b"3"


def test_a_link_stays_a_link_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    real, link = tmp_path / "dotfiles" / "routes.yaml", tmp_path / "routes.yaml"
    real.parent.mkdir()
    real.write_bytes(b"old")
    link.symlink_to(real)
    ordinary.write(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    ordinary.remove(link)
    assert (link.is_symlink(), real.read_bytes()) == (False, b"new")


def test_a_file_that_is_mounted_by_itself_is_written_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "routes.yaml"
    path.write_bytes(b"what was there before")
    before = path.stat().st_ino

    def busy(*_: Any) -> Path:
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(Path, "replace", busy)
    ordinary.write(path, b"new")
    assert (path.read_bytes(), path.stat().st_ino) == (b"new", before)
    assert [each.name for each in tmp_path.iterdir()] == ["routes.yaml"]


def test_what_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "routes.yaml"
    path.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        ordinary.write(path, b"new")
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["routes.yaml"]


def test_it_is_known_beforehand_whether_it_can_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "routes.yaml"
    path.write_bytes(b"")
    assert ordinary.writable(path)
    assert ordinary.writable(tmp_path / "prompts" / "new" / "one.md")
    monkeypatch.setattr(os, "access", lambda where, _: Path(where) != tmp_path)
    assert not ordinary.writable(path)
    assert not ordinary.writable(tmp_path / "prompts" / "new" / "one.md")
