"""A bundle from somebody else: what is one is read, and nothing that it could do is done."""

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from luna.config.files import read_files
from luna.config.settings import shipped_routes
from luna.model.errors import LunaError
from luna.model.events import StreamEvent, TextDelta
from luna.replay import unpack as unpacking
from luna.replay.anonymous import anonymous
from luna.replay.bundle import Contents, pack
from luna.replay.machine import versions
from luna.replay.rerun import rerun
from luna.replay.unpack import unpack
from luna.state.log_archive import LogEntry
from luna.state.run import RunRecord
from luna.wire.diff import differences
from luna.wire.reader import Recording
from tests.support.configurations import shipped_snapshot
from tests.support.scenarios import scenario, transcript

FLOW = "flow_0123456789abcdef01234567"


@pytest.fixture(scope="module")
def recording() -> Recording:
    made = scenario(transcript("01_plain_answer_fast"), stream=True)
    made.head = type(made.head)(0, 1, "0.1.0", FLOW, made.head.born, made.head.seed, "chat", "chat", "d" * 64)
    return anyio.run(rerun, made, shipped_snapshot())[0]


def bundle(recording: Recording, **more: object) -> bytes:
    run = RunRecord(id=FLOW, created_at=recording.head.born, status="completed", recording=FLOW, preview="Hello!")
    log = [LogEntry(1, recording.head.born, "info", "luna.flow", "done by alice.smith@corp.example", FLOW)]
    contents = {"run": run, "log": log, "settings": {"a": 1}, "digest": "d" * 64, **more}
    return pack(Contents(recording=recording, files=read_files(shipped_routes()), versions=versions(), **contents))  # type: ignore[arg-type]


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "x.luna.zip"
    path.write_bytes(data)
    return path


def again(data: bytes, change: dict[str, bytes | None], extra: list[tuple[str, bytes]] | None = None) -> bytes:
    """The same zip with other files in it."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = change.get(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
        for name, content in extra or []:
            new.writestr(name, content)
    return made.getvalue()


def test_what_was_packed_is_there_again(recording: Recording, tmp_path: Path) -> None:
    found = unpack(written(tmp_path, bundle(recording)))
    assert found.about.flow == FLOW
    assert found.about.same_configuration is False
    assert differences(anonymous(recording), found.recording) == []
    assert found.run is not None
    assert found.run.preview == "Hello!"
    assert found.log[0].message == "done by person1@example.com"
    assert found.config["routes.yaml"] == shipped_routes().read_bytes()
    assert "prompts/tools/contract.md" in found.config


def test_the_same_flow_makes_the_same_bundle(recording: Recording) -> None:
    assert bundle(recording) == bundle(recording)


def test_a_secret_is_refused_and_a_path_of_this_machine_becomes_another(recording: Recording, tmp_path: Path) -> None:
    with pytest.raises(LunaError, match=r"stands in line 1 of run.json"):
        bundle(
            recording,
            run=RunRecord(id=FLOW, created_at=0.0, preview="aHVudGVyMi1odW50ZXIy", recording=FLOW),
            secrets=["hunter2-hunter2"],
        )
    log = [LogEntry(1, 0.0, "info", "luna", "wrote /srv/somewhere/luna/x", FLOW)]
    found = unpack(written(tmp_path, bundle(recording, log=log, places=["/srv/somewhere/luna"])))
    assert found.log[0].message == "wrote /place1/x"


def test_a_secret_that_a_stream_spells_out_in_pieces_is_refused(recording: Recording) -> None:
    secret = "sk-luna-0123456789abcdef"
    last = list(recording.events)[-1]
    whole: list[list[StreamEvent]] = [[TextDelta(secret[:9])], [TextDelta(secret[9:])], *recording.events[last]]
    told = replace(recording, events={**recording.events, last: whole})
    with pytest.raises(LunaError, match="put together") as refused:
        bundle(told, secrets=[secret])
    assert secret not in refused.value.told
    assert bundle(told, places=[secret])


@pytest.mark.parametrize(
    "name",
    ["../evil", "/etc/passwd", "config/../../x.yaml", "config/stages/evil.py", "config/pipelines/../x.yaml",
     "config\\routes.yaml", "config/pipelines/.hidden.yaml", "config/prompts/a/../../x.md", "recording.jsonl/", "x"],
)  # fmt: skip
def test_a_file_that_no_bundle_has_is_refused(recording: Recording, tmp_path: Path, name: str) -> None:
    with pytest.raises(LunaError, match="which no bundle has"):
        unpack(written(tmp_path, again(bundle(recording), {}, [(name, b"x")])))
    assert [path.name for path in tmp_path.iterdir()] == ["x.luna.zip"]


def test_a_bomb_is_given_up_before_it_is_large(
    recording: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "LARGEST", 4 * 1024 * 1024)
    data = again(bundle(recording), {"log.json": b"[" + b" " * 8 * 1024 * 1024 + b"]"})
    assert len(data) < 200_000
    with pytest.raises(LunaError, match="more than 4 MiB in it"):
        unpack(written(tmp_path, data))


def test_too_many_files_are_refused(recording: Recording, tmp_path: Path) -> None:
    many = [(f"config/prompts/p{number}.md", b"") for number in range(unpacking.MOST)]
    with pytest.raises(LunaError, match="more than 1000 files"):
        unpack(written(tmp_path, again(bundle(recording), {}, many)))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("change", "extra", "said"),
    [
        ({"bundle.json": None}, [], "no bundle.json"),
        ({"recording.jsonl": None}, [], "no recording.jsonl"),
        ({"bundle.json": b"{}"}, [], "bundle.json cannot be read"),
        ({"run.json": b"\xff"}, [], "run.json cannot be read"),
        ({"recording.jsonl": b"nonsense"}, [], "recording cannot be read"),
        ({"run.json": b'{"id": "flow_other", "created_at": 1.0, "recording": "x"}'}, [], "not about one flow"),
        ({}, [("log.json", b"[]")], "two files"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    recording: Recording, tmp_path: Path, change: dict[str, bytes | None], extra: list[tuple[str, bytes]], said: str
) -> None:
    with pytest.raises(LunaError, match=said):
        unpack(written(tmp_path, again(bundle(recording), change, extra)))


@pytest.mark.parametrize("data", [b"", b"nonsense", b"PK\x05\x06" + bytes(18), b"PK\x03\x04" + bytes(40)])
def test_what_is_no_bundle_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(LunaError, match="no bundle of luna's"):
        unpack(written(tmp_path, data))
