"""Runs one flow from its first stage to the end of its cleanup.

Owns everything dangerous: the cancel scope, the watch on the client, the closing order,
shielded cleanup, and the rendering of errors. Stages stay simple because this file is not.

    the request's own task     request stages, then: batch ◂ chain ▸ encoder ▸ answer, until Finish
    watcher                    waits for the client to leave, then cancels the flow
    signs of life              while the upstream thinks

The last two begin when their time has come: most answers are over before that.

The task that iterates the generators is the one that closes them, innermost first.
"""

import logging
from functools import partial

import anyio
from anyio.abc import TaskGroup

from luna.core.answer import ENCODER, Answer, Line
from luna.core.chain import Chain
from luna.core.flow import Flow, Outcome
from luna.core.live import LiveFlows
from luna.core.stage import AnswerStage
from luna.model.alarm import Alarm
from luna.model.dialect import Encoder
from luna.model.errors import Kind, LunaError
from luna.model.events import Batch, Stream

log = logging.getLogger("luna.engine")

CLEANUP_SECONDS = 5.0
FAREWELL_SECONDS = 1.0
SETTLE_SECONDS = 2.0
"""A slow disk may hold the end of an answer back for so long, not longer."""
WATCH_AFTER_SECONDS = 0.03
"""Short answers are over by then, and asking the server whether the client is there costs more than they do."""


class Engine:
    """Runs flows; one for the process."""

    def __init__(self, live: LiveFlows) -> None:
        self.live = live

    def __repr__(self) -> str:
        return f"<Engine {self.live!r}>"

    async def run(self, flow: Flow, line: Line) -> None:
        """Answer one request. Never raises but for cancellation of the calling task."""
        answer = Answer(flow, line)
        try:
            self.live.add(flow)
        except LunaError as refused:
            await self._fail(flow, answer, None, refused)
            self._end(flow)
            return
        try:
            async with anyio.create_task_group() as companions:
                flow.scope = companions.cancel_scope
                watch = Alarm(partial(companions.start_soon, _watch, flow, line, answer))
                watch.set(WATCH_AFTER_SECONDS)
                try:
                    await self._serve(flow, answer, companions)
                finally:
                    alone = watch.pending and not answer.beaten
                    watch.close()
                    answer.keep_quiet()
                if not alone:
                    companions.cancel_scope.cancel()
            if flow.error is not None and not answer.ended:  # ended from outside, or too late: nobody has said so yet
                with anyio.move_on_after(FAREWELL_SECONDS, shield=True):
                    await answer.fail(flow.error)
        finally:
            self.live.remove(flow)
            self._end(flow)

    async def _serve(self, flow: Flow, answer: Answer, companions: TaskGroup) -> None:
        chain: Chain | None = None
        try:
            given = await self._go_down(flow, answer, companions)
            name, far_end = flow.route.pipeline.far_end
            if isinstance(far_end, AnswerStage):
                flow.stage = name
                await answer.document(await far_end.answer(flow))
            else:
                chain = Chain(flow, given)
                await self._come_up(flow, answer, chain, companions)
            flow.outcome = flow.outcome or Outcome.COMPLETED
        except LunaError as error:
            await self._fail(flow, answer, chain, error)
        except Exception as error:  # the one place where the unforeseen becomes an answer
            said = "flow %s: unexpected %s at stage %s"
            log.exception(said, flow.id, type(error).__name__, flow.stage, extra={"flow": flow.id})
            await self._fail(flow, answer, chain, _unforeseen(error))
        finally:
            if flow.expired():
                said = "flow %s: its time has run out at stage %s"
                log.info(said, flow.id, flow.stage, extra={"flow": flow.id})
            with anyio.move_on_after(CLEANUP_SECONDS, shield=True) as cleanup:
                await _clean_up(flow, chain)
            if cleanup.cancelled_caught:
                said = "flow %s: cleanup did not end within %.0f s"
                log.warning(said, flow.id, CLEANUP_SECONDS, extra={"flow": flow.id})

    async def _go_down(self, flow: Flow, answer: Answer, companions: TaskGroup) -> Batch | None:
        """The whole answer, where somebody has given it by hand at a boundary."""
        given: Batch | None = None
        monotonic = flow.clock.monotonic
        for name, stage in flow.route.pipeline.requests:
            flow.stage = name
            begun = monotonic()
            waiting = stage.request(flow)
            if waiting is not None:
                await waiting
            flow.spent.append((name, monotonic() - begun))
            if flow.halt is not None and flow.decoded and given is None:
                if flow.chat.stream and not answer.alive and _wants_events(flow):
                    _open(flow, answer, companions)
                with flow.unhurried():
                    given = await flow.halt.document(flow, name)
            if flow.tap is not None and flow.decoded:
                flow.tap.document(name, flow.chat)
        return given

    async def _come_up(self, flow: Flow, answer: Answer, chain: Chain, companions: TaskGroup) -> None:
        encoder = _open(flow, answer, companions)
        stream: Stream | None = chain.stream()
        while stream is not None:
            stream = await self._pass_on(flow, answer, chain, stream, encoder)
        if not chain.finished:
            raise LunaError(
                Kind.UPSTREAM_BROKEN,
                "The upstream's stream ended before the answer was complete.",
                hint="Send the request again.",
            )

    async def _pass_on(
        self, flow: Flow, answer: Answer, chain: Chain, stream: Stream, encoder: Encoder
    ) -> Stream | None:
        """Send on what the stream brings, to its end. Returns the stream that shall follow it, if one shall."""
        async for batch in stream:
            if flow.first_event is None:
                flow.first_event = flow.clock.monotonic()
            flow.events += len(batch)
            halt = flow.halt
            data = _encode(encoder, chain.feed(batch) if halt is None else await chain.feed_with_halts(halt, batch))
            if chain.finished:
                await _settle(flow)
                await answer.finish(data + encoder.close(), encoder.content_type)
                return None
            if data:
                await answer.write(data, encoder.content_type)
            if chain.failure is not None:
                raise chain.failure
            if chain.reask is not None:
                flow.reasks += 1
                flow.happened("reask", chain.reask.reason.partition(":")[0])
                log.info("flow %s: the model is asked again: %s", flow.id, chain.reask.reason, extra={"flow": flow.id})
                return await chain.again(chain.reask)
        return None

    async def _fail(self, flow: Flow, answer: Answer, chain: Chain | None, error: LunaError) -> None:
        error.stage = error.stage or flow.stage
        if flow.outcome is None:
            flow.outcome, flow.error = Outcome.FAILED, error
        error = flow.error or error  # what ended it first is why it ended
        said = "flow %s failed at %s: %s: %s"
        log.info(said, flow.id, error.stage or "birth", error.kind.value, error.message, extra={"flow": flow.id})
        held = b""
        encoder = flow.notes.get(ENCODER)
        if chain is not None and encoder is not None and answer.started:
            held = _encode(encoder, chain.flush())
        await answer.fail(error, held)

    def _end(self, flow: Flow) -> None:
        if flow.tap is not None:
            flow.tap.ended((flow.outcome or Outcome.CANCELLED).value)


