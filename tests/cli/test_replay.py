"""`luna replay` on recordings that a running luna made."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

from luna.cli.main import main
from luna.wire.reader import read
from tests.support.command import Serving, luna, serving

SECRET = "sk-secret-of-a-client-0123456789"
FLOWS = 10


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings of an answer, one that was cut, a refusal by the upstream, one for lack of an account, responses that
    go on from one another, and an answer that repeats a password which is too short to be looked for."""
    data = tmp_path_factory.mktemp("recorded") / "data"
    with serving(data, "--demo", LUNA_RECORD="all") as running:
        running.chat("[[say:one two three four five six seven]]")
        running.chat("[[fault:cut:1500]][[count:500]]")
        running.chat("[[fault:rate-limit]]")
        running.chat("the account rests now")
        assert running.end() == 0
    with serving(data, "--demo", LUNA_RECORD="all") as running:
        first = respond(running, input="[[say:one]]", instructions="Be brief.", metadata={"api_key": SECRET})
        second = respond(running, input="[[say:two]]", previous_response_id=first["id"], stream=True)
        reference = {"type": "item_reference", "id": first["output"][-1]["id"]}
        respond(running, input=[{"role": "user", "content": "[[say:three]]"}, reference], store=False)
        assert running.request("GET", f"/v1/responses/{second['id']}").status == 200
        assert running.request("DELETE", f"/v1/responses/{second['id']}").status == 200
        asked = {"model": "qwen3.7-plus", "messages": [{"role": "user", "content": 'Keep {"password": "hunter2"}.'}]}
        told = running.request("POST", "/v1/chat/completions", msgspec.json.encode(asked))
        assert b"hunter2" in told.content
        assert running.end() == 0
    return data / "recordings"


def respond(running: Serving, **asked: Any) -> dict[str, Any]:
    """The response, however it was told."""
    reply = running.request("POST", "/v1/responses", msgspec.json.encode({"model": "qwen3.7-plus", **asked}))
    assert reply.status == 200
    if not asked.get("stream"):
        return msgspec.json.decode(reply.content, type=dict[str, Any])
    last = reply.content.rstrip().rpartition(b"data: ")[2]
    found: dict[str, Any] = msgspec.json.decode(last)["response"]
    return found


Here = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    """A command that only reads, in this process: a start costs more than all that it does."""
    monkeypatch.setenv("LUNA_DATA_DIR", str(tmp_path))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        code = main(arguments)
        said = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, code, said.out, said.err)

    return run


