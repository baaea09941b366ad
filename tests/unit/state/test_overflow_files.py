"""The local copies of overflow files: how much is kept, what survives, and that no name leads elsewhere."""

import logging
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from luna.model.ambient import ManualClock
from luna.model.errors import Kind, LunaError
from luna.model.preferences import LivePreferences, Preferences, TokenOverflow
from luna.state.overflow_files import MEGABYTE, PROTECTED_SECONDS, OverflowFiles
from luna.state.store import Store
from luna.state.store.tables import overflow_files
from tests.support.stores import Database

HOUR = 3600.0


def limited(*, files: int = 500, hours: float = 168.0, megabytes: int = 512) -> LivePreferences:
    said = TokenOverflow(max_files=files, max_age_hours=hours, max_total_megabytes=megabytes)
    return LivePreferences(Preferences(token_overflow=said))


Open = Callable[..., OverflowFiles]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def files(store: Store, tmp_path: Path, clock: ManualClock) -> AsyncIterator[OverflowFiles]:
    made = OverflowFiles(tmp_path / "overflow", store, clock, limited())
    await made.start()
    yield made


def names(files: OverflowFiles) -> list[str]:
    return [entry.name for entry in files.listing(500)[0]]


async def rows(store: Store) -> list[str]:
    await store.commit()
    return sorted(row.name for row in await store.read(select(overflow_files)))


async def test_a_file_is_private_and_says_what_it_was_given(
    files: OverflowFiles, store: Store, clock: ManualClock
) -> None:
    await files.keep("a.txt", "Xin chào\r\n", session="s_1", run="flow_1", tokens=7)
    path = files.directory / "a.txt"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.directory.stat().st_mode) == 0o700
    assert path.read_bytes() == "Xin chào\r\n".encode()
    entry, text = await files.content("a.txt")
    assert text == "Xin chào\r\n"
    assert (entry.bytes, entry.session, entry.run, entry.tokens) == (11, "s_1", "flow_1", 7)
    assert entry.created_at == clock.wall()
    assert await rows(store) == ["a.txt"]
    assert (len(files), files.total_bytes) == (1, 11)


async def test_half_a_utf16_pair_is_no_reason_to_lose_the_rest(files: OverflowFiles) -> None:
    await files.keep("a.txt", "one \ud800 two")
    assert (await files.content("a.txt"))[1] == "one ? two"


async def test_the_newest_come_first_page_by_page(files: OverflowFiles, clock: ManualClock) -> None:
    for name in "abcde":
        await files.keep(f"{name}.txt", name)
        clock.advance(1)
    first, following = files.listing(2)
    assert ([entry.name for entry in first], following) == (["e.txt", "d.txt"], "d.txt")
    second, following = files.listing(2, following)
    assert ([entry.name for entry in second], following) == (["c.txt", "b.txt"], "b.txt")
    assert [entry.name for entry in files.listing(2, following)[0]] == ["a.txt"]
    assert files.listing(2, following)[1] == ""
    assert len(files.listing(9, "unknown.txt")[0]) == 5


# How much is kept


async def test_beyond_the_number_the_oldest_go(store: Store, tmp_path: Path, clock: ManualClock) -> None:
    files = OverflowFiles(tmp_path / "overflow", store, clock, limited(files=2))
    await files.start()
    for name in "abc":
        await files.keep(f"{name}.txt", name)
        clock.advance(1)
    assert names(files) == ["c.txt", "b.txt"]
    assert sorted(path.name for path in files.directory.iterdir()) == ["b.txt", "c.txt"]
    assert await rows(store) == ["b.txt", "c.txt"]


