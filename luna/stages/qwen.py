"""`qwen`: the transport to Qwen's web chat.

Owns the options and the order of the turns of one flow. One turn is `luna.stages.qwen_turn`'s business.
"""

from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import Annotated, ClassVar

import anyio
import msgspec

from luna.core.flow import Flow
from luna.core.stage import BuildContext, StageOptions, TransportStage
from luna.model.chat import ThinkingMode
from luna.model.errors import Kind, LunaError
from luna.model.events import Stream
from luna.model.values import Duration
from luna.qwen.conversation import VARIABLES
from luna.stages.qwen_chat import SPOKEN, Spoken
from luna.stages.qwen_manner import Manner
from luna.stages.qwen_prompt import name_the_ignored
from luna.stages.qwen_turn import TURN, QwenTurn
from luna.stages.schedule import LEASE
from luna.upstream.exchange import Timeouts

__all__ = ["SPOKEN", "Qwen", "QwenOptions", "Spoken"]


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
    """Sends the conversation to Qwen with the account that `schedule` holds and streams the answer. Goes on in the chat
    that `session.bind` found or the client names (`providerSessionId`) with what is new, else begins a new one."""

    use = "qwen"
    Options: ClassVar[type[StageOptions]] = QwenOptions
    needs_chat = True
    sleep: Callable[[float], Awaitable[None]] = staticmethod(anyio.sleep)

    def __init__(self, options: QwenOptions, context: BuildContext) -> None:
        super().__init__(options, context)
        self.options = options
        self.prompt = context.prompts.require(options.transcript, option="transcript", variables=VARIABLES)
        self._timeouts = Timeouts(head=options.head_timeout, idle=options.idle_timeout)

    def stream(self, flow: Flow) -> Stream:
        name_the_ignored(flow)
        notes = flow.notes
        lease = notes.get(LEASE)
        if lease is None:
            raise LunaError(Kind.INTERNAL, "The qwen stage holds no account.", hint="Put `schedule` before `qwen`.")
        client = lease.account.client(flow.ids, flow.born)
        turn = notes[TURN] = QwenTurn(flow, lease.account, client, self._manner, notes.get(TURN))
        flow.defer(turn.end)
        return turn

    @cached_property
    def _manner(self) -> Manner:
        options = self.options
        return Manner(
            render=self.prompt.render,
            thinking=options.thinking,
            search=options.search,
            busy_wait=options.busy_wait,
            timeouts=self._timeouts,
            sleep=self.sleep,
        )
