"""Compaction: what is stored of a session goes up as a file, a model summarises it, and only the last messages stay.

Owns the order: first the summary, then the local copy of the file, and only then is anything let go of. What is said
meanwhile stays, because only what the summary was made of is cut away. Where anything fails, nothing is changed.
"""

import re
from datetime import UTC, datetime
from functools import partial

import anyio.to_thread
import msgspec

from luna.conversation.overflow import document
from luna.conversation.summary import SUMMARY, UNIT, cut_at, in_words, within
from luna.model.ambient import Clock, Ids
from luna.model.chat import Message, Text
from luna.model.errors import Kind, LunaError
from luna.model.preferences import LivePreferences
from luna.qwen.files import Content
from luna.state.asides import Asides
from luna.state.overflow_files import OverflowFiles
from luna.state.session_memory import Line, SessionMemory
from luna.state.sessions import Sessions
from luna.state.summaries import Say, Weigh

PURPOSE = "compact"
"""Of the chat, in the ledger."""
WORDS = 500
"""How long a summary may be."""
LONGEST = 2500
"""Tokens beyond which it is cut all the same: in no language do so many words need more."""

_ODD = re.compile(r"[^A-Za-z0-9]+")


class Compacted(msgspec.Struct, frozen=True):
    """What came of it."""

    summary: str
    kept: int
    """Messages that are still stored word for word."""
    dropped: int
    file: str
    """The name of the local copy of what was summarised."""


class Compaction:
    """Compacts. `files` keeps the local copies."""

    def __init__(
        self,
        sessions: Sessions,
        memory: SessionMemory,
        asides: Asides,
        files: OverflowFiles,
        preferences: LivePreferences,
        clock: Clock,
        *,
        say: Say,
        weigh: Weigh,
        ids: Ids | None = None,
    ) -> None:
        self._sessions = sessions
        self._memory = memory
        self._asides = asides
        self._files = files
        self._preferences = preferences
        self._clock = clock
        self._say = say
        self._weigh = weigh
        self._ids = ids or Ids()

    def __repr__(self) -> str:
        return f"<Compaction by {self._asides!r}>"

    async def compact(self, session: str, node: str = "") -> Compacted:
        """Compact a session: its conversation up to that answer, by default the latest. Raises LunaError: NOT_FOUND,
        CONFLICT when nothing is stored of it or it was cleared meanwhile, and whatever the model could not do."""
        line = await self._memory.line(session, node)
        if line is None:
            raise unknown_session(session)
        if not line.said:
            raise LunaError(
                Kind.CONFLICT,
                "Nothing of this session is stored, so there is nothing to compact.",
                hint="settings.session.historyLimit says how much is stored.",
            )
        options = self._preferences.current.session
        name = self._name(session)
        text, tokens = await anyio.to_thread.run_sync(partial(self._written, line))
        answer = await self._asides.ask(
            self._say("session/compact", file=name, words=str(WORDS)),
            account=line.account,
            model=options.compact_model,
            purpose=PURPOSE,
            session=session,
            file=Content(name, "document", "text/plain", text.encode("utf-8", "replace")),
        )
        summary = within(answer, LONGEST, self._weigh)
        await self._files.keep(name, text, session=session, tokens=tokens)
        said = [stored.message for stored in line.said]
        begin = (
            cut_at(said, max(0, len(said) - options.compact_keep_recent)) if options.compact_keep_recent else len(said)
        )
        first = line.said[begin].position if begin < len(said) else line.said[-1].position + 1
        if not await self._memory.keep(line, summary, self._clock.wall(), first=first):
            raise LunaError(Kind.CONFLICT, "The session was cleared or deleted while it was being compacted.")
        self._sessions.trimmed(session, first)
        return Compacted(summary, len(line.said) - begin, begin, name)

    def _written(self, line: Line) -> tuple[str, int]:
        """The file, and about how many tokens it is."""
        turns = [in_words(stored.message) for stored in line.said]
        if line.before is not None:
            turns.insert(0, Message("system", [Text(line.before.text)], SUMMARY))
        text = document(turns, self._say("session/header", turns=str(len(turns))))
        return text, self._weigh(text) // UNIT

    def _name(self, session: str) -> str:
        now = datetime.fromtimestamp(self._clock.wall(), UTC)
        return f"session-{_ODD.sub('-', session)[:40]}-{now:%Y%m%dT%H%M%S}-{self._ids.uuid()[:8]}.txt"


def unknown_session(session: str) -> LunaError:
    """There is no such session."""
    return LunaError(Kind.NOT_FOUND, f"There is no session {session[:64]!r}.", hint="GET /api/sessions lists them.")
