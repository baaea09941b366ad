"""What a turn says and brings along: attachments, long prompts as files, and chats that stand in the ledger first."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from luna.core.flow import Flow
from luna.model.chat import Message
from luna.model.errors import Kind, LunaError
from luna.qwen.attached import Attached
from luna.stages import qwen_prompt
from luna.stages.overflow_plan import OVERFLOW, OverflowFile, OverflowPlan
from luna.state.chats import ChatLedger
from luna.state.store import Store
from luna.state.store.tables import chats
from luna.state.uploads import Uploads
from tests.support.conversing import Answered, Conversing
from tests.support.scripted import refusal

PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Conversing]:
    async with Store.opened(tmp_path) as store:
        yield Conversing(tmp_path, store)


class Uploading:
    """Stands in for what uploads: gives each new attachment an entry, and says what it was asked."""

    def __init__(self, desk: Conversing, monkeypatch: pytest.MonkeyPatch) -> None:
        self.documents: list[bytes] = []
        self.failure: LunaError | None = None
        desk.services.provide(Uploads, Uploads(desk.clock))
        monkeypatch.setattr(qwen_prompt, "upload_attachments", self.attachments)
        monkeypatch.setattr(qwen_prompt, "upload_document", self.document)

    async def attachments(
        self, flow: Flow, client: object, account: str, every: Sequence[Attached]
    ) -> list[dict[str, Any]]:
        return [{"name": one.attachment.kind, "for": account} for one in every if not one.known]

    async def document(self, flow: Flow, client: object, account: str, name: str, text: bytes) -> dict[str, Any]:
        self.documents.append(text)
        if self.failure is not None:
            raise self.failure
        return {"name": name, "for": account}


@pytest.fixture
def uploading(desk: Conversing, monkeypatch: pytest.MonkeyPatch) -> Uploading:
    return Uploading(desk, monkeypatch)


async def test_what_is_attached_goes_along_once(desk: Conversing, uploading: Uploading) -> None:
    first = {"role": "user", "content": [{"type": "text", "text": "What is this?"}, PICTURE]}
    answered = await desk.ask({"messages": [first]})
    await desk.ask({"messages": [first, answered.message, {"role": "user", "content": "And now?"}]})
    assert [sent.files for sent in desk.heard] == [[{"name": "image", "for": "env"}], []]
    assert desk.heard[0].text == "What is this?\n[image 1: image-1.png]"
    assert desk.heard[1].text == "And now?"
    assert "x-luna-ignored" not in answered.headers


async def test_and_again_where_the_chat_is_rebuilt(desk: Conversing, uploading: Uploading) -> None:
    first = {"role": "user", "content": [{"type": "text", "text": "What is this?"}, PICTURE]}
    answered = await desk.ask({"messages": [first]})
    del desk.upstream.owners["chat-1"]
    await desk.ask({"messages": [first, answered.message, {"role": "user", "content": "And now?"}]})
    assert [len(sent.files) for sent in desk.heard] == [1, 0, 1]
    assert "[image 1: image-1.png]" in desk.heard[-1].text


async def test_a_question_of_lunas_own_brings_nothing_along(desk: Conversing, uploading: Uploading) -> None:
    desk.upstream.say = lambda sent: "no json" if sent.number == 1 else '{"a": 1}'
    asked = {"role": "user", "content": [{"type": "text", "text": "What is this?"}, PICTURE]}
    await desk.ask({"messages": [asked], "response_format": {"type": "json_object"}})
    assert [len(sent.files) for sent in desk.heard] == [1, 0]


# Long prompts


class Plan(OverflowPlan):
    """Wants a file for what is longer than `most` characters, and types no more than `typed`."""

    short = False

    def __init__(self, most: int, typed: int = 1000) -> None:
        self.most, self.typed = most, typed
        self.kept: list[OverflowFile] = []

    def wants(self, text: str) -> bool:
        return len(text) > self.most

    def surely_wants(self, messages: Sequence[Message]) -> bool:
        return False

    def fits_inline(self, text: str) -> bool:
        return len(text) <= self.typed

    def document(self, messages: Sequence[Message]) -> OverflowFile:
        return OverflowFile("long.txt", " / ".join(message.text for message in messages).encode(), "Read long.txt.", 1)

    def too_long(self, text: str) -> LunaError:
        return LunaError(Kind.CONTEXT_OVERFLOW, f"{len(text)} characters", detail={"tokens": 9, "maximum": 5})

    async def keep(self, file: OverflowFile) -> None:
        self.kept.append(file)


async def planned(desk: Conversing, plan: Plan, *said: str) -> Answered:
    turns = [{"role": "assistant" if n % 2 else "user", "content": text} for n, text in enumerate(said)]
    flow = desk.begin({"messages": [{"role": "system", "content": "Be brief."}, *turns]})
    flow.notes[OVERFLOW] = plan
    return await desk.run(flow)


async def test_a_long_prompt_goes_up_as_a_file(desk: Conversing, uploading: Uploading) -> None:
    plan = Plan(most=50)
    await planned(desk, plan, "long words " * 20)
    assert desk.heard[0].text == "Read long.txt."
    assert desk.heard[0].files == [{"name": "long.txt", "for": "env"}]
    assert uploading.documents == [b"Be brief. / " + b"long words " * 20]
    assert [file.name for file in plan.kept] == ["long.txt"]


async def test_of_a_conversation_that_goes_on_only_what_is_new(desk: Conversing, uploading: Uploading) -> None:
    await planned(desk, Plan(most=500), "one")
    await planned(desk, Plan(most=50), "one", "answer 1", "long words " * 20)
    assert uploading.documents == [b"long words " * 20]
    assert (desk.heard[1].parent, desk.heard[1].text) == ("resp-1", "Read long.txt.")
    await planned(desk, Plan(most=50), "one", "answer 1", "long words " * 20, "answer 2", "short")
    assert (desk.heard[2].parent, desk.heard[2].text) == ("resp-2", "short")


async def test_what_cannot_go_up_is_typed_if_it_may_be(desk: Conversing, uploading: Uploading) -> None:
    uploading.failure = LunaError(Kind.UPSTREAM_BROKEN, "no room")
    await planned(desk, Plan(most=50, typed=1000), "long words " * 20)
    assert desk.heard[0].text.startswith("Be brief.\n\nlong words")
    assert desk.heard[0].files == []


async def test_and_else_the_client_is_told(desk: Conversing, uploading: Uploading) -> None:
    uploading.failure = LunaError(Kind.UPSTREAM_BROKEN, "no room")
    plan = Plan(most=50, typed=100)
    answered = await planned(desk, plan, "long words " * 20)
    assert answered.status == 400
    assert answered.document["error"]["code"] == "context_length_exceeded"
    assert desk.heard == []
    assert len(plan.kept) == 1


# The ledger


class Cleaner:
    """Remembers whom it was to look at."""

    def __init__(self) -> None:
        self.answered: list[str] = []

    def wake(self) -> None: ...

    def after_response(self, chat_id: str) -> None:
        self.answered.append(chat_id)

    async def discard(self, chat_id: str) -> None: ...


@pytest.fixture
async def cleaner(desk: Conversing) -> Cleaner:
    ledger, cleaner = ChatLedger(desk.store, desk.clock), Cleaner()
    await ledger.load()
    ledger.attach(cleaner)
    desk.services.provide(ChatLedger, ledger)
    return cleaner


async def written(desk: Conversing) -> list[Any]:
    await desk.services[ChatLedger].settle()
    await desk.store.commit()
    return [*await desk.store.read(select(chats).order_by(chats.c.created_at, chats.c.chat_id))]


async def test_a_chat_stands_in_the_ledger_before_it_is_made(desk: Conversing, cleaner: Cleaner) -> None:
    answered = await desk.chat("one")
    await desk.chat("one", "answer 1", "two")
    (row,) = await written(desk)
    (made,) = desk.upstream.made
    assert (row.chat_id, row.account_id, row.state) == ("chat-1", "env", "open")
    assert (row.session_id, row.run_id) == (answered.session, answered.flow.id)
    assert row.title == made["title"] != ""
    assert row.used_at is not None
    assert cleaner.answered == ["chat-1", "chat-1"]


async def test_a_lost_chat_is_told_to_it(desk: Conversing, cleaner: Cleaner) -> None:
    await desk.chat("one")
    del desk.upstream.owners["chat-1"]
    await desk.chat("one", "answer 1", "two")
    assert {row.chat_id: row.state for row in await written(desk)} == {"chat-1": "lost", "chat-2": "open"}
    assert cleaner.answered == ["chat-1", "chat-2"]


async def test_a_failed_answer_is_no_reason_to_delete(desk: Conversing, cleaner: Cleaner) -> None:
    desk.upstream.say = lambda sent: refusal("data_inspection_failed", "no", 400)
    await desk.chat("one")
    assert [row.state for row in await written(desk)] == ["open"]
    assert cleaner.answered == []


async def test_the_chat_of_a_question_of_lunas_own_is_looked_at_once(desk: Conversing, cleaner: Cleaner) -> None:
    desk.upstream.say = lambda sent: "no json" if sent.number == 1 else '{"a": 1}'
    body = {"messages": [{"role": "user", "content": "x"}], "response_format": {"type": "json_object"}}
    await desk.ask(body)
    assert cleaner.answered == ["chat-1"]
