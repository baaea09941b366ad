"""Entry points are found where installers write them down, as `importlib.metadata` finds them."""

import sys
from importlib import metadata
from pathlib import Path

import pytest

from luna.core.installed import entry_points

FOUND = """[console_scripts]
x = a:main

[luna.stages]
# a remark
redact = plugin_of_ours.stage:Redact
b=c:D
[z]
e = f
"""


@pytest.fixture(autouse=True)
def _only_usual_importers(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = [finder for finder in sys.meta_path if getattr(finder, "__module__", "").startswith("_frozen")]
    monkeypatch.setattr(sys, "meta_path", usual)


def test_it_says_what_importlib_says() -> None:
    for group in ("luna.stages", "console_scripts", "pytest11", "nobody's"):
        said = {(entry.name, entry.value, entry.module) for entry in metadata.entry_points(group=group)}
        assert {(entry.name, entry.value, entry.module) for entry in entry_points(group)} == said


@pytest.mark.parametrize("folder", ["plugin_of_ours-1.0.dist-info", "plugin_of_ours.egg-info"])
def test_a_package_adds_a_stage(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "entry_points.txt").write_text(FOUND)
    (tmp_path / "plugin_of_ours").mkdir()
    (tmp_path / "plugin_of_ours" / "stage.py").write_text("class Redact: ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = {entry.name: entry for entry in entry_points("luna.stages")}
    assert {"redact", "b", "auth"} <= found.keys()
    assert getattr(found["redact"].load(), "__name__", "") == "Redact"


def test_the_first_of_two_installations_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place, value in (("later", "second:X"), ("sooner", "first:X")):
        folder = tmp_path / place / "ours-1.0.dist-info"
        folder.mkdir(parents=True)
        (folder / "entry_points.txt").write_text(f"[luna.stages]\nx = {value}\n")
        monkeypatch.syspath_prepend(tmp_path / place)
    assert [entry.value for entry in entry_points("luna.stages") if entry.name == "x"] == ["first:X"]


def test_archives_are_left_to_importlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "all.zip").write_bytes(b"")
    monkeypatch.syspath_prepend(tmp_path / "all.zip")
    assert all(isinstance(entry, metadata.EntryPoint) for entry in entry_points("luna.stages"))
