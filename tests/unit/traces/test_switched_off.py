"""Traces that are off are not there: nothing is imported, nothing is wrapped."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from luna.config.settings import Settings, SettingsError
from luna.server.bookkeeping import Bookkeeping
from tests.support.house import running_luna

PROBE = """
import sys
sys.meta_path.insert(0, type("Without", (), {{"find_spec": staticmethod(lambda name, path=None, target=None:
    (_ for _ in ()).throw(ModuleNotFoundError("none", name=name)) if {gone} and name.split(".")[0] == "opentelemetry"
    else None)}}))
from contextlib import AsyncExitStack
from pathlib import Path
import anyio
from luna.config.settings import Settings
from luna.server.assemble import assemble
async def go():
    settings = Settings.from_environment({{"LUNA_DATA_DIR": sys.argv[1], "LUNA_TRACES": sys.argv[2]}})
    async with assemble(settings):
        print(sorted(name for name in sys.modules if name.startswith(("opentelemetry", "luna.traces"))))
anyio.run(go)
"""


def probe(folder: Path, traces: str, *, gone: bool = False) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROBE.format(gone=gone), str(folder), traces]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OTEL_SDK_DISABLED": "true"})


def test_nothing_of_it_is_imported_unless_it_is_on(tmp_path: Path) -> None:
    off = probe(tmp_path / "off", "off")
    assert (off.returncode, off.stdout.strip()) == (0, "[]"), off.stderr
    on = probe(tmp_path / "on", "on")
    assert on.returncode == 0 and "luna.traces.export" in on.stdout and "opentelemetry.sdk.trace" in on.stdout


def test_without_the_package_it_says_what_to_install(tmp_path: Path) -> None:
    said = probe(tmp_path, "on", gone=True)
    assert said.returncode != 0
    assert "pip install 'luna-proxy[traces]'" in said.stderr
    assert probe(tmp_path, "off", gone=True).returncode == 0


async def test_nothing_is_wrapped_unless_it_is_on(tmp_path: Path) -> None:
    async with running_luna(tmp_path) as luna:
        assert luna.house.state.traces is None
        assert type(luna.house.app._gateway._books) is Bookkeeping
        assert "Traced" not in repr(luna.house.accounts._way(luna.house.accounts.all()[0]))


@pytest.mark.parametrize(("said", "meant"), [("on", True), ("ON", True), ("off", False), ("", False)])
def test_the_switch(said: str, meant: bool) -> None:
    assert Settings.from_environment({"LUNA_TRACES": said}).traces is meant


def test_anything_else_is_refused() -> None:
    with pytest.raises(SettingsError, match="LUNA_TRACES must be 'on' or 'off'"):
        Settings.from_environment({"LUNA_TRACES": "yes"})
