"""`protocol.decode`: the client's body becomes the neutral request.

Owns the moment at which a body that could not be read is refused (after `auth`, not before) and the model's
name on the way to the upstream. What the fields mean belongs to the flow's dialect.
"""

from typing import Annotated, ClassVar

import msgspec

from luna.core.flow import Flow
from luna.core.snapshot import Snapshot
from luna.core.stage import BuildContext, RequestStage, StageOptions
from luna.model.chat import ChatRequest
from luna.model.dialect import Parsed


class ProtocolDecodeOptions(StageOptions, frozen=True, kw_only=True):
    """Options of `protocol.decode`."""

    strict: Annotated[
        bool,
        msgspec.Meta(
            description="Refuse a request with fields that luna cannot honour (400), instead of naming them in the"
            " x-luna-ignored header of the answer."
        ),
    ] = False


class ProtocolDecode(RequestStage):
    """Reads the request in the client's protocol, resolves the model's name through the aliases, and names the
    fields that luna cannot honour."""

    use = "protocol.decode"
    Options: ClassVar[type[StageOptions]] = ProtocolDecodeOptions
    gives_chat = True

    def __init__(self, options: ProtocolDecodeOptions, context: BuildContext) -> None:
        super().__init__(options, context)
        self._strict = options.strict

    def request(self, flow: Flow) -> None:
        """Raises LunaError(BAD_REQUEST)."""
        parsed = flow.parsed
        if not isinstance(parsed, Parsed):
            raise parsed
        flow.strict = self._strict
        chat = flow.dialect.decode(parsed, flow.client)
        chat.target = _target(chat, flow.snapshot)
        flow.chat, flow.asked = chat, chat.messages
        if chat.ignored:
            flow.ignore(*chat.ignored)


def _target(chat: ChatRequest, snapshot: Snapshot) -> str:
    """An alias may cover the name as the client wrote it, thinking suffix and all; else the name without it counts."""
    for alias in snapshot.aliases:
        if alias.model.matches(chat.model):
            return alias.target
    return chat.target if chat.target == chat.model else snapshot.target_of(chat.target)
