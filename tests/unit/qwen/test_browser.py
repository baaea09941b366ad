"""Which browser is opened, and what a person is told when none can be."""

from pathlib import Path

import pytest

from luna.model.errors import Kind, LunaError
from luna.qwen.browser import (
    browser_arguments,
    check_display,
    check_sandbox,
    find_browser,
    not_opened,
)


def program(folder: Path, name: str, mode: int = 0o755) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return path


def test_the_first_that_is_known_is_taken(tmp_path: Path) -> None:
    chromium = program(tmp_path, "chromium")
    environ = {"PATH": str(tmp_path)}
    assert find_browser(environ) == chromium
    chrome = program(tmp_path, "google-chrome")
    assert find_browser(environ) == chrome


def test_it_is_found_beside_the_path_too(tmp_path: Path) -> None:
    place = program(tmp_path, "Chromium")
    assert find_browser({"PATH": ""}, [str(tmp_path / "nothing"), str(place)]) == place


@pytest.mark.parametrize("variable", ["LUNA_BROWSER", "PUPPETEER_EXECUTABLE_PATH"])
def test_a_person_says_which_by_path_or_by_name(tmp_path: Path, variable: str) -> None:
    program(tmp_path, "google-chrome")
    own = program(tmp_path / "own", "my-browser")
    assert find_browser({"PATH": str(tmp_path), variable: str(own)}) == own
    assert find_browser({"PATH": str(tmp_path / "own"), variable: "my-browser"}) == own


def test_lunas_own_variable_wins(tmp_path: Path) -> None:
    one, other = program(tmp_path, "one"), program(tmp_path, "other")
    environ = {"PATH": "", "LUNA_BROWSER": str(one), "PUPPETEER_EXECUTABLE_PATH": str(other)}
    assert find_browser(environ) == one


@pytest.mark.parametrize("named", ["nothing-of-that-name", "/no/such/file", "/", "folder"])
def test_one_that_is_not_there_is_not_replaced_by_another(tmp_path: Path, named: str) -> None:
    program(tmp_path, "chromium")
    program(tmp_path, "folder", mode=0o644)
    with pytest.raises(LunaError) as refused:
        find_browser({"PATH": str(tmp_path), "LUNA_BROWSER": named})
    assert refused.value.kind is Kind.CONFLICT
    assert "LUNA_BROWSER" in refused.value.message
    assert "paste" in refused.value.hint


def test_without_any_the_way_out_is_told() -> None:
    with pytest.raises(LunaError) as refused:
        find_browser({"PATH": "/nowhere"}, [])
    assert "LUNA_BROWSER" in refused.value.hint
    assert "paste" in refused.value.hint


def test_what_it_is_started_with_is_read_as_on_a_command_line() -> None:
    assert browser_arguments({}) == ()
    assert browser_arguments({"LUNA_BROWSER_ARGS": "--one '--two=a b'"}) == ("--one", "--two=a b")
    with pytest.raises(LunaError, match="LUNA_BROWSER_ARGS"):
        browser_arguments({"LUNA_BROWSER_ARGS": "--one 'two"})


@pytest.mark.parametrize(
    ("environ", "platform", "there"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ""}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({}, "darwin", True),
        ({}, "win32", True),
    ],
)
def test_a_window_needs_a_display(environ: dict[str, str], platform: str, there: bool) -> None:
    if there:
        check_display(environ, platform)
        return
    with pytest.raises(LunaError) as refused:
        check_display(environ, platform)
    assert (refused.value.kind, "no display" in refused.value.message) == (Kind.CONFLICT, True)
    assert "paste" in refused.value.hint


def test_root_has_to_say_that_it_wants_no_sandbox() -> None:
    check_sandbox((), root=False)
    check_sandbox(("--no-sandbox",), root=True)
    with pytest.raises(LunaError) as refused:
        check_sandbox(("--disable-gpu",), root=True)
    assert "--no-sandbox" in refused.value.hint


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Looks like you launched a headed browser without having a XServer running.", "no display"),
        ("- [pid=1][err] ERROR: Missing X server or $DISPLAY", "no display"),
        ("- [pid=1][err] No usable sandbox! If you are running on Ubuntu 23.10+", "sandbox does not work"),
        ("Chromium sandboxing failed!", "sandbox does not work"),
        ("- <launching> /bin/x --no-sandbox --headless\n- <launched> pid=1", "ended right after its start"),
        ("The profile appears to be in use by another Chromium process (1)", "has not ended yet"),
        ("Browser does not support socks5 proxy authentication", "SOCKS"),
        ("", "ended right after its start"),
    ],
)
def test_what_a_browser_said_before_it_ended_becomes_advice(said: str, told: str) -> None:
    error = not_opened(Path("/opt/x/chromium"), f"BrowserType.launch_persistent_context: it was closed\n{said}")
    assert told in error.message
    assert error.hint
    assert "/opt/x" not in error.told
