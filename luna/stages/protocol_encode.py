"""`protocol.encode`: events become the client's bytes.

Owns the signs of life of a silent stream, as options. What the bytes look like belongs to the flow's dialect.
"""

from functools import partial
from typing import Annotated, ClassVar

import msgspec

from luna.core.flow import Flow
from luna.core.stage import BuildContext, EncodeStage, StageOptions
from luna.model.dialect import AnswerHead, Encoder, Parsed
from luna.model.values import Duration
from luna.protocols.tokens import estimate_request


class ProtocolEncodeOptions(StageOptions, frozen=True, kw_only=True):
    """Options of `protocol.encode`."""

    heartbeat: Annotated[
        Duration,
        msgspec.Meta(description="A stream that is silent this long gets a sign of life (10s). 0s: never."),
    ] = msgspec.field(default_factory=lambda: Duration(10))
    commit_after: Annotated[
        Duration,
        msgspec.Meta(
            description="When the upstream has not answered after this long, a stream's status 200 goes out all the"
            " same, so that the client does not give up; an error after that comes inside the stream (15s). 0s: never."
        ),
    ] = msgspec.field(default_factory=lambda: Duration(15))


class ProtocolEncode(EncodeStage):
    """Writes the answer in the client's protocol, streamed or whole."""

    use = "protocol.encode"
    Options: ClassVar[type[StageOptions]] = ProtocolEncodeOptions
    needs_chat = True

    def __init__(self, options: ProtocolEncodeOptions, context: BuildContext) -> None:
        super().__init__(options, context)
        self.heartbeat = options.heartbeat
        self.commit_after = options.commit_after

    def encoder(self, flow: Flow) -> Encoder:
        """A fresh encoder in the flow's dialect."""
        return flow.dialect.encoder(answer_head(flow))


def answer_head(flow: Flow) -> AnswerHead:
    """What is known of a flow's answer before its first event."""
    chat = flow.chat
    return AnswerHead(
        id=flow.answer_id,
        model=chat.model,
        created=int(flow.born),
        stream=chat.stream,
        include_usage=chat.include_usage,
        prompt_tokens=partial(estimate_request, chat),
        document=flow.parsed.document if type(flow.parsed) is Parsed else None,
    )
