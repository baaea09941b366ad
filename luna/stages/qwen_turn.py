"""One turn at Qwen: from the choice of the chat to the last event.

Owns what is tried again before anything has gone out, when a conversation is rebuilt in another chat, and that a
generation nobody reads is stopped. Where the turn is spoken is `luna.stages.qwen_chat`'s business, what it says
`luna.stages.qwen_prompt`'s, what comes back `luna.qwen.answer`'s.
"""

import logging
from collections.abc import Awaitable
from functools import partial
from operator import attrgetter

from luna.core.flow import Flow, Outcome
from luna.core.notes import Key
from luna.model.errors import Kind, LunaError
from luna.model.events import Batch, Notice
from luna.model.preferences import LivePreferences
from luna.qwen.answer import AnswerReader
from luna.qwen.catalogue import Catalogue, Resolution
from luna.qwen.client import QwenClient
from luna.qwen.payload import Turn, completion_body
from luna.qwen.refusals import PARENT_LOST
from luna.stages.qwen_chat import NEW, SPOKEN, Standing, anew, forget, make_chat, standing
from luna.stages.qwen_manner import Manner
from luna.stages.qwen_prompt import Prompt, prompt_for
from luna.stages.schedule import RUN
from luna.stages.session_bind import rebind
from luna.stages.session_recall import RECALL
from luna.state.account import Account
from luna.state.chats import ChatLedger
from luna.state.drift import Drift
from luna.state.place import Place
from luna.state.turns import Turns
from luna.upstream.exchange import InResponse

log = logging.getLogger("luna.stages.qwen")

