"""Prompt texts set at run time: they last, they come into force at once, and they never break anything."""

import logging
import stat
from pathlib import Path

import anyio
import msgspec
import pytest

from luna.config.live import LiveConfig
from luna.config.overrides import PromptOverrides, PromptState
from luna.config.settings import Settings
from luna.core.prompts import Prompt
from luna.disk.private import NewerFile
from luna.model.ambient import ManualClock
from luna.model.errors import Kind, LunaError
from tests.unit.config.shop import CHAT, ROUTES, SOUND, Shop, write

GREETING = "---\nabout: Greets.\nvariables: [name]\n---\nHello {{ name }}.\n"
FILES = {
    **SOUND,
    "pipelines/chat.yaml": CHAT.replace("use: far", "use: far\n    prompt: greeting/one"),
    "prompts/greeting/one.md": GREETING,
    "prompts/plain.md": "No front matter.",
}


class House:
    """A configuration on disk, the one in force, and its overrides."""

    def __init__(self, base: Path, overrides: PromptOverrides, live: LiveConfig) -> None:
        self.base = base
        self.overrides = overrides
        self.live = live

    @property
    def version(self) -> int:
        return self.live.cell.current.version

    def text(self, name: str) -> str:
        """What is in force."""
        found = self.live.cell.current.prompts.find(name)
        assert found is not None
        return found.text

    def state(self, name: str) -> PromptState:
        return next(state for state in self.overrides.states() if state.name == name)


async def started(base: Path, files: dict[str, str] | None = None) -> House:
    """What a process has after it has started; the second time it is the same process, started again."""
    routes = write(base / "conf", dict(files if files is not None else FILES))
    overrides = PromptOverrides(base / "data" / "prompts.json")
    settings = Settings(routes=routes)
    live = await LiveConfig.load(settings, Shop(), ManualClock(), {}, overrides.edit)
    return House(base / "conf", overrides, live)


async def test_an_override_is_in_force_for_what_is_born_later_and_only_for_that(tmp_path: Path) -> None:
    house = await started(tmp_path)
    before = house.live.cell.current
    await house.overrides.set("greeting/one", "Hi {{ name }}!")
    assert await house.live.reload()
    assert (house.text("greeting/one"), house.version) == ("Hi {{ name }}!", 2)
    assert before.prompts.find("greeting/one") == Prompt("greeting/one", "Hello {{ name }}.", ("name",), "Greets.")


async def test_it_lasts(tmp_path: Path) -> None:
    house = await started(tmp_path)
    await house.overrides.set("greeting/one", "Hi {{ name }}!")
    again = await started(tmp_path)
    assert (again.text("greeting/one"), again.version) == ("Hi {{ name }}!", 1)
    assert repr(again.overrides) == "<PromptOverrides greeting/one>"


async def test_what_a_prompt_is_for_stays_the_files_business(tmp_path: Path) -> None:
    house = await started(tmp_path)
    await house.overrides.set("greeting/one", "---\nabout: Other.\n---\nHi {{ name }}!")
    await house.live.reload()
    found = house.live.cell.current.prompts.find("greeting/one")
    assert found is not None
    assert (found.about, found.variables) == ("Greets.", ("name",))
    assert found.text == "---\nabout: Other.\n---\nHi {{ name }}!"


async def test_a_file_without_front_matter_takes_any_text(tmp_path: Path) -> None:
    house = await started(tmp_path)
    for text in ("New.", "---\nA line.", "---\n---\nMore."):
        await house.overrides.set("plain", text)
        assert await house.live.reload()
        assert house.text("plain") == text


@pytest.mark.parametrize("nothing", ["", "  \n"])
async def test_an_empty_text_removes_it(tmp_path: Path, nothing: str) -> None:
    house = await started(tmp_path)
    await house.overrides.set("greeting/one", "Hi {{ name }}!")
    await house.overrides.set("greeting/one", nothing)
    await house.live.reload()
    assert house.text("greeting/one") == "Hello {{ name }}."
    assert house.version == 1


async def test_a_reset_removes_all(tmp_path: Path) -> None:
    house = await started(tmp_path)
    await house.overrides.set("greeting/one", "Hi {{ name }}!")
    await house.overrides.set("plain", "New.")
    await house.overrides.reset()
    again = await started(tmp_path)
    assert (again.text("greeting/one"), again.text("plain")) == ("Hello {{ name }}.", "No front matter.")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hi {{ nmae }} {{ name }}!", "the variable 'nmae' is not declared"),
        ("Hi!", "the variable 'name' is declared, but the text does not use it"),
    ],
)
async def test_a_text_that_does_not_fit_is_refused_and_changes_nothing(tmp_path: Path, text: str, said: str) -> None:
    house = await started(tmp_path)
    with pytest.raises(LunaError) as refused:
        await house.overrides.set("greeting/one", text)
    assert refused.value.kind is Kind.BAD_REQUEST
    assert refused.value.message == f"This text does not fit the prompt 'greeting/one': {said}."
    assert house.state("greeting/one").override is None
    assert not house.overrides.path.exists()


