"""`luna doctor`, as a person runs it."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from luna.cli import doctor
from luna.cli.main import parser
from luna.doctor.clients import CLIENTS
from tests.support.command import Serving, luna, serving
from tests.support.ports import free_port

KEY = "proxy-key-of-the-doctor"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One luna for all of them."""
    with serving(tmp_path_factory.mktemp("doctor") / "data", "--demo", LUNA_PROXY_KEY=KEY) as started:
        yield started


def test_an_installation_is_told_line_by_line(tmp_path: Path) -> None:
    environ = {"LUNA_PORT": str(free_port()), "LUNA_QWEN_BASE_URL": f"http://127.0.0.1:{free_port()}"}
    done = luna("doctor", data_dir=tmp_path / "data", environ=environ)
    assert (done.returncode, done.stderr) == (0, "")
    told = [line.split()[:2] for line in done.stdout.splitlines()]
    assert ["ok", "configuration"] in told and ["warning", "accounts"] in told and ["ok", "port"] in told
    assert not (tmp_path / "data").exists()


def test_a_failure_is_the_exit_code(tmp_path: Path) -> None:
    environ = {
        "LUNA_HOST": "0.0.0.0",
        "LUNA_PORT": str(free_port()),
        "LUNA_QWEN_BASE_URL": f"http://127.0.0.1:{free_port()}",
    }
    done = luna("doctor", "--json", data_dir=tmp_path / "data", environ=environ)
    document = msgspec.json.decode(done.stdout)
    assert (done.returncode, document["ok"]) == (1, False)
    (failed,) = [finding for finding in document["findings"] if finding["verdict"] == "failure"]
    assert (failed["name"], "LUNA_PROXY_KEY" in failed["hint"]) == ("exposure", True)


def test_a_client_is_played_and_its_settings_printed(running: Serving, tmp_path: Path) -> None:
    done = luna("doctor", "aider", "--url", f"{running.url}/v1", "--key", KEY, data_dir=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok       first turn" in done.stdout
    assert "warning  edit notation" in done.stdout, "the look-alike repeats nothing"
    assert f"export OPENAI_API_BASE={running.url}/v1\n" in done.stdout
    assert KEY not in done.stdout


def test_a_wrong_key_is_told(running: Serving, tmp_path: Path) -> None:
    done = luna("doctor", "codex", "--json", "--url", running.url, "--key", "wrong", data_dir=tmp_path)
    document = msgspec.json.decode(done.stdout)
    assert (done.returncode, document["ok"]) == (1, False)
    assert any("--key" in finding.get("hint", "") for finding in document["findings"])
    assert f'base_url = "{running.url}/v1"' in document["settings"][0]["text"]


def test_live_probes_need_an_account(tmp_path: Path) -> None:
    done = luna("doctor", "--live", data_dir=tmp_path / "data")
    assert (done.returncode, done.stdout) == (2, "")
    assert "luna login" in done.stderr


@pytest.mark.parametrize("wrong", [("netscape",), ("codex", "--live"), ("--live", "--matrix")])
def test_wrong_arguments_are_told(wrong: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["doctor", *wrong])
    assert ended.value.code == 2


def test_a_page_without_a_place_for_the_table_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing")
    done = luna("doctor", "--matrix", str(page), data_dir=tmp_path / "data")
    assert (done.returncode, page.read_text()) == (2, "nothing")


def test_every_client_of_the_table_can_be_asked_for() -> None:
    assert tuple(client.name for client in CLIENTS) == doctor.CLIENTS
