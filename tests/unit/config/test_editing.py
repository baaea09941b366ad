"""The files of the configuration as texts: what may be edited, what is never written over, what comes of it."""

import hashlib
from pathlib import Path

import anyio
import pytest

from luna.config import ejecting
from luna.config.editing import ConfigFiles, DoesNotCompile
from luna.config.live import LiveConfig
from luna.config.overrides import PromptOverrides
from luna.config.settings import Settings
from luna.model.ambient import ManualClock
from luna.model.errors import Kind, LunaError
from tests.unit.config.shop import CHAT, ROUTES, SOUND, Shop, write

COMMENTED = "# who goes where\n" + ROUTES.replace("  - {name: all", "  # everybody\n  -   {name:   all")
FILES = {**SOUND, "routes.yaml": COMMENTED, "prompts/own/greeting.md": "---\nvariables: [name]\n---\nHello {{ name }}."}


class Desk:
    """A configuration on disk, the one in force, and the files as they are edited."""

    def __init__(self, base: Path, live: LiveConfig, overrides: PromptOverrides) -> None:
        self.base = base
        self.live = live
        self.overrides = overrides
        self.files = ConfigFiles(live)
        self.told: list[tuple[int, int]] = []
        live.on_change(lambda: self.told.append((self.version, len(live.diagnostics))))

    @property
    def version(self) -> int:
        return self.live.cell.current.version

    def on_disk(self, name: str) -> str:
        return (self.base / name).read_bytes().decode()

    def hash(self, name: str) -> str:
        return hashlib.sha256((self.base / name).read_bytes()).hexdigest()


@pytest.fixture
async def desk(tmp_path: Path) -> Desk:
    routes = write(tmp_path / "conf", dict(FILES))
    overrides = PromptOverrides(tmp_path / "data" / "prompts.json")
    live = await LiveConfig.load(Settings(routes=routes), Shop(), ManualClock(), {}, overrides.edit)
    return Desk(tmp_path / "conf", live, overrides)


async def refused(desk: Desk, name: str, text: str | None, known: str) -> LunaError:
    with pytest.raises(LunaError) as raised:
        await desk.files.save(name, text, known)
    return raised.value


async def test_all_files_are_listed_with_what_is_wrong_with_them(desk: Desk) -> None:
    listing = await desk.files.listing()
    assert [(each.name, each.kind, each.writable) for each in listing.files] == [
        ("routes.yaml", "routes", True),
        ("pipelines/chat.yaml", "pipeline", True),
        ("prompts/own/greeting.md", "prompt", True),
    ]
    assert (listing.folder, listing.packaged) == (desk.base.name, False)
    assert all(each.hash == desk.hash(each.name) for each in listing.files)
    assert not any(each.problems for each in listing.files)
    write(desk.base, {"routes.yaml": COMMENTED.replace("chat", "chta")})
    await desk.live.reload()
    routes = (await desk.files.listing()).files[0]
    assert [str(each) for each in routes.problems] == [
        "routes.yaml:5:31: pipeline 'chta' does not exist — did you mean 'chat'?"
    ]


async def test_a_text_is_given_and_saved_as_it_is(desk: Desk) -> None:
    read = await desk.files.text("routes.yaml")
    assert read.text == COMMENTED
    changed = COMMENTED.replace("all,", "all, record: off,").replace("\n", "\r\n")
    saved = await desk.files.save("routes.yaml", changed, read.hash)
    assert (saved.saved, saved.in_force, saved.version, saved.diagnostics) == (True, True, 2, [])
    assert desk.on_disk("routes.yaml") == changed
    assert saved.hash == desk.hash("routes.yaml")
    assert desk.live.cell.current.routes[0].record == "off"
    assert desk.told == [(2, 0)]


async def test_a_change_of_comments_alone_is_saved_too(desk: Desk) -> None:
    saved = await desk.files.save("routes.yaml", COMMENTED + "# the end\n", desk.hash("routes.yaml"))
    assert saved.in_force
    assert desk.on_disk("routes.yaml").endswith("# the end\n")


async def test_what_does_not_compile_is_not_saved(desk: Desk) -> None:
    with pytest.raises(DoesNotCompile) as raised:
        await desk.files.save("routes.yaml", COMMENTED.replace("chat", "chta"), desk.hash("routes.yaml"))
    assert [str(each) for each in raised.value.diagnostics] == [
        "routes.yaml:5:31: pipeline 'chta' does not exist — did you mean 'chat'?"
    ]
    assert (desk.on_disk("routes.yaml"), desk.version, desk.live.in_sync) == (COMMENTED, 1, True)
    assert desk.told == []


