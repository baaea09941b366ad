"""Whole conversations in memory: clients' bodies go down the pipeline of `chat`, to an upstream that keeps trees.

The upstream knows its chats, whose they are, and which answers are in them; a parent that it does not know, or a chat
of another account, it refuses as Qwen does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from luna.core.engine import Engine
from luna.core.flow import Flow
from luna.core.live import LiveFlows
from luna.core.notes import CLIENT
from luna.core.routing import Matcher
from luna.core.snapshot import BoundStage, Pipeline, Route, Snapshot
from luna.core.stage import RequestStage, Stage, StageOptions
from luna.model import values
from luna.model.ambient import Ids
from luna.model.dialect import ClientRequest
from luna.protocols.registry import dialect_for
from luna.stages.format_contract import FormatContract
from luna.stages.format_verify import FormatVerify
from luna.stages.limit import Limit
from luna.stages.protocol_decode import ProtocolDecode
from luna.stages.protocol_encode import ProtocolEncode
from luna.stages.qwen import Qwen, QwenOptions
from luna.stages.require_answer import RequireAnswer
from luna.stages.responses_recall import ResponsesRecall
from luna.stages.responses_remember import ResponsesRemember
from luna.stages.session_bind import SessionBind
from luna.stages.session_remember import SessionRemember
from luna.stages.tools_contract import ToolsContract
from luna.stages.tools_intercept import ToolsIntercept
from luna.stages.tools_verify import ToolsVerify
from luna.state.place import Place
from luna.state.responses import Responses
from luna.state.runs import Runs
from luna.state.sessions import Sessions
from luna.state.store import Store
from luna.upstream.exchange import OutRequest
from tests.support.machine import MemoryLine
from tests.support.qwen_desk import COMPLETIONS, NEW, QwenDesk
from tests.support.scripted import Says, answer, body_of, header, refusal, success
from tests.support.spoken import context

Body = dict[str, Any]
Say = Callable[["Sent"], str | Says]
"""What the upstream answers: words, or a whole reply."""

BUSY = refusal("Bad_Request", "The chat is in progress!", 400)
GONE = refusal("CHAT_NOT_FOUND", "This chat has been deleted.", 404)
LOST = refusal("PARENT_NOT_FOUND", "Invalid input chat parent_id is not exist.", 400)
LIMITED = refusal("RateLimited", "You've reached the upper limit for today's usage.", 429, num=2)


@dataclass
class Sent:
    """One completion, as the upstream saw it."""

    number: int
    account: str
    chat: str
    parent: str | None
    text: str
    model: str
    files: Sequence[Body]
    response: str = ""
    """The answer's id, where there was one."""


@dataclass
class Upstream:
    """Keeps trees of answers, by chat."""

    say: Say
    chats: dict[str, set[str]] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    made: list[Body] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    """Authorization → account."""

    def make(self, request: OutRequest) -> Says:
        chat = f"chat-{len(self.made) + 1}"
        self.made.append(body_of(request))
        self.chats[chat], self.owners[chat] = set(), self._account(request)
        return success({"id": chat})

    def complete(self, request: OutRequest) -> Says:
        body = body_of(request)
        (message,) = body["messages"]
        (chat,) = parse_qs(urlsplit(request.url).query)["chat_id"]
        number, account = len(self.sent) + 1, self._account(request)
        sent = Sent(number, account, chat, body["parent_id"], message["content"], body["model"], message["files"])
        self.sent.append(sent)
        if self.owners.get(chat) != account:
            return GONE
        if sent.parent is not None and sent.parent not in self.chats[chat]:
            return LOST
        said = self.say(sent)
        if not isinstance(said, str):
            return said
        sent.response = f"resp-{number}"
        self.chats[chat].add(sent.response)
        return answer(said, sent.response, chat)

    def read(self, chat: str) -> Says:
        """`GET /api/v2/chats/{id}`."""
        listed = [{"id": response, "role": "assistant"} for response in sorted(self.chats[chat])]
        return success({"chat": {"messages": listed}})

    def _account(self, request: OutRequest) -> str:
        return self.names.setdefault(header(request, "authorization"), f"account-{len(self.names) + 1}")


class _Shown(RequestStage):
    """Stands where `auth` does."""

    use = "auth"

    def request(self, flow: Flow) -> None:
        flow.notes[CLIENT] = flow.client.header("x-key")


