"""Hands spans to OpenTelemetry, whose own thread sends them to the collector (OTLP over HTTP).

Owns the SDK: nothing else imports it. What it reads of the environment is its own affair (`OTEL_…`: endpoint, headers,
sampler, service name). A collector that cannot be reached costs spans, never a flow, and is reported once until it is
back.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from luna import __version__
from luna.state.discretion import Discretion
from luna.traces.story import Kind, Span, Value

log = logging.getLogger("luna.traces")

CLOSING_SECONDS = 3.0
"""How long the end of the process waits for the last spans to be sent."""

REMEMBERED = 2000
"""Texts that are known to be clean."""

Clean = Callable[[str], str]

_KINDS: dict[Kind, SpanKind] = {
    "server": SpanKind.SERVER,
    "internal": SpanKind.INTERNAL,
    "client": SpanKind.CLIENT,
}


class Telling(SpanExporter):
    """Sends by `inner`, and says once that it does not work, and once that it does again. In the SDK's thread."""

    def __init__(self, inner: SpanExporter, where: str) -> None:
        self._inner = inner
        self._where = where
        self.failing = False
        self.sent = 0
        self.lost = 0

    def __repr__(self) -> str:
        return f"<Telling {self._where} sent={self.sent} lost={self.lost}>"

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._inner.export(spans)
        if result is SpanExportResult.SUCCESS:
            self.sent += len(spans)
            if self.failing:
                log.info("Traces reach the collector at %s again.", self._where)
        else:
            self.lost += len(spans)
            if not self.failing:
                said = "Traces do not reach the collector at %s. What it does not take is dropped."
                log.warning(said, self._where)
        self.failing = result is not SpanExportResult.SUCCESS
        return result

    def shutdown(self) -> None:
        self._inner.shutdown()


class Export:
    """The way of spans to the collector, without the secrets that `discretion` knows."""

    def __init__(self, discretion: Discretion) -> None:
        for name in ("opentelemetry.exporter", "opentelemetry.sdk"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # they repeat themselves, and quote what servers say
        inner = OTLPSpanExporter()
        self.telling = Telling(inner, _place(str(getattr(inner, "_endpoint", ""))))
        resource = Resource.create({SERVICE_VERSION: __version__})
        if str(resource.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
            resource = resource.merge(Resource({SERVICE_NAME: "luna"}))
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(self.telling))
        self._tracer = self._provider.get_tracer("luna", __version__)
        self._discretion = discretion
        self._censor = discretion.now()
        self._cleaned: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<Export {self.telling!r}>"

    def flow(self, span: Span, traceparent: str) -> None:
        """A flow is over. `traceparent` is the client's (W3C Trace Context, section 3.2), or "": its `tracestate` is
        not continued, for it may hold anything."""
        context = TraceContextTextMapPropagator().extract({"traceparent": traceparent}, Context())
        self._start(span, context, self._clean)

    def _start(self, span: Span, context: Context, clean: Clean) -> None:
        attributes = _cleaned(span.attributes, clean)
        begun = _nanoseconds(span.at)
        made = self._tracer.start_span(clean(span.name), context, _KINDS[span.kind], attributes, start_time=begun)
        if made.is_recording():
            for event in span.events:
                made.add_event(event.name, _cleaned(event.attributes, clean), _nanoseconds(event.at))
            if span.error:
                made.set_status(Status(StatusCode.ERROR, span.error))
            below = set_span_in_context(made, context)
            for child in span.below:
                self._start(child, below, clean)
        made.end(_nanoseconds(max(span.at, span.end)))

    def _clean(self, text: str) -> str:
        """Without secrets. The same few words come again with every flow."""
        censor = self._discretion.now()
        if censor is not self._censor or len(self._cleaned) > REMEMBERED:
            self._censor, self._cleaned = censor, {}
        found = self._cleaned.get(text)
        if found is None:
            found = self._cleaned[text] = censor.text(text)
        return found

    async def aclose(self) -> None:
        """Send what is left, but not for long."""
        if self.telling.failing:
            self.telling.shutdown()
        ending = threading.Thread(target=self._provider.shutdown, name="luna-traces-end", daemon=True)
        ending.start()
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(ending.join, CLOSING_SECONDS)
        if ending.is_alive():
            self.telling.shutdown()  # which ends its waiting for the next attempt


def _cleaned(attributes: dict[str, Value], clean: Clean) -> dict[str, Value]:
    return {name: clean(value) if isinstance(value, str) else value for name, value in attributes.items()}


def _place(endpoint: str) -> str:
    """Where a URL leads, without anything that could be secret in it."""
    try:
        parts = urlsplit(endpoint)
        return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"
    except ValueError:
        return "an address that is none"


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)
