"""What luna is built from is what was looked at: every package has one version and its digests, in Python's lists and
in npm's; and what the audit says of answers is what stands in them."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from tests.security.audit import read_npm, read_pip

ROOT = Path(__file__).parents[2]
LISTS = ("run", "test", "audit")
_PINNED = re.compile(r"([A-Za-z0-9][\w.-]*)(?:\[[\w,-]+\])?==(\S+)(?: ; [^\\]+?)?((?: --hash=sha256:[0-9a-f]{64})+)")


def pinned(name: str) -> dict[str, str]:
    """By package: its version. Fails for anything that is not pinned to one and to its digests."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    lines = [line for line in re.sub(r"\s*\\\n\s*", " ", text).splitlines() if line and not line.startswith("#")]
    found: dict[str, str] = {}
    for line in lines:
        match = _PINNED.fullmatch(line)
        assert match, f"{name}.txt: {line[:100]}"
        found[_plain(match[1])] = match[2]
    return found


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("name", LISTS)
def test_every_package_is_pinned_to_its_digests(name: str) -> None:
    assert len(pinned(name)) > 20


def test_what_is_tested_is_what_runs() -> None:
    tested = pinned("test")
    assert {name: tested.get(name) for name in pinned("run")} == pinned("run")


def test_everything_that_luna_names_is_in_the_lists() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    for wanted, name in ((project["project"]["dependencies"], "run"), (groups["test"] + groups["build"], "test")):
        named = {_plain(re.split(r"[\[<>=!~; ]", each)[0]) for each in wanted if isinstance(each, str)}
        assert named <= set(pinned(name)), named - set(pinned(name))


def test_everything_of_the_pages_is_pinned_to_its_digest() -> None:
    lock = msgspec.json.decode((ROOT / "ui" / "package-lock.json").read_bytes())
    package = msgspec.json.decode((ROOT / "ui" / "package.json").read_bytes())
    packages = {path: one for path, one in lock["packages"].items() if path and not one.get("link")}
    assert len(packages) > 200
    loose = [path for path, one in packages.items() if not one.get("integrity", "").startswith("sha512-")]
    assert loose == []
    root = lock["packages"][""]
    for kind in ("dependencies", "devDependencies"):
        assert root[kind] == package[kind]
        for name, version in package[kind].items():
            assert re.fullmatch(r"\d[\w.+-]*", version), f"{name} may be anything like {version}"
            assert packages[f"node_modules/{name}"]["version"] == version
    scripts = [path for path, one in packages.items() if one.get("hasInstallScript")]
    assert all(path.rpartition("node_modules/")[2] in ("fsevents", "esbuild") for path in scripts), scripts


def test_a_weakness_fails_and_silence_is_told() -> None:
    weak = {"name": "x", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}
    sound, skipped = {"name": "y", "version": "1", "vulns": []}, {"name": "z", "skip_reason": "not found"}
    found = read_pip("run", msgspec.json.encode({"dependencies": [weak, sound, skipped]}), fails=True)
    assert found.bad and "x 1: CVE-1, mended in 2" in str(found) and "NOT AUDITED: 1 packages" in str(found)
    assert not read_pip("test", msgspec.json.encode({"dependencies": [weak]}), fails=False).bad
    assert not read_pip("run", msgspec.json.encode({"dependencies": [sound]}), fails=True).problem
    for silence in (b"", b"{}", msgspec.json.encode({"dependencies": [skipped]})):
        nothing = read_pip("run", silence, fails=True)
        assert nothing.problem and not nothing.bad and str(nothing).startswith("NOT AUDITED")
    answer = {"auditReportVersion": 2, "vulnerabilities": {"x": {"name": "x", "severity": "high", "range": "<2"}}}
    assert read_npm("ui", msgspec.json.encode(answer), fails=True).bad
    assert read_npm("ui", b'{"message": "405 Method Not Allowed", "error": {}}', fails=True).problem