async def test_a_mistake_elsewhere_counts_too(desk: Desk) -> None:
    """A pipeline that a route relies on: the mistake is told where it shows, in the other file."""
    with pytest.raises(DoesNotCompile) as raised:
        await desk.files.save("pipelines/chat.yaml", None, desk.hash("pipelines/chat.yaml"))
    assert raised.value.diagnostics[0].file == "routes.yaml"
    assert (desk.base / "pipelines" / "chat.yaml").exists()


async def test_what_is_broken_already_may_be_mended_step_by_step(desk: Desk) -> None:
    write(desk.base, {"routes.yaml": COMMENTED.replace("chat", "chta"), "pipelines/chat.yaml": "version: 2\n"})
    await desk.live.reload()
    saved = await desk.files.save("pipelines/chat.yaml", CHAT, desk.hash("pipelines/chat.yaml"))
    assert (saved.saved, saved.in_force, saved.version) == (True, False, 1)
    assert [each.file for each in saved.diagnostics if each.severity == "error"] == ["routes.yaml"]
    saved = await desk.files.save("routes.yaml", COMMENTED + "\n", desk.hash("routes.yaml"))
    assert (saved.in_force, saved.version) == (True, 2)
    assert [count for _, count in desk.told] == [3, 1, 0]


async def test_nobodys_change_is_written_over_unseen(desk: Desk) -> None:
    read = await desk.files.text("routes.yaml")
    write(desk.base, {"routes.yaml": COMMENTED + "# of somebody else\n"})
    error = await refused(desk, "routes.yaml", COMMENTED, read.hash)
    assert (error.kind, error.message) == (Kind.CONFLICT, "routes.yaml was changed on disk meanwhile.")
    error = await refused(desk, "routes.yaml", COMMENTED, "")
    assert (error.kind, error.message) == (Kind.CONFLICT, "There is a routes.yaml already.")
    (desk.base / "prompts" / "own" / "greeting.md").unlink()
    error = await refused(desk, "prompts/own/greeting.md", "Hello.", read.hash)
    assert (error.kind, error.message) == (Kind.CONFLICT, "prompts/own/greeting.md is no longer there.")
    assert desk.on_disk("routes.yaml").endswith("# of somebody else\n")


async def test_files_come_and_go(desk: Desk) -> None:
    saved = await desk.files.save("pipelines/aside.yaml", CHAT, "")
    assert [each.message for each in saved.diagnostics] == ["no route uses pipeline 'aside'"]
    assert "aside" in desk.live.cell.current.pipelines
    saved = await desk.files.save("prompts/fresh/one.md", "Hello.", "")
    assert desk.live.cell.current.prompts.find("fresh/one") is not None
    saved = await desk.files.save("pipelines/aside.yaml", None, desk.hash("pipelines/aside.yaml"))
    assert (saved.hash, saved.version) == ("", 4)
    assert not (desk.base / "pipelines" / "aside.yaml").exists()


async def test_routes_yaml_stays_even_when_it_is_broken(desk: Desk) -> None:
    write(desk.base, {"routes.yaml": "routes: 1"})
    error = await refused(desk, "routes.yaml", None, desk.hash("routes.yaml"))
    assert (error.kind, desk.on_disk("routes.yaml")) == (Kind.CONFLICT, "routes: 1")


@pytest.mark.parametrize(
    "name",
    [
        "../routes.yaml",
        "pipelines/../../etc/passwd.yaml",
        "/etc/passwd",
        "pipelines/redact.py",
        "pipelines/sub/chat.yaml",
        "pipelines/.hidden.yaml",
        "prompts/README.md",
        "prompts/../x.md",
        "prompts/x.yaml",
        "other.yaml",
        "pipelines\\x.yaml",
        "pipelines/x\0.yaml",
        "prompts/" + "x" * 300 + ".md",
        "",
    ],
)
async def test_nothing_else_can_be_read_or_written(desk: Desk, name: str) -> None:
    write(desk.base, {"other.yaml": "x", "pipelines/redact.py": "x"})
    with pytest.raises(LunaError) as raised:
        await desk.files.text(name)
    assert raised.value.kind is Kind.NOT_FOUND
    assert (await refused(desk, name, "x", "")).kind is Kind.NOT_FOUND
    with pytest.raises(LunaError):
        await desk.files.plan(name, "x")


