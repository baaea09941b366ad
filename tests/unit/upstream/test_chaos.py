"""What is injected into an exchange, into which ones, and that the rest is left alone."""

import itertools
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna.model.errors import Kind, LunaError
from luna.protocols.sse import SSEReader
from luna.qwen.chaos import COMPLETIONS, FAULTS, NAMES, FaultName
from luna.qwen.known import Known
from luna.qwen.shapes import of_answer, of_frame
from luna.upstream.chaos import MARK, PLAN, ChaosBackend, Plan
from luna.upstream.exchange import InResponse, OutRequest, Timeouts
from luna.upstream.replay import ReplayBackend
from luna.wire.frames import UpEnd, UpHead, UpRequest
from luna.wire.reader import Chunk, Exchange
from tests.support.scenarios import FIXTURES
from tests.support.scripted import SSE, Says, ScriptedBackend

URL = f"https://chat.qwen.ai/api/v2{COMPLETIONS}?chat_id=c"
PATH = f"/api/v2{COMPLETIONS}"
REAL = (FIXTURES / "03_thinking_summary_then_answer" / "body.sse").read_bytes()
SHIPPED = Known.shipped()


def request(idle: float = 180.0, url: str = URL) -> OutRequest:
    return OutRequest("POST", url, timeouts=Timeouts(idle=idle))


