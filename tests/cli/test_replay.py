"""`luna replay` on recordings that a running luna made."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from luna.wire.reader import read
from tests.support.command import Serving, luna, serving

SECRET = "sk-secret-of-a-client-0123456789"
FLOWS = 9


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings of an answer, one that was cut, a refusal by the upstream, one for lack of an account, and responses
    that go on from one another."""
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
    for path in recordings(recorded)[4:]:
        with path.open("rb") as lines:
            kept.append([msgspec.json.decode(frame.document)["output"] for frame in read(lines).recalled])
    texts = [[output[-1]["content"][0]["text"] for output in outputs] for outputs in kept]
    assert texts == [[], ["one"], ["one"], ["two"], ["two"]]


def test_a_changed_option_is_found_at_its_boundary(recorded: Path, tmp_path: Path) -> None:
    done = luna("replay", str(recordings(recorded)[0]), "--set", "limit.max-tokens=3", data_dir=tmp_path)
    assert done.returncode == 1
    assert "first difference: events limit" in done.stdout
    assert '"reason":"length"' in done.stdout


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
    ],
)
def test_mistakes_are_named(recorded: Path, tmp_path: Path, arguments: list[str], code: int, said: str) -> None:
    first = str(recordings(recorded)[0])
    done = luna("replay", *[first if a == "RECORDING" else a for a in arguments], data_dir=tmp_path)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