async def test_beyond_the_size_the_oldest_go(store: Store, tmp_path: Path, clock: ManualClock) -> None:
    files = OverflowFiles(tmp_path / "overflow", store, clock, limited(megabytes=1))
    await files.start()
    await files.keep("a.txt", "a" * (MEGABYTE // 2))
    await files.keep("b.txt", "b" * (MEGABYTE // 2))
    assert names(files) == ["b.txt", "a.txt"]
    await files.keep("c.txt", "c")
    assert names(files) == ["c.txt", "b.txt"]
    assert files.total_bytes <= MEGABYTE


async def test_with_time_they_go_by_themselves(store: Store, tmp_path: Path, clock: ManualClock) -> None:
    files = OverflowFiles(tmp_path / "overflow", store, clock, limited(hours=2))
    await files.start()
    await files.keep("a.txt", "a")
    clock.advance(HOUR)
    await files.keep("b.txt", "b")
    clock.advance(HOUR - 1)
    await files.tidy()
    assert names(files) == ["b.txt", "a.txt"]
    clock.advance(1)
    await files.tidy()
    assert names(files) == ["b.txt"]
    assert await rows(store) == ["b.txt"]


async def test_the_file_of_a_session_is_safe_for_an_hour(store: Store, tmp_path: Path, clock: ManualClock) -> None:
    files = OverflowFiles(tmp_path / "overflow", store, clock, limited(files=1))
    await files.start()
    await files.keep("a.txt", "a", session="s_1")
    await files.keep("b.txt", "b")
    await files.keep("c.txt", "c")
    assert names(files) == ["a.txt"], "the oldest is safe, so those after it go"
    clock.advance(PROTECTED_SECONDS)
    await files.keep("d.txt", "d")
    assert names(files) == ["d.txt"]


async def test_changed_limits_count_at_once(store: Store, tmp_path: Path, clock: ManualClock) -> None:
    live = limited()
    files = OverflowFiles(tmp_path / "overflow", store, clock, live)
    await files.start()
    for name in "abc":
        await files.keep(f"{name}.txt", name)
    live.replace(limited(files=1).current)
    await files.tidy()
    assert names(files) == ["c.txt"]


# What survives


async def test_after_a_restart_everything_is_as_it_was(database: Database, tmp_path: Path, clock: ManualClock) -> None:
    folder = tmp_path / "overflow"
    async with database.opened() as first:
        before = OverflowFiles(folder, first, clock, limited())
        await before.start()
        await before.keep("a.txt", "one", session="s_1", run="flow_1", tokens=3)
        clock.advance(1)
        await before.keep("b.txt", "two")
    async with database.opened() as second:
        after = OverflowFiles(folder, second, clock, limited())
        await after.start()
        assert after.listing(9) == before.listing(9)
        assert (await after.content("a.txt"))[1] == "one"


async def test_a_file_without_a_row_is_taken_in_and_a_row_without_a_file_goes(
    database: Database, tmp_path: Path, clock: ManualClock
) -> None:
    """As a crash may leave them."""
    folder = tmp_path / "overflow"
    async with database.opened() as first:
        files = OverflowFiles(folder, first, clock, limited())
        await files.start()
        await files.keep("gone.txt", "x")
        await files.keep("changed.txt", "x", session="s_1", tokens=1)
    (folder / "gone.txt").unlink()
    (folder / "changed.txt").write_text("longer")
    (folder / "stray.txt").write_text("found")
    (folder / "half.txt.abc.new").write_text("half")
    (folder / "notes.md").write_text("mine")
    async with database.opened() as second:
        files = OverflowFiles(folder, second, clock, limited(hours=1_000_000))
        await files.start()
        assert sorted(names(files)) == ["changed.txt", "stray.txt"]
        assert await rows(second) == ["changed.txt", "stray.txt"]
        assert (await files.content("stray.txt"))[1] == "found"
        changed, _ = await files.content("changed.txt")
        assert (changed.bytes, changed.session, changed.tokens) == (6, "s_1", None)
    assert sorted(path.name for path in folder.iterdir()) == ["changed.txt", "notes.md", "stray.txt"]


async def test_too_much_that_was_found_at_the_start_goes_then(store: Store, tmp_path: Path, clock: ManualClock) -> None:
    folder = tmp_path / "overflow"
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.txt").write_text(name)
    files = OverflowFiles(folder, store, clock, limited(files=2, hours=1_000_000))
    await files.start()
    assert len(files) == 2


async def test_a_folder_that_cannot_be_written_is_reported_and_fails_nothing(
    store: Store, tmp_path: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    blocked = tmp_path / "overflow"
    blocked.write_text("a file where the folder should be")
    files = OverflowFiles(blocked, store, clock, limited())
    await files.start()
    await files.keep("a.txt", "a")
    assert len(files) == 0 and await rows(store) == []
    assert len(caplog.messages) == 2
    assert str(tmp_path) not in " ".join(caplog.messages)


# Names


async def test_no_name_leads_out_of_the_folder(files: OverflowFiles, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("secret")
    for name in ("../a.txt", "/etc/passwd", "a/../b.txt", "a.txt/", ".a.txt", "a\0.txt", "", "a.md"):
        with pytest.raises(LunaError) as caught:
            await files.content(name)
        assert caught.value.kind is Kind.NOT_FOUND
        with pytest.raises(LunaError):
            await files.remove([name])
        with pytest.raises(ValueError, match="not a name"):
            await files.keep(name, "x")
    assert (tmp_path / "a.txt").read_text() == "secret"


async def test_a_link_is_not_followed(store: Store, tmp_path: Path, clock: ManualClock) -> None:
    folder = tmp_path / "overflow"
    folder.mkdir()
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (folder / "a.txt").symlink_to(secret)
    files = OverflowFiles(folder, store, clock, limited())
    await files.start()
    assert len(files) == 0
    await files.keep("b.txt", "b")
    (folder / "b.txt").unlink()
    (folder / "b.txt").symlink_to(secret)
    with pytest.raises(LunaError):
        await files.content("b.txt")
    await files.remove(["b.txt"])
    assert secret.read_text() == "secret"


# Removing


async def test_what_is_removed_is_gone_for_good(files: OverflowFiles, store: Store) -> None:
    await files.keep("a.txt", "a", session="s_1")
    await files.keep("b.txt", "b")
    assert await files.remove(["a.txt"]) == 1
    assert not (files.directory / "a.txt").exists()
    assert await rows(store) == ["b.txt"]
    with pytest.raises(LunaError) as caught:
        await files.remove(["a.txt"])
    assert caught.value.kind is Kind.NOT_FOUND
    assert await files.clear() == 1
    assert (await rows(store), len(files), await files.clear()) == ([], 0, 0)


async def test_a_file_that_somebody_else_took_away_is_forgotten(files: OverflowFiles, store: Store) -> None:
    await files.keep("a.txt", "a")
    (files.directory / "a.txt").unlink()
    with pytest.raises(LunaError) as caught:
        await files.content("a.txt")
    assert caught.value.kind is Kind.NOT_FOUND
    assert (names(files), await rows(store)) == ([], [])


async def test_for_people(files: OverflowFiles) -> None:
    await files.keep("a.txt", "abc")
    assert repr(files) == "<OverflowFiles 1 files, 3 bytes>"
