"""The qwen transport with everything it needs, over a scripted upstream."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio

from luna.core.flow import Flow, Outcome
from luna.core.prompts import Prompt, Prompts
from luna.core.services import Services
from luna.core.stage import BuildContext
from luna.model.ambient import Ids, ManualClock
from luna.model.chat import Binding, ChatRequest, Message, Text
from luna.model.errors import LunaError
from luna.model.events import Batch, Stream, StreamEvent, TextDelta
from luna.model.grammar import Grammar
from luna.model.preferences import LivePreferences
from luna.qwen.catalogue import Catalogue
from luna.qwen.endpoints import Site
from luna.stages.qwen import Qwen, QwenOptions
from luna.stages.schedule import Schedule, ScheduleOptions
from luna.state.accounts import Accounts
from luna.state.choice import Wish
from luna.state.credentials import CredentialStore
from luna.state.scheduler import Scheduler
from luna.state.tickets import Need
from luna.state.turns import Turns
from luna.upstream.recording import RecordingBackend
from tests.support.machine import Encode, carry_out, flow_of
from tests.support.scripted import ScriptedBackend, body_of, success
from tests.support.tokens import access_token

COMPLETIONS = "/api/v2/chat/completions"
STOP = f"{COMPLETIONS}/stop"
NEW = "/api/v2/chats/new"
REFRESH = "/api/v2/auths/refresh"
PROMPTS = Prompts(
    {
        "conversation": Prompt(
            "conversation", "{{ system }}\n{{ turns }}\n=> {{ current }}", ("system", "turns", "current")
        )
    }
)


def user(text: str) -> Message:
    return Message("user", [Text(text)])


def assistant(text: str) -> Message:
    return Message("assistant", [Text(text)])


class QwenDesk:
    """One process's worth of services, the account `env`, and a stage. `recorded`: recordings see the upstream."""

    def __init__(self, directory: Path, *, account: bool = True, recorded: bool = False, **options: Any) -> None:
        self.clock = ManualClock()
        self.backend = ScriptedBackend()
        self.accounts = Accounts(
            store=CredentialStore(directory / "credentials.json"),
            backend=RecordingBackend(self.backend) if recorded else self.backend,
            clock=self.clock,
            site=Site(),
            ids=Ids(b"accounts"),
            env_token=access_token(self.clock.wall()) if account else "",
            env_cookies="token=s; refresh_token=r" if account else "",
        )
        self.catalogue, self.turns = Catalogue(self.clock), Turns()
        self.preferences = LivePreferences()
        self.services = Services()
        self.services.provide(Accounts, self.accounts)
        self.scheduler = Scheduler(self.accounts, self.preferences, clock=self.clock)
        self.services.provide(Scheduler, self.scheduler)
        self.services.provide(LivePreferences, self.preferences)
        self.services.provide(Catalogue, self.catalogue)
        self.services.provide(Turns, self.turns)
        self.stage = Qwen(QwenOptions(**options), BuildContext(PROMPTS, "test"))
        self.schedule = Schedule(ScheduleOptions(), BuildContext(PROMPTS, "test"))
        self.slept: list[float] = []
        self.others = 0
        """Generations of flows that the test itself plays."""
        self.stage.sleep = self._sleep
        self.backend.on("POST", NEW, success({"id": "chat-1"}))
        self.backend.on("POST", STOP, success({"status": True}))
        self.backend.on("GET", REFRESH, success({"access_token": access_token(self.clock.wall(), mark="new")}))

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def flow(self, *messages: Message, **fields: Any) -> Flow:
        """A flow that asks for this."""
        binding = fields.pop("binding", Binding())
        flow = flow_of(self.schedule, self.stage, Encode(), services=self.services)
        flow.chat = ChatRequest(
            model=fields.pop("model", "qwen3.6-plus"),
            messages=list(messages) or [user("Hi")],
            binding=binding,
            **fields,
        )
        return flow

    def need(self, account: str = "") -> Need:
        """What somebody else's request needs."""
        return Need.of(Wish(account=account))

    @asynccontextmanager
    async def soon(self, step: Callable[[], None]) -> AsyncIterator[None]:
        """Do this while the block waits."""
        async with anyio.create_task_group() as tasks:

            async def later() -> None:
                await anyio.sleep(0.01)
                step()

            tasks.start_soon(later)
            with anyio.fail_after(5):
                yield

    async def batches(self, flow: Flow, *, leave_after: int = 0) -> list[Batch]:
        """Run it as the engine does, checking the grammar; `leave_after` batches the client leaves."""
        inner: list[Any] = []

        def proceed(flow: Flow) -> Any:
            inner.append(self.stage.stream(flow))
            return inner[-1]

        outer, found, grammar = self.schedule.around(flow, proceed), [], Grammar()
        try:
            async for batch in outer:
                found.append(batch)
                for event in batch:
                    grammar.feed(event)
                if len(found) == leave_after:
                    break
        finally:
            for generator in [*inner, outer]:
                await generator.aclose()
            await carry_out(flow.take_defers())
        assert grammar.done or leave_after
        self.clean()
        return found

    async def leave(self, flow: Flow, stream: Stream) -> None:
        """The client has left."""
        flow.outcome = Outcome.CLIENT_GONE
        await stream.aclose()
        await carry_out(flow.take_defers())

    async def events(self, flow: Flow) -> list[StreamEvent]:
        """Everything that came out."""
        return [event for batch in await self.batches(flow) for event in batch]

    async def failure(self, flow: Flow) -> LunaError:
        """What it failed with."""
        try:
            events = await self.events(flow)
        except LunaError as error:
            self.clean()
            return error
        raise AssertionError(f"it did not fail but gave {events}")

    def clean(self) -> None:
        """Nothing is left behind."""
        assert self.accounts.leases == 0
        assert (self.scheduler.running, self.scheduler.waiting) == (0, 0)
        assert self.backend.open_responses == 0
        assert f" {self.others} generating" in repr(self.turns)

    def sent(self, position: int = -1) -> Any:
        """The body of a completion."""
        return body_of(self.backend.to(COMPLETIONS)[position])

    def text(self, position: int = -1) -> str:
        """The one message of a completion."""
        said: str = self.sent(position)["messages"][0]["content"]
        return said

    def calls(self) -> list[str]:
        """What was asked, shortly: `new`, `completions`, `stop`, `refresh` or the path."""
        names = {NEW: "new", COMPLETIONS: "completions", STOP: "stop", REFRESH: "refresh"}
        paths = [call.partition(" ")[2] for call in self.backend.calls()]
        return [names.get(path, path) for path in paths]


def texts(events: Sequence[StreamEvent]) -> str:
    """The answer's words."""
    return "".join(event.text for event in events if isinstance(event, TextDelta))
