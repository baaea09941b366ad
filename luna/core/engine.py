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
import math
from collections.abc import Awaitable, Iterator
from functools import cache, partial

import anyio

from luna.core.answer import ENCODER, Answer, Line
from luna.core.chain import Chain
from luna.core.flow import Flow, Outcome, Step
from luna.core.live import LiveFlows
from luna.core.stage import AnswerStage
from luna.core.tap import Tap
from luna.model.alarm import Alarm, Beside, Soon
from luna.model.dialect import Encoder
from luna.model.errors import Kind, LunaError, is_panic
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
            if flow.tap is not None:
                _end(flow.tap, flow)
            return
        flow.scope = scope = _kind_of_scope()()
        beside = Beside(partial(_give_up, flow))
        flow.alarm = alarm = Alarm(partial(_ring, flow, line, answer, beside))
        alarm.set(WATCH_AFTER_SECONDS)
        try:
            try:
                with scope:
                    await self._serve(flow, answer, beside, alarm)
            finally:
                flow.alarm = None
                alarm.close()
                if answer.alive:
                    answer.keep_quiet()
                if beside.tasks:
                    with anyio.CancelScope(shield=True):
                        await beside.close()
            if scope.cancelled_caught and scope.shield:
                _warn_of_cleanup(flow)
            if beside.error is not None:
                raise beside.error
            if flow.error is not None and not answer.ended:  # ended from outside, or too late: nobody has said so yet
                with anyio.move_on_after(FAREWELL_SECONDS, shield=True):
                    await answer.fail(flow.error)
        finally:
            self.live.remove(flow)
            if flow.tap is not None:
                _end(flow.tap, flow)

    async def _serve(self, flow: Flow, answer: Answer, beside: Beside, alarm: Alarm) -> None:
        chain: Chain | None = None
        try:
            given = await self._go_down(flow, answer, beside)
            name, far_end = flow.route.pipeline.far_end
            if isinstance(far_end, AnswerStage):
                flow.stage = name
                await answer.document(await far_end.answer(flow))
            else:
                chain = Chain(flow, given)
                await self._come_up(flow, answer, chain, beside)
            flow.outcome = flow.outcome or Outcome.COMPLETED
        except LunaError as error:
            await self._fail(flow, answer, chain, error)
        except BaseException as error:  # the one place where the unforeseen becomes an answer
            if not isinstance(error, Exception) and not is_panic(error):
                raise
            said = "flow %s: unexpected %s at stage %s"
            log.exception(said, flow.id, type(error).__name__, flow.stage, extra={"flow": flow.id})
            await self._fail(flow, answer, chain, _unforeseen(error))
        finally:
            if flow.outcome is None and flow.expired():
                said = "flow %s: its time has run out at stage %s"
                log.info(said, flow.id, flow.stage, extra={"flow": flow.id})
            flow.ends = math.inf
            await self._clean_up(flow, chain, alarm)

    async def _clean_up(self, flow: Flow, chain: Chain | None, alarm: Alarm) -> None:
        """Close the generators, then run what was deferred. Nobody cancels that, but it must not last."""
        steps = flow.take_defers()
        if chain is not None:
            steps.insert(0, chain.close)
        scope = flow.scope
        if scope is not None and flow.outcome is not None and not scope.cancel_called:
            # The flow's own scope will do: whoever cancels a flow that has an outcome comes too late.
            scope.shield = True
            alarm.set(CLEANUP_SECONDS)
            await _take(flow, iter(steps), "cleanup failed")
            return
        with anyio.move_on_after(CLEANUP_SECONDS, shield=True) as cleanup:
            await _take(flow, iter(steps), "cleanup failed")
        if cleanup.cancelled_caught:
            _warn_of_cleanup(flow)

    async def _go_down(self, flow: Flow, answer: Answer, beside: Beside) -> Batch | None:
        """The whole answer, where somebody has given it by hand at a boundary."""
        given: Batch | None = None
        monotonic = flow.clock.monotonic
        begun = monotonic()
        for name, stage in flow.route.pipeline.requests:
            flow.stage = name
            waiting = stage.request(flow)
            if waiting is not None:
                await waiting
            now = monotonic()
            flow.spent.append((name, now - begun))
            begun = now
            if flow.halt is None and flow.tap is None:
                continue
            if flow.halt is not None and flow.decoded and given is None:
                if flow.chat.stream and not answer.alive and _wants_events(flow):
                    _open(flow, answer, beside)
                with flow.unhurried():
                    given = await flow.halt.document(flow, name)
            if flow.tap is not None and flow.decoded:
                flow.tap.document(name, flow.chat)
            begun = monotonic()
        return given

    async def _come_up(self, flow: Flow, answer: Answer, chain: Chain, beside: Beside) -> None:
        """Send on what the stream brings, and then those that follow it when the model is asked again."""
        opened = Soon(partial(_open, flow, answer, beside))
        stream: Stream | None = chain.stream()
        while stream is not None:
            async for batch in stream:
                if flow.first_event is None:
                    flow.first_event = flow.clock.monotonic()
                flow.events += len(batch)
                encoder = opened()
                halt = flow.halt
                batch = chain.feed(batch) if halt is None else await chain.feed_with_halts(halt, batch)
                data = b"".join(map(encoder.feed, batch))
                if chain.finished:
                    if (unsettled := _settle(flow)) is not None:
                        await unsettled
                    await answer.finish(data + encoder.close(), encoder.content_type)
                    return
                if data:
                    await answer.write(data, encoder.content_type)
                if chain.failure is not None:
                    raise chain.failure
                if chain.reask is not None:
                    break
            stream = await self._again(flow, chain)
        raise LunaError(
            Kind.UPSTREAM_BROKEN,
            "The upstream's stream ended before the answer was complete.",
            hint="Send the request again.",
        )

    async def _again(self, flow: Flow, chain: Chain) -> Stream | None:
        """The stream that shall follow the one that is over; None where the model is not to be asked again."""
        reask = chain.reask
        if reask is None:
            return None
        flow.reasks += 1
        flow.happened("reask", reask.reason.partition(":")[0])
        log.info("flow %s: the model is asked again: %s", flow.id, reask.reason, extra={"flow": flow.id})
        return await chain.again(reask)

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
            held = b"".join(map(encoder.feed, chain.flush()))
        await answer.fail(error, held)


