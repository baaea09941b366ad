"""The admin key: configured, stored or made, and what becomes of a damaged one."""

import logging
import re
import stat
from pathlib import Path

import pytest

from luna.admin.door import load_admin_key
from luna.cli.main import main


def test_the_first_start_makes_one_that_lasts(tmp_path: Path) -> None:
    key, is_new = load_admin_key(tmp_path / "data", "")
    assert is_new
    assert re.fullmatch(r"luna-[A-Za-z0-9_-]{43}", key)
    assert load_admin_key(tmp_path / "data", "") == (key, False)
    file = tmp_path / "data" / "admin.key"
    assert file.read_text() == f"{key}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_configured_one_is_written_nowhere(tmp_path: Path) -> None:
    assert load_admin_key(tmp_path / "data", "configured") == ("configured", False)
    assert not (tmp_path / "data").exists()


def test_one_that_a_person_has_written(tmp_path: Path) -> None:
    (tmp_path / "admin.key").write_text("  my-own-key \n\n")
    assert load_admin_key(tmp_path, "") == ("my-own-key", False)


@pytest.mark.parametrize("damage", [b"", b"\n", b"two words", b"\xff\xfe", "schlüssel".encode()])
def test_a_damaged_one_is_moved_aside(tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "admin.key").write_bytes(damage)
    with caplog.at_level(logging.ERROR):
        key, is_new = load_admin_key(tmp_path, "")
    assert is_new
    assert load_admin_key(tmp_path, "") == (key, False)
    assert (tmp_path / "admin.key.damaged-1").read_bytes() == damage
    assert "admin.key.damaged-1" in caplog.records[0].message
    assert "words" not in caplog.records[0].message.replace("one word of", "")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LUNA_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("LUNA_ADMIN_KEY", raising=False)
    return tmp_path


def test_the_command_prints_it(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key, _ = load_admin_key(data, "")
    assert main(["key"]) == 0
    assert capsys.readouterr().out == f"{key}\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "does not exist yet"), (b"two words", "cannot use"), ("folder", "cannot read")],
)
def test_the_command_says_why_it_cannot_and_touches_nothing(
    data: Path, capsys: pytest.CaptureFixture[str], content: bytes | str | None, said: str
) -> None:
    if isinstance(content, bytes):
        (data / "admin.key").write_bytes(content)
    elif content == "folder":
        (data / "admin.key").mkdir()
    before = sorted(data.iterdir())
    assert main(["key"]) == 1
    printed = capsys.readouterr()
    assert (printed.out, said in printed.err) == ("", True)
    assert sorted(data.iterdir()) == before


def test_the_command_prints_a_configured_one(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUNA_ADMIN_KEY", "configured")
    assert main(["key"]) == 0
    assert capsys.readouterr().out == "configured\n"
