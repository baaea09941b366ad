"""The folder of recordings: what is kept, under which name, for how long, and what a bad disk costs."""

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from luna.model.ambient import ManualClock
from luna.model.dialect import ClientRequest
from luna.model.errors import Kind, LunaError
from luna.wire import draft
from luna.wire.ledger import SPILL
from luna.wire.reader import Recording, read
from luna.wire.recorder import Recorder
from luna.wire.shelf import Quota
from luna.wire.store import Recordings

CLIENT = ClientRequest("POST", "/v1/x", "", (), b"{}")


class Box:
    """A folder of recordings, its clock, and flows to put into it."""

    def __init__(self, folder: Path, **quota: float) -> None:
        self.clock = ManualClock()
        limits = Quota(
            size=int(quota.get("size", 10**9)), count=int(quota.get("count", 1000)), age=quota.get("age", 1e9)
        )
        self.recordings = Recordings(folder, luna="0.3.0", clock=self.clock, quota=limits)

    def begin(self, flow: str, policy: str = "all") -> Recorder | None:
        return self.recordings.begin(
            policy, flow=flow, born=self.clock.wall(), seed=b"\0", route="r", pipeline="p", snapshot="s", client=CLIENT
        )

    def record(self, flow: str, *, size: int = 10, policy: str = "all", outcome: str = "completed") -> None:
        recorder = self.begin(flow, policy)
        assert recorder is not None
        for start in range(0, size, 60_000):
            recorder.sent(b"x" * min(60_000, size - start))
        recorder.ended(outcome)
        self.recordings.flush()
        self.clock.advance(1)

    @property
    def flows(self) -> list[str]:
        return [entry.flow for entry in self.recordings.list()]

    def read(self, flow: str) -> Recording:
        with self.recordings.path(flow).open("rb") as lines:
            return read(lines)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    made = Box(tmp_path / "data" / "recordings")
    yield made
    made.recordings.close()


def test_a_recording_is_a_private_file_named_by_time_and_flow(box: Box) -> None:
    box.record("flow_0123")
    path = box.recordings.path("flow_0123")
    assert path.name == "20260921T141320.000Z-flow_0123.jsonl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]
    assert path.read_bytes().endswith(b"}\n")
    recording = box.read("flow_0123")
    assert (recording.head.luna, recording.head.flow, recording.head.seed) == ("0.3.0", "flow_0123", "00")
    assert recording.client == CLIENT
    assert recording.answer == b"x" * 10


def test_the_list_is_newest_first(box: Box) -> None:
    assert box.recordings.list() == []
    for flow in ("b", "a", "c"):
        box.record(flow)
    entries = box.recordings.list()
    assert [entry.flow for entry in entries] == ["c", "a", "b"]
    assert entries[0].at == 1_790_000_002.0
    assert entries[0].size == entries[0].path.stat().st_size


@pytest.mark.parametrize(
    ("policy", "outcome", "kept"),
    [
        ("all", "completed", True),
        ("all", "client-gone", True),
        ("all", "failed", True),
        ("errors", "failed", True),
        ("errors", "completed", False),
        ("errors", "client-gone", False),
        ("errors", "cancelled", False),
    ],
)
@pytest.mark.parametrize("size", [10, SPILL * 2], ids=["short", "spilled"])
def test_the_policy_decides(box: Box, policy: str, outcome: str, kept: bool, size: int) -> None:
    box.record("f", policy=policy, outcome=outcome, size=size)
    assert box.flows == (["f"] if kept else [])
    assert not box.recordings.folder.exists() or len(list(box.recordings.folder.iterdir())) == kept
    if kept:
        assert len(box.read("f").answer) == size


def test_off_is_no_recorder(box: Box) -> None:
    assert box.begin("f", "off") is None


def test_a_long_recording_grows_on_disk_not_in_memory(box: Box) -> None:
    recorder = box.begin("long")
    assert recorder is not None
    for _ in range(20):
        recorder.sent(b"x" * 60_000)
    box.recordings.flush()
    (part,) = box.recordings.folder.iterdir()
    assert part.suffix == ".part"
    assert part.stat().st_size > 4 * SPILL
    assert box.flows == []
    recorder.ended("completed")
    box.recordings.flush()
    assert box.flows == ["long"]
    assert len(box.read("long").answer) == 20 * 60_000


def test_removing(box: Box) -> None:
    box.record("f")
    box.recordings.remove("f")
    assert box.flows == []
    with pytest.raises(LunaError):
        box.recordings.remove("f")


@pytest.mark.parametrize("flow", ["", ".", "..", "../x", "/etc/passwd", "a/b", "a\0b", "*", "f*", "x" * 200, "f\n"])
def test_only_a_flow_has_a_recording(box: Box, flow: str) -> None:
    box.record("f")
    (box.recordings.folder.parent / "x.jsonl").write_text("secret")
    with pytest.raises(LunaError, match="no recording of that flow") as missing:
        box.recordings.path(flow)
    assert missing.value.kind is Kind.NOT_FOUND


def test_a_flow_with_an_odd_name_stays_in_the_folder(box: Box) -> None:
    box.record("../../escape*me")
    (path,) = box.recordings.folder.iterdir()
    assert path.name.endswith("Z-______escape_me.jsonl")