def recordings(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*.jsonl"))
    assert len(found) == FLOWS
    return found


@pytest.mark.parametrize("number", range(FLOWS))
def test_an_unchanged_replay_is_identical(recorded: Path, tmp_path: Path, number: int) -> None:
    done = luna("replay", str(recordings(recorded)[number]), data_dir=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "identical at every boundary" in done.stdout


def test_what_a_response_went_on_from_is_in_its_recording(recorded: Path) -> None:
    kept = []
    for path in recordings(recorded)[4:9]:
        with path.open("rb") as lines:
            kept.append([msgspec.json.decode(frame.document)["output"] for frame in read(lines).recalled])
    texts = [[output[-1]["content"][0]["text"] for output in outputs] for outputs in kept]
    assert texts == [[], ["one"], ["one"], ["two"], ["two"]]


def test_a_changed_option_is_found_at_its_boundary(recorded: Path, tmp_path: Path) -> None:
    done = luna("replay", str(recordings(recorded)[0]), "--set", "limit.max-tokens=3", data_dir=tmp_path)
    assert done.returncode == 1
    assert "first difference: events limit" in done.stdout
    assert '"reason":"length"' in done.stdout


def test_events_put_in_where_they_were_come_out_as_they_did(recorded: Path, tmp_path: Path) -> None:
    done = luna("replay", str(recordings(recorded)[0]), "--from", "qwen", data_dir=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "identical at every boundary" in done.stdout


def test_events_that_are_put_in_meet_the_options_of_today(recorded: Path, tmp_path: Path) -> None:
    first = str(recordings(recorded)[0])
    done = luna("replay", first, "--from", "qwen", "--set", "limit.max-tokens=3", data_dir=tmp_path)
    assert done.returncode == 1
    assert "first difference: events limit" in done.stdout


def test_a_folder_is_a_suite(recorded: Path, tmp_path: Path) -> None:
    report = tmp_path / "replay.xml"
    done = luna("replay", "--all", str(recorded), "--junit", str(report), data_dir=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{FLOWS} recordings: {FLOWS} identical, 0 differs, 0 broken" in done.stdout
    suite = ElementTree.fromstring(report.read_bytes())
    assert (suite.get("tests"), suite.get("failures"), len(suite)) == (str(FLOWS), "0", FLOWS)


def test_a_suite_tells_what_differs_and_what_is_broken(recorded: Path, tmp_path: Path) -> None:
    folder = tmp_path / "suite"
    (folder / "NAME").mkdir(parents=True)
    first = recordings(recorded)[0]
    (folder / "NAME" / "recording.jsonl").write_bytes(first.read_bytes())
    (folder / "NAME" / "events.jsonl").write_text('{"t":"text","text":"no recording"}\n')
    arguments = ["replay", "--all", str(folder), "--set", "limit.max-tokens=3", "--junit", str(tmp_path / "x.xml")]
    done = luna(*arguments, data_dir=tmp_path)
    assert done.returncode == 1
    assert "differs    NAME/recording.jsonl  first at events limit" in done.stdout
    assert "1 recordings: 0 identical, 1 differs, 0 broken" in done.stdout
    (folder / "broken.jsonl").write_bytes(first.read_bytes()[:200].replace(b'"v":1', b'"v":9'))
    done = luna(*arguments, data_dir=tmp_path)
    assert done.returncode == 2
    assert "broken     broken.jsonl  " in done.stdout
    suite = ElementTree.fromstring((tmp_path / "x.xml").read_bytes())
    assert [child.tag for case in suite for child in case] == ["failure", "error"]
    assert "events limit" in (suite[0][0].text or "")


def test_a_request_is_sent_again_to_a_luna_that_runs(recorded: Path, tmp_path: Path) -> None:
    path = recordings(recorded)[0]
    with serving(tmp_path / "data", "--demo", LUNA_RECORD="all") as running:
        arguments = ["replay", str(path), "--again", "--base-url", f"{running.url}/v1"]
        done = luna(*arguments, data_dir=tmp_path / "data")
        assert (done.returncode, done.stderr) == (0, "")
        flow = done.stdout.partition("bytes, flow_")[2].split()[0]
        luna(
            "replay", str(path), "--again", "--base-url", running.url, "--pipeline", "chat", data_dir=tmp_path / "data"
        )
        assert running.end() == 0
    assert len(list((tmp_path / "data" / "recordings").glob("*.jsonl"))) == 2
    compared = luna("compare", str(path), f"flow_{flow}", data_dir=tmp_path / "data")
    assert compared.returncode == 1, "it has other ids"
    assert "first difference: " in compared.stdout
    assert '"text":"one' in luna("show", f"flow_{flow}", "--at", "qwen", "--events", data_dir=tmp_path / "data").stdout


def test_two_recordings_are_compared(recorded: Path, here: Here) -> None:
    one, other = (str(path) for path in recordings(recorded)[:2])
    same = here("compare", one, one)
    assert (same.returncode, same.stderr) == (0, "")
    assert "identical at every boundary" in same.stdout
    differ = here("compare", one, other)
    assert differ.returncode == 1
    assert "first difference: client request" in differ.stdout
    assert "(--every shows them)" in differ.stdout
    assert here("compare", one, "nothing.jsonl").returncode == 2


def test_a_recording_is_shown_at_every_boundary(recorded: Path, here: Here) -> None:
    path = str(recordings(recorded)[0])
    whole = here("show", path)
    assert (whole.returncode, whole.stderr) == (0, "")
    assert "POST /v1/chat/completions, recorded by luna" in whole.stdout
    assert "batches of events" in whole.stdout
    document = here("show", path, "--at", "protocol.decode", "--events")
    assert msgspec.json.decode(document.stdout)["model"] == "qwen3.7-plus"
    assert '"text":"one' in here("show", path, "--at", "qwen", "--events").stdout
    axis = here("show", path, "--time").stdout
    assert all(said in axis for said in ("protocol.decode", "a chat is made", "Qwen answers", "to the client", "█"))
    told = msgspec.json.decode(here("show", path, "--json", "--time").stdout)
    assert {"stage", "chat", "completion", "first-byte", "answer"} <= {span["kind"] for span in told["spans"]}
    assert next(boundary["name"] for boundary in told["boundaries"]) == "protocol.decode"
    at = msgspec.json.decode(here("show", path, "--json", "--at", "qwen", "--events").stdout)
    assert at["events"][0][0]["t"] == "opened"


def test_what_cannot_be_shown_is_named(recorded: Path, here: Here) -> None:
    path = str(recordings(recorded)[0])
    nowhere = here("show", path, "--at", "nowhere")
    assert nowhere.returncode == 2
    assert "has no boundary 'nowhere'" in nowhere.stderr
    assert here("show", path, "--events").returncode == 2
    assert here("show", "nothing.jsonl").returncode == 2


def test_recordings_hold_no_secret(recorded: Path) -> None:
    for path in recordings(recorded):
        text = path.read_text()
        assert path.stat().st_mode & 0o777 == 0o600
        assert "eyJ" not in text, "a JSON Web Token"
        assert SECRET not in text
    assert "<redacted:" in recordings(recorded)[0].read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["no-such-file.jsonl"], 2, "cannot read no-such-file.jsonl"),
        (["README.md"], 2, "The recording cannot be read: line 1"),
        (["RECORDING", "--pipeline", "nope"], 2, "There is no pipeline 'nope'"),
        (["RECORDING", "--set", "limit.max-tokns=3"], 1, "max-tokns"),
        (["RECORDING", "--set", "lmit.max-tokens=3"], 1, "did you mean 'limit'"),
        (["RECORDING", "--set", "nonsense"], 2, "expected stage.option=value"),
        (["flow_of_nobody"], 2, "There is no recording of that flow"),
        (["RECORDING", "--from", "overflow"], 2, "only events can be put in"),
        (["RECORDING", "--from", "nowhere"], 2, "The recording has no boundary 'nowhere'"),
        (["RECORDING", "--from", "qwen", "--again"], 2, "not allowed with argument"),
        (["RECORDING", "--again", "--set", "limit.max-tokens=3"], 2, "--set is for replays here"),
        (["RECORDING", "--again", "--base-url", "http://127.0.0.1:1"], 2, "127.0.0.1"),
        (["RECORDING", "--junit", "x.xml"], 2, "--junit goes with --all"),
        (["--all", "README.md"], 2, "cannot read README.md: it is no folder"),
        (["--all", "luna/model"], 2, "there is no recording below luna/model"),
        ([], 2, "one of the arguments file --all is required"),
    ],
)
def test_mistakes_are_named(recorded: Path, tmp_path: Path, arguments: list[str], code: int, said: str) -> None:
    first = str(recordings(recorded)[0])
    done = luna("replay", *[first if a == "RECORDING" else a for a in arguments], data_dir=tmp_path)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
