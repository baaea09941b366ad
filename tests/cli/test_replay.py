"""`luna replay` on recordings that a running luna made."""

from pathlib import Path

import pytest

from tests.support.command import luna, serving


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings of an answer, one that was cut, a refusal by the upstream, and one for lack of an account."""
    data = tmp_path_factory.mktemp("recorded") / "data"
    with serving(data, "--demo", LUNA_RECORD="all") as running:
        running.chat("[[say:one two three four five six seven]]")
        running.chat("[[fault:cut:1500]][[count:500]]")
        running.chat("[[fault:rate-limit]]")
        running.chat("the account rests now")
        assert running.end() == 0
    return data / "recordings"


def recordings(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*.jsonl"))
    assert len(found) == 4
    return found


@pytest.mark.parametrize("number", range(4))
def test_an_unchanged_replay_is_identical(recorded: Path, tmp_path: Path, number: int) -> None:
    done = luna("replay", str(recordings(recorded)[number]), data_dir=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "identical at every boundary" in done.stdout


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
