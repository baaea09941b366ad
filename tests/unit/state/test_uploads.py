"""Uploads: each content once while its address is good, shared by flows, remembered by the next process."""

import anyio
import pytest
from sqlalchemy import func, select, update

from luna.demo.faults import Fault
from luna.demo.file_faults import PARSE_STATUS, PERMIT, STORE
from luna.model.errors import Kind, LunaError
from luna.qwen.file_types import LIMITS
from luna.qwen.files import Content
from luna.state.metrics import Metrics
from luna.state.store import Store
from luna.state.store.tables import files
from luna.state.uploads import FRESH, KEEP_DAYS, Uploads
from tests.support.stores import Database
from tests.support.uploads import media_file, text_file, upload_desk


async def test_the_same_content_goes_up_once() -> None:
    async with upload_desk() as desk:
        uploads, client = desk.uploads(), desk.client()
        first = await uploads.upload(client, "a", text_file("a.txt"))
        desk.clock.advance(FRESH - 1)
        again = await uploads.upload(client, "a", text_file("other name.txt"))
        assert (again.id, again.url) == (first.id, first.url)
        assert (first.name, again.name) == ("a.txt", "other name.txt")
        assert desk.site.state.counters.uploads == 1
        assert repr(uploads) == "<Uploads made=1 shared=1 failed=0 running=0>"


async def test_but_again_when_its_address_is_old_or_it_is_for_somebody_or_something_else() -> None:
    async with upload_desk() as desk:
        uploads, client = desk.uploads(), desk.client()
        same = text_file()
        first = await uploads.upload(client, "a", same)
        other_account = await uploads.upload(desk.client("bert"), "b", same)
        other_kind = await uploads.upload(client, "a", Content("a.txt", "image", "image/png", same.data))
        other_content = await uploads.upload(client, "a", text_file(text="else"))
        desk.clock.advance(FRESH)
        later = await uploads.upload(client, "a", same)
        assert len({file.id for file in (first, other_account, other_kind, other_content, later)}) == 5
        assert desk.site.state.counters.uploads == 5


async def test_freshness_counts_from_the_permit_and_not_from_the_end_of_reading() -> None:
    async with upload_desk() as desk:
        uploads, client = desk.uploads(patience=500), desk.client()
        desk.site.faults.push(Fault("parse-pending"), path=PARSE_STATUS, times=200)
        await uploads.upload(client, "a", text_file())
        desk.clock.advance(FRESH - 200)
        await uploads.upload(client, "a", text_file())
        assert desk.site.state.counters.uploads == 2


async def test_flows_that_bring_the_same_share_one_upload() -> None:
    async with upload_desk() as desk:
        uploads, client = desk.uploads(), desk.client()
        ids: list[str] = []

        async def bring() -> None:
            ids.append((await uploads.upload(client, "a", text_file())).id)

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(bring)
        assert len(set(ids)) == 1
        assert desk.site.state.counters.uploads == 1
        assert (uploads.made, uploads.shared) == (1, 4)


async def test_each_is_counted_as_what_it_was() -> None:
    async with upload_desk() as desk:
        metrics = Metrics(0.0)
        uploads, client, file = Uploads(desk.clock, metrics=metrics), desk.client(), text_file()
        desk.site.faults.push(Fault("store-refuses"), path=STORE)
        with pytest.raises(LunaError):
            await uploads.upload(client, "a", file)
        for _ in range(3):
            await uploads.upload(client, "a", file)
        counted = {word: metrics.uploads.value(word) for word in ("failed", "completed", "reused")}
        assert counted == {"failed": 1, "completed": 1, "reused": 2}
        assert metrics.uploaded.value() == file.size


async def test_they_share_its_failure_too_and_the_next_tries_again() -> None:
    async with upload_desk() as desk:
        uploads, client = desk.uploads(), desk.client()
        desk.site.faults.push(Fault("store-refuses"), path=STORE)
        failures: list[LunaError] = []

        async def bring() -> None:
            try:
                await uploads.upload(client, "a", text_file())
            except LunaError as error:
                failures.append(error)

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(bring)
        assert len({id(error) for error in failures}) == 3
        assert {error.kind for error in failures} == {Kind.UPSTREAM_REJECTED}
        assert uploads.failed == 1
        assert (await uploads.upload(client, "a", text_file())).id


