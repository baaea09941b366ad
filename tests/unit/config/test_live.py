"""Reloading: what is on disk comes into force when it compiles, and changes nothing when it does not."""

import logging
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import msgspec
import pytest

from luna.config.diagnostics import ConfigurationError
from luna.config.live import LiveConfig
from luna.config.settings import Settings
from luna.core.snapshot import Snapshot
from luna.model.ambient import ManualClock
from tests.unit.config.shop import CHAT, ROUTES, SOUND, Shop, write
from tests.unit.config.test_compile import LOCAL, far

BROKEN = ROUTES.replace("chat", "chta")
SAID = "routes.yaml:3:27: pipeline 'chta' does not exist — did you mean 'chat'?"
TWO_ROUTES = ROUTES.replace("  - ", "  - {name: first, match: {path: /first}, pipeline: chat}\n  - ")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests need not wait as long as a person's machine may."""
    monkeypatch.setattr("luna.config.live.TICK_MS", 50)
    monkeypatch.setattr("luna.config.live.RETRY_SECONDS", 0.05)


@dataclass
class Place:
    """A configuration on disk and the one in force."""

    base: Path
    live: LiveConfig
    commits: list[Snapshot] = field(default_factory=list)

    @property
    def version(self) -> int:
        return self.live.cell.current.version

    @property
    def said(self) -> list[str]:
        return [str(each) for each in self.live.diagnostics]

    def put(self, name: str, content: str) -> None:
        """Write in place."""
        write(self.base, {name: content})

    def swap(self, name: str, content: str) -> None:
        """Replace atomically, as editors do."""
        write(self.base, {f"{name}.tmp": content})
        (self.base / f"{name}.tmp").replace(self.base / name)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the watch has brought it about."""
        with anyio.fail_after(5):
            while not condition():
                await anyio.sleep(0.01)


async def started(base: Path, files: dict[str, str | bytes] | None = None) -> Place:
    """The files, loaded."""
    routes = write(base, {**SOUND, **(files or {})})
    live = await LiveConfig.load(Settings(routes=routes), Shop(), ManualClock(wall=1_700_000_000.0), {})
    place = Place(base, live)
    live.on_commit(place.commits.append)
    return place


@asynccontextmanager
async def watching(place: Place) -> AsyncIterator[Place]:
    """The watch runs, and has begun."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(place.live.watch)
        await anyio.sleep(0.1)
        try:
            yield place
        finally:
            tasks.cancel_scope.cancel()


async def test_the_first_configuration_must_compile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError) as caught:
        await started(tmp_path / "conf", {"routes.yaml": BROKEN, "prompts/a.md": "{{ x }}"})
    assert [str(each).split(" — ")[0] for each in caught.value.diagnostics] == [
        "conf/prompts/a.md:1:1: the variable 'x' is not declared",
        "conf/routes.yaml:3:27: pipeline 'chta' does not exist",
    ]


async def test_the_first_configuration_is_version_one(tmp_path: Path) -> None:
    place = await started(tmp_path)
    assert (place.version, place.live.in_sync, place.live.cell.current.since) == (1, True, 1_700_000_000.0)
    assert repr(place.live).startswith("<LiveConfig <Snapshot 1 ")


async def test_a_change_comes_into_force_and_old_flows_keep_theirs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = await started(tmp_path)
    old = place.live.cell.current
    place.put("routes.yaml", TWO_ROUTES)
    with caplog.at_level(logging.INFO, "luna.config"):
        assert await place.live.reload()
    assert place.version == 2
    assert [snapshot.version for snapshot in place.commits] == [2]
    assert len(old.routes) == 1
    assert [record.message for record in caplog.records] == [
        "configuration 2 is in force: 2 routes, 1 pipeline, compiled in 0 ms"
    ]


async def test_no_change_is_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    place = await started(tmp_path)
    (tmp_path / "routes.yaml").touch()
    place.swap("routes.yaml", ROUTES)
    with caplog.at_level(logging.INFO, "luna.config"):
        assert await place.live.reload()
    assert (place.version, place.commits, caplog.records) == (1, [], [])


