"""`qwen`: the transport to Qwen's web chat.

Owns one turn: which chat, which parent, what is tried again before anything has gone out, and that a generation
nobody reads is stopped. What is sent is `luna.qwen.payload`'s business, what comes back `luna.qwen.answer`'s.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, ClassVar

import anyio
import msgspec

from luna.core.flow import Flow
from luna.core.notes import Key
from luna.core.prompts import Prompt
from luna.core.stage import BuildContext, StageOptions, TransportStage
from luna.model.chat import Attachment, ChatRequest, Part, ThinkingMode, ToolResult
from luna.model.errors import Kind, LunaError
from luna.model.events import Batch, Notice, Stream
from luna.model.values import Duration
from luna.qwen.answer import AnswerReader
from luna.qwen.catalogue import Catalogue, Resolution
from luna.qwen.conversation import VARIABLES, continuation, flatten
from luna.qwen.payload import Turn, completion_body
from luna.qwen.refusals import PARENT_LOST
from luna.stages.schedule import LEASE
from luna.state.turns import Place, Turns
from luna.upstream.exchange import InResponse, Timeouts

log = logging.getLogger("luna.stages.qwen")

TRANSIENT_PAUSE = 0.8
"""Seconds before the one retry after an internal failure of Qwen's."""
BUSY_PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each retry in a busy chat; the last one repeats."""


class QwenOptions(StageOptions, frozen=True, kw_only=True):
    """Options of `qwen`."""

    thinking: Annotated[
        ThinkingMode,
        msgspec.Meta(
            description="How the model reasons when neither the client nor the model's nature says:"
            " fast (not at all), thinking, or auto."
        ),
    ] = "fast"
    search: Annotated[
        bool, msgspec.Meta(description="Let Qwen search the web by itself even if the client did not ask for it.")
    ] = False
    busy_wait: Annotated[
        Duration,
        msgspec.Meta(description="How long to wait in all for a chat that is still answering an earlier request."),
    ] = msgspec.field(default_factory=lambda: Duration(30.0))
    head_timeout: Annotated[Duration, msgspec.Meta(description="How long Qwen may take to accept a request.")] = (
        msgspec.field(default_factory=lambda: Duration(120.0))
    )
    idle_timeout: Annotated[
        Duration, msgspec.Meta(description="How long Qwen may be silent within an answer; it gives signs of life.")
    ] = msgspec.field(default_factory=lambda: Duration(180.0))
    transcript: Annotated[
        str, msgspec.Meta(description="The prompt that puts a conversation of several turns into one message.")
    ] = "conversation"


class Qwen(TransportStage):
    """Sends the conversation to Qwen with the account that `schedule` holds and streams the answer. Continues the
    chat that the client names (`providerSessionId`), else begins a new one."""

    use = "qwen"
    Options: ClassVar[type[StageOptions]] = QwenOptions
    needs_chat = True
    sleep: Callable[[float], Awaitable[None]] = staticmethod(anyio.sleep)

    def __init__(self, options: QwenOptions, context: BuildContext) -> None:
        super().__init__(options, context)
        self.options = options
        self.prompt: Prompt = context.prompts.require(options.transcript, option="transcript", variables=VARIABLES)

    async def stream(self, flow: Flow) -> Stream:
        _name_the_ignored(flow)
        earlier = flow.notes.get(RUN)
        if earlier is not None:
            await earlier.stop()  # the model is asked again in a chat that may still be answering
        run = flow.notes[RUN] = _Run(self, flow)
        flow.defer(run.stop)
        try:
            batch = await run.begin()
            while True:
                yield batch
                if run.over:
                    return
                batch = await run.more()
        finally:
            await run.close()


class _Run:
    """One turn on one flow."""

    def __init__(self, stage: Qwen, flow: Flow) -> None:
        lease = flow.notes.get(LEASE)
        if lease is None:
            raise LunaError(Kind.INTERNAL, "The qwen stage holds no account.", hint="Put `schedule` before `qwen`.")
        self._stage = stage
        self._flow = flow
        self._account = lease.account
        self._client = lease.client(flow.ids, flow.born)
        self._turns = flow.services[Turns]
        self._catalogue = flow.services[Catalogue]
        self._chat_id = flow.chat.binding.chat
        self._continues = bool(self._chat_id)
        self._parent: str | None = None
        self._model = Resolution("", None)
        self._body = b""
        self._response: InResponse | None = None
        self._reader: AnswerReader | None = None
        self._generating = False
        self._once: set[str] = set()
        self._waited = 0.0
        self._pauses = iter(BUSY_PAUSES)

    @property
    def over(self) -> bool:
        """The batch given last was the last."""
        return self._reader is not None and self._reader.over

    async def begin(self) -> Batch:
        """The first batch. Everything that is ever tried again is tried again here."""
        self._flow.headers["x-luna-account-id"] = self._account.id
        if self._account.source == "demo":
            self._flow.headers["x-luna-demo"] = "true"
        self._model = await self._resolve()
        if self._continues:
            place = self._turns.find(self._chat_id)
            self._parent = place.response if place else await self._client.current_answer(self._chat_id)
        while True:
            try:
                batch = await self._attempt()
            except LunaError as error:
                await self._mend(error)
                continue
            return batch if self._model.model is not None else _with_notice(batch, self._model.id)

    async def more(self) -> Batch:
        """The next batch."""
        assert self._reader is not None, "begun"
        try:
            batch = await self._reader.read()
        finally:
            self._look()
        return batch

    async def _attempt(self) -> Batch:
        if not self._chat_id:
            self._chat_id = await self._client.create_chat(self._model.id)
        self._flow.headers["x-luna-provider-session-id"] = self._chat_id
        if not self._body:
            self._body = self._make_body()
        options = self._stage.options
        timeouts = Timeouts(head=options.head_timeout, idle=options.idle_timeout)
        self._generates(True)
        try:
            self._response = await self._client.complete(self._chat_id, self._body, timeouts)
        except LunaError as error:
            # A refusal begins nothing; after silence or a cut nobody knows, unless nothing was sent at all.
            unknown = error.kind in (Kind.TIMEOUT, Kind.UPSTREAM_BROKEN) and error.detail.get("phase") != "connect"
            self._generates(unknown)
            raise
        self._reader = AnswerReader(self._response, self._model.id)
        stream = self._reader.stream
        self._flow.meter = lambda: stream.usage
        batch = await self.more()
        answer = self._reader.stream.response
        if answer:
            self._turns.note(self._chat_id, Place(self._account.id, answer))
        return batch

    async def _mend(self, error: LunaError) -> None:
        """Return when it makes sense to try again, else raise the error."""
        await self.close()
        match error.kind:
            case Kind.UPSTREAM_LOGIN if self._chat_id and self._first_time("login"):
                await self._client.renew()
            case Kind.UPSTREAM_TRANSIENT if self._first_time("transient"):
                await self._stage.sleep(TRANSIENT_PAUSE)
            case Kind.CHAT_BUSY:
                await self._wait_for_chat(error)
            case Kind.CHAT_GONE if self._parent and PARENT_LOST.is_told_by(error) and self._first_time("parent"):
                self._turns.forget(self._chat_id)
                self._parent, self._body = await self._client.current_answer(self._chat_id), b""
            case Kind.MODEL_GONE:
                self._catalogue.forget(self._client.site.base_url)
                raise error
            case _:
                raise error

    async def _wait_for_chat(self, error: LunaError) -> None:
        """The lock of a chat outlives a client that left, and lingers after a normal end. What another flow of this
        luna generates in the same chat is waited for, anything else is stopped."""
        pause = next(self._pauses, BUSY_PAUSES[-1])
        if self._waited + pause > self._stage.options.busy_wait:
            raise error
        if not self._turns.generators(self._chat_id):
            place = self._turns.find(self._chat_id) if not self._waited else None
            await self._ask_to_stop(place.response if place else "")
        await self._stage.sleep(pause)
        self._waited += pause

    def _first_time(self, what: str) -> bool:
        if what in self._once:
            return False
        self._once.add(what)
        return True

    async def _resolve(self) -> Resolution:
        chat, site = self._flow.chat, self._client.site.base_url
        name = chat.target or chat.model
        try:
            return self._catalogue.resolve(site, name)
        except LunaError:
            await self._catalogue.listing(site, self._client.models)  # it may be newer than the list
            return self._catalogue.resolve(site, name)

    def _make_body(self) -> bytes:
        flow, chat, model = self._flow, self._flow.chat, self._model.model
        always = model is not None and model.thinking == "only"
        text = continuation(chat.messages) if self._parent else ""
        return completion_body(
            Turn(
                chat_id=self._chat_id,
                model=self._model.id,
                text=text or flatten(chat.messages, self._stage.prompt.render),
                timestamp=int(flow.born),
                message_id=flow.ids.uuid(),
                answer_id=flow.ids.uuid(),
                parent=self._parent,
                thinking=chat.thinking.mode or ("thinking" if always else self._stage.options.thinking),
                budget=chat.thinking.budget,
                search=chat.search or self._stage.options.search,
            )
        )

    def _look(self) -> None:
        """Take note of what the last read showed."""
        assert self._reader is not None, "begun"
        stream = self._reader.stream
        if stream.ended or stream.done or stream.failure is not None or self._reader.over:
            self._generates(False)

    def _generates(self, generating: bool) -> None:
        if generating == self._generating:
            return
        self._generating = generating
        if generating:
            self._turns.begin(self._chat_id)
        else:
            self._turns.end(self._chat_id)

    async def stop(self) -> None:
        """The flow is over: what Qwen may still be generating for it is stopped."""
        if not self._generating:
            return
        try:
            await self._ask_to_stop(self._reader.stream.response if self._reader is not None else "")
        finally:
            self._generates(False)

    async def _ask_to_stop(self, response_id: str) -> None:
        try:
            await self._client.stop(self._chat_id, response_id)
        except LunaError as error:
            log.warning("chat %s could not be stopped: %s", self._chat_id, error.message)

    async def close(self) -> None:
        """Give the connection back."""
        response, self._response = self._response, None
        if response is not None:
            with anyio.CancelScope(shield=True):
                await response.aclose()


RUN: Key[_Run] = Key("qwen.run")


def _with_notice(batch: Batch, model: str) -> Batch:
    """Say, right after `Opened`, that the model's name was passed through without being known."""
    return [*batch[:1], Notice("unknown-model", model), *batch[1:]]


def _name_the_ignored(flow: Flow) -> None:
    """What Qwen cannot be told. Stages before this one that honour such a thing take it off the request."""
    chat = flow.chat
    ignored = {f"messages.content.{kind}": None for kind in _attachments(chat)}
    if chat.tools and not chat.bridged:
        ignored["tools"] = None
    if chat.response_format is not None and chat.response_format.get("type") != "text":
        ignored["response_format"] = None
    if chat.file_ids:
        ignored["file_ids"] = None
    flow.ignore(*ignored)


def _attachments(chat: ChatRequest) -> list[str]:
    parts: list[Part] = [part for message in chat.messages for part in message.parts]
    inner = [part for result in parts if isinstance(result, ToolResult) for part in result.parts]
    return [part.kind for part in [*parts, *inner] if isinstance(part, Attachment)]