def test_what_is_no_recording_is_neither_listed_nor_pruned(tmp_path: Path) -> None:
    box = Box(tmp_path, count=1)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "99999999T999999.999Z-bad.jsonl").write_text("no such day")
    (tmp_path / "20260101T000000.000Z-link.jsonl").symlink_to(tmp_path / "notes.txt")
    (tmp_path / "20260101T000000.000Z-folder.jsonl").mkdir()
    for flow in "abc":
        box.record(flow)
    box.recordings.close()
    assert box.flows == ["c"]
    assert len(list(tmp_path.iterdir())) == 5


# Quotas.


def test_the_oldest_go_when_there_are_too_many(tmp_path: Path) -> None:
    box = Box(tmp_path, count=3)
    for flow in "abcdef":
        box.record(flow)
        assert len(box.flows) <= 3
    assert box.flows[0] == "f"
    assert set(box.flows) <= set("def")
    box.recordings.close()


def test_the_oldest_go_when_they_are_too_large(tmp_path: Path) -> None:
    box = Box(tmp_path, size=10_000)
    for flow in "abcdef":
        box.record(flow, size=2500)
        assert sum(entry.size for entry in box.recordings.list()) <= 10_000
    assert box.flows == ["f", "e", "d"]
    box.recordings.close()


def test_one_recording_larger_than_everything_does_not_stay(tmp_path: Path) -> None:
    box = Box(tmp_path, size=10_000)
    box.record("huge", size=20_000)
    assert box.flows == []
    box.recordings.close()


def test_the_oldest_go_when_they_are_too_old(tmp_path: Path) -> None:
    box = Box(tmp_path, age=100)
    box.record("a")
    box.record("b")
    box.clock.advance(99)
    box.record("c")
    assert box.flows == ["c", "b"]
    box.recordings.close()


def test_recordings_of_an_earlier_process_count(tmp_path: Path) -> None:
    first = Box(tmp_path, count=3)
    for flow in "abc":
        first.record(flow)
    first.recordings.close()
    second = Box(tmp_path, count=3)
    second.clock.advance(10)
    second.record("d")
    assert second.flows[0] == "d"
    assert len(second.flows) <= 3
    second.recordings.close()


def test_what_a_dead_process_left_unfinished_goes_after_a_day(tmp_path: Path) -> None:
    box = Box(tmp_path)
    for name, age in (("old.part", 90_000), ("young.part", 10)):
        (tmp_path / name).write_text("x")
        moment = box.clock.wall() - age
        os.utime(tmp_path / name, (moment, moment))
    box.record("a")
    box.recordings.close()
    assert sorted(path.name for path in tmp_path.glob("*.part")) == ["young.part"]


# Bad disks.


class FullDisk:
    """`os.write` on a disk that is full after so many bytes."""

    def __init__(self, room: int) -> None:
        self.room = room

    def __call__(self, file: int, data: memoryview) -> int:
        if len(data) > self.room:
            raise OSError(28, "No space left on device")
        self.room -= len(data)
        return os.writev(file, [data])


@pytest.mark.parametrize("room", [0, SPILL + 70_000], ids=["at once", "in the middle"])
def test_a_full_disk_costs_the_recording_and_nothing_else(
    box: Box, room: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING, "luna.recordings"):
        patched.setattr("luna.wire.draft.os.write", FullDisk(room))
        box.record("lost", size=4 * SPILL)
    assert [record.getMessage() for record in caplog.records] == [
        "A recording was lost (20260921T141320.000Z-lost.jsonl): No space left on device."
    ]
    assert list(box.recordings.folder.iterdir()) == []
    box.record("next")
    assert box.flows == ["next"]


def test_a_folder_that_cannot_be_made_costs_the_recordings(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    box = Box(tmp_path / "file" / "recordings")
    with caplog.at_level(logging.WARNING, "luna.recordings"):
        box.record("lost")
    assert "Not a directory" in caplog.text
    box.recordings.close()


def test_a_disk_that_is_too_slow_costs_the_recordings_it_cannot_take(
    box: Box, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(draft, "BACKLOG", 1000)
    with caplog.at_level(logging.WARNING, "luna.recordings"):
        box.record("large", size=5000)
        box.record("small", size=10)
    assert "the disk is too slow" in caplog.text
    assert box.flows == ["small"]


def test_what_ends_after_the_shutdown_is_dropped(box: Box, caplog: pytest.LogCaptureFixture) -> None:
    early, late = box.begin("early"), box.begin("late")
    assert early is not None
    assert late is not None
    early.ended("completed")
    box.recordings.close()
    with caplog.at_level(logging.WARNING, "luna.recordings"):
        late.ended("completed")
    assert "shutting down" in caplog.text
    assert box.flows == ["early"]
    box.recordings.flush()


def test_it_says_what_it_does(box: Box) -> None:
    assert repr(box.recordings) == "<Recordings recordings/ <Writer idle waiting=0 bytes>>"
    box.record("f")
    assert repr(box.recordings) == "<Recordings recordings/ <Writer running waiting=0 bytes>>"
    box.recordings.close()
    assert repr(box.recordings) == "<Recordings recordings/ <Writer closed waiting=0 bytes>>"
