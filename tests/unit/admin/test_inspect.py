"""`/api/flows/{id}/timeline`, boundaries, batches, compare and replay: a recorded flow at any moment, and again."""

from collections.abc import AsyncIterator
from typing import Any

import httpcore
import msgspec
import pytest

from tests.support.house import ADMIN_KEY, Running, running_luna

KEY = {"authorization": f"Bearer {ADMIN_KEY}"}
COUNT = "[[count:40]]"
STAGES = {"protocol.decode", "session.bind", "tools.contract", "overflow"}


class Asker:
    """Asks a luna's admin API, and its models."""

    def __init__(self, luna: Running) -> None:
        self.luna = luna

    async def __call__(self, method: str, path: str, body: object = None) -> httpcore.Response:
        data = msgspec.json.encode(body) if body is not None else b""
        return await self.luna.request(method, f"/api/flows/{path}", data, KEY)

    async def get(self, path: str, status: int = 200) -> Any:
        return self._read(await self("GET", path), status)

    async def replay(self, flow: str, status: int = 200, **how: object) -> Any:
        return self._read(await self("POST", f"{flow}/replay", how), status)

    def _read(self, response: httpcore.Response, status: int) -> Any:
        assert response.status == status, response.content
        return msgspec.json.decode(response.content)

    async def chat(self, prompt: str, **more: object) -> str:
        """Have something answered; the flow's id."""
        body = {"model": "qwen3.7-plus", "messages": [{"role": "user", "content": prompt}], **more}
        response = await self.luna.request("POST", "/v1/chat/completions", msgspec.json.encode(body))
        await self.luna.settled()
        return dict(response.headers)[b"x-luna-flow"].decode()


@pytest.fixture
async def ask(tmp_path: Any) -> AsyncIterator[Asker]:
    async with running_luna(tmp_path, environ={"LUNA_RECORD": "all"}) as luna:
        yield Asker(luna)


async def test_everything_that_lasted_stands_on_one_axis(ask: Asker) -> None:
    flow = await ask.chat(COUNT, stream=True)
    told = await ask.get(f"{flow}/timeline")
    assert (told["flow"], told["pipeline"], told["outcome"]) == (flow, "chat", "completed")
    kinds = {span["kind"] for span in told["spans"]}
    assert {"stage", "chat", "completion", "first-byte", "answer"} <= kinds
    assert {span["name"] for span in told["spans"] if span["kind"] == "stage"} >= STAGES
    assert all(0 <= span["atMs"] <= span["endMs"] <= told["lengthMs"] for span in told["spans"])
    lanes = {(lane["kind"], lane["exchange"]): lane for lane in told["lanes"]}
    assert lanes["batches", 0]["total"] == told["batches"] > 1
    assert lanes["sends", 0]["marks"][-1]["batch"] == told["batches"]
    assert [boundary["name"] for boundary in told["boundaries"]][:1] == ["protocol.decode"]
    part = await ask.get(f"{flow}/timeline?from=0&to=0.001&marks=5")
    assert all(lane["marks"] == [] for lane in part["lanes"])
    few = await ask.get(f"{flow}/timeline?marks=2")
    batches = next(lane for lane in few["lanes"] if lane["kind"] == "batches")
    assert len(batches["marks"]) <= 2
    assert sum(mark["count"] for mark in batches["marks"]) == told["batches"]


async def test_a_document_and_what_a_stage_changed_in_it(ask: Asker) -> None:
    tool = {"type": "function", "function": {"name": "Bash", "parameters": {"type": "object", "properties": {}}}}
    flow = await ask.chat("Say hello", tools=[tool])
    page = await ask.get(f"{flow}/boundaries/tools.contract")
    assert page["side"] == "request"
    assert page["changes"]
    assert msgspec.json.decode(page["document"])["model"] == "qwen3.7-plus"
    missing = await ask.get(f"{flow}/boundaries/nowhere", 404)
    assert "It has: protocol.decode" in missing["error"]["hint"]


