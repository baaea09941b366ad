"""A model that answers differently each time it is asked, behind the stages that have it asked again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from luna.core.engine import Engine
from luna.core.flow import Flow
from luna.core.live import LiveFlows
from luna.core.stage import RequestStage, Stage, StageOptions, TransportStage
from luna.model.chat import ChatRequest
from luna.model.dialect import AnswerHead, ClientRequest, Encoder, Parsed
from luna.model.events import Finish, Notice, Opened, Stream, StreamEvent, TextDelta
from luna.model.fold import Fold
from luna.model.grammar import Grammar
from luna.stages.format_contract import FormatContract, FormatContractOptions
from luna.stages.format_verify import FormatVerify, FormatVerifyOptions
from luna.stages.tools_contract import ToolsContract, ToolsContractOptions
from luna.stages.tools_intercept import ToolsIntercept, ToolsInterceptOptions
from luna.stages.tools_verify import ToolsVerify, ToolsVerifyOptions
from tests.support.machine import CONTEXT, Encode, MemoryLine, PlainDialect, flow_of
from tests.support.spoken import context

_spoken = lru_cache(context)

Told = str | Sequence[StreamEvent]
"""One answer: its text, or its events."""


@dataclass
class Played:
    """What became of one flow."""

    flow: Flow
    line: MemoryLine
    events: list[StreamEvent]
    """As the client's encoder was given them; checked against the grammar."""
    questions: list[str]
    """What the model was told after its answers."""
    fold: Fold = field(default_factory=Fold)

    @property
    def text(self) -> str:
        return self.fold.text

    @property
    def calls(self) -> list[tuple[str, str]]:
        return [(call.name, call.arguments) for call in self.fold.client_calls]

    @property
    def notices(self) -> list[Notice]:
        return self.fold.notices


class _Ask(RequestStage):
    use = "ask"
    gives_chat = True

    def __init__(self, chat: ChatRequest) -> None:
        super().__init__(StageOptions(), CONTEXT)
        self.chat = chat

    def request(self, flow: Flow) -> None:
        flow.chat = self.chat


class _Model(TransportStage):
    use = "model"

    def __init__(self, answers: Sequence[Told], size: int, batch: int) -> None:
        super().__init__(StageOptions(), CONTEXT)
        self.answers = iter(answers)
        self.size = size
        self.batch = batch
        self.asked: list[str] = []

    async def stream(self, flow: Flow) -> Stream:
        self.asked.append(flow.chat.messages[-1].text)
        told = next(self.answers)
        events = [Opened(f"r-{len(self.asked)}", "m", "chat-1"), *self._events(told)]
        for start in range(0, len(events), self.batch):
            yield events[start : start + self.batch]

    def _events(self, told: Told) -> Iterable[StreamEvent]:
        whole: Sequence[StreamEvent] = [TextDelta(told), Finish("stop")] if isinstance(told, str) else told
        for event in whole:
            if isinstance(event, TextDelta):
                yield from (TextDelta(event.text[at : at + self.size]) for at in range(0, len(event.text), self.size))
            else:
                yield event


class _Keeping:
    content_type = "text/event-stream"

    def __init__(self, events: list[StreamEvent]) -> None:
        self.events = events

    def feed(self, event: StreamEvent) -> bytes:
        self.events.append(event)
        return b"e"

    def close(self) -> bytes:
        return b"."


class _Dialect(PlainDialect):
    def __init__(self) -> None:
        self.events: list[StreamEvent] = []

    def decode(self, parsed: Parsed, request: ClientRequest) -> ChatRequest:
        raise AssertionError("the request is given")

    def encoder(self, head: AnswerHead) -> Encoder:
        return _Keeping(self.events)


async def play(
    chat: ChatRequest,
    *answers: Told,
    verify: ToolsVerifyOptions | None = None,
    form: FormatVerifyOptions | None = None,
    size: int = 10_000,
    batch: int = 1,
) -> Played:
    """Run one flow through the bridge's stages, down and up. Text comes in pieces of `size`, events `batch` at a
    time."""
    spoken = _spoken()
    model = _Model(answers, size, batch)
    stages: list[Stage] = [
        _Ask(chat),
        ToolsContract(ToolsContractOptions(), spoken),
        FormatContract(FormatContractOptions(), spoken),
        model,
        ToolsIntercept(ToolsInterceptOptions(), spoken),
        ToolsVerify(verify or ToolsVerifyOptions(), spoken),
        FormatVerify(form or FormatVerifyOptions(), spoken),
        Encode(),
    ]
    flow = flow_of(*stages)
    dialect = _Dialect()
    flow.dialect = dialect
    line = MemoryLine()
    await Engine(LiveFlows()).run(flow, line)
    played = Played(flow, line, dialect.events, model.asked[1:])
    grammar = Grammar()
    for event in played.events:
        grammar.feed(event)
        played.fold.feed(event)
    return played