@dataclass
class Answered:
    """What a client got."""

    status: int
    headers: dict[str, str]
    document: Body
    flow: Flow

    @property
    def message(self) -> Body:
        """The answer's message, in OpenAI's chat completions."""
        said: Body = self.document["choices"][0]["message"]
        return said

    @property
    def session(self) -> str:
        return self.headers.get("x-luna-session-id", "")

    @property
    def chat(self) -> str:
        return self.headers.get("x-luna-provider-session-id", "")

    @property
    def reason(self) -> str:
        return self.headers.get("x-luna-session-reason", "")


class Conversing(QwenDesk):
    """A process with sessions, and its upstream."""

    def __init__(
        self,
        directory: Path,
        store: Store,
        *,
        upstream: Upstream | None = None,
        recorded: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(directory, recorded=recorded, **options)
        self.store = store
        self.upstream = upstream or Upstream(lambda sent: f"answer {sent.number}")
        self.sessions = Sessions(store, self.preferences)
        self.runs = Runs(store, self.clock)
        self.services.provide(Sessions, self.sessions)
        self.services.provide(Runs, self.runs)
        self.services.provide(Responses, Responses())
        self.backend.on("POST", NEW, self.upstream.make).on("POST", COMPLETIONS, self.upstream.complete)
        self.live = LiveFlows()
        self._flows = 0
        spoken = context()
        self.stage = Qwen(QwenOptions(**options), spoken)
        self.stage.sleep = self._sleep
        kinds: list[type[Stage]] = [
            ProtocolDecode,
            ResponsesRecall,
            SessionBind,
            ToolsContract,
            FormatContract,
            ToolsIntercept,
            ToolsVerify,
            FormatVerify,
            RequireAnswer,
            Limit,
            SessionRemember,
            ResponsesRemember,
            ProtocolEncode,
        ]
        stages = [kind(_options(kind, {}), spoken) for kind in kinds]
        stages[5:5] = [self.schedule, self.stage]
        stages.insert(0, _Shown(StageOptions(), spoken))
        bound = tuple(BoundStage(stage.use, stage, {}) for stage in stages)
        self.route = Route("chat", Matcher(), Pipeline("chat", "", bound))

    def begin(self, body: Body, path: str = "/v1/chat/completions", **headers: str) -> Flow:
        """A flow for this request; headers are written with underscores."""
        named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        client = ClientRequest("POST", path, "", named, msgspec.json.encode({"model": "qwen3.6-plus", **body}))
        dialect = dialect_for("POST", path)
        self._flows += 1
        return Flow(
            client=client,
            dialect=dialect,
            parsed=dialect.parse(client),
            snapshot=Snapshot(1, "0" * 64, 0.0, (self.route,), {"chat": self.route.pipeline}, (), context().prompts),
            route=self.route,
            services=self.services,
            clock=self.clock,
            ids=Ids(f"{id(self)}{self._flows}".encode()),
        )

    async def run(self, flow: Flow, line: MemoryLine | None = None) -> Answered:
        """Run it to its end."""
        line = line or MemoryLine()
        run = self.runs.begin(flow.id, born=flow.born)
        await Engine(self.live).run(flow, line)
        self.runs.end(run, outcome=flow.outcome.value if flow.outcome else "cancelled", error=flow.error)
        document = msgspec.json.decode(line.body) if line.headers["content-type"] == "application/json" else {}
        return Answered(line.status, line.headers, document, flow)

    async def ask(self, body: Body, path: str = "/v1/chat/completions", **headers: str) -> Answered:
        """Send a request, get its answer."""
        return await self.run(self.begin(body, path, **headers))

    async def chat(self, *said: str, system: str = "", **more: Any) -> Answered:
        """A chat completion of these turns, the user's first; `headers` and other fields of the body may follow."""
        headers = more.pop("headers", {})
        turns = [{"role": "assistant" if n % 2 else "user", "content": text} for n, text in enumerate(said)]
        told = [{"role": "system", "content": system}] if system else []
        return await self.ask({"messages": [*told, *turns], **more}, **headers)

    @property
    def heard(self) -> list[Sent]:
        """What the upstream was told."""
        return self.upstream.sent

    def places(self) -> list[Place]:
        """Where the conversations stand, the latest last."""
        return [node.place for node in self.sessions.hot if node.place.chat]


def _options(kind: type[Stage], given: Body) -> StageOptions:
    return msgspec.convert(given, kind.Options, dec_hook=values.decode)
