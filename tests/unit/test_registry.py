"""The registry: names from entry points, classes from local files, and what is said when either is broken."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from luna.core import registry
from luna.core.registry import GROUP, Registry, StageLoadError, is_local, local_file
from luna.stages.auth import Auth

STAGE = "from luna.core.stage import RequestStage\n\nclass Mine(RequestStage):\n    word = {!r}\n"


@pytest.fixture(autouse=True)
def modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test loads is forgotten after it."""
    monkeypatch.setattr(sys, "modules", sys.modules.copy())


def installed(monkeypatch: pytest.MonkeyPatch, *points: tuple[str, str]) -> None:
    """These entry points are installed, as (name, module:Class)."""
    found = [EntryPoint(name, value, GROUP) for name, value in points]
    monkeypatch.setattr(registry, "entry_points", lambda group: found if group == GROUP else [])


def broken(use: str, base: Path, known: Registry | None = None) -> StageLoadError:
    """What is said of a stage that cannot be loaded."""
    with pytest.raises(StageLoadError) as caught:
        (known or Registry()).find(use, base)
    return caught.value


def test_names_come_from_entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, ("b", "luna.stages.auth:Auth"), ("a", "elsewhere:Stage"))
    assert Registry().names() == ("a", "b")
    assert Registry(third_party=False).names() == ("b",)
    assert repr(Registry()) == "<Registry 2 stages>"
    assert Registry().find("b", Path()) is Auth


def test_an_unknown_name_is_a_key_error(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch)
    with pytest.raises(KeyError):
        Registry().find("nothing", Path())


@pytest.mark.parametrize("order", [1, -1])
def test_nobody_takes_over_a_name_of_lunas_own(monkeypatch: pytest.MonkeyPatch, order: int) -> None:
    points = [("auth", "luna.stages.auth:Auth"), ("auth", "evil:Auth")][::order]
    installed(monkeypatch, *points)
    assert Registry().find("auth", Path()) is Auth


def test_lunatic_is_not_luna(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, ("x", "lunatic.stages:X"))
    assert Registry(third_party=False).names() == ()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("not_there_at_all:X", "not_there_at_all:X cannot be loaded: ModuleNotFoundError: No module named"),
        ("luna.core.stage:Nothing", "luna.core.stage:Nothing cannot be loaded: AttributeError: "),
        ("luna.core.registry:Registry", "'x' is not a Stage"),
        ("luna.core.registry:is_local", "'x' is not a Stage"),
        ("luna.core.stage:RequestStage", "'x' is not a Stage"),
    ],
)
def test_an_entry_point_that_is_broken_says_so(monkeypatch: pytest.MonkeyPatch, value: str, message: str) -> None:
    installed(monkeypatch, ("x", value))
    assert broken("x", Path()).message.startswith(message)


@pytest.mark.parametrize(
    ("use", "local"),
    [("./a.py:A", True), ("../a.py:A", True), ("a/b.py:A", True), ("./a", True), ("auth", False), ("a.py", False)],
)
def test_what_is_local(use: str, local: bool) -> None:
    assert is_local(use) is local


@pytest.mark.parametrize("use", ["./a.py", "./a.py:", "./a.txt:A", "./a.py:A-B", "./a.py:1"])
def test_a_local_use_that_cannot_be_read(use: str, tmp_path: Path) -> None:
    assert broken(use, tmp_path).message == f"expected ./path/to/file.py:ClassName, got {use!r}"


def test_a_path_that_cannot_be(tmp_path: Path) -> None:
    assert broken("./a\0.py:A", tmp_path).message
    (tmp_path / "loop.py").symlink_to("loop.py")
    assert broken("./loop.py:A", tmp_path).message


