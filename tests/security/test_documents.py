"""Documents that unfold: XML in what the model says, YAML of the configuration, compressed bodies, bundles. None costs
more than its size, and none reaches out of itself."""

import gzip
import tracemalloc
import zipfile
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from luna.config.diagnostics import Report
from luna.config.source import parse
from luna.model.errors import LunaError
from luna.replay import unpack
from luna.tools.parse import text_of, tree_of
from tests.support.house import Running, running_luna
from tests.support.rawserver import RawServer, response

PLENTY = 64 * 1024 * 1024
"""Bytes: what is taken at a time for anything in here stays far below."""


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret.txt"
    file.write_text("canary of a file")
    return file


def entities(levels: int) -> str:
    """A billion laughs, for ten levels."""
    lines = ['<!ENTITY l0 "ha">', *(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, levels))]
    return f"<!DOCTYPE v [{''.join(lines)}]><a>&l{levels - 1};</a>"


def test_xml_of_the_model_declares_and_fetches_nothing(secret: Path) -> None:
    """It is read within an element: a declaration is no XML there, and what refers to one refers to nothing."""
    outside = f'<!DOCTYPE v [<!ENTITY x SYSTEM "{secret.as_uri()}">]><a>&x;</a>'
    include = f'<a xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="{secret.as_uri()}" parse="text"/></a>'
    parameter = f'<!DOCTYPE v SYSTEM "{secret.as_uri()}"><a>%x;</a>'
    tracemalloc.start()
    try:
        for text in (outside, parameter, entities(10), "<a>&x;</a>", "<a>&l9;</a>", include, "<a>" * 100_000):
            assert text_of(text) is None
            assert "canary" not in repr(tree_of(text))
        assert tree_of(outside) is None and tree_of(entities(10)) is None
        assert tracemalloc.get_traced_memory()[1] < PLENTY
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("levels", [10, 30])
def test_yaml_that_unfolds_is_refused_at_once(levels: int) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    report = Report()
    assert parse("\n".join(lines).encode(), "routes.yaml", report) is None
    assert "aliases counted" in repr([*report.errors])


RUNS = [
    "!!python/object/apply:os.system ['touch {file}']",
    "!!python/object/new:subprocess.Popen [['touch', '{file}']]",
    "!!python/name:os.system",
    "!!python/module:os",
    "!<tag:yaml.org,2002:python/object/apply:os.system> ['touch {file}']",
    "&x !!python/object/apply:pathlib.Path.touch [!!python/object/new:pathlib.Path ['{file}']]",
    "!include {file}",
]


@pytest.mark.parametrize("line", RUNS)
def test_yaml_runs_nothing(line: str, tmp_path: Path) -> None:
    file, report = tmp_path / "made", Report()
    parse(f"routes: {line.format(file=file)}\n".encode(), "routes.yaml", report)
    assert "is not supported" in repr([*report.errors])
    assert not file.exists()


@pytest.fixture
async def qwen() -> AsyncIterator[RawServer]:
    async with RawServer(response(b"{}")) as server:
        yield server


def bomb(kind: str) -> bytes:
    """A gigabyte of nothing, in a megabyte."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31 if kind == "gzip" else 15)
    return b"".join([*(packer.compress(bytes(1024 * 1024)) for _ in range(1024)), packer.flush()])


@pytest.mark.parametrize("kind", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
async def test_an_answer_that_unfolds_is_an_error_and_luna_goes_on(tmp_path: Path, qwen: RawServer, kind: str) -> None:
    body = bomb(kind) if kind in ("gzip", "deflate") else b"\x28\xb5\x2f\xfd" + bytes(1000)
    qwen.say(response(body, headers=[f"content-encoding: {kind}", "content-type: application/json"]))
    environ = {"LUNA_QWEN_BASE_URL": qwen.url, "LUNA_QWEN_AUTH_URL": qwen.url}
    asked = b'{"model": "qwen3.7-plus", "messages": [{"role": "user", "content": "x"}]}'
    async with running_luna(tmp_path, environ=environ) as luna:
        answer = await luna.request("POST", "/v1/chat/completions", asked)
        assert 500 <= answer.status < 600, answer.content
        assert len(answer.content) < 10_000
        assert (await luna.request("GET", "/health")).status == 200
        await luna.settled()


async def test_a_compressed_request_is_not_unpacked(tmp_path: Path) -> None:
    async with running_luna(tmp_path) as luna:
        answer = await _sent(luna, gzip.compress(b'{"model": "qwen3.7-plus", "messages": []}'), "gzip")
        assert answer == 400
        assert await _sent(luna, bomb("gzip"), "gzip") == 400


async def _sent(luna: Running, body: bytes, encoding: str) -> int:
    answer = await luna.request("POST", "/v1/chat/completions", body, {"content-encoding": encoding})
    assert b"JSON" in answer.content
    return answer.status


def bundle(path: Path, *files: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return path


def linked(name: str, to: str) -> tuple[zipfile.ZipInfo, bytes]:
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, 0o120777 << 16
    return entry, to.encode()


NAMES = ("../planted", "/tmp/planted", "config/../../planted.md", "config/prompts/../../planted.md", "..\\planted",
         "config/prompts/.ssh/x.md", "config/stages/x.py", "config/pipelines/x.py", "C:/planted",
         "config/prompts//x.md", "recording.jsonl/", "config/prompts/x.md\n")  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_bundle_unpacks_to_no_place_of_its_own_choice(name: str, tmp_path: Path) -> None:
    with pytest.raises(LunaError, match="no bundle"):
        unpack.unpack(bundle(tmp_path / "x.zip", ("bundle.json", b"{}"), (name, b"planted")))
    assert [each.name for each in tmp_path.rglob("*")] == ["x.zip"]


def test_a_link_in_a_bundle_is_read_as_what_stands_in_it(tmp_path: Path) -> None:
    """Nothing is ever unpacked onto the disk by the archive: a link is the bytes of its target's name, no recording."""
    made = bundle(tmp_path / "x.zip", ("bundle.json", b"{}"), linked("recording.jsonl", "/etc/passwd"))
    with pytest.raises(LunaError) as refused:
        unpack.unpack(made)
    assert "root:" not in refused.value.message


def test_a_bundle_that_unfolds_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "LARGEST", 4 * 1024 * 1024)
    made = bundle(tmp_path / "x.zip", ("bundle.json", b"{}"), ("recording.jsonl", bytes(64 * 1024 * 1024)))
    assert made.stat().st_size < 1024 * 1024
    tracemalloc.start()
    try:
        with pytest.raises(LunaError, match="MiB in it"):
            unpack.unpack(made)
        assert tracemalloc.get_traced_memory()[1] < PLENTY // 4
    finally:
        tracemalloc.stop()


def test_json_that_is_nested_without_end_is_an_error() -> None:
    with pytest.raises((msgspec.MsgspecError, RecursionError)):
        msgspec.json.decode(b"[" * 1_000_000)
