"""What luna keeps of sessions, over a store: with a model that answers from a script, or with a whole upstream."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel

from luna.model.ambient import Ids, ManualClock
from luna.model.chat import Message, Text
from luna.model.errors import LunaError
from luna.model.preferences import LivePreferences, Preferences, SessionPreferences
from luna.protocols.tokens import weight
from luna.qwen.client import QwenClient
from luna.qwen.file_entries import Uploaded
from luna.qwen.files import Content
from luna.state.asides import Asides
from luna.state.chat_desk import ChatDesk
from luna.state.chat_lanes import Lanes
from luna.state.chats import ChatLedger
from luna.state.cleanup import Cleanup
from luna.state.compaction import Compaction
from luna.state.overflow_files import OverflowFiles
from luna.state.session_archive import SessionArchive
from luna.state.session_memory import SessionMemory
from luna.state.session_nodes import Node
from luna.state.session_upkeep import Upkeep
from luna.state.sessions import Sessions
from luna.state.store import Store
from luna.state.summaries import Summaries
from luna.state.uploads import Uploads
from luna.upstream.exchange import OutRequest
from tests.support.conversing import Conversing, Upstream
from tests.support.qwen_desk import NEW
from tests.support.scripted import Says, success
from tests.support.sessions import asked
from tests.support.sessions import place as place_at
from tests.support.spoken import shipped


def say(prompt: str, /, **variables: str) -> str:
    """The shipped prompts."""
    found = _PROMPTS.find(prompt)
    assert found is not None
    assert set(found.used()) == set(variables)
    return found.render(**variables)


_PROMPTS = shipped()


@dataclass
class Question:
    """What was asked of the model."""

    prompt: str
    account: str
    model: str
    purpose: str
    session: str
    file: Content | None

    @property
    def text(self) -> str:
        """What stands in the file."""
        return self.file.data.decode() if self.file is not None else ""


class Oracle(Asides):
    """Answers from a script; the last answer stays. `meanwhile` runs before an answer is given."""

    def __init__(self) -> None:
        self.answers: list[str | LunaError] = ["a summary"]
        self.questions: list[Question] = []
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    def __repr__(self) -> str:
        return f"<Oracle asked {len(self.questions)} times>"

    async def ask(
        self, prompt: str, *, account: str, model: str, purpose: str, session: str = "", file: Content | None = None
    ) -> str:
        await anyio.lowlevel.checkpoint()
        self.questions.append(Question(prompt, account, model, purpose, session, file))
        if self.meanwhile is not None:
            await self.meanwhile()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, LunaError):
            raise answer
        return answer


class Memory:
    """Sessions of one process, with all that is kept of them."""

    def __init__(
        self,
        store: Store,
        directory: Path,
        *,
        asides: Asides | None = None,
        sessions: Sessions | None = None,
        clock: ManualClock | None = None,
        **options: Any,
    ) -> None:
        self.store = store
        self.clock = clock or ManualClock()
        self.oracle = Oracle()
        self.sessions = sessions or Sessions(store, LivePreferences())
        self.preferences = self.sessions.preferences
        self.memory = SessionMemory(store)
        self.files = OverflowFiles(directory / "compact", store, self.clock, self.preferences)
        asker = asides or self.oracle
        self.summaries = Summaries(self.memory, asker, self.preferences, self.clock, say=say, weigh=weight)
        self.compaction = Compaction(
            self.sessions,
            self.memory,
            asker,
            self.files,
            self.preferences,
            self.clock,
            say=say,
            weigh=weight,
            ids=Ids(b"compaction"),
        )
        self.upkeep = Upkeep(self.summaries, self.compaction, self.preferences)
        self.archive = SessionArchive(store, self.sessions)
        self._turns = 0
        self.prefer(**options)

    def prefer(self, **options: Any) -> None:
        """Change the preferences of sessions."""
        self.preferences.replace(Preferences(session=SessionPreferences(**options)))

    async def turn(
        self, *said: str | Message, answer: str | Message = "", whole: bool = True, **named: Any
    ) -> Node | None:
        """One turn as `session.remember` ends it: a request with that history, the user's words first."""
        self._turns += 1
        found = await self.sessions.find(asked(*said, **named))
        run = f"flow_{self._turns:06}"
        at = place_at(found.place.chat if found.place else f"chat-{run}", f"r-{run}")
        words = answer or f"a{self._turns}"
        told = Message("assistant", [Text(words)]) if isinstance(words, str) else words
        node = self.sessions.remember(found, told, at, run=run, at=1000.0 + self._turns, whole=whole)
        found.release()
        await self.sessions.commit()
        if node is not None:
            self.upkeep.turn_over(found, node)
        return node

    async def talk(self, turns: int, session: str = "", begin: int = 1) -> tuple[list[str], Node]:
        """A conversation of so many turns; returns what was said, and its last answer."""
        said, node = list[str](), None
        named: dict[str, Any] = {"session": session} if session else {}
        for number in range(begin, begin + turns):
            node = await self.turn(*said, f"q{number}", answer=f"a{number}", **named)
            said += (f"q{number}", f"a{number}")
        assert node is not None
        return said, node

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """The upkeep works in the background; at the end it has done all that was due."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.upkeep.run)
            yield
            await idle(self.upkeep)
            tasks.cancel_scope.cancel()


async def idle(upkeep: Upkeep) -> None:
    """Nothing is due any more, and nothing at work."""
    with anyio.fail_after(5):
        while upkeep.due or upkeep.working:
            await anyio.sleep(0.002)


class Shelf(Uploads):
    """Takes files without a site. `failure`: what happens to the next one."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.taken: list[tuple[str, Content]] = []
        self.failure: LunaError | None = None

    async def upload(self, client: QwenClient, account: str, content: Content) -> Uploaded:
        await anyio.lowlevel.checkpoint()
        if self.failure is not None:
            raise self.failure
        self.taken.append((account, content))
        number = len(self.taken)
        return Uploaded(
            f"file-{number}", f"https://files/{number}", content.name, "document", "text/plain", content.size
        )