async def test_when_the_first_leaves_another_takes_over() -> None:
    async with upload_desk() as desk:
        uploads, client = desk.uploads(), desk.client()
        desk.site.faults.push(Fault("stall"), path=PERMIT)
        done: list[str] = []

        async def bring() -> None:
            done.append((await uploads.upload(client, "a", text_file())).id)

        async with anyio.create_task_group() as followers, anyio.create_task_group() as leader:
            leader.start_soon(bring)
            with anyio.fail_after(2):
                while desk.site.state.counters.permits == 0:
                    await anyio.sleep(0.002)
            followers.start_soon(bring)
            followers.start_soon(bring)
            await anyio.sleep(0.01)
            assert done == []
            leader.cancel_scope.cancel()
        assert len(done) == 2
        assert len(set(done)) == 1
        assert repr(uploads) == "<Uploads made=1 shared=1 failed=0 running=0>"


async def test_only_so_many_go_on_at_once() -> None:
    async with upload_desk() as desk:
        uploads, client = desk.uploads(at_once=2), desk.client()
        desk.site.faults.push(Fault("stall"), path=PERMIT, times=3)
        async with anyio.create_task_group() as tasks:
            for number in range(3):
                tasks.start_soon(uploads.upload, client, "a", media_file("image", "image/png", bytes([number])))
            with anyio.fail_after(2):
                while desk.site.state.counters.permits < 2:
                    await anyio.sleep(0.002)
            await anyio.sleep(0.02)
            assert desk.site.state.counters.permits == 2
            assert "running=3" in repr(uploads)
            desk.site.faults.clear()
            desk.site.faults.release()
        assert desk.site.state.counters.uploads == 3


async def test_a_reading_keeps_nobody_else_waiting() -> None:
    async with upload_desk() as desk:
        uploads, client = desk.uploads(at_once=1), desk.client()
        desk.site.faults.push(Fault("stall"), path=PARSE_STATUS)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(uploads.upload, client, "a", text_file())
            with anyio.fail_after(2):
                while desk.site.state.counters.faults == 0:
                    await anyio.sleep(0.002)
                await uploads.upload(client, "a", media_file("image", "image/png"))
            desk.site.faults.release()
        assert uploads.made == 2


async def test_a_file_that_is_too_large_goes_nowhere() -> None:
    async with upload_desk() as desk:
        big = Content("big.png", "image", "image/png", bytes(LIMITS["image"] + 1))
        with pytest.raises(LunaError, match=r"'big.png' has 20\.0 MB, and Qwen takes 20 MB of an image") as refused:
            await desk.uploads().upload(desk.client(), "a", big)
        assert refused.value.kind is Kind.TOO_LARGE
        assert desk.site.state.counters.permits == 0


async def test_what_the_client_names_by_its_id() -> None:
    async with upload_desk() as desk:
        uploads, client = desk.uploads(), desk.client()
        file = await uploads.upload(client, "a", text_file("a.txt"))
        assert await uploads.find("a", file.id) == file
        assert (await uploads.find("b", file.id)).url == ""
        assert (await uploads.find("a", "unknown")).id == "unknown"


async def test_the_next_process_knows_what_is_still_good(database: Database) -> None:
    async with upload_desk() as desk:
        client = desk.client()
        async with database.opened() as store:
            file = await desk.uploads(store).upload(client, "a", text_file("a.txt"))
            await store.commit()
        async with database.opened() as store:
            uploads = desk.uploads(store)
            again = await uploads.upload(client, "a", text_file("b.txt"))
            assert (again.id, again.name, uploads.made, uploads.shared) == (file.id, "b.txt", 0, 1)
            assert await uploads.find("a", file.id) == file
            desk.clock.advance(FRESH)
            newer = await uploads.upload(client, "a", text_file("a.txt"))
            assert newer.id != file.id
            await store.commit()
            rows = await store.read(select(files.c.file_id, files.c.bytes, files.c.created_at))
            assert [(row.file_id, row.bytes, row.created_at) for row in rows] == [(newer.id, 10, desk.clock.wall())]
            assert (await desk.uploads(store).find("a", newer.id)).name == "a.txt"


async def test_old_rows_are_dropped_in_time(store: Store) -> None:
    async with upload_desk() as desk:
        uploads = desk.uploads(store)
        await uploads.upload(desk.client(), "a", text_file(text="old"))
        desk.clock.advance(KEEP_DAYS * 86400 + 1)
        await uploads.upload(desk.client(), "a", text_file(text="new"))
        await store.commit()
        assert [tuple(row) for row in await store.read(select(func.count()).select_from(files))] == [(1,)]


async def test_a_row_that_cannot_be_read_is_no_obstacle(store: Store) -> None:
    async with upload_desk() as desk:
        client = desk.client()
        await desk.uploads(store).upload(client, "a", text_file())
        store.write(update(files).values(entry="nonsense"), {})
        await store.commit()
        uploads = desk.uploads(store)
        assert (await uploads.upload(client, "a", text_file())).id
        assert uploads.made == 1