async def test_an_unknown_prompt_is_refused_by_name(tmp_path: Path) -> None:
    house = await started(tmp_path)
    with pytest.raises(LunaError, match="There is no prompt 'greeting/two'") as refused:
        await house.overrides.set("greeting/two", "x")
    assert refused.value.kind is Kind.NOT_FOUND
    assert refused.value.hint == "There are: greeting/one, plain."


async def test_a_file_that_changes_under_an_override_that_still_fits(tmp_path: Path) -> None:
    house = await started(tmp_path)
    await house.overrides.set("greeting/one", "Hi {{ name }}!")
    write(house.base, {"prompts/greeting/one.md": GREETING.replace("Hello", "Good day,")})
    await house.live.reload()
    shipped = house.state("greeting/one").shipped
    assert shipped is not None
    assert shipped.text == "Good day, {{ name }}."
    assert house.text("greeting/one") == "Hi {{ name }}!"


async def test_one_that_no_longer_fits_is_left_out_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    house = await started(tmp_path)
    await house.overrides.set("greeting/one", "Hi {{ name }}!")
    await house.overrides.set("plain", "New.")
    files = {**FILES, "prompts/greeting/one.md": "Hello you."}
    del files["prompts/plain.md"]
    (house.base / "prompts" / "plain.md").unlink()
    with caplog.at_level(logging.WARNING):
        again = await started(tmp_path, files)
    assert again.text("greeting/one") == "Hello you."
    assert again.state("greeting/one").problem == "the variable 'name' is not declared"
    assert again.state("plain") == PromptState("plain", None, "New.", "there is no such prompt file any more")
    assert sum("is left out" in record.message for record in caplog.records) == 2
    await again.overrides.set("plain", "")
    assert [state.name for state in again.overrides.states()] == ["greeting/one"]


async def test_a_broken_file_is_not_hidden_by_its_override(tmp_path: Path) -> None:
    house = await started(tmp_path)
    await house.overrides.set("plain", "New.")
    write(house.base, {"prompts/plain.md": "---\nabout: no end\n"})
    assert not await house.live.reload()
    assert [str(each).split(" — ")[0] for each in house.live.diagnostics] == [
        "prompts/plain.md:1:1: the front matter has no end"
    ]


async def test_an_override_waits_while_the_rest_does_not_compile(tmp_path: Path) -> None:
    house = await started(tmp_path)
    write(house.base, {"routes.yaml": ROUTES.replace("chat", "chta")})
    assert not await house.live.reload()
    await house.overrides.set("plain", "New.")
    assert not await house.live.reload()
    assert house.text("plain") == "No front matter."
    write(house.base, {"routes.yaml": ROUTES})
    assert await house.live.reload()
    assert house.text("plain") == "New."


async def test_nobody_else_can_read_the_file(tmp_path: Path) -> None:
    house = await started(tmp_path)
    await house.overrides.set("plain", "New.")
    assert stat.S_IMODE(house.overrides.path.stat().st_mode) == 0o600
    assert msgspec.json.decode(house.overrides.path.read_bytes()) == {"version": 1, "overrides": {"plain": "New."}}
    assert [path.name for path in house.overrides.path.parent.iterdir()] == ["prompts.json"]


@pytest.mark.parametrize("content", ["{", '{"version": 1}', "\xff", ""])
async def test_a_damaged_file_is_moved_aside_and_nothing_else_happens(tmp_path: Path, content: str) -> None:
    path = tmp_path / "data" / "prompts.json"
    write(tmp_path / "data", {"prompts.json": content.encode("latin-1"), "prompts.json.damaged-1": "older"})
    house = await started(tmp_path)
    assert house.text("plain") == "No front matter."
    assert not path.exists()
    assert path.with_name("prompts.json.damaged-2").read_bytes() == content.encode("latin-1")


async def test_the_generation_before_a_damaged_file_is_used(tmp_path: Path) -> None:
    house = await started(tmp_path)
    await house.overrides.set("plain", "First.")
    await house.overrides.set("plain", "Second.")
    house.overrides.path.write_bytes(b"{")
    again = await started(tmp_path)
    assert again.text("plain") == "First."
    (problem,) = again.overrides.problems
    assert problem.startswith("prompts.json cannot be read (")


async def test_the_file_of_a_newer_luna_is_left_alone(tmp_path: Path) -> None:
    content = '{"version": 2, "overrides": {}}'
    write(tmp_path / "data", {"prompts.json": content})
    with pytest.raises(NewerFile, match=r"prompts\.json was written by a newer luna: it has version 2"):
        await started(tmp_path)
    assert (tmp_path / "data" / "prompts.json").read_text() == content


async def test_what_cannot_be_saved_is_not_in_force(tmp_path: Path) -> None:
    house = await started(tmp_path)
    write(tmp_path, {"data": "a file where the folder should be"})
    with pytest.raises(OSError):
        await house.overrides.set("plain", "New.")
    await house.live.reload()
    assert house.text("plain") == "No front matter."


async def test_two_at_the_same_time_both_count(tmp_path: Path) -> None:
    house = await started(tmp_path)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(house.overrides.set, "plain", "New.")
        tasks.start_soon(house.overrides.set, "greeting/one", "Hi {{ name }}!")
    await house.live.reload()
    assert (house.text("plain"), house.text("greeting/one")) == ("New.", "Hi {{ name }}!")