async def test_batches_come_page_by_page_and_know_their_bytes(ask: Asker) -> None:
    flow = await ask.chat(COUNT, stream=True)
    first = await ask.get(f"{flow}/boundaries/qwen?limit=2")
    assert first["side"] == "transport"
    assert [batch["n"] for batch in first["batches"]] == [1, 2]
    rest = await ask.get(f"{flow}/boundaries/qwen?after=2&limit=1000")
    assert len(rest["batches"]) == first["total"] - 2
    texts: list[str] = []
    for batch in [*first["batches"], *rest["batches"]]:
        told = await ask.get(f"{flow}/batches/{batch['n']}")
        assert told["steps"][0] == {"boundary": "qwen", "changed": False, "events": batch["events"]}
        said = [event["text"] for event in map(msgspec.json.decode, batch["events"]) if event["t"] == "text"]
        texts += said
        for text in said:
            assert msgspec.json.encode(text).decode()[1:-1] in told["cause"]
            assert msgspec.json.encode(text).decode()[1:-1] in told["effect"]
    assert "".join(texts).split()[:3] == ["0", "1", "2"]
    assert "has no batch 9999" in (await ask.get(f"{flow}/batches/9999", 404))["error"]["message"]
    assert (await ask.get(f"{flow}/batches/x", 404))["error"]["kind"] == "not-found"


@pytest.mark.parametrize(
    "how", [{}, {"level": "events", "from": "qwen"}, {"level": "events", "from": "require-answer"}]
)
@pytest.mark.parametrize("stream", [True, False])
async def test_an_unchanged_replay_is_identical_and_opens_like_a_flow(
    ask: Asker, how: dict[str, Any], stream: bool
) -> None:
    flow = await ask.chat("[[say:one two three]]", stream=stream)
    lines = len(ask.luna.house.state.logs._pending)
    told = await ask.replay(flow, **how)
    assert told["differences"] == []
    assert len(ask.luna.house.state.logs._pending) <= lines, "a replay is no news"
    again = told["after"]["id"]
    assert again.startswith("replay_")
    assert (await ask.get(f"{again}/timeline"))["flow"] == again
    if not how:
        assert (await ask.get(f"{flow}/compare/{again}"))["differences"] == []


async def test_a_changed_option_is_reported_at_its_boundary(ask: Asker) -> None:
    flow = await ask.chat("[[say:one two three four five six]]", stream=True)
    ways: list[dict[str, Any]] = [{}, {"level": "events", "from": "qwen"}]
    for how in ways:
        told = await ask.replay(flow, options=["limit.max-tokens=3"], **how)
        assert told["differences"][0]["boundary"] == "events limit"
        assert '"reason":"length"' in told["differences"][0]["diff"]
        compared = await ask.get(f"{flow}/compare/{told['after']['id']}")
        assert "events limit" in [each["boundary"] for each in compared["differences"]]


async def test_a_request_that_is_sent_again_is_a_flow_of_its_own(ask: Asker) -> None:
    flow = await ask.chat("[[say:one two three]]", stream=True)
    told = await ask.replay(flow, level="request")
    again = told["after"]["id"]
    assert again.startswith("flow_") and again != flow
    assert told["differences"], "it has another id, at the least"
    shown = await ask.get(again)
    assert (shown["run"]["status"], shown["run"]["route"]) == ("completed", "(again)")
    short = await ask.replay(flow, level="request", pipeline="chat", options=["limit.max-tokens=1"])
    assert short["after"]["size"] < told["after"]["size"]


@pytest.mark.parametrize(
    ("how", "status", "said"),
    [
        ({"level": "events"}, 400, "Events are put in at a stage"),
        ({"from": "qwen"}, 400, "Events are put in at a stage"),
        ({"level": "events", "from": "overflow"}, 400, "only events can be put in"),
        ({"level": "events", "from": "nowhere"}, 404, "no boundary 'nowhere'"),
        ({"pipeline": "nope"}, 404, "no pipeline 'nope'"),
        ({"level": "request", "pipeline": "nope"}, 404, "no pipeline 'nope'"),
        ({"options": ["nonsense"]}, 400, "An option cannot be read"),
        ({"options": ["limit.max-tokns=3"]}, 400, "max-tokns"),
        ({"speed": -1}, 400, "speed"),
    ],
)
async def test_mistakes_are_named(ask: Asker, how: dict[str, Any], status: int, said: str) -> None:
    flow = await ask.chat("[[say:one]]")
    response = await ask("POST", f"{flow}/replay", how)
    assert response.status == status, response.content
    assert said in response.content.decode()