async def test_nothing_is_written_where_nobody_would_read_it(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (desk.base / "prompts" / "linked").symlink_to(tmp_path / "elsewhere")
    assert (await refused(desk, "prompts/linked/one.md", "x", "")).kind is Kind.NOT_FOUND
    assert list((tmp_path / "elsewhere").iterdir()) == []


async def test_a_file_that_is_no_text_says_so(desk: Desk) -> None:
    write(desk.base, {"prompts/own/greeting.md": b"\xff\xfe"})
    with pytest.raises(LunaError) as raised:
        await desk.files.text("prompts/own/greeting.md")
    assert (raised.value.kind, raised.value.message) == (Kind.CONFLICT, "prompts/own/greeting.md is not UTF-8.")
    assert (await refused(desk, "routes.yaml", "\ud800", desk.hash("routes.yaml"))).param == "text"


async def test_an_edit_is_tried_without_a_trace(desk: Desk) -> None:
    plan = await desk.files.plan("routes.yaml", COMMENTED.replace("chat", "chta"))
    assert (plan.ok, [each.severity for each in plan.diagnostics], plan.changes) == (False, ["error", "warning"], [])
    plan = await desk.files.plan("prompts/own/greeting.md", "Hello.")
    assert (plan.ok, [(each.what, each.name, each.aspect) for each in plan.changes]) == (
        True,
        [("prompt", "own/greeting", "text")],
    )
    # What is tried is not taken for what stands in the file.
    assert desk.overrides.states()[0].shipped == desk.live.cell.current.prompts.find("own/greeting")
    rehearsed = await desk.files.rehearse("routes.yaml", COMMENTED.replace("all,", "every,"))
    assert (rehearsed.saved, rehearsed.in_force, rehearsed.version) == (False, False, 1)
    with pytest.raises(DoesNotCompile):
        await desk.files.rehearse("routes.yaml", "")
    assert (desk.on_disk("routes.yaml"), desk.version, desk.told) == (COMMENTED, 1, [])


async def test_texts_set_over_prompts_count_in_what_is_tried(desk: Desk) -> None:
    await desk.overrides.set("own/greeting", "Hi {{ name }}!")
    await desk.live.reload()
    plan = await desk.files.plan("prompts/own/greeting.md", "---\nvariables: [name]\n---\nGood day {{ name }}.")
    assert (plan.ok, plan.changes) == (True, [])


async def test_two_who_save_at_once_do_not_both_win(desk: Desk) -> None:
    known, outcomes = desk.hash("routes.yaml"), list[str]()

    async def save(mark: str) -> None:
        try:
            await desk.files.save("routes.yaml", f"{COMMENTED}# {mark}\n", known)
            outcomes.append("saved")
        except LunaError as error:
            outcomes.append(error.kind.value)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(save, "one")
        tasks.start_soon(save, "two")
    assert sorted(outcomes) == ["conflict", "saved"]


async def test_the_files_that_came_with_luna_become_a_persons_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("luna.config.live.TICK_MS", 50)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    shipped = write(tmp_path / "_defaults", dict(FILES))
    monkeypatch.setattr(ejecting, "shipped_routes", lambda: shipped)
    live = await LiveConfig.load(Settings(routes=shipped), Shop(), ManualClock(), {})
    files = ConfigFiles(live)
    listing = await files.listing()
    assert (listing.packaged, listing.copy_to) == (True, home.name)
    assert not any(each.writable for each in listing.files)
    read = await files.text("routes.yaml")
    with pytest.raises(LunaError) as raised:
        await files.save("routes.yaml", COMMENTED + "\n", read.hash)
    assert raised.value.kind is Kind.CONFLICT

    (home / "prompts").mkdir()
    with pytest.raises(LunaError, match="There is a 'prompts' in"):
        await files.eject()
    (home / "prompts").rmdir()
    listing = await files.eject()
    assert (listing.packaged, listing.folder) == (False, home.name)
    assert sorted(path.name for path in home.iterdir()) == ["pipelines", "prompts", "routes.yaml"]
    assert (live.cell.current.version, live.in_sync) == (1, True)
    async with anyio.create_task_group() as tasks:  # the watch goes on with them too
        tasks.start_soon(live.watch)
        with anyio.fail_after(5):
            while live.cell.current.version == 1:
                write(home, {"pipelines/chat.yaml": CHAT.replace("version: 1", "version: 1\nabout: Mine.")})
                await anyio.sleep(0.02)
        tasks.cancel_scope.cancel()
    saved = await files.save("routes.yaml", COMMENTED.replace("all,", "every,"), read.hash)
    assert (saved.version > 2, (home / "routes.yaml").read_text()) == (True, COMMENTED.replace("all,", "every,"))
    assert shipped.read_text() == COMMENTED
    with pytest.raises(LunaError, match="your own already"):
        await files.eject()


async def test_a_copy_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    shipped = write(tmp_path / "_defaults", dict(FILES))
    monkeypatch.setattr(ejecting, "shipped_routes", lambda: shipped)
    whole = Path.rename

    def full(self: Path, target: Path) -> Path:
        if self.name == "routes.yaml":
            raise OSError(28, "No space left on device")
        return whole(self, target)

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(OSError, match="No space"):
        ejecting.eject(shipped, home)
    assert list(home.iterdir()) == []