async def _watch(flow: Flow, line: Line, answer: Answer) -> None:
    try:
        await line.gone()
    except anyio.get_cancelled_exc_class():
        return  # and no more: a task that ends as cancelled leaves a traceback behind that has itself, and the flow
    if not answer.ended:
        flow.cancel(Outcome.CLIENT_GONE)


def _wants_events(flow: Flow) -> bool:
    pipeline = flow.route.pipeline
    return pipeline.encode is not None and not isinstance(pipeline.far_end[1], AnswerStage)


def _open(flow: Flow, answer: Answer, companions: TaskGroup) -> Encoder:
    """A fresh encoder, as the request stands now; on a stream, signs of life from now on."""
    encode = flow.route.pipeline.encode
    if encode is None:
        raise LunaError(Kind.INTERNAL, f"pipeline '{flow.route.pipeline.name}' does not encode")
    _, stage = encode
    encoder = stage.encoder(flow)
    flow.notes[ENCODER] = encoder
    if flow.chat.stream and not answer.alive:
        answer.alive = True
        answer.keep_alive(stage.heartbeat, stage.commit_after, encoder.content_type, companions)
    return encoder


def _encode(encoder: Encoder, batch: Batch) -> bytes:
    if len(batch) == 1:
        return encoder.feed(batch[0])
    return b"".join([encoder.feed(event) for event in batch])


async def _settle(flow: Flow) -> None:
    """Have written down what the client is about to be told. Nobody's answer fails for that."""
    steps = flow.take_settles()
    if not steps:
        return
    with anyio.move_on_after(SETTLE_SECONDS) as deadline:
        for step in steps:
            try:
                await step()
            except Exception as error:  # steps of stages we do not know; the answer is complete and goes out
                said = "flow %s: not settled: %s: %s"
                log.warning(said, flow.id, type(error).__name__, error, extra={"flow": flow.id})
    if deadline.cancelled_caught:
        log.warning("flow %s: not settled within %.0f s", flow.id, SETTLE_SECONDS, extra={"flow": flow.id})


async def _clean_up(flow: Flow, chain: Chain | None) -> None:
    """Close the generators, then run what was deferred; one failing does not keep the others from running."""
    steps = [chain.close] if chain is not None else []
    for step in [*steps, *flow.take_defers()]:
        try:
            await step()
        except Exception as error:  # cleanup of stages we do not know; each must get its turn
            said = "flow %s: cleanup failed: %s: %s"
            log.warning(said, flow.id, type(error).__name__, error, extra={"flow": flow.id})


def _unforeseen(error: Exception) -> LunaError:
    return LunaError(
        Kind.INTERNAL,
        f"luna met an unexpected {type(error).__name__}.",
        hint="The log has the details under this flow's id.",
    )