class Remembering(Conversing):
    """A process that summarises, and its upstream, in which chats can be deleted."""

    def __init__(
        self,
        directory: Path,
        store: Store,
        *,
        upstream: Upstream | None = None,
        recorded: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(directory, store, upstream=upstream, recorded=recorded)
        self.ledger = ChatLedger(store, self.clock, Ids(b"ledger"))
        lanes = Lanes(self.accounts, self.clock)
        self.cleanup = Cleanup(
            self.ledger,
            lanes,
            self.preferences,
            self.clock,
            generating=lambda chat: self.turns.generators(chat) > 0,
            on_deleted=self.sessions.forget_chat,
        )
        self.chats = ChatDesk(self.ledger, self.cleanup, lanes, self.clock)
        self.shelf = Shelf(self.clock)
        self.asides = Asides(
            self.scheduler, self.catalogue, self.ledger, self.shelf, self.clock, Ids(b"asides"), patience=5.0
        )
        self.kept = Memory(store, directory, asides=self.asides, sessions=self.sessions, clock=self.clock, **options)
        self.services.provide(ChatLedger, self.ledger)
        self.services.provide(SessionMemory, self.kept.memory)
        self.services.provide(Upkeep, self.kept.upkeep)
        self.deleted: list[str] = []
        self.backend.on("POST", NEW, self._make)

    def _make(self, request: OutRequest) -> Says:
        says = self.upstream.make(request)
        chat = f"chat-{len(self.upstream.made)}"
        self.backend.on("DELETE", f"/api/v2/chats/{chat}", lambda _: self._delete(chat))
        return says

    def _delete(self, chat: str) -> Says:
        self.deleted.append(chat)
        del self.upstream.owners[chat]
        return success({"status": True})

    async def converse(self, turns: int, said: list[str] | None = None, **more: Any) -> list[str]:
        """A conversation of so many turns more; returns what was said."""
        said = list(said or [])
        for _ in range(turns):
            said.append(f"question {len(said) // 2 + 1}")
            answered = await self.chat(*said, **more)
            assert answered.status == 200, answered.document
            said.append(str(answered.message["content"]))
        return said

    async def upkeep(self) -> None:
        """All that is due is done."""
        async with self.kept.working():
            pass
