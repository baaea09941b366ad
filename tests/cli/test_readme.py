"""What the README and the documents say: examples run as they stand there, tables have all that there is."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpcore
import msgspec
import pytest

from luna.protocols.openai_errors import FACES
from tests.support.command import ROOT, Serving, environment, serving

README = (ROOT / "README.md").read_text()
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
ADDRESS = "http://127.0.0.1:8080"
KEY = "readme-admin-key"
SIGNED = [("authorization", f"Bearer {KEY}")]


def example(language: str, holding: str) -> str:
    """The first block of that language that holds a word."""
    blocks = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return next(str(block) for block in blocks if holding in block)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One luna for all examples."""
    with serving(tmp_path_factory.mktemp("readme") / "data", "--demo", LUNA_ADMIN_KEY=KEY) as started:
        yield started


def shell(command: str, data_dir: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run it with `luna` on the path."""
    environ = environment(data_dir, **more)
    environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environ["PATH"]])
    return subprocess.run(
        ["bash", "-c", command], env=environ, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_first_curl_answers(running: Serving, tmp_path: Path) -> None:
    done = shell(example("sh", "/v1/chat/completions").replace(ADDRESS, running.url), tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"role":"assistant"' in done.stdout


def test_the_sdk_example_answers(running: Serving) -> None:
    code = example("python", "OpenAI").replace(ADDRESS, running.url)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert "look-alike" in done.stdout


def test_readiness_is_asked_as_it_says(running: Serving, tmp_path: Path) -> None:
    asked = re.search(r"`(curl [^`]*/health/ready)`", README)
    assert asked is not None
    done = shell(asked[1].replace(ADDRESS, running.url), tmp_path)
    assert '"status":"ready"' in done.stdout


def test_a_lunaproxy_is_taken_over_as_it_says(tmp_path: Path) -> None:
    source = shutil.copytree(ROOT / "fixtures" / "lunaproxy", tmp_path / "lunaproxy")
    tried, done = example("sh", "--dry-run").replace("DIR", str(source)).splitlines()
    said = shell(tried, tmp_path / "data")
    assert said.returncode == 0 and "nothing was changed" in said.stdout, said.stderr
    assert not (tmp_path / "data").exists()
    said = shell(done, tmp_path / "data")
    assert said.returncode == 0 and "was taken over" in said.stdout, said.stderr


@pytest.mark.parametrize("command", re.findall(r"^luna (?:check|explain).*", README, re.MULTILINE))
def test_a_command_works_as_it_says(command: str, tmp_path: Path) -> None:
    done = shell(command, tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(document: Path) -> None:
    for target, _, heading in (link.partition("#") for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text())):
        if target.startswith(("http:", "https:")):
            continue
        found = document.parent / target if target else document
        assert found.exists(), target
        if heading:
            assert heading in anchors(found), f"{target}#{heading}"


def anchors(document: Path) -> set[str]:
    """The headings of a document, as links name them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_variable_is_described() -> None:
    sources = [path.read_text() for path in (ROOT / "luna").rglob("*.py")]
    read = {name for source in sources for name in re.findall(r'"((?:LUNA|QWEN_AI)_[A-Z_]+[A-Z])"', source)}
    told = (ROOT / "docs" / "operations.md").read_text()
    assert len(read) > 15
    assert sorted(name for name in read if f"`{name}`" not in told) == []


def test_every_error_is_described() -> None:
    told = (ROOT / "docs" / "api.md").read_text()
    rows = [line for line in told.splitlines() if line.startswith("| ")]
    for face in FACES.values():
        assert any(str(face.status) in row and f"`{face.code}`" in row for row in rows), face


def test_every_subject_of_the_admin_api_is_described(running: Serving) -> None:
    done = httpcore.request("GET", f"{running.url}/api/openapi.json", headers=SIGNED)
    paths = msgspec.json.decode(done.content)["paths"]
    subjects = {"/".join(path.split("/")[:3]) for path in paths if path.startswith("/api/")}
    told = (ROOT / "docs" / "api.md").read_text()
    assert len(subjects) > 20
    assert sorted(subject for subject in subjects if f"`{subject}`" not in told) == []


def test_an_account_is_added_as_it_says(running: Serving, tmp_path: Path) -> None:
    asked = example("sh", "/api/accounts").replace(ADDRESS, running.url)
    asked = asked.replace('"token": "…"', '"token": "of-a-login"').replace('"cookies": "…"', '"cookies": "token=t"')
    done = shell(asked, tmp_path, LUNA_ADMIN_KEY=KEY)
    assert done.returncode == 0, done.stderr
    assert '"id":"mine"' in done.stdout and '"state":"ready"' in done.stdout
    assert "of-a-login" not in done.stdout
    removed = httpcore.request("DELETE", f"{running.url}/api/accounts/mine", headers=SIGNED)
    assert removed.status == 200  # the look-alike answers again