TRANSIENT_PAUSE = 0.8
"""Seconds before the one retry after an internal failure of Qwen's."""
BUSY_PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each retry in a busy chat; the last one repeats."""
_USAGE = attrgetter("usage")


class QwenTurn:
    """One turn on one flow, and the stream of it: no generator, for each would be in the way of every wait below it."""

    def __init__(
        self, flow: Flow, account: Account, client: QwenClient, manner: Manner, earlier: "QwenTurn | None" = None
    ) -> None:
        self._flow = flow
        self._account = account
        self._client = client
        self._manner = manner
        self._earlier = earlier
        """The model is asked again, in a chat that may still be answering this one."""
        self._turns = flow.services[Turns]
        self._catalogue = flow.services[Catalogue]
        self._ledger = flow.services.get(ChatLedger)
        self._at = NEW
        self._model = Resolution("", None)
        self._prompt: Prompt | None = None
        self._body = b""
        self._response: InResponse | None = None
        self._reader: AnswerReader | None = None
        self._generating = False
        self._once: set[str] = set()
        self._waited = 0.0
        self._pauses = iter(BUSY_PAUSES)

    def __repr__(self) -> str:
        return f"<QwenTurn {self._flow.id} {self._at.how} in {self._at.chat or 'no chat'}>"

    def __aiter__(self) -> "QwenTurn":
        return self

    def __anext__(self) -> Awaitable[Batch]:
        reader = self._reader
        return self._begin() if reader is None else self._over() if reader.over else self._more(reader)

    async def _begin(self) -> Batch:
        """The first batch. Everything that is ever tried again is tried again here. Raises LunaError."""
        flow, account, client, manner = self._flow, self._account, self._client, self._manner
        if self._earlier is not None:
            await self._earlier.stop()
            self._earlier = None
        flow.headers["x-luna-account-id"] = account.id
        if account.source == "demo":
            flow.headers["x-luna-demo"] = "true"
        try:
            self._model = self._resolve()
        except LunaError:
            await self._catalogue.listing(client.site.base_url, client.models)  # it may be newer than the list
            self._model = self._resolve()
        self._at = await standing(flow, client, account.id, self._model.id)
        while True:
            try:
                if self._prompt is None:
                    self._prompt = await prompt_for(flow, client, account.id, self._at, manner.render)
                if not self._at.chat:
                    self._at = Standing("new", await make_chat(flow, client, account.id, self._model.id))
                self._tell_the_chat()
                self._body = self._body or self._make_body(self._prompt)
                self._generates(True)
                self._response = await client.complete(self._at.chat, self._body, manner.timeouts)
                reader = self._reader = AnswerReader(self._response, self._model.id)
                stream = reader.stream
                flow.meter = partial(_USAGE, stream)
                batch = await self._more(reader)
            except LunaError as error:
                await self._mend(error)
                error.__traceback__ = None  # it and the reader that it came from would keep one another
                continue
            if stream.response:
                place = Place(account.id, self._at.chat, stream.response, self._model.id, self._prompt.system)
                flow.notes[SPOKEN] = place
                self._turns.note(place)
            return self._noticed(batch)

    async def _more(self, reader: AnswerReader) -> Batch:
        """The next batch. Raises LunaError."""
        try:
            return await reader.read()
        except LunaError:
            await self.aclose()
            raise
        finally:
            # Take note of what the read showed.
            stream = reader.stream
            if stream.ended or stream.done or stream.failure is not None or reader.over:
                self._generates(False)

    async def _over(self) -> Batch:
        await self.aclose()
        raise StopAsyncIteration

    # What is tried again

    async def _mend(self, error: LunaError) -> None:
        """Return when it makes sense to try again, else raise the error."""
        if self._generating and self._response is None:  # it was not even accepted
            # A refusal begins nothing; after silence or a cut nobody knows, unless nothing was sent at all.
            unknown = error.kind in (Kind.TIMEOUT, Kind.UPSTREAM_BROKEN) and error.detail.get("phase") != "connect"
            self._generates(unknown)
        await self.aclose()
        match error.kind:
            case Kind.UPSTREAM_LOGIN if self._at.chat and self._first_time("login"):
                await self._client.renew()
            case Kind.UPSTREAM_TRANSIENT if self._first_time("transient"):
                await self._manner.sleep(TRANSIENT_PAUSE)
            case Kind.CHAT_BUSY if self._at.how == "bound" and self._begins_another():
                self._rebuild("its chat is busy, another is begun")
            case Kind.CHAT_BUSY:
                await self._wait_for_chat(error)
            case Kind.CHAT_GONE if self._at.how != "new":
                await self._after_a_loss(error)
            case Kind.MODEL_GONE:
                self._catalogue.forget(self._client.site.base_url)
                raise error
            case _:
                raise error

    async def _after_a_loss(self, error: LunaError) -> None:
        """The answer to go on from is gone, or the whole chat. A chat that the client names is kept as long as it is
        there; what luna found itself is rebuilt elsewhere, once."""
        lost_parent = self._at.parent is not None and PARENT_LOST.is_told_by(error)
        if not self._first_time("lost"):
            raise error
        forget(self._flow, self._at, whole=not lost_parent)
        if self._flow.chat.binding.chat and self._at.how != "again":
            if not lost_parent:
                raise error
            rebind(self._flow, "its last answer is gone upstream")
            self._at = await standing(self._flow, self._client, self._account.id, self._model.id)
            self._prompt, self._body = None, b""
        else:
            self._rebuild("its last answer is gone upstream" if lost_parent else "its chat is gone upstream")

    def _rebuild(self, why: str) -> None:
        """All of the conversation is sent into another chat."""
        log.info("flow %s: the conversation is rebuilt in another chat: %s", self._flow.id, why)
        rebind(self._flow, why)
        self._flow.happened("retry", "rebuilt")
        run = self._flow.notes.get(RUN)
        if run is not None:
            run.attempt()
        self._flow.notes.pop(SPOKEN)
        self._at, self._prompt, self._body = anew(self._flow), None, b""

    async def _wait_for_chat(self, error: LunaError) -> None:
        """The lock of a chat outlives a client that left, and lingers after a normal end. What another flow of this
        luna generates in the same chat is waited for, anything else is stopped."""
        pause = next(self._pauses, BUSY_PAUSES[-1])
        if self._waited + pause > self._manner.busy_wait:
            raise error
        if not self._turns.generators(self._at.chat):
            place = self._turns.find(self._at.chat) if not self._waited else None
            await self._ask_to_stop(place.response if place else "")
        await self._manner.sleep(pause)
        self._waited += pause

    def _begins_another(self) -> bool:
        """People would rather have another chat than wait for a busy one."""
        preferences = self._flow.services.get(LivePreferences)
        policy = preferences.current.multi_thread if preferences is not None else None
        return policy is not None and policy.enabled and policy.same_provider_chat_policy == "new-chat"

    def _first_time(self, what: str) -> bool:
        if what in self._once:
            return False
        self._once.add(what)
        return True

    # What is sent

    def _resolve(self) -> Resolution:
        chat = self._flow.chat
        return self._catalogue.resolve(self._client.site.base_url, chat.target or chat.model)

    def _make_body(self, prompt: Prompt) -> bytes:
        flow, chat, model = self._flow, self._flow.chat, self._model.model
        always = model is not None and model.thinking == "only"
        return completion_body(
            Turn(
                chat_id=self._at.chat,
                model=self._model.id,
                text=prompt.text,
                timestamp=int(flow.born),
                message_id=flow.ids.uuid(),
                answer_id=flow.ids.uuid(),
                parent=self._at.parent,
                thinking=chat.thinking.mode or ("thinking" if always else self._manner.thinking),
                budget=chat.thinking.budget,
                search=chat.search or self._manner.search,
                files=prompt.files,
            )
        )

    # Who is told

    def _tell_the_chat(self) -> None:
        """The client, the run and the ledger know which chat it is before anything is said there."""
        chat = self._at.chat
        self._flow.headers["x-luna-provider-session-id"] = chat
        ledger, run = self._ledger, self._flow.notes.get(RUN)
        if ledger is not None:
            ledger.used(chat)
        if run is not None:
            run.chat(chat)

    def _noticed(self, batch: Batch) -> Batch:
        """What recordings are to know stands right after `Opened`: that the model's name was passed through without
        being known, and what was put into a conversation that was sent as a whole."""
        recall = self._flow.notes.get(RECALL)
        notices = recall.notices if recall is not None and self._at.how != "again" else []
        if self._model.model is None:
            notices = [Notice("unknown-model", self._model.id), *notices]
        return [*batch[:1], *notices, *batch[1:]] if notices else batch

    # How it ends

    def _generates(self, generating: bool) -> None:
        if generating == self._generating:
            return
        self._generating = generating
        if generating:
            self._turns.begin(self._at.chat)
        else:
            self._turns.end(self._at.chat)

    async def stop(self) -> None:
        """What Qwen may still be generating for this turn is stopped."""
        if not self._generating:
            return
        try:
            await self._ask_to_stop(self._reader.stream.response if self._reader is not None else "")
        finally:
            self._generates(False)

    def end(self) -> Awaitable[None] | None:
        """The flow is over."""
        if self._generating:
            return self._stop_and_end()
        self._ended()
        return None

    async def _stop_and_end(self) -> None:
        await self.stop()
        self._ended()

    def _ended(self) -> None:
        ledger = self._ledger
        answered = self._flow.outcome is Outcome.COMPLETED and self._flow.notes.get(TURN) is self
        if ledger is not None and answered and self._at.chat:
            ledger.after_response(self._at.chat)

    async def _ask_to_stop(self, response_id: str) -> None:
        try:
            await self._client.stop(self._at.chat, response_id)
        except LunaError as error:
            log.warning("chat %s could not be stopped: %s", self._at.chat, error.message)

    async def aclose(self) -> None:
        """Give the connection back."""
        drift = self._flow.services.get(Drift)
        if drift is not None and self._reader is not None:
            drift.saw_frames(self._flow.id, *self._reader.stream.samples.take())
        response, self._response = self._response, None
        if response is not None:
            await response.aclose()


TURN: Key[QwenTurn] = Key("qwen.turn")
"""The latest on the flow."""
