"""Plays one stage by itself: a flow with everything a stage may ask of it, and nothing that needs a server.

    play = Play(Limit, {"max-tokens": 5})
    play.up(TextDelta("hello"), Finish("stop"))      # a response stage: events in, events out
    await play.down(chat)                            # a request stage: the request as it leaves it
    play.encode(TextDelta("hello"), Finish("stop"))  # an encode stage: the client's bytes

Options are written as in a pipeline file. What comes out is checked against the grammar.
"""

import inspect
from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar

import msgspec

from luna.core.flow import Flow
from luna.core.prompts import Prompt, Prompts
from luna.core.routing import Alias, Matcher
from luna.core.services import Services
from luna.core.snapshot import BoundStage, Pipeline, Route, Snapshot
from luna.core.stage import BuildContext, EncodeStage, RequestStage, ResponseStage, Stage
from luna.model import values
from luna.model.ambient import Ids, ManualClock
from luna.model.chat import ChatRequest, Message, Text
from luna.model.dialect import ClientRequest, Dialect, Facts, Parsed
from luna.model.errors import LunaError
from luna.model.events import Finish, Opened, StreamEvent
from luna.model.grammar import Grammar
from luna.protocols.registry import OPENAI_CHAT
from tests.support.events import OPENED

S = TypeVar("S", bound=Stage)


def a_chat(*said: str, model: str = "qwen3-max", stream: bool = True) -> ChatRequest:
    """A request whose user has said this."""
    turns = [Message("user", [Text(text)]) for text in said or ("Hello",)]
    return ChatRequest(model=model, target=model, messages=turns, stream=stream)


def a_client(body: object = None, *, path: str = "/v1/chat/completions", **headers: str) -> ClientRequest:
    """A request off the wire; `x_luna_source="cli"` becomes the header `x-luna-source: cli`."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    data = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
    return ClientRequest("POST" if data else "GET", path, "", named, data)


class Play(Generic[S]):
    """One stage on one flow."""

    def __init__(
        self,
        kind: type[S],
        options: Mapping[str, object] | None = None,
        *,
        chat: ChatRequest | None = None,
        client: ClientRequest | None = None,
        dialect: Dialect = OPENAI_CHAT,
        aliases: tuple[Alias, ...] = (),
        prompts: Iterable[Prompt] = (),
        services: Services | None = None,
    ) -> None:
        texts = Prompts({prompt.name: prompt for prompt in prompts})
        built = msgspec.convert(dict(options or {}), kind.Options, dec_hook=values.decode)
        self.stage: S = kind(built, BuildContext(texts, "play"))
        self.clock = ManualClock()
        pipeline = Pipeline("play", "", (BoundStage(kind.use, self.stage, options or {}),))
        route = Route("play", Matcher(), pipeline)
        snapshot = Snapshot(1, "0" * 64, self.clock.wall(), (route,), {"play": pipeline}, aliases, texts)
        self.flow = Flow(
            client=client or a_client(),
            dialect=dialect,
            parsed=_parsed(dialect, client),
            snapshot=snapshot,
            route=route,
            services=Services() if services is None else services,
            clock=self.clock,
            ids=Ids(b"play"),
        )
        self.flow.stage = kind.use
        if not kind.gives_chat:
            self.flow.chat = chat or a_chat()

    def __repr__(self) -> str:
        return f"<Play {self.stage!r}>"

    async def down(self, chat: ChatRequest | None = None) -> ChatRequest:
        """Send a request through a request stage."""
        assert isinstance(self.stage, RequestStage)
        if chat is not None:
            self.flow.chat = chat
        waiting = self.stage.request(self.flow)
        if inspect.isawaitable(waiting):
            await waiting
        return self.flow.chat

    def up(self, *events: StreamEvent) -> list[StreamEvent]:
        """Send events through a response stage, from the start of an answer; `Opened` may be left out on both sides.
        Ends with the first `Finish` that comes out, as the machine does."""
        return self._up(events, broken=False)

    def up_broken(self, *events: StreamEvent) -> list[StreamEvent]:
        """The same for a stream that breaks after these events: with what the stage had held back."""
        return self._up(events, broken=True)

    def _up(self, events: tuple[StreamEvent, ...], *, broken: bool) -> list[StreamEvent]:
        assert isinstance(self.stage, ResponseStage)
        implied = not (events and isinstance(events[0], Opened))
        transducer = self.stage.transducer(self.flow)
        went_in, came_out = Grammar(), Grammar()
        passed: list[StreamEvent] = []
        for event in (OPENED, *events) if implied else events:
            went_in.feed(event)
            passed += [event] if transducer is None else transducer.feed(event)
        if broken and transducer is not None:
            passed += transducer.flush()
        ends = [position for position, event in enumerate(passed) if isinstance(event, Finish)]
        passed = passed[: ends[0] + 1] if ends else passed
        for event in passed:
            came_out.feed(event)
        return passed[1:] if implied else passed

    def encode(self, *events: StreamEvent) -> bytes:
        """Send a whole answer through an encode stage; `Opened` may be left out."""
        assert isinstance(self.stage, EncodeStage)
        encoder = self.stage.encoder(self.flow)
        implied = not (events and isinstance(events[0], Opened))
        return b"".join(encoder.feed(e) for e in ((OPENED, *events) if implied else events)) + encoder.close()


def _parsed(dialect: Dialect, client: ClientRequest | None) -> Parsed | LunaError:
    if client is None:
        return Parsed(None, Facts())
    try:
        return dialect.parse(client)
    except LunaError as error:
        return error
