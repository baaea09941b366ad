"""One flow's stages, folded: around stages nested over the transport, transducers in a row behind it.

Owns the generators that a flow opened and the order in which they close. Knows nothing of bytes.
"""

from luna.core.flow import Flow
from luna.core.stage import Proceed, Transducer, TransportStage
from luna.model.errors import Kind, LunaError
from luna.model.events import Batch, Finish, Stream, StreamEvent


class Chain:
    """The moving part of a pipeline on one flow, from the transport to the last response stage."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        pipeline = flow.route.pipeline
        self._arounds = pipeline.arounds
        self._transport_name, transport = pipeline.far_end
        if not isinstance(transport, TransportStage):
            raise LunaError(Kind.INTERNAL, f"pipeline '{pipeline.name}' has no transport")
        self._transport = transport
        self._transducers: list[tuple[str, Transducer]] = []
        for name, stage in pipeline.responses:
            transducer = stage.transducer(flow)
            if transducer is not None:
                self._transducers.append((name, transducer))
        self._opened: list[Stream] = []
        self.finished = False

    def __repr__(self) -> str:
        return f"<Chain {self._flow.id} open={len(self._opened)} finished={self.finished}>"

    def stream(self) -> Stream:
        """Start: the outermost generator."""
        return self._proceed(0)(self._flow)

    def _proceed(self, depth: int) -> Proceed:
        def proceed(flow: Flow) -> Stream:
            if depth == len(self._arounds):
                flow.stage = self._transport_name
                stream = self._transport.stream(flow)
            else:
                flow.stage, around = self._arounds[depth]
                stream = around.around(flow, self._proceed(depth + 1))
            self._opened.append(stream)
            return stream

        return proceed

    def feed(self, batch: Batch) -> Batch:
        """Send a batch through all transducers. Sets `finished` once `Finish` comes out; nothing follows it."""
        tap = self._flow.tap
        if tap is not None:
            tap.events(self._transport_name, batch)
        for name, transducer in self._transducers:
            self._flow.stage = name
            passed: list[StreamEvent] = []
            for event in batch:
                passed.extend(transducer.feed(event))
            batch = passed
            if tap is not None:
                tap.events(name, batch)
        self._flow.stage = self._transport_name  # whatever goes wrong next, goes wrong there
        return self._until_finish(batch)

    def flush(self) -> Batch:
        """The stream broke: what the transducers held back, each one's passed through those behind it."""
        batch: Batch = ()
        for _, transducer in self._transducers:
            passed: list[StreamEvent] = []
            for event in batch:
                passed.extend(transducer.feed(event))
            passed.extend(transducer.flush())
            batch = passed
        return self._until_finish(batch)

    def _until_finish(self, batch: Batch) -> Batch:
        for position, event in enumerate(batch):
            if type(event) is Finish:
                self.finished = True
                return batch[: position + 1]
        return batch

    async def close(self) -> None:
        """Close every generator this flow opened, innermost first. Call it in the task that iterated."""
        while self._opened:
            await self._opened.pop().aclose()
