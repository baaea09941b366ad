"""`count-tokens`: how many tokens a request is, without asking for an answer.

Owns the answer's shape and which of the two counters is used. What is counted is `luna.protocols.counting`'s business;
the request is counted as it is when it comes here, so a stage before this one that rewrites it is counted too.
"""

from typing import Annotated, ClassVar

import anyio.to_thread
import msgspec

from luna.core.flow import Flow
from luna.core.stage import AnswerStage, BuildContext, StageOptions
from luna.model.chat import ChatRequest
from luna.model.dialect import Reply
from luna.protocols import counting, pieces, vocabulary


class CountTokensOptions(StageOptions, frozen=True, kw_only=True):
    """Options of `count-tokens`."""

    exact: Annotated[
        bool,
        msgspec.Meta(
            description="Count with Qwen's own vocabulary where it is installed (pip install luna-proxy[tokens]), which"
            " takes some 60 MB of memory. false: always estimate, to within about 10 percent."
        ),
    ] = True


class CountTokens(AnswerStage):
    """Answers `POST /v1/messages/count_tokens`: system, turns, tools with their schemas, tool results, pictures.
    The header `x-luna-tokens` says how the figure came about (`exact`, `estimated`)."""

    use = "count-tokens"
    Options: ClassVar[type[StageOptions]] = CountTokensOptions
    needs_chat = True

    def __init__(self, options: CountTokensOptions, context: BuildContext) -> None:
        super().__init__(options, context)
        self._exact = options.exact

    async def answer(self, flow: Flow) -> Reply:
        """Counts in a worker thread: a long request takes a while, and clients ask for many counts at once."""
        tokens, source = await anyio.to_thread.run_sync(self._count, flow.chat)
        headers = (("request-id", flow.id), ("x-luna-tokens", source))
        return Reply(200, msgspec.json.encode({"input_tokens": tokens}), headers=headers)

    def _count(self, chat: ChatRequest) -> tuple[int, str]:
        words = vocabulary.installed() if self._exact else None
        if words is None:
            return counting.count(chat, pieces.estimate), "estimated"
        return counting.count(chat, words.count), "exact"
