"""Private files: whoever reads finds a whole one, whatever happens to whoever writes."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from luna.disk.private import Damaged, NewerFile, PrivateFile, json_decoder, json_encoder


class Note(msgspec.Struct):
    version: int
    text: str


def file_at(path: Path) -> PrivateFile[Note]:
    return PrivateFile(path, json_decoder(Note, 1), json_encoder, advice="Write it again.")


@pytest.fixture
def file(tmp_path: Path) -> PrivateFile[Note]:
    return file_at(tmp_path / "data" / "note.json")


def names(file: PrivateFile[Note]) -> list[str]:
    return sorted(path.name for path in file.path.parent.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_saved_can_be_loaded(file: PrivateFile[Note]) -> None:
    assert file.load() is None
    assert not file.path.parent.exists(), "reading leaves nothing behind"
    file.save(Note(1, "a"))
    assert file.load() == file.look() == Note(1, "a")
    assert names(file) == ["note.json"]
    assert file.problems == []


def test_the_generation_before_is_kept(file: PrivateFile[Note]) -> None:
    for text in "abc":
        file.save(Note(1, text))
    assert file_at(file.previous).load() == Note(1, "b")
    assert names(file) == ["note.json", "note.json.previous"]


def test_only_the_owner_may_read(file: PrivateFile[Note]) -> None:
    old = os.umask(0)
    try:
        file.path.parent.mkdir(mode=0o777)
        file.save(Note(1, "a"))
        file.path.chmod(0o644)
        file.save(Note(1, "b"))
    finally:
        os.umask(old)
    assert (mode(file.path), mode(file.previous), mode(file.path.parent)) == (0o600, 0o600, 0o700)


DAMAGE = [b"", b"{", b"\xff\xfe", b"[]", b"null", b'{"version": 1}', b'{"version": "x", "text": "a"}', b"[" * 99_999]


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_generation_before_takes_the_place_of_a_damaged_file(file: PrivateFile[Note], damage: bytes) -> None:
    file.save(Note(1, "a"))
    file.save(Note(1, "b"))
    file.path.write_bytes(damage)
    assert file.load() == Note(1, "a")
    (problem,) = file.problems
    assert problem.startswith("note.json cannot be read (")
    assert problem.endswith("it was moved to note.json.damaged-1.")
    assert file.path.with_name("note.json.damaged-1").read_bytes() == damage
    assert file_at(file.path).load() == Note(1, "a"), "the next start finds it too"


def test_without_a_generation_before_there_is_none(file: PrivateFile[Note], caplog: pytest.LogCaptureFixture) -> None:
    file.path.parent.mkdir()
    for number in (1, 2):
        file.path.write_bytes(b"x%d" % number)
        file.previous.write_bytes(b"y")
        assert file.load() is None
    assert names(file) == [f"note.json{of}.damaged-{number}" for of in ("", ".previous") for number in (1, 2)]
    assert "Write it again." in caplog.records[-1].message


def test_looking_touches_nothing(file: PrivateFile[Note]) -> None:
    file.save(Note(1, "a"))
    file.path.write_bytes(b"{")
    with pytest.raises(Damaged):
        file.look()
    assert names(file) == ["note.json"]


def test_what_was_damaged_meanwhile_is_not_written_over(file: PrivateFile[Note]) -> None:
    file.save(Note(1, "a"))
    file.save(Note(1, "b"))
    file.path.write_bytes(b"somebody's mistake")
    file.save(Note(1, "c"))
    assert file.load() == Note(1, "c")
    assert file_at(file.previous).load() == Note(1, "a")
    assert file.path.with_name("note.json.damaged-1").read_bytes() == b"somebody's mistake"


def test_the_file_of_a_newer_luna_is_left_alone(file: PrivateFile[Note]) -> None:
    file.path.parent.mkdir()
    file.path.write_bytes(b'{"version": 2, "text": {"new": "shape"}}')
    for touch in (file.load, file.look, lambda: file.save(Note(1, "a"))):
        with pytest.raises(NewerFile, match=r"note\.json was written by a newer luna: it has version 2"):
            touch()
    assert names(file) == ["note.json"]


def test_a_link_is_read_through_and_never_written_through(file: PrivateFile[Note], tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_bytes(json_encoder(Note(1, "there")))
    file.path.parent.mkdir()
    file.path.symlink_to(elsewhere)
    file.previous.symlink_to(elsewhere)
    assert file.load() == Note(1, "there")
    file.save(Note(1, "here"))
    assert msgspec.json.decode(elsewhere.read_bytes(), type=Note) == Note(1, "there")
    assert file.load() == Note(1, "here")
    assert not file.path.is_symlink()
    assert not file.previous.is_symlink()


@pytest.mark.parametrize("target", ["nowhere", "note.json"])
def test_a_link_to_nowhere(file: PrivateFile[Note], target: str) -> None:
    file.path.parent.mkdir()
    file.path.symlink_to(target)
    if target == "nowhere":
        assert file.load() is None
        file.save(Note(1, "a"))
        assert (file.load(), names(file)) == (Note(1, "a"), ["note.json"])
    else:
        with pytest.raises(OSError, match="symbolic links"):
            file.load()


class Fault:
    """The nth of the calls that a write makes fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int, error: OSError) -> None:
        self.calls = 0
        for owner, name in ((os, "fsync"), (os, "replace"), (tempfile, "mkstemp")):
            monkeypatch.setattr(owner, name, self._wrapped(getattr(owner, name), number, error))

    def _wrapped(self, call: Callable[..., Any], number: int, error: OSError) -> Callable[..., Any]:
        def faulty(*arguments: Any, **named: Any) -> Any:
            self.calls += 1
            if self.calls == number:
                raise error
            return call(*arguments, **named)

        return faulty


