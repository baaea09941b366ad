"""Rolling summaries: what has been said in a session up to one of its answers, told in short by a model.

Owns what goes into such a summary and what is kept of it. When one is made is `luna.state.session_upkeep`'s, how the
model is asked `luna.state.asides`', where a summary stands for what it tells `luna.stages.session_recall`'s.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol

import anyio.to_thread

from luna.conversation.summary import Room, record, within
from luna.model.ambient import Clock
from luna.model.preferences import LivePreferences
from luna.state.asides import Asides
from luna.state.session_memory import SessionMemory

PURPOSE = "summary"
"""Of the chat, in the ledger."""
OVERHEAD = 250
"""Tokens of the words around the messages."""
LEAST = 1000
"""Tokens that the messages always have, whatever is set."""

Weigh = Callable[[str], int]


class Say(Protocol):
    """Fills in the prompt of that name. Raises LunaError."""

    def __call__(self, prompt: str, /, **variables: str) -> str: ...


class Summaries:
    """Makes them."""

    def __init__(
        self,
        memory: SessionMemory,
        asides: Asides,
        preferences: LivePreferences,
        clock: Clock,
        *,
        say: Say,
        weigh: Weigh,
    ) -> None:
        self._memory = memory
        self._asides = asides
        self._preferences = preferences
        self._clock = clock
        self._say = say
        self._weigh = weigh

    def __repr__(self) -> str:
        return f"<Summaries by {self._asides!r}>"

    async def make(self, session: str, node: str) -> bool:
        """Summarise what was said up to that answer, with the account and the model that gave it. False when nothing of
        it is stored any more. Raises LunaError; then nothing is changed."""
        line = await self._memory.line(session, node)
        if line is None or not line.fresh:
            return False
        options = self._preferences.current.session
        room = Room(
            max(LEAST, options.summary_input_max_tokens - OVERHEAD),
            options.summary_message_max_chars,
            options.summary_include_system_messages,
        )
        before = line.before.text if line.before is not None else ""
        turns = await anyio.to_thread.run_sync(partial(record, line.fresh, before, room, self._weigh))
        if not turns:
            return False
        answer = await self._asides.ask(
            self._say("session/summarise", turns=turns, tokens=str(options.summary_max_tokens)),
            account=line.account,
            model=line.model or options.compact_model,
            purpose=PURPOSE,
            session=session,
        )
        text = within(answer, options.summary_max_tokens, self._weigh)
        return await self._memory.keep(line, text, self._clock.wall())
