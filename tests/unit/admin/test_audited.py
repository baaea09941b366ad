"""Every change on its way is seen, with its outcome and whose it was; what only reads is not."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from luna.admin import audit as routes
from luna.admin.audit import Audited
from luna.admin.door import Door
from luna.admin.envelope import FieldError, Unprocessable, json
from luna.admin.operation import Operation
from luna.model.ambient import ManualClock
from luna.model.errors import Kind, LunaError
from luna.state.audit import Audit, Entry
from luna.state.store import Store
from tests.support.panel import KEY, Panel


async def _fine(request: Request) -> Response:
    await request.body()
    return json({"ok": True}, 201)


async def _wrong(_: Request) -> Response:
    raise LunaError(Kind.CONFLICT, "No.")


async def _unprocessable(_: Request) -> Response:
    raise Unprocessable("No.", [FieldError("a", "no")])


async def _broken(_: Request) -> Response:
    raise RuntimeError("a mistake of ours")


class Watched:
    """A control plane with an audit."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.audit = Audit(store, ManualClock())
        self.ask = Panel(
            [
                Operation("POST", "/fine", _fine, "x"),
                Operation("GET", "/fine", _fine, "x"),
                Operation("PUT", "/wrong", _wrong, "x"),
                Operation("PATCH", "/unprocessable", _unprocessable, "x"),
                Operation("DELETE", "/broken", _broken, "x"),
                *routes.routes(self.audit),
            ],
            door=Door(KEY, ManualClock()),
            audit=self.audit,
        )

    async def entries(self) -> list[Entry]:
        await self.store.commit()
        return await self.audit.entries()


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    async with Store.opened(tmp_path) as store:
        yield Watched(store)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/api/fine", 201),
        ("PUT", "/api/wrong", 409),
        ("PATCH", "/api/unprocessable", 422),
        ("POST", "/api/nothing", 404),
        ("DELETE", "/api/fine", 405),
    ],
)
async def test_a_change_is_written_down_with_what_came_of_it(
    watched: Watched, method: str, path: str, status: int
) -> None:
    told = await watched.ask(method, path, {"label": "x", "token": "secret"})
    assert told.status == status
    (entry,) = await watched.entries()
    assert (entry.method, entry.path, entry.status, entry.actor) == (method, path, status, "key")
    assert "secret" not in entry.said
    if status == 201:
        assert entry.said == '{"label":"x","token":"•••"}'


async def test_one_that_breaks_is_written_down_too(watched: Watched) -> None:
    with pytest.raises(RuntimeError):
        await watched.ask("DELETE", "/api/broken")
    (entry,) = await watched.entries()
    assert (entry.status, entry.said) == (500, "")


async def test_reading_is_no_change_and_strangers_change_nothing(watched: Watched) -> None:
    assert (await watched.ask("GET", "/api/fine")).status == 201
    assert (await watched.ask("GET", "/api/audit")).status == 200
    assert (await watched.ask("POST", "/api/fine", {}, key="wrong")).status == 401
    assert await watched.entries() == []


async def test_whose_session_it_was(watched: Watched) -> None:
    session = watched.ask.door.session()
    await watched.ask("POST", "/api/fine", {}, key="", headers={"cookie": f"luna_session={session}"})
    (entry,) = await watched.entries()
    assert entry.actor == f"session {session.split('.')[1][:4]}"


async def test_who_leaves_before_the_answer_may_have_changed_something(watched: Watched) -> None:
    async def slow(scope: object, receive: object, send: object) -> None:
        await anyio.sleep_forever()

    async def nothing(_: Message | None = None) -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    with anyio.move_on_after(0.01):
        scope = {"type": "http", "method": "POST", "path": "/api/x", "client": ("10.0.0.1", 1)}
        await Audited(slow, watched.audit)(scope, nothing, nothing)  # type: ignore[arg-type]
    (entry,) = await watched.entries()
    assert (entry.status, entry.remote, entry.actor) == (499, "10.0.0.1", "")


async def test_the_list_is_paged(watched: Watched) -> None:
    for number in range(5):
        await watched.ask("POST", "/api/fine", {"number": number})
    await watched.store.commit()
    first = await watched.ask("GET", "/api/audit?limit=2")
    assert [entry["said"] for entry in first.document] == ['{"number":4}', '{"number":3}']
    cursor = first.headers["x-next-cursor"]
    assert f"before={cursor}" in first.headers["link"]
    rest = await watched.ask("GET", f"/api/audit?limit=10&before={cursor}")
    assert len(rest.document) == 3
    assert "x-next-cursor" not in rest.headers


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "before=x", "before=-1", "before=99999999999"])
async def test_a_page_that_cannot_be_is_refused(watched: Watched, query: str) -> None:
    assert (await watched.ask("GET", f"/api/audit?{query}")).status == 400
