"""A collector of OpenTelemetry's: takes spans over OTLP/HTTP on a free port, and keeps them."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import anyio
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

PATIENCE = 60


@dataclass
class Collector:
    """What came. `url` is what OTEL_EXPORTER_OTLP_ENDPOINT is set to."""

    url: str
    spans: list[Span] = field(default_factory=list)
    resources: list[dict[str, object]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def take(self, path: str, body: bytes) -> None:
        """One request to it."""
        if path != "/v1/traces":
            self.problems.append(f"{path} is no place for traces")
        request = ExportTraceServiceRequest.FromString(body)
        self.raw.append(body)
        for resource in request.resource_spans:
            self.resources.append({one.key: plain(one.value) for one in resource.resource.attributes})
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)

    def of_flow(self, flow: str) -> Span | None:
        """The span of a flow."""
        return next((span for span in self.spans if attributes(span).get("luna.flow.id") == flow), None)

    async def flow(self, flow: str) -> Span:
        """The same, once it is there."""
        with anyio.fail_after(PATIENCE):
            while (span := self.of_flow(flow)) is None:
                await anyio.sleep(0.005)
        return span

    def below(self, span: Span) -> list[Span]:
        """Its children, in the order of their beginnings."""
        found = [one for one in self.spans if one.parent_span_id == span.span_id and one.trace_id == span.trace_id]
        return sorted(found, key=lambda one: one.start_time_unix_nano)


def plain(value: AnyValue) -> object:
    """What stands in a value."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(one) for one in value.array_value.values]
    return getattr(value, str(kind)) if kind else None


def attributes(span: Span) -> dict[str, object]:
    """By name."""
    return {one.key: plain(one.value) for one in span.attributes}


def failed(span: Span) -> bool:
    """Whether it ended badly."""
    return bool(span.status.code == Status.STATUS_CODE_ERROR)


@contextmanager
def collector() -> Iterator[Collector]:
    """One that runs in a thread of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            running.take(self.path, body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    running = Collector(f"http://127.0.0.1:{server.server_port}")
    serving = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    serving.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        serving.join(PATIENCE)
