"""`luna fixture add`, `luna plan`, `luna bundle` and `luna open`, the way a person uses them."""

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpcore
import pytest

from tests.support.command import ROOT, environment, luna, serving


class Recorded(NamedTuple):
    data: Path
    routes: Path
    flow: str

    @property
    def environ(self) -> dict[str, str]:
        return {"LUNA_ROUTES": str(self.routes)}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """A flow of a luna of its own that has ended."""
    folder = tmp_path_factory.mktemp("recorded")
    for name in ("pipelines", "prompts"):
        shutil.copytree(ROOT / name, folder / "conf" / name)
    routes = folder / "conf" / "routes.yaml"
    shutil.copy(ROOT / "routes.yaml", routes)
    with serving(folder / "data", "--demo", LUNA_RECORD="all", LUNA_ROUTES=str(routes)) as running:
        answer = running.chat("[[say:one two three four five six seven]] for ann.person@corp.example")
        assert answer.status == 200
        assert running.end() == 0
    flow = next(value.decode() for name, value in answer.headers if name.lower() == b"x-luna-flow")
    return Recorded(folder / "data", routes, flow)


def run(recorded: Recorded, *arguments: str) -> subprocess.CompletedProcess[str]:
    return luna(*arguments, data_dir=recorded.data, environ=recorded.environ)


def test_a_flow_becomes_a_fixture_once(recorded: Recorded) -> None:
    done = run(recorded, "fixture", "add", recorded.flow, "seven-words", "--minimise")
    assert (done.returncode, done.stderr) == (0, "")
    folder = recorded.routes.parent / "fixtures" / "wire" / "seven-words"
    assert done.stdout.splitlines()[0] == str(folder)
    assert {path.name for path in folder.iterdir()} == {"recording.jsonl", "events.jsonl", "client.http"}
    assert "ann.person" not in (folder / "recording.jsonl").read_text()
    again = run(recorded, "fixture", "add", recorded.flow, "seven-words")
    assert again.returncode == 1
    assert "There is a fixture 'seven-words' already" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["fixture", "add", "flow_nobody", "x"], 1, "There is no recording of that flow"),
        (["fixture", "add", "FLOW", "../x"], 1, "no name for a fixture"),
        (["fixture", "add", "FLOW", "x", "--set", "limit.max-tokens=3"], 2, "give both"),
        (["fixture", "add", "CUT", "x"], 1, "The recording is not complete"),
        (["plan", "--offline", "no-such-file.yaml"], 2, "stands for no file of the configuration"),
        (["plan", "--last", "1000"], 2, "--last must be from 0 to 200"),
        (["bundle", "flow_nobody"], 2, "There is no recording of that flow"),
        (["open", "README.md"], 2, "no bundle of luna's"),
        (["open", "no-such-file"], 2, "No such file"),
    ],
)
def test_mistakes_are_named(recorded: Recorded, tmp_path: Path, arguments: list[str], code: int, said: str) -> None:
    cut = tmp_path / "cut.jsonl"
    whole = next((recorded.data / "recordings").glob("*.jsonl")).read_bytes()
    cut.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    named = {"FLOW": recorded.flow, "CUT": str(cut)}
    done = run(recorded, *[named.get(argument, argument) for argument in arguments])
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_plan_says_what_a_change_would_do(recorded: Recorded, tmp_path: Path) -> None:
    changed = tmp_path / "pipelines" / "chat.yaml"
    changed.parent.mkdir()
    text = (recorded.routes.parent / "pipelines" / "chat.yaml").read_text()
    changed.write_text(text.replace("- use: limit", "- use: limit\n    max-tokens: 3"))
    done = run(recorded, "plan", "--offline", str(changed), "--diff")
    assert done.returncode == 1
    assert re.search(rf"≠ {recorded.flow} +events limit", done.stdout)
    assert '"reason":"length"' in done.stdout
    same = run(recorded, "plan", "--offline")
    assert same.returncode == 0
    assert "nothing changes" in same.stdout
    changed.write_text(text.replace("- use: limit", "- use: lmit"))
    broken = run(recorded, "plan", "--offline", str(changed))
    assert broken.returncode == 1
    assert "did you mean 'limit'" in broken.stderr


@pytest.fixture(scope="module")
def shown(recorded: Recorded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, Path]]:
    """A bundle that is open: the origin, the admin key, and where its luna puts temporary files."""
    folder = tmp_path_factory.mktemp("shown")
    bundle = folder / "x.luna.zip"
    done = run(recorded, "bundle", recorded.flow, "-o", str(bundle))
    assert (done.returncode, done.stderr) == (0, "")
    assert run(recorded, "bundle", recorded.flow, "-o", str(bundle)).returncode == 2, "nothing is written over"
    temporary = folder / "tmp"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "luna", "open", str(bundle)],
        env=environment(folder / "no-data", TMPDIR=str(temporary)),
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert recorded.flow in process.stdout.readline()
        found = re.search(r"(http://127\.0\.0\.1:\d+)/login\?key=(\S+)", process.stdout.readline())
        assert found is not None
        until_it_answers(found[1])
        yield found[1], found[2], temporary
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert list(temporary.iterdir()) == [], "nothing is left of it"
        assert sorted(path.name for path in folder.iterdir()) == ["tmp", "x.luna.zip"]
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def until_it_answers(origin: str) -> None:
    """It says where it is a moment before it listens."""
    end = time.monotonic() + 60
    while True:
        try:
            httpcore.request("GET", f"{origin}/health")
        except httpcore.ConnectError:
            assert time.monotonic() < end
            time.sleep(0.02)
        else:
            return


def ask(shown: tuple[str, str, Path], method: str, path: str, body: bytes = b"") -> httpcore.Response:
    headers = [("authorization", f"Bearer {shown[1]}"), ("content-type", "application/json")]
    return httpcore.request(method, shown[0] + path, headers=headers, content=body or None)


def test_a_bundle_shows_its_flow(shown: tuple[str, str, Path], recorded: Recorded) -> None:
    detail = ask(shown, "GET", f"/api/flows/{recorded.flow}")
    assert detail.status == 200
    assert b"one two three" in ask(shown, "GET", f"/api/flows/{recorded.flow}/face/client-response").content
    assert b"ann.person" not in detail.content
    assert recorded.flow.encode() in ask(shown, "GET", "/api/opened").content
    assert b"completed" in ask(shown, "GET", f"/api/logs?flow={recorded.flow}").content


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/chat/completions"),
        ("GET", "/v1/models"),
        ("POST", "/worker/exchange"),
        ("DELETE", "/api/flows"),
        ("PUT", "/api/config-files/routes.yaml"),
        ("POST", "/api/accounts"),
        ("PATCH", "/api/config"),
    ],
)
def test_a_bundle_can_only_be_looked_at(shown: tuple[str, str, Path], method: str, path: str) -> None:
    answer = ask(shown, method, path, b"{}" if method != "GET" else b"")
    assert answer.status == 403
    assert b"This luna shows a bundle" in answer.content