async def test_what_does_not_compile_changes_nothing_and_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = await started(tmp_path)
    before = place.live.cell.current
    place.put("routes.yaml", BROKEN)
    with caplog.at_level(logging.INFO, "luna.config"):
        assert not await place.live.reload()
        assert not await place.live.reload()
    assert place.live.cell.current is before
    assert place.said == [SAID]
    assert [record.message for record in caplog.records] == [
        SAID,
        "the configuration on disk does not compile; version 1 stays",
    ]
    assert "1 error on disk" in repr(place.live)


async def test_the_log_names_files_as_they_are_reached_from_here(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = await started(tmp_path / "conf")
    place.put("routes.yaml", BROKEN)
    await place.live.reload()
    assert caplog.records[0].message == f"conf/{SAID}"
    monkeypatch.chdir("/")
    place.put("routes.yaml", BROKEN + "\n")
    place.put("pipelines/other.yaml", "[")
    await place.live.reload()
    assert f"{tmp_path.relative_to('/')}/conf/{SAID}" in [record.message for record in caplog.records]


async def test_mending_and_undoing(tmp_path: Path) -> None:
    place = await started(tmp_path)
    place.put("routes.yaml", BROKEN)
    await place.live.reload()
    place.put("routes.yaml", ROUTES)
    assert await place.live.reload()
    assert (place.version, place.commits) == (1, []), "what was in force is on disk again: nothing to take over"
    place.put("routes.yaml", BROKEN)
    await place.live.reload()
    place.put("routes.yaml", TWO_ROUTES)
    assert await place.live.reload()
    assert (place.version, place.said) == (2, [])


async def test_a_deleted_file_is_a_mistake_and_comes_back(tmp_path: Path) -> None:
    place = await started(tmp_path)
    (tmp_path / "routes.yaml").unlink()
    assert not await place.live.reload()
    assert place.said == ["routes.yaml:1:1: there is no such file"]
    place.put("routes.yaml", TWO_ROUTES)
    assert await place.live.reload()
    assert place.version == 2


async def test_a_local_stage_is_loaded_anew_and_old_flows_keep_the_old_class(tmp_path: Path) -> None:
    pipeline = CHAT.replace("stages:\n", "stages:\n  - use: ./mine.py:Mine\n")
    place = await started(tmp_path, {"pipelines/chat.yaml": pipeline, "pipelines/mine.py": LOCAL.format(word="old")})
    old = place.live.cell.current.pipelines["chat"].stages[0].stage
    place.put("pipelines/mine.py", LOCAL.format(word="new"))
    assert await place.live.reload()
    new = place.live.cell.current.pipelines["chat"].stages[0].stage
    assert type(old) is not type(new)
    assert (old.word, new.word) == ("old", "new")  # type: ignore[attr-defined]
    place.put("pipelines/mine.py", "oops")
    assert not await place.live.reload()
    assert place.said == [
        "pipelines/mine.py:1:1: NameError: name 'oops' is not defined — used at pipelines/chat.yaml:3:10"
    ]
    place.put("pipelines/mine.py", LOCAL.format(word="old"))
    assert await place.live.reload()
    back = place.live.cell.current.pipelines["chat"].stages[0].stage
    assert type(back) is type(old), "the same text is the same code"


async def test_what_failed_is_tried_again_though_its_files_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    pipeline = CHAT.replace("stages:\n", "stages:\n  - use: ./mine.py:Mine\n")
    place = await started(tmp_path, {"pipelines/mine.py": LOCAL.format(word="a") + "import luna_test_neighbour\n"})
    place.put("pipelines/chat.yaml", pipeline)
    assert not await place.live.reload()
    assert "No module named 'luna_test_neighbour'" in place.said[0]
    place.put("luna_test_neighbour.py", "")
    assert await place.live.reload()


async def test_reloads_wait_for_each_other(tmp_path: Path) -> None:
    place = await started(tmp_path)
    place.put("routes.yaml", TWO_ROUTES)
    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(place.live.reload)
    assert [snapshot.version for snapshot in place.commits] == [2]


async def test_status_tells_all_and_is_json(tmp_path: Path) -> None:
    aliases = 'aliases:\n  - {model: "gpt-*", as: qwen}\n'
    unused = "version: 1\nabout: For nobody.\nstages:\n  - {use: local, folder: x}\n"
    place = await started(
        tmp_path, {"routes.yaml": "record: all\n" + TWO_ROUTES + aliases, "pipelines/spare.yaml": unused}
    )
    place.put("routes.yaml", BROKEN)
    await place.live.reload()
    status = msgspec.json.decode(msgspec.json.encode(place.live.status(flows_by_snapshot={1: 3})))
    current = place.live.cell.current
    assert status == {
        "version": 1,
        "digest": current.digest,
        "since": 1_700_000_000_000,
        "sinceIso": "2023-11-14T22:13:20.000Z",
        "files": ["routes.yaml", "pipelines/chat.yaml", "pipelines/spare.yaml"],
        "inSync": False,
        "diagnostics": [
            {
                "file": "routes.yaml",
                "line": 3,
                "col": 27,
                "message": "pipeline 'chta' does not exist",
                "hint": "did you mean 'chat'?",
                "severity": "error",
            }
        ],
        "warnings": [
            {
                "file": "pipelines/spare.yaml",
                "line": 1,
                "col": 1,
                "message": "no route uses pipeline 'spare'",
                "hint": "",
                "severity": "warning",
            }
        ],
        "aliases": [{"model": ["gpt-*"], "target": "qwen"}],
        "routes": [
            {
                "name": "first",
                "when": "path is /first",
                "pipeline": "chat",
                "record": "all",
                "stages": status["pipelines"][0]["stages"],
            },
            {
                "name": "all",
                "when": "it has no conditions",
                "pipeline": "chat",
                "record": "all",
                "stages": status["pipelines"][0]["stages"],
            },
        ],
        "pipelines": [
            {
                "name": "chat",
                "about": "",
                "stages": [
                    {"name": "decode", "use": "decode", "side": "request", "options": {}},
                    {
                        "name": "far",
                        "use": "far",
                        "side": "transport",
                        "options": {
                            "mode": "auto",
                            "idle": "90s",
                            "attempts": None,
                            "names": [],
                            "rules": [],
                            "prompt": "",
                            "limits": {},
                        },
                    },
                    {"name": "encode", "use": "encode", "side": "encode", "options": {}},
                ],
            },
            {
                "name": "spare",
                "about": "For nobody.",
                "stages": [{"name": "local", "use": "local", "side": "answer", "options": {"folder": "x"}}],
            },
        ],
        "snapshots": [{"version": 1, "flows": 3, "current": True}],
    }


async def test_status_lists_snapshots_that_flows_still_live_under(tmp_path: Path) -> None:
    place = await started(tmp_path)
    place.put("routes.yaml", TWO_ROUTES)
    await place.live.reload()
    snapshots = place.live.status(flows_by_snapshot={1: 2}).snapshots
    assert [(each.version, each.flows, each.current) for each in snapshots] == [(2, 0, True), (1, 2, False)]


async def test_an_option_that_is_called_a_secret_is_not_shown(tmp_path: Path) -> None:
    local = LOCAL.replace('word: str = "{word}"', 'api_key: str = "x"\n    max_tokens: int = 5').replace(
        "options.word", "options.api_key"
    )
    pipeline = CHAT.replace("stages:\n", "stages:\n  - use: ./mine.py:Mine\n    api-key: sk-12345\n")
    place = await started(tmp_path, {"pipelines/chat.yaml": pipeline, "pipelines/mine.py": local})
    assert place.live.status().pipelines[0].stages[0].options == {"api-key": "(hidden)", "max-tokens": 5}


# The watch, with real files.


async def test_the_watch_sees_every_way_of_saving(tmp_path: Path) -> None:
    async with watching(await started(tmp_path)) as place:
        place.put("routes.yaml", TWO_ROUTES)
        await place.until(lambda: place.version == 2)
        place.swap("routes.yaml", ROUTES)
        await place.until(lambda: place.version == 3)
        place.swap("routes.yaml", TWO_ROUTES)
        await place.until(lambda: place.version == 4)
        place.swap("pipelines/chat.yaml", CHAT + "    # more\n")
        await place.until(lambda: place.version == 5)


async def test_the_watch_sees_files_break_vanish_and_come_back(tmp_path: Path) -> None:
    async with watching(await started(tmp_path)) as place:
        place.put("routes.yaml", BROKEN)
        await place.until(lambda: place.said == [SAID])
        (tmp_path / "routes.yaml").unlink()
        await place.until(lambda: place.said == ["routes.yaml:1:1: there is no such file"])
        place.put("routes.yaml", TWO_ROUTES)
        await place.until(lambda: place.version == 2 and place.live.in_sync)


async def test_the_watch_sees_folders_that_come_later(tmp_path: Path) -> None:
    async with watching(await started(tmp_path)) as place:
        (tmp_path / "prompts").mkdir()
        await anyio.sleep(0.15)
        (tmp_path / "prompts/far").mkdir()
        place.put("prompts/far/hello.md", "one")
        await place.until(lambda: place.live.cell.current.prompts.names() == ("far/hello",))
        before = place.version
        place.put("prompts/far/hello.md", "two")
        await place.until(lambda: place.version == before + 1)


async def test_the_watch_survives_a_folder_that_is_replaced(tmp_path: Path) -> None:
    async with watching(await started(tmp_path)) as place:
        shutil.rmtree(tmp_path / "pipelines")
        await place.until(lambda: not place.live.in_sync)
        place.put("pipelines/chat.yaml", CHAT + "\n")
        await place.until(lambda: place.version == 2 and place.live.in_sync)
        place.put("pipelines/chat.yaml", CHAT)
        await place.until(lambda: place.version == 3)
        shutil.rmtree(tmp_path / "pipelines")  # and back at once, perhaps under the same number
        place.put("pipelines/chat.yaml", CHAT + "\n")
        await place.until(lambda: place.version == 4)
        place.put("pipelines/chat.yaml", CHAT)
        await place.until(lambda: place.version == 5)


async def test_the_watch_survives_the_loss_of_everything(tmp_path: Path) -> None:
    base = tmp_path / "conf"
    async with watching(await started(base)) as place:
        shutil.rmtree(base)
        await place.until(lambda: not place.live.in_sync)
        write(base, {**SOUND, "routes.yaml": TWO_ROUTES})
        await place.until(lambda: place.version == 2 and place.live.in_sync)
        place.put("routes.yaml", ROUTES)
        await place.until(lambda: place.version == 3)


async def test_the_watch_sees_a_local_stage_in_its_own_folder(tmp_path: Path) -> None:
    pipeline = CHAT.replace("stages:\n", "stages:\n  - use: ../own/mine.py:Mine\n")
    files: dict[str, str | bytes] = {"pipelines/chat.yaml": pipeline, "own/mine.py": LOCAL.format(word="a")}
    async with watching(await started(tmp_path, files)) as place:
        place.swap("own/mine.py", LOCAL.format(word="b"))
        await place.until(lambda: place.version == 2)


async def test_the_watch_does_not_wake_for_what_is_no_configuration(tmp_path: Path) -> None:
    looked = 0
    place = await started(tmp_path)
    reload = place.live.reload

    async def counted() -> bool:
        nonlocal looked
        looked += 1
        return await reload()

    place.live.reload = counted  # type: ignore[method-assign]
    async with watching(place):
        await place.until(lambda: looked == 1)  # once when it begins
        place.put("data.sqlite", "x")
        place.put("routes.yaml.swp", "x")
        (tmp_path / "deep/down").mkdir(parents=True)
        await place.until(lambda: looked >= 1)
        await anyio.sleep(0.2)
        after_folder = looked
        place.put("deep/down/routes.yaml", BROKEN)
        await anyio.sleep(0.2)
        assert looked == after_folder <= 2
        place.put("routes.yaml", TWO_ROUTES)
        await place.until(lambda: place.version == 2)


async def test_a_burst_of_changes_ends_with_the_last_one(tmp_path: Path) -> None:
    async with watching(await started(tmp_path)) as place:
        for number in range(30):
            place.swap(
                "pipelines/chat.yaml", CHAT.replace("  - use: far\n", f"  - use: far\n    attempts: {number + 1}\n")
            )
            await anyio.sleep(0.005)
        await place.until(lambda: far(place.live.cell.current.pipelines["chat"]).options.attempts == 30)
        assert place.version < 30


async def test_a_listener_that_fails_does_not_end_the_watch(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    place = await started(tmp_path)

    def fail(_: Snapshot) -> None:
        raise RuntimeError("listener")

    place.live.on_commit(fail)
    async with watching(place):
        place.put("routes.yaml", TWO_ROUTES)
        await place.until(lambda: "starts again: RuntimeError: listener" in caplog.text)


async def test_the_watch_ends_soon_after_it_is_cancelled(tmp_path: Path) -> None:
    place = await started(tmp_path)
    with anyio.fail_after(2):
        async with watching(place):
            pass
