"""`luna explain`: route by route, why and why not."""

import argparse
from pathlib import Path

import pytest

from luna.cli import explain
from luna.core import registry
from tests.unit.config.shop import SOUND, Shop, write

ROUTES = """\
version: 1
aliases:
  - {model: "gpt-*", as: qwen3.6-plus}
routes:
  - {name: team, match: {header: {authorization: "Bearer hush"}}, pipeline: chat}
  - name: tools
    match: {path: /v1/*, tools: Bash, size: {max: 1KiB}}
    pipeline: chat
    with: {far: {attempts: 2}}
    record: all
  - {name: rest, match: {method: POST, path: /v1/chat/completions}, pipeline: chat}
  - {name: models, match: {method: GET, path: /v1/models}, pipeline: chat}
"""


@pytest.fixture(autouse=True)
def shop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The stages of the shop are the registered ones."""
    monkeypatch.setattr(registry, "Registry", Shop)
    monkeypatch.chdir(tmp_path)
    pipeline = SOUND["pipelines/chat.yaml"].replace("version: 1\n", "version: 1\nabout: A chat.\n")
    write(tmp_path, {"routes.yaml": ROUTES, "pipelines/chat.yaml": pipeline})


def luna(*arguments: str) -> int:
    """Run the command line."""
    root = argparse.ArgumentParser()
    explain.register(root.add_subparsers())
    parsed = root.parse_args(["explain", *arguments])
    code: int = parsed.run(parsed)
    return code


def test_the_whole_decision(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        luna("--path", "/v1/chat/completions", "--model", "gpt-5", "--tool", "Read", "--tool", "Bash", "--stream") == 0
    )
    assert (
        capsys.readouterr().out
        == """\
POST /v1/chat/completions

  ✗ team    header authorization is absent
  ✓ tools   path is /v1/*; a tool is Bash; body has at most 1024 bytes
  · rest    not asked
  · models  not asked

pipeline chat: A chat.
  request    decode
  transport  far     mode: auto, idle: 90s, attempts: 2, names: [], rules: [], prompt: "", limits: {}
  encode     encode
recording: all
model gpt-5 → qwen3.6-plus
"""
    )


def test_a_body_too_large_takes_the_next_route(capsys: pytest.CaptureFixture[str]) -> None:
    assert luna("--path", "/v1/chat/completions", "--tool", "Bash", "--size", "2KiB", "--model", "qwen3") == 0
    out = capsys.readouterr().out
    assert "✗ tools   body of 2048 bytes is larger than 1024" in out
    assert "✓ rest    method is POST; path is /v1/chat/completions" in out
    assert out.endswith("model qwen3 (no alias)\n")


def test_no_route(capsys: pytest.CaptureFixture[str]) -> None:
    assert luna("--path", "/v2") == 2
    out = capsys.readouterr().out
    assert out.startswith("GET /v2\n")
    assert out.endswith(
        "  ✗ tools   path /v2 is not /v1/*\n"
        "  ✗ rest    method GET is not POST\n"
        "  ✗ models  path /v2 is not /v1/models\n\n"
        "no route matches: the client gets a 404 that says so\n"
    )


def test_the_value_of_a_header_with_a_key_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    assert luna("--path", "/", "--header", "Authorization=Bearer s3cret") == 2
    out = capsys.readouterr().out
    assert "✗ team    header authorization does not match" in out
    assert "s3cret" not in out
    assert "hush" not in out
    assert luna("--path", "/", "--header", "authorization=Bearer hush") == 0
    out = capsys.readouterr().out
    assert "✓ team    header authorization matches" in out
    assert "hush" not in out


def test_a_broken_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {"routes.yaml": ROUTES.replace("name: rest", "nmae: rest")})
    assert luna("--path", "/") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "routes.yaml:11:6: a route has no field 'nmae' — did you mean 'name'?\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "the following arguments are required: --path"),
        (("--path", "/", "--header", "x"), "argument --header: expected NAME=VALUE, got 'x'"),
        (("--path", "/", "--size", "big"), "argument --size: expected a size like 512, 64KiB or 5MB, got 'big'"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        luna(*arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        luna("--help")
    assert "luna explain --path /v1/chat/completions" in capsys.readouterr().out
