"""What a pipeline's options say of the turns at Qwen, for whoever speaks them. Pure data."""

from collections.abc import Awaitable, Callable

import msgspec

from luna.model.chat import ThinkingMode
from luna.stages.qwen_prompt import Render
from luna.upstream.exchange import Timeouts


class Manner(msgspec.Struct, frozen=True):
    """How the pipeline wants turns to be spoken."""

    render: Render
    """The prompt around a whole conversation."""
    thinking: ThinkingMode
    search: bool
    busy_wait: float
    """Seconds."""
    timeouts: Timeouts
    sleep: Callable[[float], Awaitable[None]]
