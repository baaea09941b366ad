"""Conversations that must be sent again as a whole: with a summary for their beginning, or out of what luna stored."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from luna.model.errors import LunaError
from luna.stages.overflow_plan import OVERFLOW, PROMPTS, OverflowPlan
from luna.state.session_memory import SessionMemory
from luna.state.session_records import SessionFilter
from luna.state.store import Store
from luna.state.uploads import Uploads
from luna.tools import markup
from tests.support.conversing import Sent
from tests.support.machine import MemoryLine
from tests.support.qwen_desk import COMPLETIONS
from tests.support.remembering import Remembering
from tests.support.scripted import STALL, Says, created, data, delta, stream
from tests.support.spoken import shipped

SUMMARY = "The user counts."
RESUMED = "The beginning of this conversation is not shown here."
READ = {"type": "function", "function": {"name": "read", "parameters": {"type": "object", "properties": {"path": {}}}}}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Remembering]:
    async with Store.opened(tmp_path) as store:
        made = Remembering(tmp_path, store, summary_every_n_turns=4, rolling_history_k=3)
        made.upstream.say = answering
        yield made


def answering(sent: Sent) -> str | Says:
    return SUMMARY if sent.text.startswith("Below is the record") else f"answer {sent.number}"


async def conversed(desk: Remembering, **more: Any) -> list[str]:
    """Four turns, summarised."""
    said = await desk.converse(4, **more)
    await desk.upkeep()
    assert desk.deleted == ["chat-2"]
    desk.deleted.clear()
    return said


async def lose(desk: Remembering, chat: str = "chat-1") -> None:
    """The chat is deleted upstream, and luna does not know."""
    del desk.upstream.owners[chat]


async def test_while_it_goes_on_in_its_chat_nothing_of_it_is_seen(desk: Remembering) -> None:
    said = await conversed(desk)
    desk.services[SessionMemory]._store = None  # type: ignore[assignment]
    await desk.converse(1, said)
    assert (desk.heard[-1].chat, desk.heard[-1].text) == ("chat-1", "question 5")


async def test_in_another_chat_the_summary_stands_for_its_beginning(desk: Remembering) -> None:
    said = await conversed(desk, system="Be brief.")
    await lose(desk)
    await desk.converse(1, said, system="Be brief.")
    text = desk.heard[-1].text
    assert text.startswith(f"Be brief.\n\n{RESUMED} This is what was said in it, in short:\n\n{SUMMARY}\n\nThe turns")
    assert [f"question {n}\n" in f"{text}\n" for n in range(1, 6)] == [False, False, False, True, True]
    assert said[-1] in text
    await desk.converse(
        1, [*said, "question 5", desk.upstream.sent[-1].response.replace("resp-", "answer ")], system="Be brief."
    )
    assert desk.heard[-1].text == "question 6"


async def test_on_another_account_too(desk: Remembering) -> None:
    said = await conversed(desk)
    await desk.accounts.save({"token": "t"}, account_id="second")
    await desk.accounts.edit("env", enabled=False)
    await desk.converse(1, said)
    assert desk.heard[-1].account == "account-2"
    assert SUMMARY in desk.heard[-1].text
    assert "question 3\n" not in desk.heard[-1].text


async def test_a_chat_that_luna_itself_deleted_stays_the_same_session(desk: Remembering) -> None:
    said = await conversed(desk)
    before = desk.places()[-1]
    await desk.ledger.discard(before.chat)
    answered = await desk.chat(*said, "question 5")
    assert answered.reason == "continued: after message 8; its chat is no more, another is begun"
    assert desk.heard[-1].chat != before.chat
    assert SUMMARY in desk.heard[-1].text
    (record,) = (await desk.kept.archive.find(SessionFilter(), limit=9)).records
    assert (record.id, record.turns, record.messages) == (answered.session, 5, 10)


@pytest.mark.parametrize(("recent", "shown"), [(1, 1), (2, 2), (4, 4), (7, 7), (8, 8)])
async def test_so_many_messages_are_sent_beside_it(desk: Remembering, recent: int, shown: int) -> None:
    said = await conversed(desk)
    desk.kept.prefer(rolling_history_k=recent)
    await lose(desk)
    await desk.chat(*said, "question 5")
    text = desk.heard[-1].text
    assert SUMMARY in text
    assert sum(one in text.splitlines() for one in [*said, "question 5"]) == shown


@pytest.mark.parametrize("recent", [0, 9, 100])
async def test_a_short_conversation_is_sent_as_it_is(desk: Remembering, recent: int) -> None:
    said = await conversed(desk)
    desk.kept.prefer(rolling_history_k=recent)
    await lose(desk)
    await desk.chat(*said, "question 5")
    assert SUMMARY not in desk.heard[-1].text
    assert all(one in desk.heard[-1].text for one in said)


async def test_what_the_summary_does_not_cover_is_sent_as_well(desk: Remembering) -> None:
    said = await desk.converse(3, await conversed(desk))
    desk.kept.prefer(rolling_history_k=1)
    await lose(desk)
    await desk.chat(*said, "question 8")
    shown = desk.heard[-1].text.splitlines()
    assert SUMMARY in shown
    assert [f"question {n}" in shown for n in range(1, 9)] == [False] * 4 + [True] * 4


async def test_in_another_branch_it_is_not_used(desk: Remembering) -> None:
    said = await conversed(desk)
    await lose(desk)
    await desk.chat(*said[:4], "another question", "invented", "and so on")
    text = desk.heard[-1].text
    assert SUMMARY not in text
    assert all(one in text for one in (*said[:4], "another question", "invented", "and so on"))


async def test_nor_in_another_clients_conversation_with_the_same_words(desk: Remembering) -> None:
    said = await conversed(desk)
    await desk.chat(*said, "question 5", headers={"x_key": "bob"})
    assert SUMMARY not in desk.heard[-1].text


async def test_a_call_is_never_parted_from_its_result(desk: Remembering) -> None:
    call = markup.calls([markup.call("read", '{"path":"a.txt"}')])

    def say(sent: Sent) -> str | Says:
        return SUMMARY if sent.text.startswith("Below is the record") else "Done." if sent.number % 5 == 0 else call

    desk.upstream.say = say
    desk.kept.prefer(summary_every_n_turns=4, rolling_history_k=2)
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Read them all."}]
    for number in range(4):
        answered = await desk.ask({"messages": messages, "tools": [READ]})
        (called,) = answered.message["tool_calls"]
        result = {"role": "tool", "tool_call_id": called["id"], "content": f"content {number}"}
        messages += [answered.message, result]
    await desk.upkeep()
    await lose(desk)
    await desk.ask({"messages": messages, "tools": [READ]})
    text = desk.heard[-1].text
    assert SUMMARY in text
    assert "Read them all." not in text
    assert "# How to call a tool" in text
    assert [f"content {number}" in text for number in range(4)] == [False, False, False, True]
    record = text.split("Below is the conversation so far")[1]
    assert (record.count("<ml_tool_call "), record.count("<ml_tool_result ")) == (1, 1)


async def test_a_long_prompt_goes_up_as_a_file_without_the_beginning(desk: Remembering) -> None:
    said = await conversed(desk, system="Be brief.")
    await lose(desk)
    desk.services.provide(Uploads, desk.shelf)
    long = "question 5\n" + "and so on " * 500
    flow = desk.begin({"messages": [{"role": "system", "content": "Be brief."}, *_messages(*said, long)]})
    prompts = {name: shipped().require(f"overflow/{name}", option="", variables=used) for name, used in PROMPTS.items()}
    flow.notes[OVERFLOW] = OverflowPlan(flow, prompts, threshold=300, maximum=None)
    await desk.run(flow)
    (_, file), sent = desk.shelf.taken[-1], desk.heard[-1]
    assert [entry["name"] for entry in sent.files] == [file.name]
    assert sent.text.startswith("Be brief.")
    assert SUMMARY in sent.text
    shown = file.data.decode().splitlines()
    assert [f"question {n}" in shown for n in range(1, 6)] == [False, False, False, True, True]


async def test_what_was_attached_to_the_beginning_does_not_go_up_again(desk: Remembering) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    first = {"role": "user", "content": [{"type": "text", "text": "question 1"}, picture]}
    messages: list[dict[str, Any]] = [first]
    for number in range(2, 6):
        answered = await desk.ask({"messages": messages})
        messages += [answered.message, {"role": "user", "content": f"question {number}"}]
    await desk.upkeep()
    await lose(desk)
    desk.services.provide(Uploads, desk.shelf)
    await desk.ask({"messages": messages})
    assert SUMMARY in desk.heard[-1].text
    assert (desk.shelf.taken, desk.heard[-1].files) == ([], [])


async def test_where_it_cannot_be_read_all_is_sent(
    desk: Remembering, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    said = await conversed(desk)
    await lose(desk)

    async def broken(*_: object) -> None:
        raise LunaError("internal", "luna cannot read its database.")  # type: ignore[arg-type]

    monkeypatch.setattr(SessionMemory, "covering", broken)
    answered = await desk.chat(*said, "question 5")
    assert answered.status == 200
    assert all(one in desk.heard[-1].text for one in said)
    assert "what luna knows of its session cannot be read" in caplog.text


async def test_recordings_know_what_was_put_in(desk: Remembering) -> None:
    said = await conversed(desk)
    await lose(desk)
    flow = desk.begin({"messages": _messages(*said, "question 5")})
    seen: list[Any] = []

    class Tap:
        def events(self, boundary: str, batch: Any) -> None:
            seen.extend(batch if boundary == "qwen" else ())

        def __getattr__(self, name: str) -> Any:
            return lambda *_: None

    flow.tap = Tap()
    await desk.run(flow)
    (notice,) = [event for event in seen if getattr(event, "kind", "") == "recalled"]
    assert (notice.text, notice.data) == (SUMMARY, {"messages": 6, "recent": 3, "stored": []})


def _messages(*said: str) -> list[dict[str, str]]:
    return [{"role": "assistant" if n % 2 else "user", "content": text} for n, text in enumerate(said)]


# A client that leaves it to luna to remember


async def test_a_session_that_is_named_is_told_from_what_luna_stored(desk: Remembering) -> None:
    for number in range(1, 4):
        await desk.chat(f"question {number}", session_id="mine")
    assert desk.heard[-1].text == "question 3"
    await lose(desk)
    answered = await desk.chat("question 4", session_id="mine")
    shown = desk.heard[-1].text.splitlines()
    assert [f"question {n}" in shown for n in range(1, 5)] == [True] * 4
    assert [f"answer {n}" in shown for n in range(1, 4)] == [True] * 3
    assert shown[-1] == "question 4"
    assert answered.session == "mine"
    await desk.chat("question 5", session_id="mine")
    assert desk.heard[-1].text == "question 5"


async def test_with_its_summary(desk: Remembering) -> None:
    for number in range(1, 5):
        await desk.chat(f"question {number}", session_id="mine")
    await desk.upkeep()
    await desk.chat("question 5", session_id="mine")
    await lose(desk)
    await desk.chat("question 6", session_id="mine")
    shown = desk.heard[-1].text.splitlines()
    assert SUMMARY in shown
    assert [f"question {n}" in shown for n in range(1, 7)] == [False, False, False, False, True, True]


async def test_and_after_it_was_compacted(desk: Remembering) -> None:
    desk.upstream.say = lambda sent: (
        "All of it." if sent.text.startswith("The attached file") else f"answer {sent.number}"
    )
    desk.kept.prefer(compact_keep_recent=2, rolling_history_k=2)
    for number in range(1, 4):
        await desk.chat(f"question {number}", session_id="mine")
    done = await desk.kept.upkeep.compact("mine")
    assert (done.summary, desk.shelf.taken[0][0]) == ("All of it.", "env")
    assert [entry["name"] for entry in desk.heard[-1].files] == [done.file]
    await lose(desk)
    await desk.chat("question 4", session_id="mine")
    shown = desk.heard[-1].text.splitlines()
    assert "All of it." in shown
    assert [f"question {n}" in shown for n in range(1, 5)] == [False, False, False, True]


async def test_another_process_remembers_for_it(desk: Remembering, tmp_path: Path) -> None:
    await desk.chat("question 1", session_id="mine")
    later = Remembering(tmp_path, desk.store, upstream=desk.upstream)
    await lose(desk)
    await later.chat("question 2", session_id="mine")
    assert "question 1" in later.heard[-1].text


# In the background


async def test_no_request_waits_for_a_summary(desk: Remembering) -> None:
    def say(sent: Sent) -> str | Says:
        slow = stream(data(created(), delta("The u")), STALL)
        return slow if sent.text.startswith("Below is the record") else f"answer {sent.number}"

    desk.upstream.say = say
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(desk.kept.upkeep.run)
        with anyio.fail_after(3):
            said = await desk.converse(4)
            while not desk.kept.upkeep.working or len(desk.backend.to(COMPLETIONS)) < 5:
                await anyio.sleep(0.002)
            await desk.converse(2, said)
        tasks.cancel_scope.cancel()
    assert [sent.chat for sent in desk.heard[5:]] == ["chat-1", "chat-1"]
    assert desk.deleted == ["chat-2"]
    desk.clean()


async def test_a_client_that_left_is_no_turn(desk: Remembering) -> None:
    desk.kept.prefer(summary_every_n_turns=1)
    desk.upstream.say = lambda sent: stream(data(created(), delta("Some wor")), STALL)
    line = MemoryLine()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(desk.run, desk.begin({"messages": _messages("one"), "stream": True}), line)
        with anyio.fail_after(2):
            while b"Some wor" not in line.body:
                await anyio.sleep(0.002)
        line.left.set()
    assert desk.kept.upkeep.due == 0


# Subagents


async def test_each_subagent_has_a_thread_of_its_own(desk: Remembering) -> None:
    named = {"x_luna_session_id": "s"}
    main = await desk.chat("go", headers=named)
    one = await desk.chat("go", headers=named | {"x_luna_subagent_id": "one"})
    other = await desk.ask({"messages": _messages("go"), "metadata": {"subagent_id": "two"}}, **named)
    assert {main.session, one.session, other.session} == {"s"}
    assert [sent.chat for sent in desk.heard] == ["chat-1", "chat-2", "chat-3"]
    assert one.headers["x-luna-subagent-id"] == "one"
    assert other.headers["x-luna-subagent-id"] == "two"
    assert "x-luna-subagent-id" not in main.headers
    await desk.chat("go", "answer 2", "on", headers=named | {"x_luna_subagent_id": "one"})
    assert (desk.heard[-1].chat, desk.heard[-1].text) == ("chat-2", "on")
    await desk.chat("go", "answer 1", "on", headers=named)
    assert (desk.heard[-1].chat, desk.heard[-1].text) == ("chat-1", "on")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/messages", {"max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}),
        ("/v1/responses", {"input": "x"}),
        ("/v1/completions", {"prompt": "x"}),
    ],
)
async def test_on_every_protocol(desk: Remembering, path: str, body: dict[str, Any]) -> None:
    named = body | {"session_id": "s"}
    await desk.ask(named, path)
    by_header = await desk.ask(named, path, x_luna_subagent_id="one")
    by_body = await desk.ask(named | {"metadata": {"agent_id": "two"}}, path, x_luna_subagent_id="one")
    assert by_header.headers["x-luna-subagent-id"] == "one"
    assert by_body.headers["x-luna-subagent-id"] == "two"
    assert len({sent.chat for sent in desk.heard}) == 3


async def test_the_name_of_a_subagent_has_a_length(desk: Remembering) -> None:
    answered = await desk.chat("x", headers={"x_luna_subagent_id": "x" * 129})
    assert answered.status == 400
    assert answered.document["error"]["param"] == "x-luna-subagent-id"
