"""Conversations for the sessions service, without stages: a history is a list of words, the user's first."""

from collections.abc import Sequence
from itertools import count

from luna.conversation.digest import History
from luna.model.chat import Message, Text
from luna.state.place import Place
from luna.state.session_asked import Asked, Found
from luna.state.sessions import Sessions
from luna.tools.profiles import GENERIC

_numbers = count(1)


def history(*said: str | Message) -> list[Message]:
    """The user and the assistant in turn, where nothing else is said."""
    return [
        one if isinstance(one, Message) else Message("assistant" if place % 2 else "user", [Text(one)])
        for place, one in enumerate(said)
    ]


def asked(*said: str | Message, scope: str = "", instructions: str = "", bare: bool = True, **named: str) -> Asked:
    """A request with this history."""
    whose = (scope, named["subagent"]) if "subagent" in named else (scope,)
    return Asked(
        History.of(history(*said), GENERIC, *whose),
        instructions,
        lambda: f"id-{next(_numbers)}",
        scope=scope,
        bare=bare,
        **named,
    )


def place(chat: str = "chat-1", response: str = "r1", account: str = "env", model: str = "m") -> Place:
    return Place(account, chat, response, model, "marks")


async def answered(
    sessions: Sessions,
    request: Asked,
    answer: str = "ok",
    *,
    at: Place | None = None,
    when: float = 1000.0,
    whole: bool = True,
) -> Found:
    """A request that is found, answered, remembered and committed."""
    found = await sessions.find(request)
    run = f"flow_{next(_numbers):06}"
    stands = at or place(found.place.chat if found.place else f"chat-of-{run}", f"r-{run}")
    sessions.remember(found, Message("assistant", [Text(answer)]), stands, run=run, at=when, whole=whole)
    found.release()
    await sessions.commit()
    return found


def word(found: Found) -> str:
    """The first word of the reason."""
    return found.reason.partition(":")[0]


def known(found: Found, *said: str) -> bool:
    """Whether so much of the history was known."""
    return found.known == len(said)


def ids(found: Sequence[Found]) -> list[str]:
    """The sessions."""
    return [one.session.id if one.session else "" for one in found]
