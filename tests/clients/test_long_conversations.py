"""A long conversation with a whole luna: summarised in the background, gone on with in another chat, compacted."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from luna.model.preferences import LivePreferences, Preferences, SessionPreferences
from luna.state.chat_rows import State
from luna.state.chats import ChatLedger
from luna.state.session_archive import SessionArchive
from luna.state.session_records import SessionRecord
from luna.state.session_upkeep import Upkeep
from tests.support.house import Running, running_luna
from tests.support.remembering import idle
from tests.support.stores import Database

OPTIONS = SessionPreferences(summary_every_n_turns=3, rolling_history_k=2, compact_keep_recent=2)


@dataclass
class Talk:
    """A client in the middle of a conversation."""

    luna: Running
    messages: list[dict[str, Any]] = field(default_factory=lambda: [{"role": "system", "content": "Be brief."}])
    headers: dict[str, str] = field(default_factory=dict)

    async def say(self, text: str) -> None:
        """One turn."""
        self.messages.append({"role": "user", "content": text})
        body = msgspec.json.encode({"model": "qwen3.7-plus", "messages": self.messages})
        response = await self.luna.request("POST", "/v1/chat/completions", body)
        assert response.status == 200, response.content
        self.messages.append(msgspec.json.decode(response.content)["choices"][0]["message"])
        self.headers = {name.decode(): value.decode() for name, value in response.headers}

    @property
    def upkeep(self) -> Upkeep:
        return self.luna.house.services[Upkeep]

    async def record(self) -> SessionRecord:
        """The session, as it is listed."""
        house = self.luna.house
        return await SessionArchive(house.state.store, house.state.sessions).get(self.session)

    @property
    def chat(self) -> str:
        return self.headers["x-luna-provider-session-id"]

    @property
    def session(self) -> str:
        return self.headers["x-luna-session-id"]

    def asked(self) -> list[str]:
        """What stands in the site's chats from the user's side, chat by chat."""
        return ["\n".join(n.content for n in chat.nodes.values() if n.role == "user") for chat in self.chats()]

    def chats(self) -> list[Any]:
        return [*self.luna.lookalike.state.chats]


@asynccontextmanager
async def talking(data_dir: Path, database: Database) -> AsyncIterator[Talk]:
    async with running_luna(data_dir, environ=database.environ) as luna:
        luna.house.services[LivePreferences].replace(Preferences(session=OPTIONS))
        yield Talk(luna)


async def test_a_conversation_outlives_its_chat(tmp_path: Path, database: Database) -> None:
    async with talking(tmp_path, database) as talk:
        for number in range(1, 4):
            await talk.say(f"question {number}")
        before, session = talk.chat, talk.session
        await idle(talk.upkeep)
        assert (talk.upkeep.made, talk.upkeep.failed) == (1, 0)
        summary = (await talk.record()).summary
        assert summary
        assert [chat.id for chat in talk.chats()] == [before]  # that of the summary is gone again
        counts = talk.luna.house.services[ChatLedger].counts()
        assert (counts[State.OPEN], counts[State.DELETED]) == (1, 1)

        state = talk.luna.lookalike.state
        state.chats.remove(talk.chats()[0])
        await talk.say("question 4")
        assert (talk.session, talk.chat != before) == (session, True)
        (whole,) = talk.asked()
        assert whole.startswith("Be brief.\n\nThe beginning of this conversation is not shown here.")
        assert summary.splitlines()[0] in whole
        assert "question 4" in whole
        await talk.say("question 5")
        assert talk.asked()[0].endswith("\nquestion 5")


async def test_a_session_is_compacted_with_a_file_that_the_site_has_read(tmp_path: Path, database: Database) -> None:
    async with talking(tmp_path, database) as talk:
        await talk.say("question 1")
        await talk.say("question 2")
        done = await talk.upkeep.compact(talk.session)
        counters = talk.luna.lookalike.state.counters
        assert (counters.uploads, counters.parses, counters.store_refusals) == (1, 1, 0)
        copy = (tmp_path / "compact" / done.file).read_text()
        assert copy.startswith("THIS FILE IS THE RECORD OF A CONVERSATION.")
        assert "question 1" in copy
        record = await talk.record()
        assert (record.summary, record.messages, record.turns) == (done.summary, 2, 2)
        assert [chat.id for chat in talk.chats()] == [talk.chat]
        await talk.say("question 3")
        assert talk.asked()[0].endswith("\nquestion 3")
