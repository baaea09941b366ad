"""One flow's stages, folded: around stages nested over the transport, transducers in a row behind it.

Owns the generators that a flow opened and the order in which they close. Knows nothing of bytes.
"""

from collections.abc import Callable
from functools import partial

from luna.core.flow import Flow
from luna.core.halt import Halt
from luna.core.stage import Reask, Transducer, TransportStage
from luna.model.alarm import Soon
from luna.model.chat import Message, Text
from luna.model.errors import Kind, LunaError
from luna.model.events import Batch, Finish, Opened, Stream, StreamEvent, TextDelta, Usage


class Chain:
    """The moving part of a pipeline on one flow, from the transport to the last response stage."""

    def __init__(self, flow: Flow, given: Batch | None = None) -> None:
        """`given` is a whole answer that was given by hand: the transport is not asked for the first one."""
        self._flow = flow
        self._given = given
        pipeline = flow.route.pipeline
        self._arounds = pipeline.arounds
        self._depth = len(self._arounds)
        self._transport_name, transport = pipeline.far_end
        if not isinstance(transport, TransportStage):
            raise LunaError(Kind.INTERNAL, f"pipeline '{pipeline.name}' has no transport")
        self._transport = transport
        self._transducers: Callable[[], list[tuple[str, Transducer]]] = Soon(self._fresh)
        """In the order of their stages. They are made while the upstream is being waited for, if it is."""
        self._opened: list[Stream] = []
        self._chat = ""
        self._said: list[str] = []
        self.finished = False
        self.reask: Reask | None = None
        """Set by `feed` when a stage wants the model asked again: pass on what it returned, then call `again`."""
        self.failure: LunaError | None = None
        """Set by `feed` when a stage failed the flow: pass on what it returned, then raise it."""
        self._asker = -1

    def __repr__(self) -> str:
        return f"<Chain {self._flow.id} open={len(self._opened)} finished={self.finished}>"

    def _fresh(self) -> list[tuple[str, Transducer]]:
        stages, flow = self._flow.route.pipeline.responses, self._flow
        return [(name, made) for name, stage in stages if (made := stage.transducer(flow)) is not None]

    def stream(self) -> Stream:
        """Start: the outermost generator."""
        given, self._given = self._given, None
        if given is None:
            return self._open(0, self._flow)
        self._flow.stage = self._transport_name
        stream = _only(given)
        self._opened.append(stream)
        return stream

    async def again(self, reask: Reask) -> Stream:
        """Give up the answer that was coming and start once more, with what the model is told put after it. Stages
        behind the one that asks go on with what they know: to them it is one answer."""
        self.reask = None
        await self.close()
        self._flow.give_up()
        chat = self._flow.chat
        answer = Message("assistant", [Text("".join(self._said))])
        chat.messages = [*chat.messages, answer, Message("user", [Text(reask.words)])]
        chat.binding.chat = self._chat or chat.binding.chat
        self._said.clear()
        if self._flow.halt is not None:
            before = (name for name, _ in self._transducers()[: self._asker])
            self._flow.halt.again((self._transport_name, *before))
        fresh = dict(self._fresh())
        row = [
            (name, fresh.get(name, old) if position <= self._asker else old)
            for position, (name, old) in enumerate(self._transducers())
        ]
        self._transducers = lambda: row
        return self.stream()

    def _open(self, depth: int, flow: Flow) -> Stream:
        if depth == self._depth:
            flow.stage = self._transport_name
            stream = self._transport.stream(flow)
        else:
            flow.stage, around = self._arounds[depth]
            stream = around.around(flow, partial(self._open, depth + 1))
        self._opened.append(stream)
        return stream

    def feed(self, batch: Batch) -> Batch:
        """Send a batch through all transducers. Sets `finished` once `Finish` comes out; nothing follows it."""
        tap = self._flow.tap
        if tap is not None:
            tap.events(self._transport_name, batch)
        batch = self._look(batch)
        for position, (name, transducer) in enumerate(self._transducers()):  # as `_pass`, without the price of a call
            self._flow.stage = name
            passed: list[StreamEvent] = []
            try:
                for event in batch:
                    passed += transducer.feed(event)
            except Reask as reask:
                self.reask, self._asker = reask, position
            except LunaError as error:
                error.stage = error.stage or name
                self.failure = error
            batch = passed
            if tap is not None:
                tap.events(name, batch)
        self._flow.stage = self._transport_name  # whatever goes wrong next, goes wrong there
        return self._until_finish(batch) if Finish in map(type, batch) else batch

    async def feed_with_halts(self, halt: Halt, batch: Batch) -> Batch:
        """The same for a flow that may have to wait at any boundary. Raises what the halt raises."""
        tap = self._flow.tap
        self._flow.stage = self._transport_name
        batch = await self._hold(halt, self._transport_name, batch)
        if tap is not None:
            tap.events(self._transport_name, batch)
        batch = self._look(batch)
        for position, (name, transducer) in enumerate(self._transducers()):
            batch = self._pass(position, name, transducer, batch)
            batch = await self._hold(halt, name, batch)
            if tap is not None:
                tap.events(name, batch)
        self._flow.stage = self._transport_name
        return self._until_finish(batch)

    async def _hold(self, halt: Halt, boundary: str, batch: Batch) -> Batch:
        with self._flow.unhurried():
            return await halt.events(self._flow, boundary, batch)

    def _pass(self, position: int, name: str, transducer: Transducer, batch: Batch) -> Batch:
        self._flow.stage = name
        passed: list[StreamEvent] = []
        try:
            for event in batch:
                passed += transducer.feed(event)
        # What came before it in this read goes on, as it would have in a read of its own.
        except Reask as reask:
            self.reask, self._asker = reask, position
        except LunaError as error:
            error.stage = error.stage or name
            self.failure = error
        return passed

    def _look(self, batch: Batch) -> Batch:
        """Remember what a further question would follow. A second `Opened` is not news to anybody, and usage is that of
        the whole flow."""
        opened, plain = self._chat != "", True
        for event in batch:
            if type(event) is TextDelta:
                self._said.append(event.text)
            elif type(event) is Opened and not opened:
                self._chat = event.chat or event.response
            elif type(event) is Usage or type(event) is Opened:
                plain = False
        if plain or not opened:
            return batch
        total = self._flow.total
        return [total(event) if type(event) is Usage else event for event in batch if type(event) is not Opened]

    def flush(self) -> Batch:
        """The stream broke: what the transducers held back, each one's passed through those behind it."""
        halt = self._flow.halt
        batch: Batch = () if halt is None else halt.flush(self._transport_name)
        for name, transducer in self._transducers():
            passed: list[StreamEvent] = []
            for event in batch:
                passed += transducer.feed(event)
            passed += transducer.flush()
            batch = passed if halt is None else [*halt.flush(name), *passed]
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


async def _only(batch: Batch) -> Stream:
    """A stream of one batch."""
    yield batch
