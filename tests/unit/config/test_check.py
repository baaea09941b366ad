"""`luna check`: what it prints, and how it ends."""

import argparse
from pathlib import Path

import msgspec
import pytest

from luna.cli import check
from luna.core import registry
from tests.unit.config.shop import CHAT, ROUTES, SOUND, Shop, write


@pytest.fixture(autouse=True)
def shop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The stages of the shop are the registered ones."""
    monkeypatch.setattr(registry, "Registry", Shop)
    monkeypatch.chdir(tmp_path)


def luna(*arguments: str) -> int:
    """Run the command line."""
    root = argparse.ArgumentParser()
    check.register(root.add_subparsers())
    parsed = root.parse_args(["check", *arguments])
    code: int = parsed.run(parsed)
    return code


def test_a_sound_configuration_is_summed_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {**SOUND, "pipelines/spare.yaml": CHAT})
    assert luna() == 0
    out, err = capsys.readouterr()
    assert out == (
        f"{tmp_path}/routes.yaml: 1 route, 2 pipelines, 0 errors, 1 warning\n"
        "  all: it has no conditions\n"
        "    chat: decode ▸ far ▸ encode\n"
    )
    assert err == "pipelines/spare.yaml:1:1: warning: no route uses pipeline 'spare'\n"


def test_mistakes_are_named_from_where_one_stands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "conf", {**SOUND, "routes.yaml": ROUTES.replace("chat", "chta")})
    assert luna("--routes", "conf/routes.yaml") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "conf/pipelines/chat.yaml:1:1: warning: no route uses pipeline 'chat'\n"
        "conf/routes.yaml:3:27: pipeline 'chta' does not exist — did you mean 'chat'?\n"
        f"{tmp_path}/conf/routes.yaml: 1 error, 1 warning\n"
    )


def test_elsewhere_paths_are_absolute(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "conf", {**SOUND, "routes.yaml": ROUTES + "x: 1\n"})
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert luna("--routes", "../conf/routes.yaml") == 1
    assert capsys.readouterr().err.startswith(f"{tmp_path}/conf/routes.yaml:4:1: routes.yaml has no field 'x'")


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {**SOUND})
    assert luna("--json") == 0
    assert msgspec.json.decode(capsys.readouterr().out) == {
        "ok": True,
        "routes": ["all"],
        "pipelines": ["chat"],
        "errors": [],
        "warnings": [],
    }
    write(tmp_path, {"pipelines/chat.yaml": CHAT.replace("far", "fra")})
    assert luna("--json") == 1
    assert msgspec.json.decode(capsys.readouterr().out) == {
        "ok": False,
        "routes": [],
        "pipelines": [],
        "errors": [
            {
                "file": "pipelines/chat.yaml",
                "line": 4,
                "col": 10,
                "message": "there is no stage 'fra'",
                "hint": "did you mean 'far'?",
                "severity": "error",
            }
        ],
        "warnings": [],
    }


def test_a_setting_that_cannot_be_is_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUNA_RECORD", "some")
    assert luna() == 2
    assert capsys.readouterr().err == "luna: LUNA_RECORD must be one of: off, errors, all; got 'some'.\n"


def test_schemas_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Shop, "names", lambda self: ("decode", "far"))
    assert luna("--write-schemas", "out") == 0
    assert capsys.readouterr().out == "out/routes.schema.json\nout/pipeline.schema.json\n"
    schema = msgspec.json.decode((tmp_path / "out/pipeline.schema.json").read_bytes())
    uses = [branch["properties"]["use"].get("const") for branch in schema["properties"]["stages"]["items"]["anyOf"]]
    assert uses == ["decode", "far", None]


def test_schemas_that_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Shop, "names", lambda self: ("broken",))
    assert luna("--write-schemas", "out") == 1
    assert capsys.readouterr().err == "luna: broken:Broken cannot be loaded: ImportError: no module\n"
    monkeypatch.setattr(Shop, "names", lambda self: ("far",))
    (tmp_path / "out").touch()
    assert luna("--write-schemas", "out/deeper") == 1
    assert capsys.readouterr().err.startswith("luna: ")


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        luna("--help")
    assert ended.value.code == 0
    assert "luna check --routes ./routes.yaml && luna serve" in capsys.readouterr().out