class Site:
    """An upstream that streams the real body in these pieces, with chaos before it."""

    def __init__(self, *pieces: bytes) -> None:
        self.scripted = ScriptedBackend()
        self.scripted.on("POST", PATH, Says(pieces or (REAL,), headers=(("content-type", SSE),)))
        self.slept: list[float] = []
        self.backend = ChaosBackend(self.scripted, sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def get(self, asked: OutRequest | None = None) -> tuple[InResponse, bytes, LunaError | None]:
        """The response, what came of its body, and how it broke."""
        response = await self.backend.open(asked or request())
        body = b""
        try:
            async for chunk in response.chunks():
                assert chunk
                body += chunk
        except LunaError as error:
            return response, body, error
        finally:
            await response.aclose()
        return response, body, None


@pytest.fixture(autouse=True)
def left_in_peace() -> Iterator[None]:
    yield
    PLAN.set(None)


def arm(name: FaultName, times: int = 1) -> tuple[Plan, list[OutRequest | None]]:
    told: list[OutRequest | None] = []
    plan = Plan(name, FAULTS[name](90.0, "Bash"), COMPLETIONS, times, told=lambda _, asked: told.append(asked))
    PLAN.set(plan)
    return plan, told


async def test_without_a_plan_the_response_is_the_inner_one() -> None:
    site = Site()
    response, body, _ = await site.get()
    assert body == REAL
    assert type(response).__module__ == "tests.support.scripted"


@pytest.mark.parametrize("name", ["waf-json", "empty", "expired-login", "rate-limit"])
async def test_in_place_of_an_answer_nothing_goes_out(name: FaultName) -> None:
    site = Site()
    plan, told = arm(name)
    response, body, error = await site.get()
    assert error is None
    assert response.header(MARK) == name
    assert site.scripted.requests == []
    assert len(told) == plan.injected == 1
    if body:
        assert SHIPPED.new(of_answer("POST /x", msgspec.json.decode(body))) == set()


async def test_only_so_many_times() -> None:
    site = Site()
    plan, _ = arm("empty", times=2)
    assert [bool((await site.get())[1]) for _ in range(4)] == [False, False, True, True]
    assert plan.injected == 2


async def test_only_the_call_that_is_meant() -> None:
    site = Site()
    _, told = arm("empty", times=0)
    site.scripted.on("POST", f"{PATH}/stop", Says((b"{}",)))
    _, body, _ = await site.get(request(url=URL.replace("?", "/stop?")))
    assert body == b"{}"
    assert told == []


async def test_an_answer_that_is_no_stream_is_not_changed() -> None:
    site = Site()
    site.scripted.on("POST", PATH, Says((b"{}",), headers=(("content-type", "application/json"),)))
    plan, told = arm("duplicate")
    response, body, _ = await site.get()
    assert (body, response.header(MARK), told, plan.injected) == (b"{}", "", [], 0)


async def test_a_cut_comes_in_the_middle_of_a_call() -> None:
    arm("cut-in-tool-call")
    _, body, error = await Site().get()
    assert error is not None
    assert error.kind is Kind.UPSTREAM_BROKEN
    assert b"<ml_tool_name>Bash</ml_tool_name>" in body
    assert b"</ml_tool_call>" not in body


async def test_silence_is_as_long_as_it_says() -> None:
    site = Site()
    arm("silence")
    _, body, error = await site.get()
    assert (payloads(body), error, site.slept) == (payloads(REAL), None, [90.0])


async def test_silence_beyond_patience_is_a_timeout() -> None:
    site = Site()
    arm("silence")
    _, body, error = await site.get(request(idle=60))
    assert error is not None
    assert (error.kind, site.slept) == (Kind.TIMEOUT, [60])
    assert len(payloads(body)) == 1


async def test_every_frame_without_words_comes_twice() -> None:
    arm("duplicate")
    _, body, _ = await Site().get()
    expected: list[bytes] = []
    for payload in payloads(REAL):
        document: Any = msgspec.json.decode(payload)
        words = document["choices"][0]["delta"]["content"] if "choices" in document else ""
        expected += [payload] if words else [payload, payload]
    assert payloads(body) == expected


async def test_a_leaked_call_is_to_the_clients_tool_and_in_the_real_answer() -> None:
    arm("native-call")
    _, body, _ = await Site().get()
    real, changed = payloads(REAL), payloads(body)
    added = [msgspec.json.decode(payload) for payload in changed if payload not in real]
    assert [payload for payload in changed if payload in real] == real
    assert changed[0] == real[0]
    assert {each["choices"][0]["delta"].get("function_call", {}).get("name", "Bash") for each in added} == {"Bash"}
    assert added[-1]["choices"][0]["delta"]["content"] == "Tool Bash does not exists."
    assert {each["response_id"] for each in added} == {"33333333-cccc-4ccc-8ccc-000000000003"}


@pytest.mark.parametrize("name", ["cut-in-tool-call", "silence", "duplicate", "native-call"])
async def test_what_is_put_into_a_stream_has_shapes_that_qwen_has(name: FaultName) -> None:
    arm(name)
    _, body, _ = await Site().get()
    assert [new for payload in payloads(body) for new in SHIPPED.new(of_frame(payload))] == []


@given(st.lists(st.integers(0, len(REAL)), max_size=12), st.sampled_from(["duplicate", "native-call", "silence"]))
async def test_how_the_body_was_cut_into_reads_never_matters(cuts: list[int], name: FaultName) -> None:
    at = [0, *sorted(cuts), len(REAL)]
    arm(name)
    _, cut, _ = await Site(*[piece for a, b in itertools.pairwise(at) if (piece := REAL[a:b])]).get()
    arm(name)
    _, whole, _ = await Site().get()
    PLAN.set(None)
    assert cut == whole


async def test_a_replay_meets_the_mark_and_injects_nothing() -> None:
    plan, told = arm("waf-json")
    head = UpHead(1, 1, 200, ((MARK, "waf-json"),))
    exchange = Exchange(UpRequest(0, 1, "POST", URL), head.status, head.headers, 1, [Chunk(1, b"x")], UpEnd(2, 1))
    response = await ReplayBackend([exchange]).open(request())
    assert await response.read() == b"x"
    assert (told, plan.injected) == ([None], 1)


def test_there_is_a_fault_of_every_name() -> None:
    assert tuple(FAULTS) == NAMES


def payloads(body: bytes) -> list[bytes]:
    reader = SSEReader()
    return [*reader.feed(body), *reader.close()]
