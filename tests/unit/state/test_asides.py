"""Questions of luna's own: by everybody's way, in a chat of their own that stands in the ledger and is deleted."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from sqlalchemy import select

from luna.model.errors import Kind, LunaError
from luna.model.preferences import MultiThread, Preferences
from luna.qwen.files import Content
from luna.state.asides import Asides
from luna.state.chat_rows import State
from luna.state.choice import Wish
from luna.state.store import Store
from luna.state.store.tables import chats
from luna.state.tickets import Need
from tests.support.conversing import LIMITED
from tests.support.qwen_desk import COMPLETIONS, NEW
from tests.support.remembering import Remembering
from tests.support.scripted import STALL, Says, created, data, delta, refusal, stream

EXPIRED = refusal("Unauthorized", "The token has expired.", 401)
FILE = Content("record.txt", "document", "text/plain", b"what was said")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Remembering]:
    async with Store.opened(tmp_path) as store:
        yield Remembering(tmp_path, store)


async def ask(desk: Remembering, file: Content | None = None, account: str = "env") -> str:
    return await desk.asides.ask(
        "What was it?", account=account, model="qwen3.6-plus", purpose="summary", session="s", file=file
    )


async def failure(desk: Remembering, account: str = "env") -> LunaError:
    with pytest.raises(LunaError) as raised:
        await ask(desk, account=account)
    desk.clean()
    return raised.value


async def test_an_answer_and_nothing_is_left_of_the_chat(desk: Remembering) -> None:
    desk.upstream.say = lambda sent: "  This was it. \n"
    assert await ask(desk) == "This was it."
    (sent,) = desk.heard
    assert (sent.chat, sent.parent, sent.text, sent.model, sent.files) == (
        "chat-1",
        None,
        "What was it?",
        "qwen3.6-plus",
        [],
    )
    assert desk.deleted == ["chat-1"]
    (chat,) = await desk.ledger.read(select(chats))
    assert (chat.purpose, chat.account, chat.session, chat.state) == ("summary", "env", "s", State.DELETED)
    assert chat.run.startswith("summary_")
    assert desk.upstream.made[0]["title"] == chat.title
    desk.clean()


async def test_the_chat_stands_in_the_ledger_before_it_exists(desk: Remembering) -> None:
    seen: list[str] = []
    make = desk._make

    def look(request: object) -> object:
        seen.extend(state.value for state, count in desk.ledger.counts().items() if count)
        return make(request)  # type: ignore[arg-type]

    desk.backend.on("POST", NEW, look)  # type: ignore[arg-type]
    await ask(desk)
    assert seen == ["planned"]


async def test_a_file_goes_along(desk: Remembering) -> None:
    await ask(desk, FILE)
    assert desk.shelf.taken == [("env", FILE)]
    (entry,) = desk.heard[0].files
    assert (entry["id"], entry["name"], entry["type"]) == ("file-1", "record.txt", "file")


async def test_a_file_that_cannot_be_brought_there_ends_it_before_there_is_a_chat(desk: Remembering) -> None:
    desk.shelf.failure = LunaError(Kind.UPSTREAM_REJECTED, "No.")
    with pytest.raises(LunaError) as raised:
        await ask(desk, FILE)
    assert raised.value.kind is Kind.UPSTREAM_REJECTED
    assert desk.upstream.made == []
    desk.clean()


async def test_the_account_is_the_one_that_is_named(desk: Remembering) -> None:
    await desk.accounts.save({"token": "t"}, account_id="second")
    for account in ("env", "second", "env"):
        await ask(desk, account=account)
    assert [sent.account for sent in desk.heard] == ["account-1", "account-2", "account-1"]
    assert (await failure(desk, "nobody")).kind is Kind.NOT_FOUND
    await ask(desk, account="")


async def test_an_account_that_is_switched_off_is_not_replaced(desk: Remembering) -> None:
    await desk.accounts.save({"token": "t"}, account_id="second")
    await desk.accounts.edit("env", enabled=False)
    assert (await failure(desk)).kind is Kind.NO_ACCOUNT
    assert desk.heard == []


async def test_it_takes_a_seat_among_the_others(desk: Remembering) -> None:
    limits = MultiThread(global_max_concurrent_runs=1)
    desk.preferences.replace(Preferences(multi_thread=limits))
    seat = await desk.scheduler.take(Need.of(Wish()))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask, desk)
        with anyio.fail_after(2):
            while not desk.scheduler.waiting:
                await anyio.sleep(0.002)
        assert "luna" in desk.scheduler.clients
        assert desk.heard == []
        seat.release()
    assert len(desk.heard) == 1


async def test_what_qwen_says_of_the_account_is_known_from_then_on(desk: Remembering) -> None:
    desk.upstream.say = lambda sent: LIMITED
    error = await failure(desk)
    assert error.kind in (Kind.RATE_LIMITED, Kind.QUOTA_EXHAUSTED)
    account = desk.accounts.find("env")
    assert account is not None
    assert account.refusal() is not None
    assert desk.deleted == ["chat-1"]


async def test_an_expired_token_is_renewed_once(desk: Remembering) -> None:
    desk.upstream.say = lambda sent: EXPIRED if sent.number == 1 else "fine"
    desk.upstream._account = lambda request: "account-1"  # type: ignore[method-assign]
    assert await ask(desk) == "fine"
    assert [sent.chat for sent in desk.heard] == ["chat-1", "chat-1"]


@pytest.mark.parametrize(
    "answer", ["", " \n", stream(data(created(), delta("hm", phase="think")), delta(status="finished"))]
)
async def test_an_answer_without_words_is_a_failure(desk: Remembering, answer: str | Says) -> None:
    desk.upstream.say = lambda sent: answer
    assert (await failure(desk)).kind is Kind.UPSTREAM_BROKEN
    assert desk.deleted == ["chat-1"]


async def test_an_answer_that_breaks_off_is_a_failure(desk: Remembering) -> None:
    desk.upstream.say = lambda sent: stream(data(created(), delta("It w")), {"error": {"code": "x", "details": "y"}})
    assert (await failure(desk)).kind is not Kind.INTERNAL
    assert desk.deleted == ["chat-1"]


async def test_it_does_not_wait_forever(desk: Remembering) -> None:
    desk.asides = Asides(desk.scheduler, desk.catalogue, desk.ledger, desk.shelf, desk.clock, patience=0.05)
    desk.upstream.say = lambda sent: stream(data(created(), delta("It w")), STALL)
    error = await failure(desk)
    assert (error.kind, error.message) == (Kind.TIMEOUT, "The model has not answered within 0.05 s.")
    assert desk.deleted == ["chat-1"]


async def test_the_end_of_luna_ends_it_and_its_chat(desk: Remembering) -> None:
    desk.upstream.say = lambda sent: stream(data(created(), delta("It w")), STALL)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask, desk)
        with anyio.fail_after(2):
            while not desk.backend.to(COMPLETIONS):
                await anyio.sleep(0.002)
        tasks.cancel_scope.cancel()
    assert desk.deleted == ["chat-1"]
    desk.clean()


async def test_an_unknown_model_is_looked_up_first(desk: Remembering) -> None:
    await desk.asides.ask("?", account="env", model="Qwen3.6-Plus", purpose="compact")
    assert desk.heard[0].model == "qwen3.6-plus"