def _end(tap: Tap, flow: Flow) -> None:
    tap.ended((flow.outcome or Outcome.CANCELLED).value)


@cache
def _kind_of_scope() -> type[anyio.CancelScope]:
    """What anyio makes of a cancel scope on the event loop that there is: to ask for it each time costs more than the
    scope."""
    return type(anyio.CancelScope())


def _ring(flow: Flow, line: Line, answer: Answer, beside: Beside) -> None:
    if not answer.watched and flow.outcome is None:
        answer.watched = True
        beside.start(partial(_watch, flow, line, answer))
    if flow.scope is not None and (flow.outcome is not None or flow.time_left <= 0):
        flow.scope.cancel()  # of one that has an outcome, the cleanup does not end
    elif flow.ends != math.inf and flow.alarm is not None:
        flow.alarm.set(flow.time_left)


def _give_up(flow: Flow) -> None:
    if flow.outcome is None and flow.scope is not None:
        flow.scope.cancel()


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


def _open(flow: Flow, answer: Answer, beside: Beside) -> Encoder:
    """A fresh encoder, as the request stands now; on a stream, signs of life from now on."""
    encode = flow.route.pipeline.encode
    if encode is None:
        raise LunaError(Kind.INTERNAL, f"pipeline '{flow.route.pipeline.name}' does not encode")
    _, stage = encode
    encoder = stage.encoder(flow)
    flow.notes[ENCODER] = encoder
    if flow.chat.stream and not answer.alive:
        answer.alive = True
        answer.keep_alive(stage.heartbeat, stage.commit_after, encoder.content_type, beside)
    return encoder


def _settle(flow: Flow) -> Awaitable[None] | None:
    """Have written down what the client is about to be told; what it waits for, if anything. Nobody's answer fails for
    that."""
    steps = iter(flow.settles)
    waiting = _step(flow, steps, "not settled")
    return None if waiting is None else _settled(flow, waiting, steps)


async def _settled(flow: Flow, waiting: Awaitable[None], steps: Iterator[Step]) -> None:
    with anyio.move_on_after(SETTLE_SECONDS) as deadline:
        await _take(flow, steps, "not settled", waiting)
    if deadline.cancelled_caught:
        log.warning("flow %s: not settled within %.0f s", flow.id, SETTLE_SECONDS, extra={"flow": flow.id})


async def _take(flow: Flow, steps: Iterator[Step], failed: str, waiting: Awaitable[None] | None = None) -> None:
    """One after the other. One that fails does not keep the others from running."""
    waiting = waiting or _step(flow, steps, failed)
    while waiting is not None:
        try:
            await waiting
        except Exception as error:  # steps of stages we do not know; each must get its turn
            _warn(flow, failed, error)
        waiting = _step(flow, steps, failed)


def _step(flow: Flow, steps: Iterator[Step], failed: str) -> Awaitable[None] | None:
    """What the next step waits for that waits at all; None when all are over."""
    for step in steps:
        try:
            waiting = step()
        except Exception as error:  # as above
            _warn(flow, failed, error)
        else:
            if waiting is not None:
                return waiting
    return None


def _warn(flow: Flow, failed: str, error: Exception) -> None:
    log.warning("flow %s: %s: %s: %s", flow.id, failed, type(error).__name__, error, extra={"flow": flow.id})


def _warn_of_cleanup(flow: Flow) -> None:
    log.warning("flow %s: cleanup did not end within %.0f s", flow.id, CLEANUP_SECONDS, extra={"flow": flow.id})


def _unforeseen(error: BaseException) -> LunaError:
    return LunaError(
        Kind.INTERNAL,
        f"luna met an unexpected {type(error).__name__}.",
        hint="The log has the details under this flow's id.",
    )
