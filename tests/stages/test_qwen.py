"""The transport: one turn, from the request to the last event, and everything that can go wrong on the way."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from luna.core.engine import Engine
from luna.core.flow import Outcome
from luna.core.live import LiveFlows
from luna.core.prompts import Prompts
from luna.core.stage import BuildContext
from luna.model.chat import Attachment, Binding, Message, Text, Thinking, Tool, ToolCall, ToolResult
from luna.model.errors import Kind, LunaError, OptionError
from luna.model.events import Finish, Notice, Opened, TextDelta, Usage
from luna.model.values import Duration
from luna.qwen.catalogue import Model
from luna.qwen.endpoints import Site
from luna.stages.qwen import Qwen, QwenOptions
from luna.state.turns import Place
from tests.support.machine import MemoryLine
from tests.support.qwen_desk import COMPLETIONS, NEW, PROMPTS, STOP, QwenDesk, assistant, texts, user
from tests.support.scripted import (
    FINISHED,
    STALL,
    Says,
    answer,
    body_of,
    created,
    data,
    delta,
    header,
    refusal,
    stream,
    success,
)

BUSY = refusal("Bad_Request", "The chat is in progress!", 400)
UNAUTHORIZED = refusal("Unauthorized", "Token has expired.", 401)
INTERNAL = stream(data(created()), {"error": {"code": "internal_error", "details": "Internal error..."}})
CUT = LunaError(Kind.UPSTREAM_BROKEN, "cut off")
IN_CHAT = Binding(chat="chat-1")


@pytest.fixture
def desk(tmp_path: Path) -> QwenDesk:
    return QwenDesk(tmp_path)


# The way things go


async def test_a_turn_in_a_new_chat(desk: QwenDesk) -> None:
    desk.backend.on("POST", COMPLETIONS, stream(created(), data(delta("Hel"), delta("lo")), FINISHED))
    flow = desk.flow(user("Hi there"))
    assert await desk.batches(flow) == [
        [Opened("resp-1", "qwen3.6-plus", "chat-1"), TextDelta("Hel"), TextDelta("lo")],
        [Finish("stop")],
    ]
    assert desk.calls() == ["new", "completions"]
    assert desk.text() == "Hi there"
    assert desk.sent()["parent_id"] is None
    assert flow.headers == {"x-luna-account-id": "env", "x-luna-provider-session-id": "chat-1"}
    assert desk.turns.find("chat-1") == Place("env", "chat-1", "resp-1", "qwen3.6-plus")


async def test_the_same_flow_sends_the_same_bytes(tmp_path: Path) -> None:
    bodies = []
    for name in ("one", "two"):
        desk = QwenDesk(tmp_path / name)
        desk.backend.on("POST", COMPLETIONS, answer("x"))
        flow = desk.flow()
        flow.born = 1_790_000_000.5
        await desk.events(flow)
        bodies.append(desk.backend.to(COMPLETIONS)[0].body)
    assert bodies[0] == bodies[1]


async def test_the_timeouts_of_the_pipeline_hold(tmp_path: Path) -> None:
    desk = QwenDesk(tmp_path, head_timeout=Duration(7), idle_timeout=Duration(8))
    desk.backend.on("POST", COMPLETIONS, answer("x"))
    await desk.events(desk.flow())
    (request,) = desk.backend.to(COMPLETIONS)
    assert (request.timeouts.head, request.timeouts.idle) == (7, 8)


async def test_usage_is_on_the_flow_while_the_answer_runs(desk: QwenDesk) -> None:
    desk.backend.on(
        "POST",
        COMPLETIONS,
        stream(
            data(created(), delta("a", usage={"input_tokens": 9, "output_tokens": 1})),
            delta("b", usage={"input_tokens": 9, "output_tokens": 2}),
            FINISHED,
        ),
    )
    flow = desk.flow()
    await desk.batches(flow, leave_after=1)
    assert flow.usage == Usage(9, 1)
    flow = desk.flow()
    assert (await desk.events(flow))[-2:] == [Usage(9, 2), Finish("stop")]
    assert flow.usage == Usage(9, 2)


async def test_a_whole_conversation_goes_into_one_message(desk: QwenDesk) -> None:
    desk.backend.on("POST", COMPLETIONS, answer("x"))
    await desk.events(desk.flow(Message("system", [Text("Be brief.")]), user("one"), assistant("two"), user("three")))
    assert desk.text() == (
        'Be brief.\n<turn role="user">\none\n</turn>\n<turn role="assistant">\ntwo\n</turn>\n=> three'
    )
    assert len(desk.sent()["messages"]) == 1


async def test_the_look_alike_says_that_it_is_not_qwen(tmp_path: Path) -> None:
    desk = QwenDesk(tmp_path, account=False)
    desk.accounts.add_demo(Site("http://127.0.0.1:9", "http://127.0.0.1:9"), token="t")
    desk.backend.on("POST", COMPLETIONS, answer("x"))
    flow = desk.flow()
    await desk.events(flow)
    assert flow.headers["x-luna-demo"] == "true"
    assert desk.backend.requests[0].url == "http://127.0.0.1:9/api/v2/chats/new"


# Models and thinking


@pytest.mark.parametrize(
    ("model", "asked", "option", "mode"),
    [
        ("qwen3.6-plus", None, "fast", "Fast"),
        ("qwen3.6-plus", None, "auto", "Auto"),
        ("qwen3.6-plus", "thinking", "fast", "Thinking"),
        ("qwen3.6-plus", "fast", "thinking", "Fast"),
        ("qwen3.6-plus-preview", None, "fast", "Thinking"),
        ("qwen3.6-plus-preview", "fast", "auto", "Fast"),
    ],
)
async def test_who_decides_about_thinking(tmp_path: Path, model: str, asked: Any, option: Any, mode: str) -> None:
    desk = QwenDesk(tmp_path, thinking=option)
    desk.backend.on("POST", COMPLETIONS, answer("x"))
    await desk.events(desk.flow(model=model, thinking=Thinking(asked)))
    assert desk.sent()["messages"][0]["feature_config"]["thinking_mode"] == mode


@pytest.mark.parametrize(
    ("option", "asked", "searches"), [(False, False, False), (True, False, True), (False, True, True)]
)
async def test_who_decides_about_search(tmp_path: Path, option: bool, asked: bool, searches: bool) -> None:
    desk = QwenDesk(tmp_path, search=option)
    desk.backend.on("POST", COMPLETIONS, answer("x"))
    await desk.events(desk.flow(search=asked))
    assert desk.sent()["messages"][0]["feature_config"]["auto_search"] is searches


async def test_a_budget_goes_along(desk: QwenDesk) -> None:
    desk.backend.on("POST", COMPLETIONS, answer("x"))
    await desk.events(desk.flow(thinking=Thinking("thinking", 5000)))
    assert desk.sent()["messages"][0]["feature_config"]["thinking_budget"] == 5000


async def test_the_target_counts_and_names_are_resolved(desk: QwenDesk) -> None:
    desk.backend.on("POST", COMPLETIONS, answer("x"))
    events = await desk.events(desk.flow(model="my-model", target="Qwen3"))
    assert desk.sent()["model"] == "qwen3-max-2026-01-23"
    assert body_of(desk.backend.to(NEW)[0])["models"] == ["qwen3-max-2026-01-23"]
    assert isinstance(events[0], Opened)
    assert events[0].model == "qwen3-max-2026-01-23"


async def test_an_unknown_name_passes_and_is_noticed(desk: QwenDesk) -> None:
    desk.backend.on("POST", COMPLETIONS, answer("x"))
    events = await desk.events(desk.flow(model="qwen9-max"))
    assert desk.sent()["model"] == "qwen9-max"
    assert events[1] == Notice("unknown-model", "qwen9-max")


async def live_models(desk: QwenDesk, *ids: str) -> None:
    async def fetch() -> list[Model]:
        return [Model(id) for id in ids]

    await desk.catalogue.listing(Site().base_url, fetch)


async def test_with_a_live_list_an_unknown_name_is_refused_before_anything_is_sent(desk: QwenDesk) -> None:
    await live_models(desk, "qwen9-max")
    error = await desk.failure(desk.flow(model="qwen9-min"))
    assert (error.kind, error.param) == (Kind.NOT_FOUND, "model")
    assert desk.calls() == []


async def test_but_an_old_list_is_asked_for_again_first(desk: QwenDesk) -> None:
    await live_models(desk, "qwen9-max")
    desk.clock.advance(700)
    desk.backend.on("GET", "/api/v2/models/", success([{"id": "qwen9-min"}]))
    desk.backend.on("POST", COMPLETIONS, answer("x"))
    await desk.events(desk.flow(model="qwen9-min"))
    assert desk.sent()["model"] == "qwen9-min"


async def test_a_retired_model_spoils_the_list(desk: QwenDesk) -> None:
    await live_models(desk, "qwen3.6-plus")
    desk.backend.on("POST", COMPLETIONS, refusal("Not_Found", "Model not found", 404))
    assert (await desk.failure(desk.flow())).kind is Kind.MODEL_GONE
    desk.backend.on("GET", "/api/v2/models/", success([{"id": "other"}]))
    assert (await desk.failure(desk.flow(model="gone"))).kind is Kind.NOT_FOUND
    assert desk.calls()[-1] == "/api/v2/models/"


# Going on in a chat


async def test_a_known_chat_is_continued_with_what_is_new(desk: QwenDesk) -> None:
    desk.backend.on("POST", COMPLETIONS, answer("two"), answer("four", "resp-2"))
    await desk.events(desk.flow(user("one")))
    flow = desk.flow(user("one"), assistant("two"), user("three"), binding=IN_CHAT)
    await desk.events(flow)
    assert desk.calls() == ["new", "completions", "completions"]
    assert desk.text() == "three"
    message = desk.sent()["messages"][0]
    parents = [desk.sent()["parent_id"], desk.sent()["parentId"], message["parent_id"], message["parentId"]]
    assert parents == ["resp-1"] * 4
    assert desk.turns.find("chat-1") == Place("env", "chat-1", "resp-2", "qwen3.6-plus")
    assert flow.headers["x-luna-provider-session-id"] == "chat-1"


async def test_a_message_without_history_continues_too(desk: QwenDesk) -> None:
    desk.turns.note(Place("env", "chat-1", "resp-0"))
    desk.backend.on("POST", COMPLETIONS, answer("x"))
    await desk.events(desk.flow(user("next"), binding=IN_CHAT))
    assert (desk.text(), desk.sent()["parent_id"]) == ("next", "resp-0")


async def test_an_unknown_chat_is_read_first(desk: QwenDesk) -> None:
    listed = success({"chat": {"messages": [{"id": "resp-9", "role": "assistant"}]}})
    desk.backend.on("GET", "/api/v2/chats/chat-1", listed).on("POST", COMPLETIONS, answer("x"))
    await desk.events(desk.flow(user("one"), assistant("two"), user("three"), binding=IN_CHAT))
    assert desk.calls() == ["/api/v2/chats/chat-1", "completions"]
    assert (desk.text(), desk.sent()["parent_id"]) == ("three", "resp-9")


async def test_in_an_empty_chat_everything_is_said(desk: QwenDesk) -> None:
    desk.backend.on("GET", "/api/v2/chats/chat-1", success({"chat": {}})).on("POST", COMPLETIONS, answer("x"))
    await desk.events(desk.flow(user("one"), assistant("two"), user("three"), binding=IN_CHAT))
    assert "one" in desk.text()
    assert desk.sent()["parent_id"] is None


async def test_a_lost_parent_is_looked_up_once(desk: QwenDesk) -> None:
    desk.turns.note(Place("env", "chat-1", "resp-old"))
    lost = refusal("PARENT_NOT_FOUND", "Invalid input chat parent_id resp-old is not exist.", 400)
    listed = success({"chat": {"messages": [{"id": "resp-9", "role": "assistant"}]}})
    desk.backend.on("POST", COMPLETIONS, lost, answer("x")).on("GET", "/api/v2/chats/chat-1", listed)
    await desk.events(desk.flow(user("next"), binding=IN_CHAT))
    assert [desk.sent(n)["parent_id"] for n in (0, 1)] == ["resp-old", "resp-9"]
    desk.backend.on("POST", COMPLETIONS, lost)
    assert (await desk.failure(desk.flow(user("next"), binding=IN_CHAT))).kind is Kind.CHAT_GONE
    assert desk.calls().count("/api/v2/chats/chat-1") == 2


async def test_a_chat_that_is_gone_is_told(desk: QwenDesk) -> None:
    desk.turns.note(Place("env", "chat-1", "resp-1"))
    desk.backend.on("POST", COMPLETIONS, refusal("CHAT_NOT_FOUND", "This chat has been deleted.", 404))
    error = await desk.failure(desk.flow(binding=IN_CHAT))
    assert error.kind is Kind.CHAT_GONE
    assert desk.calls() == ["completions"], "no other chat is begun behind the client's back"


# What cannot be honoured


async def test_what_qwen_cannot_be_told_is_named(desk: QwenDesk) -> None:
    desk.backend.on("POST", COMPLETIONS, answer("x"))
    messages = [
        Message("user", [Text("see"), Attachment("image", url="https://x"), Attachment("image", url="https://y")]),
        Message("assistant", [ToolCall("c", "f", "{}")]),
        Message("tool", [ToolResult("c", [Attachment("document", url="https://z")])]),
    ]
    flow = desk.flow(*messages, tools=[Tool("f")], response_format={"type": "json_object"}, file_ids=["f1"])
    await desk.events(flow)
    assert flow.headers["x-luna-ignored"].split(",") == [
        "messages.content.image",
        "messages.content.document",
        "tools",
        "response_format",
        "file_ids",
    ]


async def test_a_strict_pipeline_refuses_it_before_anything_is_sent(desk: QwenDesk) -> None:
    flow = desk.flow(tools=[Tool("f")])
    flow.strict = True
    assert (await desk.failure(flow)).kind is Kind.BAD_REQUEST
    assert desk.calls() == []


async def test_plain_text_is_no_format_to_speak_of(desk: QwenDesk) -> None:
    desk.backend.on("POST", COMPLETIONS, answer("x"))
    flow = desk.flow(response_format={"type": "text"})
    await desk.events(flow)
    assert "x-luna-ignored" not in flow.headers


# Trying again before anything has gone out


async def test_an_expired_token_is_renewed_once(desk: QwenDesk) -> None:
    desk.backend.on("POST", COMPLETIONS, UNAUTHORIZED, answer("Hi"))
    assert texts(await desk.events(desk.flow())) == "Hi"
    assert desk.calls() == ["new", "completions", "refresh", "completions"]
    first, second = desk.backend.to(COMPLETIONS)
    assert header(first, "authorization") != header(second, "authorization")
    assert first.body == second.body


async def test_an_expired_token_in_the_stream_too(desk: QwenDesk) -> None:
    said = stream({"success": False, "data": {"code": "Unauthorized", "details": "Token has expired."}})
    desk.backend.on("POST", COMPLETIONS, said, answer("Hi"))
    assert texts(await desk.events(desk.flow())) == "Hi"


async def test_but_only_once(desk: QwenDesk) -> None:
    desk.backend.on("POST", COMPLETIONS, UNAUTHORIZED)
    assert (await desk.failure(desk.flow())).kind is Kind.UPSTREAM_LOGIN
    assert desk.calls() == ["new", "completions", "refresh", "completions"]


async def test_a_passing_failure_is_tried_once_more_in_the_same_chat(desk: QwenDesk) -> None:
    desk.backend.on("POST", COMPLETIONS, INTERNAL, answer("Hi"))
    assert texts(await desk.events(desk.flow())) == "Hi"
    assert desk.calls() == ["new", "completions", "completions"]
    assert desk.slept == [0.8]


async def test_a_lasting_failure_is_told(desk: QwenDesk) -> None:
    desk.backend.on("POST", COMPLETIONS, INTERNAL)
    assert (await desk.failure(desk.flow())).kind is Kind.UPSTREAM_TRANSIENT
    assert desk.calls() == ["new", "completions", "completions"]


async def test_a_failure_while_the_chat_is_made_counts_as_well(desk: QwenDesk) -> None:
    desk.backend.on("POST", NEW, refusal("internal_error", "", 500), success({"id": "chat-1"}))
    desk.backend.on("POST", COMPLETIONS, answer("Hi"))
    assert texts(await desk.events(desk.flow())) == "Hi"


async def test_after_the_first_word_nothing_is_tried_again(desk: QwenDesk) -> None:
    said = stream(data(created(), delta("Hel")), {"error": {"code": "internal_error", "details": "x"}})
    desk.backend.on("POST", COMPLETIONS, said)
    assert (await desk.failure(desk.flow())).kind is Kind.UPSTREAM_TRANSIENT
    assert desk.calls() == ["new", "completions"]


async def test_a_busy_chat_is_stopped_and_tried_again(desk: QwenDesk) -> None:
    desk.turns.note(Place("env", "chat-1", "resp-0"))
    desk.backend.on("POST", COMPLETIONS, BUSY, BUSY, BUSY, answer("Hi"))
    assert texts(await desk.events(desk.flow(binding=IN_CHAT))) == "Hi"
    assert desk.calls() == ["completions", "stop"] * 3 + ["completions"]
    assert desk.slept == [0.5, 1.0, 2.0]
    assert [body_of(request).get("response_id") for request in desk.backend.to(STOP)] == ["resp-0", None, None]


async def test_patience_with_a_busy_chat_has_an_end(tmp_path: Path) -> None:
    desk = QwenDesk(tmp_path, busy_wait=Duration(8))
    desk.backend.on("POST", COMPLETIONS, BUSY)
    error = await desk.failure(desk.flow())
    assert error.kind is Kind.CHAT_BUSY
    assert desk.slept == [0.5, 1.0, 2.0, 4.0]


async def test_what_another_flow_generates_in_the_chat_is_not_stopped(desk: QwenDesk) -> None:
    desk.turns.note(Place("env", "chat-1", "resp-0"))
    desk.turns.begin("chat-1")
    desk.backend.on("POST", COMPLETIONS, BUSY, answer("Hi"))
    desk.others = 1
    await desk.events(desk.flow(binding=IN_CHAT))
    assert desk.calls() == ["completions", "completions"]


async def test_a_stop_that_fails_does_not_matter(desk: QwenDesk) -> None:
    desk.backend.on("POST", STOP, LunaError(Kind.TIMEOUT, "slow"))
    desk.backend.on("POST", COMPLETIONS, BUSY, answer("Hi"))
    assert texts(await desk.events(desk.flow())) == "Hi"


@pytest.mark.parametrize(
    ("says", "kind"),
    [
        (refusal("RateLimited", "limit", 429, num=10), Kind.RATE_LIMITED),
        (stream({"success": False, "data": {"code": "RateLimited", "num": 3}}), Kind.RATE_LIMITED),
        (stream(data(created()), {"error": {"message": "Allocated quota exceeded"}}), Kind.QUOTA_EXHAUSTED),
        (Says((b"<html>aliyun_waf_aa</html>",), 200, (("content-type", "text/html"),)), Kind.UPSTREAM_BLOCKED),
        (success({"messages": [{"extra": {"wanx": {"task_id": "t"}}}]}), Kind.UPSTREAM_BROKEN),
        (stream(), Kind.UPSTREAM_BROKEN),
        (stream(data(created(), FINISHED)), Kind.UPSTREAM_BROKEN),
    ],
)
async def test_failures_before_the_first_word_are_failures(desk: QwenDesk, says: Says, kind: Kind) -> None:
    desk.backend.on("POST", COMPLETIONS, says)
    assert (await desk.failure(desk.flow())).kind is kind
    assert desk.calls()[:2] == ["new", "completions"]
    assert desk.calls().count("completions") == 1


# Ending early


async def test_a_client_that_leaves_has_the_generation_stopped(desk: QwenDesk) -> None:
    desk.backend.on("POST", COMPLETIONS, stream(data(created(), delta("Hel")), STALL))
    await desk.batches(desk.flow(), leave_after=1)
    assert desk.calls() == ["new", "completions", "stop"]
    assert body_of(desk.backend.requests[-1]) == {"chat_id": "chat-1", "response_id": "resp-1"}


async def test_an_answer_that_has_ended_is_not_stopped(desk: QwenDesk) -> None:
    desk.backend.on("POST", COMPLETIONS, stream(data(created(), delta("Hello"), FINISHED)))
    await desk.batches(desk.flow(), leave_after=1)
    assert desk.calls() == ["new", "completions"]


async def test_an_answer_that_breaks_off_is_stopped(desk: QwenDesk) -> None:
    desk.backend.on("POST", COMPLETIONS, stream(data(created(), delta("Hel")), CUT))
    assert (await desk.failure(desk.flow())).kind is Kind.UPSTREAM_BROKEN
    assert desk.calls() == ["new", "completions", "stop"]


async def test_an_answer_that_failed_upstream_is_not_stopped(desk: QwenDesk) -> None:
    said = stream(data(created(), delta("The procedure is"), {"error": {"code": "data_inspection_failed"}}))
    desk.backend.on("POST", COMPLETIONS, said)
    assert (await desk.failure(desk.flow())).kind is Kind.CONTENT_FILTERED
    assert desk.calls() == ["new", "completions"]


async def test_a_request_whose_head_never_came_is_stopped(desk: QwenDesk) -> None:
    desk.backend.on("POST", COMPLETIONS, LunaError(Kind.TIMEOUT, "no head", detail={"phase": "head"}))
    await desk.failure(desk.flow())
    assert desk.calls() == ["new", "completions", "stop"]
    assert body_of(desk.backend.requests[-1]) == {"chat_id": "chat-1"}


async def test_a_request_that_never_went_out_is_not(desk: QwenDesk) -> None:
    desk.backend.on("POST", COMPLETIONS, LunaError(Kind.UPSTREAM_BROKEN, "refused", detail={"phase": "connect"}))
    await desk.failure(desk.flow())
    assert desk.calls() == ["new", "completions"]


@pytest.mark.parametrize("where", ["head", "first word", "later"])
async def test_the_engine_stops_it_too_when_the_client_leaves(desk: QwenDesk, where: str) -> None:
    slow = {
        "head": Says(delay=STALL),
        "first word": stream(created(), STALL),
        "later": stream(data(created(), delta("Hel")), STALL),
    }[where]
    desk.backend.on("POST", COMPLETIONS, slow)
    flow, line = desk.flow(), MemoryLine()
    flow.chat.stream = True
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Engine(LiveFlows()).run, flow, line)
        with anyio.fail_after(2):
            while "completions" not in desk.calls() or (where == "later" and not line.body):
                await anyio.sleep(0.001)
        await anyio.sleep(0.01)
        line.left.set()
    assert flow.outcome is Outcome.CLIENT_GONE
    assert desk.calls() == ["new", "completions", "stop"]
    assert body_of(desk.backend.requests[-1]).get("response_id") == (None if where == "head" else "resp-1")
    desk.clean()


# Building


def test_a_prompt_that_is_not_there() -> None:
    with pytest.raises(OptionError, match="no prompt"):
        Qwen(QwenOptions(), BuildContext(Prompts({}), "test"))


def test_the_defaults() -> None:
    options = QwenOptions()
    assert (options.thinking, options.search, options.transcript) == ("fast", False, "conversation")
    assert [float(s) for s in (options.busy_wait, options.head_timeout, options.idle_timeout)] == [30, 120, 180]
    assert Qwen(options, BuildContext(PROMPTS, "test")).needs_chat
