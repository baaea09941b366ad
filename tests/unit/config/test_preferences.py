"""`data/config.json`: read, changed, watched; damaged, wrong, edited, locked."""

import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from luna.config.preference_document import FieldProblem, WrongPreferences
from luna.config.preferences import PreferenceFile
from luna.disk.private import NewerFile
from luna.model.preferences import LivePreferences, Preferences


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "config.json"


def opened(path: Path) -> PreferenceFile:
    """As a process that starts has it."""
    return PreferenceFile(path, LivePreferences())


def put(path: Path, document: object) -> None:
    """Somebody edits the file, and the clock of the file system has moved on."""
    path.parent.mkdir(exist_ok=True)
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_bytes(document if isinstance(document, bytes) else msgspec.json.encode(document))
    os.utime(path, ns=(before + 10_000_000, before + 10_000_000))


def on_disk(path: Path) -> Any:
    return msgspec.json.decode(path.read_bytes())


async def test_without_a_file_the_defaults_hold_and_nothing_is_written(path: Path) -> None:
    file = opened(path)
    assert (file.live.current, file.given, file.problems) == (Preferences(), frozenset(), [])
    await file.reload()
    assert not path.parent.exists()


async def test_a_change_is_in_force_and_lasts(path: Path) -> None:
    file = opened(path)
    await file.patch({"multiThread": {"queueTimeoutMs": 5}, "ui": {"language": "vi"}})
    assert file.live.current.multi_thread.queue_timeout_ms == 5
    assert file.given == {"multiThread.queueTimeoutMs", "ui.language"}
    assert on_disk(path) == {
        "version": 1,
        "settings": {"multiThread": {"queueTimeoutMs": 5}, "ui": {"language": "vi"}},
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert opened(path).live.current == file.live.current


async def test_null_makes_it_the_default_again(path: Path) -> None:
    file = opened(path)
    await file.patch({"multiThread": {"queueTimeoutMs": 5}, "session": {"historyLimit": 3}})
    await file.patch({"multiThread": {"queueTimeoutMs": None}})
    assert file.live.current.multi_thread.queue_timeout_ms == 120_000
    assert file.given == {"session.historyLimit"}
    await file.patch({"session": None})
    assert on_disk(path) == {"version": 1, "settings": {}}


async def test_a_change_is_made_whole_or_not_at_all(path: Path) -> None:
    file = opened(path)
    await file.patch({"session": {"historyLimit": 3}})
    before = path.read_bytes()
    with pytest.raises(WrongPreferences) as refused:
        await file.patch({"session": {"historyLimit": 4, "typo": 1}, "ui": {"language": "xx"}})
    assert [problem.path for problem in refused.value.problems] == ["session.typo", "ui.language"]
    assert path.read_bytes() == before
    assert file.live.current.session.history_limit == 3


async def test_only_checking_changes_nothing(path: Path) -> None:
    file = opened(path)
    await file.patch({"session": {"historyLimit": 3}}, only_check=True)
    assert not path.exists()
    assert file.live.current == Preferences()


async def test_the_same_again_is_no_write(path: Path) -> None:
    file = opened(path)
    await file.patch({"session": {"historyLimit": 3}})
    before = path.stat()
    await file.patch({"session": {"historyLimit": 3}})
    assert path.stat() == before


async def test_the_watchers_hear_of_real_changes_only(path: Path) -> None:
    live = LivePreferences()
    heard: list[int] = []
    live.watch(lambda preferences: heard.append(preferences.session.history_limit))
    file = PreferenceFile(path, live)
    await file.patch({"session": {"historyLimit": 3}})
    await file.patch({"session": {"historyLimit": 3}})
    await file.reload()
    put(path, {"version": 1, "settings": {"session": {"historyLimit": 3}}, "extra": 1})
    await file.reload()
    assert heard == [3]


async def test_what_luna_does_not_understand_is_named_and_stays_in_the_file(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    document = {
        "version": 1,
        "settings": {
            "session": {"historyLimit": "many", "fileBacked": {"enabled": True}},
            "ui": {"language": "vi"},
            "typo": 1,
        },
        "providers": [{"id": "qwen-ai"}],
        "setting": {},
    }
    put(path, document)
    before = path.read_bytes()
    file = opened(path)
    assert file.live.current.ui.language == "vi"
    assert [problem.path for problem in file.problems] == [
        "providers",
        "setting",
        "session.historyLimit",
        "session.fileBacked",
        "typo",
    ]
    assert len(caplog.records) == 5
    assert path.read_bytes() == before, "reading is not writing"
    await file.patch({"session": {"rollingHistoryK": 2}})
    document["settings"]["session"]["rollingHistoryK"] = 2  # type: ignore[index]
    assert on_disk(path) == document
    await file.patch({"typo": None, "session": {"historyLimit": 9, "fileBacked": None}})
    assert [problem.path for problem in file.problems] == ["providers", "setting"]


async def test_settings_that_are_no_object(path: Path) -> None:
    put(path, {"settings": 5})
    file = opened(path)
    assert file.problems == [FieldProblem("settings", "must be an object")]
    await file.patch({"ui": {"language": "vi"}})
    assert file.problems == []


async def test_a_file_of_lunaproxys_is_read_for_its_settings(path: Path) -> None:
    put(path, {"settings": {"ui": {"language": "vi"}}, "proxy": {"key": "sk_secret"}, "logs": []})
    file = opened(path)
    assert file.live.current.ui.language == "vi"
    assert [problem.path for problem in file.problems] == ["proxy", "logs"]
    assert "sk_secret" not in repr(file.problems)


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff", b"[]", b"5"])
async def test_a_damaged_file_is_moved_aside_at_the_start(path: Path, damage: bytes) -> None:
    file = opened(path)
    await file.patch({"session": {"historyLimit": 3}})
    await file.patch({"session": {"historyLimit": 4}})
    path.write_bytes(damage)
    again = opened(path)
    assert again.live.current.session.history_limit == 3
    (problem,) = again.problems
    assert problem.path == "config.json"
    assert problem.message.endswith("it was moved to config.json.damaged-1.")
    assert path.with_name("config.json.damaged-1").read_bytes() == damage


async def test_the_file_of_a_newer_luna_is_left_alone(path: Path) -> None:
    put(path, {"version": 2})
    with pytest.raises(NewerFile, match=r"config\.json was written by a newer luna"):
        opened(path)
    assert on_disk(path) == {"version": 2}


async def test_an_edit_by_hand_comes_into_force(path: Path) -> None:
    file = opened(path)
    put(path, {"settings": {"session": {"historyLimit": 3}}})
    await file.reload()
    assert file.live.current.session.history_limit == 3
    put(path, {"settings": {"session": {"historyLimit": 4}}})
    await file.patch({"ui": {"language": "vi"}})
    assert file.live.current.session.history_limit == 4, "a change does not undo the edit"


@pytest.mark.parametrize("broken", [b'{"settings": {', b"", b'{"version": 2}'])
async def test_an_edit_that_breaks_the_file_leaves_in_force_what_was(path: Path, broken: bytes) -> None:
    file = opened(path)
    await file.patch({"session": {"historyLimit": 3}})
    put(path, broken)
    await file.reload()
    assert file.live.current.session.history_limit == 3
    (problem,) = file.problems
    assert problem.path == "config.json"
    assert problem.message.endswith("what it said before stays in force")
    assert path.read_bytes() == broken, "the person may still be at it"
    put(path, {"settings": {"session": {"historyLimit": 5}}})
    await file.reload()
    assert (file.live.current.session.history_limit, file.problems) == (5, [])


async def test_a_change_over_a_broken_edit_keeps_both(path: Path) -> None:
    file = opened(path)
    await file.patch({"session": {"historyLimit": 3}})
    put(path, b"{")
    await file.patch({"ui": {"language": "vi"}})
    assert on_disk(path)["settings"] == {"session": {"historyLimit": 3}, "ui": {"language": "vi"}}
    assert path.with_name("config.json.damaged-1").read_bytes() == b"{"


async def test_a_file_that_is_gone(path: Path) -> None:
    file = opened(path)
    await file.patch({"session": {"historyLimit": 3}})
    path.unlink()
    await file.reload()
    assert file.live.current.session.history_limit == 3
    assert file.problems == [
        FieldProblem("config.json", "is gone; what it said stays in force until luna is started again")
    ]
    await file.patch({})
    assert on_disk(path)["settings"] == {"session": {"historyLimit": 3}}
    assert file.problems == []


async def test_what_cannot_be_saved_is_not_in_force(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = opened(path)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        await file.patch({"session": {"historyLimit": 3}})
    assert file.live.current == Preferences()
    assert file.given == frozenset()
    assert not path.exists()


async def test_two_changes_at_the_same_time_both_count(path: Path) -> None:
    file = opened(path)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(file.patch, {"session": {"historyLimit": 3}})
        tasks.start_soon(file.patch, {"session": {"rollingHistoryK": 4}})
    assert on_disk(path)["settings"] == {"session": {"historyLimit": 3, "rollingHistoryK": 4}}


async def test_the_watch_sees_an_edit(path: Path) -> None:
    file = opened(path)
    changed = anyio.Event()
    file.live.watch(lambda _: changed.set())
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(file.watch, 0.01)
        put(path, {"settings": {"session": {"historyLimit": 3}}})
        with anyio.fail_after(2):
            await changed.wait()
        tasks.cancel_scope.cancel()
    assert file.live.current.session.history_limit == 3


@contextmanager
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    said: list[str] = []
    with caplog.at_level(logging.INFO, "luna.config.preferences"):
        yield said
    said.extend(record.message for record in caplog.records)


async def test_a_change_is_logged_by_name(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = opened(path)
    with logged(caplog) as said:
        await file.patch({"ui": {"language": "vi"}, "session": {"historyLimit": 3}})
    assert said == ["settings changed: session.historyLimit, ui.language"]


async def test_what_it_is_shows(path: Path) -> None:
    put(path, {"settings": {"ui": {"language": "vi"}, "x": 1}})
    assert repr(opened(path)) == f"<PreferenceFile {path} sets=1 problems=1>"
