"""Traces of a running luna, as a collector gets them."""

import logging
from collections.abc import Iterator
from pathlib import Path

import anyio
import msgspec
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.collector import Collector, attributes, collector, failed
from tests.support.house import Running, running_luna
from tests.support.ports import free_port

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
BROKEN_CALL = '[[say:<tool_call>{"name": "Nothing", "arguments": {}}</tool_call>]]'
BASH = {"type": "function", "function": {"name": "Bash", "parameters": {"type": "object", "properties": {}}}}
FILE = "data:text/plain;base64,aGk="
CANARIES = ("canary-in-a-prompt", "canary-in-a-system", "canary-in-a-header", "canary-in-a-file", "canary-in-a-state")


@pytest.fixture
def gathering(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    for name in ("OTEL_SDK_DISABLED", "OTEL_TRACES_SAMPLER", "OTEL_SERVICE_NAME", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
    with collector() as running:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.url)
        yield running
    assert running.problems == []


async def ask(luna: Running, prompt: str, *, headers: dict[str, str] | None = None, **more: object) -> tuple[int, str]:
    """The status and the flow's id."""
    body = {"model": "qwen3.7-plus", "stream": True, "messages": [{"role": "user", "content": prompt}], **more}
    answer = await luna.request("POST", "/v1/chat/completions", msgspec.json.encode(body), headers)
    return answer.status, dict(answer.headers)[b"x-luna-flow"].decode()


def names(spans: list[Span]) -> list[str]:
    return [span.name for span in spans]


async def test_a_flow_is_a_span_with_its_stages_and_exchanges_below(tmp_path: Path, gathering: Collector) -> None:
    async with running_luna(tmp_path, environ={"LUNA_TRACES": "on"}) as luna:
        status, flow = await ask(luna, "Hello!", headers={"traceparent": PARENT})
        assert status == 200
        span = await gathering.flow(flow)
        record, account = await luna.house.state.runs.get(flow), luna.house.accounts.all()[0]
        below = gathering.below(span)
    assert record is not None
    assert (span.name, span.kind) == (f"chat {record.target}", Span.SPAN_KIND_SERVER) and not failed(span)
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (PARENT.split("-")[1], PARENT.split("-")[2])
    told = attributes(span)
    assert told["luna.route"] == record.route and told["luna.pipeline"] == "chat"
    assert told["gen_ai.operation.name"] == "chat" and told["gen_ai.provider.name"] == "qwen"
    assert told["gen_ai.request.model"] == "qwen3.7-plus" and told["gen_ai.response.model"] == record.target
    assert told["gen_ai.usage.input_tokens"] == record.input_tokens
    assert told["gen_ai.usage.output_tokens"] == record.output_tokens
    assert told["gen_ai.conversation.id"] == record.session_id
    assert told["luna.account"] == account.label
    assert told["http.response.status_code"] == 200 and told["luna.outcome"] == "completed"
    stages = [name for name in names(below) if name.startswith("stage ")]
    pipeline = luna.house.config.cell.current.pipelines["chat"]
    assert stages == [f"stage {name}" for name, _ in pipeline.requests]
    assert {"chat", "completion", "answer"} <= {*names(below)}
    for child in below:
        assert span.start_time_unix_nano <= child.start_time_unix_nano <= child.end_time_unix_nano
        assert child.end_time_unix_nano <= span.end_time_unix_nano + 1_000_000
    exchange = next(child for child in below if child.name == "completion")
    assert exchange.kind == Span.SPAN_KIND_CLIENT
    assert attributes(exchange)["http.response.status_code"] == 200
    assert attributes(exchange)["server.address"] == "127.0.0.1"
    first = next(event for event in span.events if event.name == "first token")
    assert exchange.start_time_unix_nano < first.time_unix_nano < span.end_time_unix_nano
    assert gathering.resources[0]["service.name"] == "luna"


async def test_what_the_client_continues_goes_no_further_than_luna(tmp_path: Path, gathering: Collector) -> None:
    async with running_luna(tmp_path, environ={"LUNA_TRACES": "on", "LUNA_RECORD": "all"}) as luna:
        headers = {
            "traceparent": PARENT,
            "tracestate": "vendor=canary-in-a-state",
            "baggage": "user=canary-in-a-header",
        }
        _, flow = await ask(luna, "Hello!", headers=headers)
        span = await gathering.flow(flow)
        shown = await luna.request("GET", f"/api/flows/{flow}", headers={"authorization": "Bearer test-admin-key"})
        exchanges = len(msgspec.json.decode(shown.content)["recording"]["exchanges"])
        sent = b""
        for number in range(1, exchanges + 1):
            path = f"/api/flows/{flow}/face/up-{number}-request"
            sent += (await luna.request("GET", path, headers={"authorization": "Bearer test-admin-key"})).content
    upstream = msgspec.json.encode(msgspec.json.decode(shown.content)["recording"]["exchanges"]) + sent
    for word in (b"traceparent", b"tracestate", b"baggage", PARENT[3:35].encode()):
        assert word not in upstream.lower(), word
    assert exchanges >= 2 and b"/chat/completions" in upstream and b"user-agent" in upstream.lower()
    assert span.trace_state == ""


async def test_an_odd_traceparent_begins_a_trace_of_its_own(tmp_path: Path, gathering: Collector) -> None:
    async with running_luna(tmp_path, environ={"LUNA_TRACES": "on"}) as luna:
        for odd in ("00-0-0-0", "x" * 5000, "00-" + "0" * 32 + "-" + "0" * 16 + "-01"):
            status, flow = await ask(luna, "Hello!", headers={"traceparent": odd})
            span = await gathering.flow(flow)
            assert status == 200 and span.parent_span_id == b"" and any(span.trace_id)


async def test_a_failure_is_an_error_with_its_kind_and_its_stage(tmp_path: Path, gathering: Collector) -> None:
    async with running_luna(tmp_path, environ={"LUNA_TRACES": "on"}) as luna:
        status, flow = await ask(luna, "[[fault:internal]] canary-in-a-prompt")
        span = await gathering.flow(flow)
        record = await luna.house.state.runs.get(flow)
        _, early = await ask(luna, "Hello!", messages="none")
        refused = await gathering.flow(early)
        below = gathering.below(refused)
    assert record is not None and status >= 500
    assert failed(span) and span.status.message == record.error_kind
    assert attributes(span)["error.type"] == record.error_kind
    assert attributes(span)["luna.error.stage"] == record.error_stage
    assert attributes(refused)["error.type"] == "bad-request"
    assert [(one.name, failed(one)) for one in below][-1] == ("stage protocol.decode", True)


async def test_a_question_asked_again_and_a_retry_are_events(tmp_path: Path, gathering: Collector) -> None:
    async with running_luna(tmp_path, environ={"LUNA_TRACES": "on"}) as luna:
        _, flow = await ask(luna, BROKEN_CALL, tools=[BASH])
        span = await gathering.flow(flow)
        below = gathering.below(span)
    asked = [event for event in span.events if event.name == "reask"]
    assert asked and attributes(span)["luna.reasks"] == len(asked)
    assert names(below).count("completion") == len(asked) + 1


async def test_no_content_and_no_secret_is_told(tmp_path: Path, gathering: Collector) -> None:
    environ = {"LUNA_TRACES": "on", "LUNA_PROXY_KEY": "sk-canary-of-a-proxy-key"}
    async with running_luna(tmp_path, environ=environ) as luna:
        secrets = [*luna.house.accounts.secrets(), "sk-canary-of-a-proxy-key", "test-admin-key"]
        headers = {"x-proxy-key": "sk-canary-of-a-proxy-key", "x-any": "canary-in-a-header"}
        messages = [
            {"role": "system", "content": "canary-in-a-system"},
            {"role": "user", "content": [
                {"type": "text", "text": "canary-in-a-prompt"},
                {"type": "file", "file": {"filename": "canary-in-a-file.txt", "file_data": FILE}},
            ]},
        ]  # fmt: skip
        flows = []
        for more in ({}, {"model": f"model-{secrets[0]}"}, {"tools": [BASH]}):
            body = {"model": "qwen3.7-plus", "messages": messages, **more}
            answer = await luna.request("POST", "/v1/chat/completions", msgspec.json.encode(body), headers)
            flows.append(dict(answer.headers)[b"x-luna-flow"].decode())
        for flow in flows:
            await gathering.flow(flow)
    everything = b"".join(gathering.raw)
    assert b"upload" in everything and flows[0].encode() in everything
    for canary in (*CANARIES, *secrets):
        assert canary.encode() not in everything, canary


async def test_a_collector_that_is_not_there_disturbs_nobody_and_is_reported_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.05")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://user:canary-in-a-url@127.0.0.1:{free_port()}")
    with caplog.at_level(logging.INFO):
        async with running_luna(tmp_path, environ={"LUNA_TRACES": "on"}) as luna:
            traces = luna.house.state.traces
            assert traces is not None
            lost = -1
            for _ in range(3):
                lost = traces.export.telling.lost
                assert (await ask(luna, "Hello!"))[0] == 200
                with anyio.fail_after(60):
                    while traces.export.telling.lost <= lost:
                        await anyio.sleep(0.005)
            await luna.settled()
    said = [record.getMessage() for record in caplog.records if "collector" in record.getMessage()]
    assert len(said) == 1 and "127.0.0.1" in said[0]
    assert "canary-in-a-url" not in caplog.text
    assert not [record for record in caplog.records if record.name.startswith("opentelemetry")]
