"""`/api/breakpoints` and `/api/halted`: a person stops a flow, looks at it, and decides what becomes of it."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import httpcore
import msgspec
import pytest

from luna.admin.flow_faces import FlowFaces
from luna.model.events import Notice
from luna.wire.store import Recordings
from tests.support.halting import BASH, Debugger, calling
from tests.support.house import running_luna

Decide = Callable[[Any], Awaitable[object]]


@pytest.fixture
async def debugger(tmp_path: Path) -> AsyncIterator[Debugger]:
    async with running_luna(tmp_path, environ={"LUNA_RECORD": "all"}) as luna:
        yield Debugger(luna)


async def stopped(debugger: Debugger, decide: Decide, prompt: str, **more: object) -> httpcore.Response:
    """Ask, have somebody decide once the flow waits, and give the answer."""
    answers: list[httpcore.Response] = []

    async def ask() -> None:
        answers.append(await debugger.chat(prompt, **more))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        await decide(await debugger.halted())
    await debugger.luna.settled()
    assert debugger.luna.house.state.breakpoints.halted == []
    return answers[0]


def message(response: httpcore.Response) -> dict[str, Any]:
    assert response.status == 200, response.content
    said: dict[str, Any] = msgspec.json.decode(response.content)["choices"][0]["message"]
    return said


async def test_a_request_is_edited_on_its_way(debugger: Debugger) -> None:
    id = await debugger.arm(boundary="session.bind", filter="~m qwen* & ~doc secret")
    assert message(await debugger.chat("[[say:other]]"))["content"] == "other"
    assert (await debugger.get("/breakpoints"))["armed"][0] | {"armedAt": 0} == {
        "id": id,
        "boundary": "session.bind",
        "filter": "~m qwen* & ~doc secret",
        "limitMs": 120_000,
        "repeated": False,
        "whole": False,
        "armedAt": 0,
        "hits": 0,
    }

    async def decide(halted: Any) -> None:
        assert (halted["side"], halted["boundary"], halted["filter"]) == (
            "request",
            "session.bind",
            "~m qwen* & ~doc secret",
        )
        assert (halted["model"], halted["events"], halted["until"] - halted["since"]) == ("qwen3.7-plus", None, 120_000)
        document = halted["document"]
        document["messages"][-1]["parts"][0]["text"] = "[[say:changed]]"
        at = f"/halted/{halted['id']}/edit"
        for wrong, problem in (
            ({"document": document | {"stream": True}}, "stream"),
            ({"document": document | {"messages": 5}}, "Expected `array`"),
            ({"document": document | {"mesages": []}}, "mesages"),
            ({"events": []}, "not with events"),
            ({}, "one of the two"),
        ):
            refused = await debugger.post(at, wrong, 400)
            assert problem in refused["error"]["message"], refused
        await debugger.post(at, {"document": document})
        await debugger.post(at, {"document": document}, 404)

    answer = await stopped(debugger, decide, "[[say:secret]]")
    assert message(answer)["content"] == "changed"
    assert (await debugger.get("/breakpoints")) == {"armed": [], "halted": []}


async def test_a_call_is_judged_when_it_is_complete_and_changed(debugger: Debugger) -> None:
    await debugger.arm(filter='~t Bash & ~args "rm -rf"', repeated=True)
    harmless = message(await debugger.chat(calling("ls"), tools=[BASH]))["tool_calls"][0]["function"]
    assert msgspec.json.decode(harmless["arguments"]) == {"command": "ls"}

    async def decide(halted: Any) -> None:
        assert (halted["side"], halted["calls"], halted["boundary"]) == ("response", ["Bash"], "tools.intercept")
        opened, *deltas, closed = halted["events"]
        assert "rm -rf /" in "".join(each["json"] for each in deltas)
        at = f"/halted/{halted['id']}/edit"
        half = {"events": [opened, *deltas]}
        assert "must end where" in (await debugger.post(at, half, 400))["error"]["message"]
        mixed = {"events": [opened, {"t": "text", "text": "x"}, closed]}
        assert "Event 2 does not fit" in (await debugger.post(at, mixed, 400))["error"]["message"]
        unknown = {"events": [{"t": "sing"}]}
        assert "events[0]" in (await debugger.post(at, unknown, 400))["error"]["message"]
        safe = {"t": "tool.delta", "index": opened["index"], "json": '{"command": "echo no"}'}
        await debugger.post(at, {"events": [opened, safe, closed]})

    answer = message(await stopped(debugger, decide, calling("rm -rf /"), tools=[BASH]))
    assert answer["tool_calls"][0]["function"] == {"name": "Bash", "arguments": '{"command": "echo no"}'}
    assert (await debugger.get("/breakpoints"))["armed"][0]["hits"] == 1


async def test_a_call_that_is_taken_out_leaves_an_answer_that_just_stops(debugger: Debugger) -> None:
    await debugger.arm(boundary="tools.intercept", filter="~t Bash")

    async def decide(halted: Any) -> None:
        await debugger.post(f"/halted/{halted['id']}/edit", {"events": [{"t": "text", "text": "I may not."}]})

    answer = await stopped(debugger, decide, calling("rm"), tools=[BASH])
    assert message(answer)["content"] == "I may not."
    assert msgspec.json.decode(answer.content)["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("boundary", ["session.bind", "qwen", "require-answer"])
async def test_somebody_answers_by_hand(debugger: Debugger, boundary: str) -> None:
    await debugger.arm(boundary=boundary)

    async def decide(halted: Any) -> None:
        at = f"/halted/{halted['id']}/answer"
        assert "says nothing" in (await debugger.post(at, {}, 400))["error"]["message"]
        bad = {"calls": [{"name": "Bash", "arguments": "[1]"}]}
        assert "no JSON object" in (await debugger.post(at, bad, 400))["error"]["message"]
        await debugger.post(at, {"text": "By hand.", "calls": [{"name": "Bash", "arguments": '{"command":"ls"}'}]})

    before = len(debugger.luna.lookalike.state.chats) if boundary == "session.bind" else -1
    answer = await stopped(debugger, decide, "[[say:by the model]]", tools=[BASH])
    said = message(answer)
    assert said["content"].startswith("By hand.")
    assert said["tool_calls"][0]["function"] == {"name": "Bash", "arguments": '{"command":"ls"}'}
    assert msgspec.json.decode(answer.content)["choices"][0]["finish_reason"] == "tool_calls"
    if before >= 0:
        assert len(debugger.luna.lookalike.state.chats) == before, "nobody was asked"


@pytest.mark.parametrize("stream", [False, True])
async def test_somebody_aborts_and_the_client_is_told_why(debugger: Debugger, stream: bool) -> None:
    await debugger.arm(boundary="qwen", filter="stop me")

    async def decide(halted: Any) -> None:
        await debugger.post(f"/halted/{halted['id']}/abort", {"reason": "too dear"})

    answer = await stopped(debugger, decide, "[[say:stop me]] stop me", stream=stream)
    assert answer.status == 499
    assert "stopped by hand at a breakpoint: too dear" in msgspec.json.decode(answer.content)["error"]["message"]


async def test_a_whole_answer_is_looked_at_before_any_of_it_goes_out(debugger: Debugger) -> None:
    await debugger.arm(boundary="require-answer", whole=True)

    async def decide(halted: Any) -> None:
        text = "".join(event.get("text", "") for event in halted["events"])
        assert (text, halted["events"][-1]["t"]) == ("one two three four", "finish")
        await debugger.post(f"/halted/{halted['id']}/resume")

    answer = await stopped(debugger, decide, "[[say:one two three four]]", stream=True)
    assert answer.content.endswith(b"data: [DONE]\n\n")


async def test_its_time_is_up_and_it_goes_on_as_it_was(debugger: Debugger) -> None:
    await debugger.arm(limitMs=1000)
    assert message(await debugger.chat("[[say:at last]]"))["content"] == "at last"


async def test_what_happened_stands_in_the_recording_the_log_and_the_audit(
    debugger: Debugger, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "luna")
    await debugger.arm(boundary="session.bind")

    async def decide(halted: Any) -> None:
        await debugger.post(f"/halted/{halted['id']}/resume")

    answer = await stopped(debugger, decide, "[[say:hello]]")
    flow = dict(answer.headers)[b"x-luna-flow"].decode()
    with anyio.fail_after(10):
        while not (detail := await debugger.get(f"/flows/{flow}"))["recording"]:
            await anyio.sleep(0.01)
    told = [event for event in await notices(debugger, flow) if event["kind"] == "breakpoint"]
    assert [(each["text"], each["data"]["boundary"]) for each in told] == [("resumed", "session.bind")]
    assert any("waits at session.bind" in line["message"] for line in detail["log"])
    assert any("resumed at session.bind" in line["message"] for line in detail["log"])
    changes = await debugger.get("/audit")
    assert [change["path"].split("/")[2] for change in changes] == ["halted", "breakpoints"]


async def notices(debugger: Debugger, flow: str) -> list[dict[str, Any]]:
    recording = await FlowFaces(debugger.luna.house.services[Recordings]).open(flow)
    batches = recording.events["qwen"]
    return [msgspec.to_builtins(event) for batch in batches for event in batch if isinstance(event, Notice)]


async def test_what_cannot_be_armed_is_refused(debugger: Debugger) -> None:
    for body, problem in (
        ({"boundary": "nowhere"}, "No pipeline has a boundary 'nowhere'"),
        ({"filter": "~o failed"}, "There is no ~o"),
        ({"filter": "~args"}, "~args needs a value"),
        ({"boundary": "session.bind", "filter": "~t Bash"}, "nobody has called a tool yet"),
        ({"limitMs": 10}, "limitMs"),
    ):
        refused = await debugger.post("/breakpoints", body, 400)
        assert problem in refused["error"]["message"], refused
    for _ in range(50):
        await debugger.arm(filter="~m none")
    assert "armed already" in (await debugger.post("/breakpoints", {}, 409))["error"]["message"]


async def test_disarmed_is_forgotten(debugger: Debugger) -> None:
    id = await debugger.arm()
    assert (await debugger.ask("DELETE", f"/breakpoints/{id}")).status == 200
    assert (await debugger.ask("DELETE", f"/breakpoints/{id}")).status == 404
    assert message(await debugger.chat("[[say:free]]"))["content"] == "free"
    await debugger.get("/halted/halt_none", 404)


async def test_the_language_of_flows_in_progress_is_told(debugger: Debugger) -> None:
    letters = [each["letter"] for each in await debugger.get("/breakpoints/operators")]
    assert letters == ["m", "a", "s", "c", "r", "p", "t", "args", "q", "doc"]
    said = await debugger.post("/breakpoints/filter", {"filter": '~t Bash & ~args "rm -rf"'})
    assert said["explanation"] == "a called tool is Bash and the arguments of a call contains rm -rf"
    wrong = await debugger.post("/breakpoints/filter", {"filter": "~t Bash & ~d >2s"})
    assert (wrong["valid"], wrong["column"]) == (False, 11)
    where = {(each["name"], each["side"]) for each in await debugger.get("/breakpoints/boundaries")}
    assert {("session.bind", "request"), ("qwen", "response"), ("tools.intercept", "response")} <= where


async def test_whoever_looks_on_is_told(debugger: Debugger) -> None:
    bulletin = debugger.luna.house.state.bulletin
    with bulletin.listening(["breakpoints"]) as onlooker:
        await debugger.arm()
        assert [told.data for told in await onlooker.take()] == [b'{"armed":1,"halted":0}']
