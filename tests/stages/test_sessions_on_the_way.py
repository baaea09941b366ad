"""Conversations on their way through the pipeline: found, continued with what is new, and remembered."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from sqlalchemy import select

from luna.core.flow import Outcome
from luna.model.errors import Kind, LunaError
from luna.model.preferences import MultiThread, Preferences, SessionPreferences
from luna.state.store import Store
from luna.state.store.tables import messages as messages_table
from luna.state.store.tables import nodes as nodes_table
from luna.tools import markup
from tests.support.conversing import BUSY, GONE, LIMITED, LOST, Answered, Conversing, Sent, Upstream
from tests.support.echoes import ECHOES, Echo
from tests.support.machine import MemoryLine
from tests.support.qwen_desk import STOP
from tests.support.scripted import STALL, Says, created, data, delta, stream

PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}
READ = {"type": "function", "function": {"name": "read", "parameters": {"type": "object", "properties": {"path": {}}}}}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Conversing]:
    async with Store.opened(tmp_path) as store:
        yield Conversing(tmp_path, store)
        await store.commit()
        assert store.describe()["lost"] == 0


def saying(*answers: str | Says) -> Any:
    """The upstream says these in order, then the last again."""
    return lambda sent: answers[min(sent.number, len(answers)) - 1]


def lines(desk: Conversing) -> list[tuple[str, str | None, str]]:
    """Chat, parent and text of every turn."""
    return [(sent.chat, sent.parent, sent.text) for sent in desk.heard]


# What is sent


async def test_a_conversation_goes_on_with_what_is_new(desk: Conversing) -> None:
    first = await desk.chat("one", system="Be brief.")
    second = await desk.chat("one", "answer 1", "two", system="Be brief.")
    third = await desk.chat("one", "answer 1", "two", "answer 2", "three", system="Be brief.")
    assert lines(desk) == [
        ("chat-1", None, "Be brief.\n\none"),
        ("chat-1", "resp-1", "two"),
        ("chat-1", "resp-2", "three"),
    ]
    assert {first.session, second.session, third.session} == {first.session}
    assert first.session
    assert (first.reason, third.reason) == ("new: the conversation begins", "continued: after message 5")
    assert third.headers["x-luna-thread-id"] == first.headers["x-luna-thread-id"]
    assert third.chat == "chat-1"
    desk.clean()


@pytest.mark.parametrize("echo", ECHOES, ids=lambda echo: echo.name)
async def test_on_every_protocol_whatever_its_clients_send_back(desk: Conversing, echo: Echo) -> None:
    desk.upstream.say = saying("  First **answer**.\n\nWith lines. \n", "second", "third")
    path = PATHS[echo.name.partition(",")[0]]
    body = echo.ask("one")
    for words in ("two", "three", ""):
        answered = await desk.ask(body, path)
        assert answered.status == 200
        echo.echo(body, answered.document)
        echo.add(body, words)
    assert [(sent.chat, sent.parent, sent.text) for sent in desk.heard] == [
        ("chat-1", None, "one"),
        ("chat-1", "resp-1", "two"),
        ("chat-1", "resp-2", "three"),
    ]


@pytest.mark.parametrize("echo", ECHOES, ids=lambda echo: echo.name)
async def test_a_tool_loop_keeps_one_session_and_one_chat(desk: Conversing, echo: Echo) -> None:
    call = markup.calls([markup.call("read", '{"path":"a.txt","lines":5}')])
    desk.upstream.say = saying(f"Let me look.\n{call}", f"And there.\n{call}", "All good.")
    path = PATHS[echo.name.partition(",")[0]]
    body = echo.ask("Look at it.") | _tools(path)
    sessions = set()
    for number in range(3):
        answered = await desk.ask(body, path)
        sessions.add(answered.session)
        echo.echo(body, answered.document)
        for call_id in _called(body, path):
            _result(body, path, call_id, f"content {number}")
    assert len(sessions) == 1
    assert [(sent.chat, sent.parent) for sent in desk.heard] == [
        ("chat-1", None),
        ("chat-1", "resp-1"),
        ("chat-1", "resp-2"),
    ]
    assert "# How to call a tool" in desk.heard[0].text
    for number, sent in enumerate(desk.heard[1:]):
        assert sent.text.startswith("<ml_tool_result id=")
        assert f"content {number}" in sent.text
        assert "# How to call a tool" not in sent.text
        assert "Look at it." not in sent.text


def _tools(path: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {"path": {"type": "string"}, "lines": {"type": "integer"}}}
    if path == PATHS["messages"]:
        return {"tools": [{"name": "read", "input_schema": parameters}]}
    if path == PATHS["responses"]:
        return {"tools": [{"type": "function", "name": "read", "parameters": parameters}]}
    return {"tools": [{"type": "function", "function": {"name": "read", "parameters": parameters}}]}


def _called(body: dict[str, Any], path: str) -> list[str]:
    """Ids of calls that have no result yet."""
    said = body.get("messages") or body["input"]
    called: list[str] = []
    for entry in said:
        if path == PATHS["messages"] and isinstance(entry["content"], list):
            called += [block["id"] for block in entry["content"] if block["type"] == "tool_use"]
            called = [c for c in called if c not in [b.get("tool_use_id") for b in entry["content"]]]
        elif path == PATHS["responses"] and entry.get("type") == "function_call":
            called.append(entry["call_id"])
        elif path == PATHS["responses"] and entry.get("type") == "function_call_output":
            called.remove(entry["call_id"])
        elif entry.get("role") == "tool":
            called.remove(entry["tool_call_id"])
        else:
            called += [call["id"] for call in entry.get("tool_calls") or ()]
    return called


def _result(body: dict[str, Any], path: str, call_id: str, text: str) -> None:
    if path == PATHS["messages"]:
        block = {"type": "tool_result", "tool_use_id": call_id, "content": text}
        body["messages"].append({"role": "user", "content": [block]})
    elif path == PATHS["responses"]:
        body["input"].append({"type": "function_call_output", "call_id": call_id, "output": text})
    else:
        body["messages"].append({"role": "tool", "tool_call_id": call_id, "content": text})


async def test_a_response_that_is_continued_by_its_id_goes_on_in_its_chat(desk: Conversing) -> None:
    first = await desk.ask({"input": "one"}, PATHS["responses"])
    second = await desk.ask({"input": "two", "previous_response_id": first.document["id"]}, PATHS["responses"])
    assert lines(desk) == [("chat-1", None, "one"), ("chat-1", "resp-1", "two")]
    assert first.session == second.session


async def test_a_legacy_completion_can_name_its_chat_and_its_session(desk: Conversing) -> None:
    path = "/v1/completions"
    first = await desk.ask({"prompt": "one"}, path)
    await desk.ask({"prompt": "two", "providerSessionId": first.chat}, path)
    await desk.ask({"prompt": "three", "session_id": first.session}, path)
    assert lines(desk) == [
        ("chat-1", None, "one"),
        ("chat-1", "resp-1", "two"),
        ("chat-1", "resp-2", "three"),
    ]


# Where it parts


async def test_an_edited_history_branches_where_it_was_edited(desk: Conversing) -> None:
    await desk.chat("one")
    await desk.chat("one", "answer 1", "two")
    found = await desk.chat("one", "answer 1", "TWO", "answer 2", "three")
    (chat, parent, text) = lines(desk)[-1]
    assert (chat, parent) == ("chat-1", "resp-1")
    assert text == (
        '<turn role="user">\nTWO\n</turn>\n<turn role="assistant">\nanswer 2\n</turn>\n'
        '<turn role="user">\nthree\n</turn>'
    )
    assert found.reason == "forked: after message 2"
    run = await desk.runs.get(found.flow.id)
    assert run is not None
    assert run.session_id == found.session
    assert run.session_reason == "forked: after message 2; message 2 (user) differs: 'two' became 'TWO'"


async def test_what_differs_stands_in_no_log(desk: Conversing, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    await desk.chat("one")
    await desk.chat("one", "answer 1", "secret plan")
    await desk.chat("one", "answer 1", "other secret", "answer 2", "three")
    assert "secret" not in caplog.text


async def test_a_recording_can_show_it(desk: Conversing) -> None:
    await desk.chat("one")
    await desk.chat("one", "answer 1", "two")
    flow = desk.begin({"messages": _messages("one", "answer 1", "TWO", "answer 2", "three")})
    await desk.run(flow)
    seen = flow.chat.whereabouts
    assert seen is not None
    assert (seen.session, seen.stored, seen.known) == (flow.headers["x-luna-session-id"], True, 2)
    assert (seen.account, seen.chat, seen.response) == ("env", "chat-1", "resp-1")
    assert seen.reason == "forked: after message 2"
    assert seen.differs == {"index": 2, "role": "user", "before": "two", "now": "TWO"}


def _messages(*said: str) -> list[dict[str, str]]:
    return [{"role": "assistant" if n % 2 else "user", "content": text} for n, text in enumerate(said)]


async def test_the_same_message_again_is_another_answer_to_it(desk: Conversing) -> None:
    await desk.chat("one")
    await desk.chat("one", "answer 1", "two")
    again = await desk.chat("one", "answer 1", "two")
    assert lines(desk)[1:] == [("chat-1", "resp-1", "two")] * 2
    assert again.reason == "repeated: after message 2"
    await desk.chat("one", "answer 1", "two", "answer 3", "three")
    assert lines(desk)[-1] == ("chat-1", "resp-3", "three")


async def test_the_same_first_words_twice_never_meet(desk: Conversing) -> None:
    desk.upstream.say = lambda sent: "hello"
    one, other = await desk.chat("hi"), await desk.chat("hi")
    assert one.session != other.session
    await desk.chat("hi", "hello", "a")
    await desk.chat("hi", "hello", "b")
    assert {sent.chat for sent in desk.heard[2:]} == {"chat-1", "chat-2"}


async def test_clients_with_different_keys_never_meet(desk: Conversing) -> None:
    one = await desk.chat("hi", headers={"x_key": "ann"})
    found = await desk.chat("hi", "answer 1", "a", headers={"x_key": "bob"})
    assert found.session != one.session
    assert found.reason == "unknown: luna has not seen this history"
    assert lines(desk)[-1][:2] == ("chat-2", None)
    mine = await desk.chat("hi", "answer 1", "a", headers={"x_key": "ann"})
    assert mine.session == one.session


async def test_workspaces_never_meet_either(desk: Conversing) -> None:
    one = await desk.chat("hi", headers={"x_luna_workspace": "a"})
    other = await desk.chat("hi", "answer 1", "x", headers={"x_luna_workspace": "b"})
    assert one.session != other.session


# The system


async def test_a_date_in_the_system_changes_nothing(desk: Conversing) -> None:
    await desk.chat("one", system="Be brief. Today is 2026-11-22, 10:01.")
    await desk.chat("one", "answer 1", "two", system="Be brief. Today is 2026-11-23, 11:02.")
    assert lines(desk)[-1] == ("chat-1", "resp-1", "two")


async def test_what_the_system_says_anew_is_sent_again(desk: Conversing) -> None:
    await desk.chat("one", system="Be brief.")
    await desk.chat("one", "answer 1", "two", system="Be verbose.")
    await desk.chat("one", "answer 1", "two", "answer 2", "three", system="Be verbose.")
    await desk.chat("one", "answer 1", "two", "answer 2", "three", "answer 3", "four", system="Be brief.")
    assert [text for _, _, text in lines(desk)[1:]] == ["Be verbose.\n\ntwo", "three", "Be brief.\n\nfour"]
    assert {chat for chat, _, _ in lines(desk)} == {"chat-1"}


async def test_a_system_message_on_the_way_is_sent_where_it_comes(desk: Conversing) -> None:
    said = _messages("one", "answer 1", "two")
    noted = [said[0], {"role": "system", "content": "You are in /home."}, *said[1:]]
    await desk.ask({"messages": noted[:2]})
    await desk.ask({"messages": noted})
    await desk.ask({"messages": [*noted, {"role": "system", "content": "Hurry."}]})
    assert [text for _, _, text in lines(desk)] == ["You are in /home.\n\none", "two", "Hurry.\n\ntwo"]


async def test_other_tools_reach_the_model(desk: Conversing) -> None:
    await desk.chat("one", system="Be brief.", tools=[READ])
    await desk.chat("one", "answer 1", "two", system="Be brief.", tools=[READ])
    write = {"type": "function", "function": {"name": "write", "parameters": {"type": "object"}}}
    await desk.chat("one", "answer 1", "two", "answer 2", "three", system="Be brief.", tools=[READ, write])
    first, second, third = (sent.text for sent in desk.heard)
    assert "# How to call a tool" in first
    assert second.startswith("two\n")
    assert "# How to call a tool" not in second
    assert "## write" in third
    assert "Be brief." not in third
    assert third.rstrip().endswith("call it now.]")


# Accounts, models, chats that are gone


async def test_another_model_begins_another_chat(desk: Conversing) -> None:
    await desk.chat("one")
    found = await desk.chat("one", "answer 1", "two", model="qwen3-max")
    assert lines(desk)[-1][:2] == ("chat-2", None)
    assert "answer 1" in lines(desk)[-1][2]
    assert found.reason == "continued: after message 2; another model answers, in another chat"
    await desk.chat("one", "answer 1", "two", "answer 2", "three", model="qwen3-max")
    assert lines(desk)[-1] == ("chat-2", "resp-2", "three")


async def test_a_chat_stays_with_its_account(desk: Conversing) -> None:
    await desk.accounts.save({"token": "t"}, account_id="second")
    for number in range(4):
        await desk.chat(f"one {number}")
    for number in range(4):
        await desk.chat(f"one {number}", f"answer {number + 1}", "two")
    assert [sent.parent for sent in desk.heard[4:]] == [f"resp-{n}" for n in range(1, 5)]
    assert len({sent.account for sent in desk.heard[:4]}) == 2


async def test_a_conversation_whose_account_is_gone_is_rebuilt_on_another(desk: Conversing) -> None:
    first = await desk.chat("one", system="Be brief.")
    await desk.accounts.save({"token": "t"}, account_id="second")
    desk.accounts.find(first.headers["x-luna-account-id"]).enabled = False  # type: ignore[union-attr]
    desk.accounts.tell()
    found = await desk.chat("one", "answer 1", "two", system="Be brief.")
    assert found.headers["x-luna-account-id"] == "second"
    assert lines(desk)[-1][:2] == ("chat-2", None)
    for words in ("Be brief.", "one", "answer 1", "two"):
        assert words in lines(desk)[-1][2]
    assert (found.session, found.reason) == (
        first.session,
        "continued: after message 3; another account answers, in another chat",
    )
    await desk.chat("one", "answer 1", "two", "answer 2", "three", system="Be brief.")
    assert lines(desk)[-1] == ("chat-2", "resp-2", "three")


async def test_an_account_that_is_limited_meanwhile_is_replaced(desk: Conversing) -> None:
    await desk.chat("one")
    await desk.accounts.save({"token": "t"}, account_id="second")
    desk.upstream.say = lambda sent: LIMITED if sent.account == "account-1" else f"answer {sent.number}"
    found = await desk.chat("one", "answer 1", "two")
    assert found.status == 200
    assert [sent.chat for sent in desk.heard] == ["chat-1", "chat-1", "chat-2"]
    assert "answer 1" in desk.heard[-1].text
    await desk.chat("one", "answer 1", "two", "answer 3", "three")
    assert lines(desk)[-1] == ("chat-2", "resp-3", "three")


async def test_a_lost_chat_is_rebuilt(desk: Conversing) -> None:
    await desk.chat("one", system="Be brief.", tools=[READ])
    del desk.upstream.owners["chat-1"]
    found = await desk.chat("one", "answer 1", "two", system="Be brief.", tools=[READ])
    assert found.status == 200
    assert [sent.chat for sent in desk.heard] == ["chat-1", "chat-1", "chat-2"]
    for words in ("Be brief.", "# How to call a tool", "one", "answer 1", "two"):
        assert words in desk.heard[-1].text
    assert found.reason == "continued: after message 3; its chat is gone upstream"
    assert found.chat == "chat-2"
    assert [place.chat for place in desk.places()] == ["chat-2"]
    run = await desk.runs.get(found.flow.id)
    assert run is not None
    assert (run.chat_id, run.attempts) == ("chat-2", 2)
    await desk.chat("one", "answer 1", "two", "answer 3", "three", system="Be brief.", tools=[READ])
    assert lines(desk)[-1][:2] == ("chat-2", "resp-3")


async def test_a_lost_parent_is_rebuilt(desk: Conversing) -> None:
    await desk.chat("one")
    await desk.chat("one", "answer 1", "two")
    desk.upstream.chats["chat-1"].remove("resp-2")
    found = await desk.chat("one", "answer 1", "two", "answer 2", "three")
    assert [sent.chat for sent in desk.heard[2:]] == ["chat-1", "chat-2"]
    assert found.reason == "continued: after message 4; its last answer is gone upstream"
    earlier = await desk.chat("one", "answer 1", "TWO")
    assert lines(desk)[-1] == ("chat-1", "resp-1", "TWO")
    assert earlier.reason.startswith("branched")


async def test_but_only_once(desk: Conversing) -> None:
    await desk.chat("one")
    desk.upstream.say = lambda sent: GONE
    found = await desk.chat("one", "answer 1", "two")
    assert found.status in (404, 409)
    assert [sent.chat for sent in desk.heard] == ["chat-1", "chat-1", "chat-2"]
    desk.clean()


async def test_a_chat_that_the_client_names_is_never_left(desk: Conversing) -> None:
    first = await desk.chat("one")
    del desk.upstream.owners["chat-1"]
    found = await desk.chat("one", "answer 1", "two", providerSessionId=first.chat)
    assert found.status >= 400
    assert len(desk.upstream.made) == 1


async def test_a_lost_parent_in_a_named_chat_is_looked_up(desk: Conversing) -> None:
    await desk.chat("one")
    await desk.chat("one", "answer 1", "two")
    desk.upstream.chats["chat-1"].remove("resp-2")
    desk.backend.on("GET", "/api/v2/chats/chat-1", lambda _: desk.upstream.read("chat-1"))
    found = await desk.chat("one", "answer 1", "two", "answer 2", "three", providerSessionId="chat-1")
    assert found.status == 200
    assert lines(desk)[-1] == ("chat-1", "resp-1", "three")


async def test_the_first_request_to_a_chat_of_elsewhere_brings_the_system_along(desk: Conversing) -> None:
    desk.upstream.chats["mine"], desk.upstream.owners["mine"] = {"resp-0"}, "account-1"
    desk.backend.on("GET", "/api/v2/chats/mine", lambda _: desk.upstream.read("mine"))
    said = ("said", "elsewhere", "two")
    await desk.chat(*said, system="Be brief.", providerSessionId="mine")
    await desk.chat(*said, "answer 1", "three", system="Be brief.", providerSessionId="mine")
    assert lines(desk) == [("mine", "resp-0", "Be brief.\n\ntwo"), ("mine", "resp-1", "three")]


# By name


async def test_a_named_session_and_thread_come_back(desk: Conversing) -> None:
    found = await desk.chat("one", headers={"x_luna_session_id": "s-1", "x_luna_thread_id": "t-1"})
    assert (found.session, found.headers["x-luna-thread-id"]) == ("s-1", "t-1")
    later = await desk.chat("two", session_id="s-1")
    assert (later.session, later.headers["x-luna-thread-id"]) == ("s-1", "t-1")
    assert lines(desk) == [("chat-1", None, "one"), ("chat-1", "resp-1", "two")]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (PATHS["chat"], {"messages": [{"role": "user", "content": "x"}]}),
        (PATHS["messages"], {"max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}),
        (PATHS["responses"], {"input": "x"}),
        ("/v1/completions", {"prompt": "x"}),
    ],
)
async def test_names_are_honoured_on_every_protocol(desk: Conversing, path: str, body: dict[str, Any]) -> None:
    by_header = await desk.ask(body, path, x_luna_session_id="a", x_luna_thread_id="t")
    assert (by_header.session, by_header.headers["x-luna-thread-id"]) == ("a", "t")
    by_body = await desk.ask(body | {"session_id": "b"}, path, x_luna_session_id="a")
    assert by_body.session == "b"
    chat = by_header.chat
    for named in ({"providerSessionId": chat}, {"provider_session_id": chat}):
        assert (await desk.ask(body | named, path)).chat == chat
    assert (await desk.ask(body, path, x_luna_provider_session_id=chat)).chat == chat


@pytest.mark.parametrize("named", [{"x_luna_session_id": "x" * 65}, {"x_luna_thread_id": "x" * 129}])
async def test_a_name_that_is_too_long_is_refused(desk: Conversing, named: dict[str, str]) -> None:
    assert (await desk.chat("one", headers=named)).status == 400
    assert desk.heard == []


async def test_agents_name_their_conversations_themselves(desk: Conversing) -> None:
    named = {"x_claude_code_session_id": "claude-1"}
    main = await desk.chat("do it", headers=named)
    helper = await desk.chat("help me", headers=named)
    assert main.session != helper.session
    assert main.headers["x-luna-thread-id"] == helper.headers["x-luna-thread-id"] == "claude-1"
    await desk.chat("do it", "answer 1", "go on", headers=named)
    assert lines(desk)[-1] == ("chat-1", "resp-1", "go on")


async def test_where_an_agents_history_left_what_was_known(desk: Conversing) -> None:
    named = {"x_claude_code_session_id": "claude-1"}
    await desk.chat("do it", headers=named)
    found = await desk.chat("do it NOW", "answer 1", "go on", headers=named)
    run = await desk.runs.get(found.flow.id)
    assert run is not None
    assert "message 0 (user) differs: 'do it' became 'do it NOW'" in str(run.session_reason)


# What is no place to go on from


async def test_a_failed_answer_leaves_nothing(desk: Conversing) -> None:
    await desk.chat("one")
    desk.upstream.say = lambda sent: stream(
        data(created(f"resp-{sent.number}"), delta("Hel")), {"error": {"code": "x"}}
    )
    await desk.chat("one", "answer 1", "two")
    assert len(desk.places()) == 1
    desk.upstream.say = lambda sent: "fine"
    await desk.chat("one", "answer 1", "two")
    assert lines(desk)[-1] == ("chat-1", "resp-1", "two")


@pytest.mark.parametrize("limits", [{"stop": ["answer"]}, {"max_tokens": 1}])
async def test_an_answer_that_was_cut_is_branched_around(desk: Conversing, limits: dict[str, Any]) -> None:
    await desk.chat("one")
    desk.upstream.say = lambda sent: f"some words and then the answer {sent.number}"
    cut = await desk.chat("one", "answer 1", "two", **limits)
    await desk.chat("one", "answer 1", "two", str(cut.message["content"]), "go on")
    (chat, parent, text) = lines(desk)[-1]
    assert (chat, parent) == ("chat-1", "resp-1")
    assert '<turn role="user">\ntwo\n</turn>' in text
    assert "go on" in text


async def test_a_client_that_left_goes_on_from_the_turn_before(desk: Conversing) -> None:
    await desk.chat("one")
    desk.upstream.say = lambda sent: stream(data(created(f"resp-{sent.number}"), delta("Some wor")), STALL)
    flow = desk.begin({"messages": _messages("one", "answer 1", "two"), "stream": True})
    line = MemoryLine()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(desk.run, flow, line)
        with anyio.fail_after(2):
            while b"Some wor" not in line.body:
                await anyio.sleep(0.002)
        line.left.set()
    assert flow.outcome is Outcome.CLIENT_GONE
    desk.upstream.say = lambda sent: "fine"
    await desk.chat("one", "answer 1", "two", "Some wor", "what was that?")
    assert lines(desk)[-1][:2] == ("chat-1", "resp-1")
    assert desk.backend.to(STOP)
    desk.clean()


# Asked again


async def test_a_question_of_lunas_own_sends_only_its_words(desk: Conversing) -> None:
    bad = markup.calls([markup.call("count", '{"number":"many"}')])
    good = markup.calls([markup.call("count", '{"number":3}')])
    desk.upstream.say = saying("hello", bad, good, "three")
    count = {"name": "count", "parameters": {"type": "object", "properties": {"number": {"type": "integer"}}}}
    tools = {"tools": [{"type": "function", "function": count}]}
    said = _messages("hi", "hello", "How many?")
    await desk.ask({"messages": said[:1], **tools})
    asked = await desk.ask({"messages": said, **tools})
    assert [(sent.chat, sent.parent) for sent in desk.heard] == [
        ("chat-1", None),
        ("chat-1", "resp-1"),
        ("chat-1", "resp-2"),
    ]
    assert desk.heard[2].text.startswith("[Your last reply could not be used:")
    assert "How many?" not in desk.heard[2].text
    assert "# How to call a tool" not in desk.heard[2].text
    (call,) = asked.message["tool_calls"]
    result = {"role": "tool", "tool_call_id": call["id"], "content": "ok"}
    await desk.ask({"messages": [*said, asked.message, result], **tools})
    assert (desk.heard[3].chat, desk.heard[3].parent) == ("chat-1", "resp-3")
    assert desk.heard[3].text.startswith("<ml_tool_result")


async def test_a_chat_that_is_lost_while_it_is_asked_again_is_rebuilt(desk: Conversing) -> None:
    def say(sent: Sent) -> str | Says:
        return '{"a": 1}' if sent.chat == "chat-2" else "no json" if sent.number == 1 else GONE

    desk.upstream.say = say
    found = await desk.ask({"messages": _messages("x"), "response_format": {"type": "json_object"}})
    assert found.message["content"] == '{"a": 1}'
    assert [sent.chat for sent in desk.heard] == ["chat-1", "chat-1", "chat-2"]
    assert "no json" in desk.heard[2].text


async def test_an_answer_that_is_lost_while_it_is_asked_again_takes_no_other_along(desk: Conversing) -> None:
    def say(sent: Sent) -> str | Says:
        if sent.number == 1:
            return "hello"
        return '{"a": 1}' if sent.chat == "chat-2" else "no json" if sent.number == 2 else LOST

    desk.upstream.say = say
    await desk.chat("hi")
    found = await desk.chat("hi", "hello", "x", response_format={"type": "json_object"})
    assert found.message["content"] == '{"a": 1}'
    assert found.reason == "continued: after message 2; its last answer is gone upstream"
    desk.upstream.say = lambda sent: "fine"
    await desk.chat("hi", "hello", "something else")
    assert lines(desk)[-1] == ("chat-1", "resp-1", "something else")


# At once


async def test_many_clients_with_the_same_words_keep_apart(desk: Conversing) -> None:
    desk.upstream.say = lambda sent: "hello"

    async def talk() -> None:
        await desk.chat("hi")
        await desk.chat("hi", "hello", "more")
        await desk.chat("hi", "hello", "more", "hello", "and more")

    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(talk)
    assert len(desk.heard) == 30
    for chat in {sent.chat for sent in desk.heard}:
        assert [sent.text for sent in desk.heard if sent.chat == chat] == ["hi", "more", "and more"]


async def test_branches_of_one_conversation_at_once(desk: Conversing) -> None:
    await desk.chat("one")

    async def branch(number: int) -> None:
        await desk.chat("one", "answer 1", f"branch {number}")

    async with anyio.create_task_group() as tasks:
        for number in range(6):
            tasks.start_soon(branch, number)
    assert [(sent.chat, sent.parent) for sent in desk.heard[1:]] == [("chat-1", "resp-1")] * 6
    for number in range(6):
        sent = next(sent for sent in desk.heard if sent.text == f"branch {number}")
        await desk.chat("one", "answer 1", sent.text, f"answer {sent.number}", "more")
        assert lines(desk)[-1] == ("chat-1", sent.response, "more")


def with_policy(desk: Conversing, policy: Any) -> None:
    desk.preferences.replace(Preferences(multi_thread=MultiThread(same_provider_chat_policy=policy)))


async def test_a_busy_chat_is_waited_for(desk: Conversing) -> None:
    await desk.chat("one")
    desk.upstream.say = saying("", BUSY, BUSY, "done")
    found = await desk.chat("one", "answer 1", "two")
    assert found.message["content"] == "done"
    assert {sent.chat for sent in desk.heard} == {"chat-1"}


async def test_or_another_chat_is_begun_when_people_prefer_that(desk: Conversing) -> None:
    with_policy(desk, "new-chat")
    await desk.chat("one")
    desk.upstream.say = lambda sent: BUSY if sent.chat == "chat-1" else "done"
    found = await desk.chat("one", "answer 1", "two")
    assert [sent.chat for sent in desk.heard] == ["chat-1", "chat-1", "chat-2"]
    assert found.reason == "continued: after message 2; its chat is busy, another is begun"
    assert "answer 1" in desk.heard[-1].text


async def test_a_chat_in_which_luna_itself_is_answering_is_left_alone_too(desk: Conversing) -> None:
    with_policy(desk, "new-chat")
    await desk.chat("one")
    slow = stream(data(created("resp-2"), delta("slow")), STALL)
    desk.upstream.say = lambda sent: slow if sent.chat == "chat-1" else "quick"
    flow = desk.begin({"messages": _messages("one", "answer 1", "two"), "stream": True})
    line = MemoryLine()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(desk.run, flow, line)
        with anyio.fail_after(2):
            while b"slow" not in line.body:
                await anyio.sleep(0.002)
        found = await desk.chat("one", "answer 1", "three")
        assert (found.chat, found.message["content"]) == ("chat-2", "quick")
        assert found.reason.endswith("its chat is busy, another is begun")
        line.left.set()


# Durable


async def test_what_a_client_was_told_is_written_down_by_then(desk: Conversing) -> None:
    counted: list[int] = []

    line = MemoryLine()
    flow = desk.begin({"messages": _messages("one")})
    original = line.send

    async def send(data: bytes, *, last: bool) -> None:
        if last:
            counted.append(len(await desk.store.read(select(nodes_table))))
        await original(data, last=last)

    line.send = send  # type: ignore[method-assign]
    await desk.run(flow, line)
    assert counted == [1]


async def test_another_process_goes_on(tmp_path: Path) -> None:
    upstream = Upstream(lambda sent: f"answer {sent.number}")
    async with Store.opened(tmp_path) as store:
        await Conversing(tmp_path, store, upstream=upstream).chat("one", system="Be brief.", tools=[READ])
    async with Store.opened(tmp_path) as store:
        desk = Conversing(tmp_path, store, upstream=upstream)
        await desk.chat("one", "answer 1", "two", system="Be brief.", tools=[READ])
        assert (upstream.sent[-1].chat, upstream.sent[-1].parent) == ("chat-1", "resp-1")
        assert upstream.sent[-1].text.startswith("two\n")


async def test_the_messages_are_those_of_the_client(desk: Conversing) -> None:
    await desk.chat("one", system="Be brief.", tools=[READ])
    await desk.chat("one", "answer 1", "two", system="Be brief.", tools=[READ])
    found = await desk.store.read(select(messages_table).order_by(messages_table.c.position))
    assert [(row.role, row.content) for row in found] == [
        ("system", '"Be brief."'),
        ("user", '"one"'),
        ("assistant", '"answer 1"'),
        ("user", '"two"'),
        ("assistant", '"answer 2"'),
    ]


async def test_sessions_that_are_off(desk: Conversing) -> None:
    desk.preferences.replace(Preferences(session=SessionPreferences(enabled=False)))
    await desk.chat("one")
    found: Answered = await desk.chat("one", "answer 1", "two")
    assert lines(desk)[-1][:2] == ("chat-2", None)
    assert "x-luna-session-id" not in found.headers
    assert found.reason == "disabled: sessions are switched off"


async def test_a_database_that_cannot_be_read_is_told(desk: Conversing, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise LunaError(Kind.INTERNAL, "luna cannot read its database: disk I/O error.")

    monkeypatch.setattr(desk.store, "look_up", broken)
    found = await desk.chat("said", "elsewhere", "two")
    assert found.status == 500
    assert desk.heard == []