@pytest.mark.parametrize("number", range(1, 9))
def test_a_full_disk_at_any_step_costs_nothing(
    file: PrivateFile[Note], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    file.save(Note(1, "a"))
    with monkeypatch.context() as patch:
        Fault(patch, number, OSError(28, "No space left on device"))
        with pytest.raises(OSError, match="No space"):
            file.save(Note(1, "b"))
    assert file_at(file.path).load() in (Note(1, "a"), Note(1, "b"))
    assert set(names(file)) <= {"note.json", "note.json.previous"}
    file.save(Note(1, "c"))
    assert file.load() == Note(1, "c")


def test_all_steps_of_a_write_are_covered(file: PrivateFile[Note], monkeypatch: pytest.MonkeyPatch) -> None:
    file.save(Note(1, "a"))
    counted = Fault(monkeypatch, 0, OSError())
    file.save(Note(1, "b"))
    assert counted.calls == 8


@pytest.mark.parametrize("number", range(1, 9))
def test_a_full_disk_while_a_damaged_file_is_replaced_loses_neither(
    file: PrivateFile[Note], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    file.save(Note(1, "a"))
    file.save(Note(1, "b"))
    file.path.write_bytes(b"{")
    with monkeypatch.context() as patch:
        Fault(patch, number, OSError(28, "No space left on device"))
        with pytest.raises(OSError, match="No space"):
            file.load()
    assert file_at(file.path).load() == Note(1, "a")
    assert any(path.read_bytes() == b"{" for path in file.path.parent.glob("note.json.damaged-*"))


@contextmanager
def ordinary_user() -> Iterator[Path]:
    """A folder of somebody who is not allowed everything, as that somebody."""
    with tempfile.TemporaryDirectory() as folder:
        if os.geteuid() != 0:
            yield Path(folder)
            return
        os.chown(folder, 65534, 65534)
        os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            os.seteuid(0)


def test_a_read_only_directory() -> None:
    with ordinary_user() as folder:
        file = file_at(folder / "data" / "note.json")
        file.save(Note(1, "a"))
        file.path.parent.chmod(0o500)
        with pytest.raises(PermissionError):
            file.save(Note(1, "b"))
        assert file.load() == Note(1, "a")
        file.path.write_bytes(b"{")
        with pytest.raises(PermissionError):
            file.load()
        assert file.path.read_bytes() == b"{", "what cannot be moved aside is not lost"
        file.path.parent.chmod(0o700)


def test_somebody_elses_directory(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    def not_mine(path: Path, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        monkeypatch.setattr(Path, "chmod", not_mine)
        file = file_at(Path(folder) / "note.json")
        for text in "ab":
            file.save(Note(1, text))
        assert file.load() == Note(1, "b")
        assert mode(file.path) == 0o600
        assert file.problems == ["The folder of note.json belongs to somebody else and is open to other users."]
        assert len(caplog.records) == 1


WRITER = """
import sys
from pathlib import Path
from tests.unit.disk.test_private import Note, file_at
file, letter, size = file_at(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
while True:
    file.save(Note(1, letter * size))
"""


@contextmanager
def writer(path: Path, letter: str, size: int) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that writes the file again and again."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path), letter, str(size)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"ready\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_two_processes_and_a_reader(file: PrivateFile[Note]) -> None:
    file.save(Note(1, "start"))
    seen = set()
    with writer(file.path, "a", 200_000), writer(file.path, "b", 50):
        until = time.monotonic() + 0.4
        while time.monotonic() < until:
            found = file.look()
            assert found is not None
            assert found.text in ("start", "a" * 200_000, "b" * 50)
            seen.add(found.text[:1])
    assert {"a", "b"} <= seen
    assert file.load() is not None
    assert file_at(file.previous).load() is not None
    assert file.problems == []


def test_killed_while_writing(file: PrivateFile[Note]) -> None:
    for round in range(3):
        with writer(file.path, "a", 2_000_000) as process:
            time.sleep(0.03 + 0.017 * round)
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert file.load() in (None, Note(1, "a" * 2_000_000))
        assert file.problems == []


def test_what_a_killed_writer_left_is_swept_away_and_never_read(file: PrivateFile[Note]) -> None:
    file.save(Note(1, "a"))
    left, at_work, other = (file.path.with_name(name) for name in ("note.json.x.new", "note.json.y.new", "z.x.new"))
    for path in (left, at_work, other):
        path.write_bytes(b'{"version": 1, "te')
    for path in (left, other):
        os.utime(path, (time.time() - 3600,) * 2)  # noqa: TID251 - the file system's clock
    assert file.load() == Note(1, "a")
    file.save(Note(1, "b"))
    assert names(file) == ["note.json", "note.json.previous", "note.json.y.new", "z.x.new"]


def test_what_it_is_shows(file: PrivateFile[Note]) -> None:
    assert repr(file) == f"<PrivateFile {file.path}>"
    file.problems.append("x")
    assert repr(file).endswith("problems=1>")
