"""What is done for sessions behind the backs of their clients: summaries and compaction, when they are due.

Owns when that is, and that there is one at a time for a session and a few for all. Nobody waits for it but a person who
asks for a compaction; what fails is logged and leaves everything as it was.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import msgspec

from luna.model.errors import Kind, LunaError
from luna.model.preferences import LivePreferences, SessionPreferences
from luna.state.compaction import Compacted, Compaction
from luna.state.session_asked import Found
from luna.state.session_nodes import Node
from luna.state.summaries import Summaries

log = logging.getLogger("luna.state.session_upkeep")

AT_ONCE = 2
"""Sessions that are worked on at a time."""
WAITING = 1000
"""Sessions that may wait for it; beyond that the longest waiting are given up until their next turns."""
AGAIN = 4
"""A session that could not be compacted is tried again when it has grown by this part of what makes it long."""


class _Due(msgspec.Struct, frozen=True):
    """What is to be done for a session."""

    node: str
    """The answer up to which."""
    compact: bool


class Upkeep:
    """Works in the background: `run` it for as long as luna serves."""

    def __init__(self, summaries: Summaries, compaction: Compaction, preferences: LivePreferences) -> None:
        self._summaries = summaries
        self._compaction = compaction
        self._preferences = preferences
        self._due: dict[str, _Due] = {}
        self._busy: set[str] = set()
        self._news = anyio.Event()
        self.made = 0
        """Summaries and compactions that came to something."""
        self.failed = 0

    def __repr__(self) -> str:
        return f"<Upkeep {len(self._busy)} at work, {len(self._due)} due, made={self.made} failed={self.failed}>"

    @property
    def due(self) -> int:
        """Sessions that wait for it."""
        return len(self._due)

    @property
    def working(self) -> int:
        """Sessions that are worked on."""
        return len(self._busy)

    def turn_over(self, found: Found, node: Node) -> None:
        """A turn has been answered and written down. Costs a comparison, unless something is due."""
        options, session = self._preferences.current.session, node.session
        if not options.history_limit or session.deleted:
            return
        compact = options.auto_compact and _has_grown_long(found, node, options)
        if compact or (options.summary_every_n_turns and not session.turns % options.summary_every_n_turns):
            waiting = self._due.pop(session.id, None)
            self._due[session.id] = _Due(node.id, compact or (waiting is not None and waiting.compact))
            if len(self._due) > WAITING:
                del self._due[next(iter(self._due))]
            self._news.set()

    async def compact(self, session: str) -> Compacted:
        """Compact a session now, whatever the preferences say. Raises LunaError: CONFLICT when it is being worked on,
        and what `Compaction.compact` raises."""
        if session in self._busy:
            raise LunaError(
                Kind.CONFLICT, "This session is being summarised at the moment.", hint="Wait until that is done."
            )
        with self._at_work(session):
            self._due.pop(session, None)
            return await self._compaction.compact(session)

    async def run(self) -> None:
        """Work until cancelled."""
        async with anyio.create_task_group() as tasks:
            for _ in range(AT_ONCE):
                tasks.start_soon(self._work)

    async def _work(self) -> None:
        while True:
            session = next((name for name in self._due if name not in self._busy), None)
            if session is None:
                self._news = anyio.Event() if self._news.is_set() else self._news
                await self._news.wait()
                continue
            with self._at_work(session):
                await self._see_to(session, self._due.pop(session))

    async def _see_to(self, session: str, due: _Due) -> None:
        try:
            if due.compact:
                await self._compaction.compact(session, due.node)
                made = True
            else:
                made = await self._summaries.make(session, due.node)
            self.made += made
        except LunaError as error:
            self.failed += 1
            what = "compacted" if due.compact else "summarised"
            log.warning("session %s could not be %s (%s): %s", session, what, error.kind.value, error.message)

    @contextmanager
    def _at_work(self, session: str) -> Iterator[None]:
        self._busy.add(session)
        try:
            yield
        finally:
            self._busy.discard(session)
            self._news.set()


def _has_grown_long(found: Found, node: Node, options: SessionPreferences) -> bool:
    """It has just become as long as that, or longer by another part of it: so a failure is not repeated with each
    turn."""
    stored = node.session.messages - node.session.first
    beyond, new = stored - options.compact_after_messages, len(found.fresh) + 1
    step = max(1, options.compact_after_messages // AGAIN)
    return beyond >= 0 and (beyond < new or beyond // step > (beyond - new) // step)