def test_a_local_file_is_found_from_the_base(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(STAGE.format("one"))
    known = Registry()
    found = known.find("../mine.py:Mine", tmp_path / "pipelines")
    assert found.word == "one"  # type: ignore[attr-defined]
    assert found is known.find("./mine.py:Mine", tmp_path)
    assert local_file("./mine.py:Mine", tmp_path) == ((tmp_path / "mine.py").resolve(), "Mine")


def test_new_text_is_a_new_class_and_old_text_the_old_one(tmp_path: Path) -> None:
    known, path = Registry(), tmp_path / "mine.py"
    path.write_text(STAGE.format("one"))
    one = known.find("./mine.py:Mine", tmp_path)
    path.write_text(STAGE.format("two"))
    two = known.find("./mine.py:Mine", tmp_path)
    path.write_text(STAGE.format("one"))
    assert (one.word, two.word) == ("one", "two")  # type: ignore[attr-defined]
    assert known.find("./mine.py:Mine", tmp_path) is one


def test_the_same_text_in_two_files_is_two_classes(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(STAGE.format("one"))
    known = Registry()
    a, b = (known.find("./mine.py:Mine", tmp_path / folder) for folder in ("a", "b"))
    assert a is not b
    assert sys.modules[b.__module__].__file__ == str((tmp_path / "b/mine.py").resolve())


def test_annotations_of_a_local_class_are_found(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from __future__ import annotations\nfrom luna.core.stage import RequestStage, StageOptions\n"
        "class Options(StageOptions, frozen=True, kw_only=True):\n    size: int = 3\n"
        "class Mine(RequestStage):\n    Options = Options\n"
    )
    from luna.config.options import option_fields

    fields = option_fields(Registry().find("./mine.py:Mine", tmp_path))
    assert [field.type for field in fields.values()] == [int]


def test_a_local_class_need_not_say_its_name(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(STAGE.format("one") + "\nclass Named(Mine):\n    use = 'named'\n")
    known = Registry()
    assert known.find("./mine.py:Mine", tmp_path).use == "./mine.py:Mine"
    assert known.find("./mine.py:Named", tmp_path).use == "named"


@pytest.mark.parametrize(
    ("code", "line", "message"),
    [
        ("x = (\n", 1, "'(' was never closed"),
        ("\n\nraise ValueError('no')\n", 3, "ValueError: no"),
        ("def f():\n    raise ValueError\n\nf()\n", 2, "ValueError"),
        ("import sys\nsys.exit()\n", 2, "SystemExit"),
        ("import json\njson.loads('x')\n", 2, "JSONDecodeError: Expecting value: line 1 column 1 (char 0)"),
        ("exec(compile('x = (', 'other', 'exec'))\n", 1, "SyntaxError: '(' was never closed (other, line 1)"),
        ("Mine = 3\n\nclass Other: pass\n", None, "'./mine.py:Mine' is not a Stage"),
        ("", None, "there is no class 'Mine' in this file"),
    ],
)
def test_a_local_file_that_is_broken_says_where(tmp_path: Path, code: str, line: int | None, message: str) -> None:
    (tmp_path / "mine.py").write_text(code)
    before = set(sys.modules)
    error = broken("./mine.py:Mine", tmp_path)
    assert (error.line, error.message) == (line, message)
    if line is not None:
        assert error.file == (tmp_path / "mine.py").resolve()
        assert not [name for name in set(sys.modules) - before if name.startswith("luna_local.")]


def test_a_file_with_a_nul(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_bytes(b"x\0")
    assert broken("./mine.py:Mine", tmp_path).message.endswith("source code string cannot contain null bytes")


def test_an_interrupt_is_not_swallowed(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("raise KeyboardInterrupt\n")
    before = set(sys.modules)
    with pytest.raises(KeyboardInterrupt):
        Registry().find("./mine.py:Mine", tmp_path)
    assert not [name for name in set(sys.modules) - before if name.startswith("luna_local.")]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert broken("./gone.py:Mine", tmp_path).message == "cannot read ./gone.py: No such file or directory"


def test_local_files_can_be_switched_off(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("raise ValueError('must not be run')\n")
    error = broken("./mine.py:Mine", tmp_path, Registry(third_party=False))
    assert error.message == "local stage files are switched off (LUNA_STAGES=none)"
