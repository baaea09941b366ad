"""What an answered request leaves in the database: the session, and its new messages.

Owns the rows and how many messages a session keeps. The history that clients repeat is never written again. Nodes are
`luna.state.sessions`' own.
"""

from collections.abc import Sequence
from typing import Any

from luna.conversation.stored import packed
from luna.conversation.titles import first_words
from luna.model.chat import Message
from luna.model.preferences import SessionPreferences
from luna.state import session_rows as rows
from luna.state.place import Place
from luna.state.run import folded
from luna.state.session_asked import Found
from luna.state.session_nodes import Session
from luna.state.store import Store

TRIM_EVERY = 16
"""Answers between two looks at how many messages a session has."""


def write_turn(
    store: Store,
    found: Found,
    session: Session,
    answer: Message,
    place: Place,
    run: str,
    at: float,
    options: SessionPreferences,
) -> None:
    """Queue the turn's rows, and count it in the session."""
    limit = options.history_limit
    first, fresh = session.messages, [*found.fresh, answer] if limit else []
    session.turns += 1
    session.messages += len(fresh)
    session.updated = at
    # Of a long history that luna has not seen: what would be trimmed soon, and no summary is made of, is not written.
    beyond = 0 if _summarises(options) else max(0, len(fresh) - 2 * limit)
    if beyond:
        session.first = first + beyond
    _write_session(store, found, session, place, at)
    if fresh:
        kept = fresh[beyond:]
        store.write(rows.ADD_MESSAGES, _message_rows(kept, session.id, session.messages - len(kept), place, run, at))
    full = session.turns % TRIM_EVERY == 0 and session.messages - session.first > 2 * limit
    if full or (beyond and first):
        session.first = session.messages - 2 * limit
        store.write(rows.TRIM_SESSION, {"session": session.id, "first": session.first})
        store.write(rows.TRIM_MESSAGES, {"session": session.id, "first": session.first})


def _summarises(options: SessionPreferences) -> bool:
    """Summaries are made by themselves, of all that is stored."""
    return options.auto_compact or options.summary_every_n_turns > 0


def _write_session(store: Store, found: Found, session: Session, place: Place, at: float) -> None:
    current = {
        "model": place.model,
        "account_id": place.account,
        "chat_id": place.chat,
        "reason": found.reason,
        "turn_count": session.turns,
        "message_count": session.messages,
        "updated_at": at,
        "last_request_at": at,
    }
    if session.stored:
        touched = {f"new_{name}": value for name, value in current.items()}
        store.write(rows.TOUCH_SESSION, {"session": session.id, **touched})
        if session.turns == 1:  # it has been cleared
            store.write(rows.NAME_SESSION, {"session": session.id, **_name(found)})
        return
    session.stored = True
    named = _name(found)
    lasting = {
        "id": session.id,
        "scope": session.scope,
        "source": session.source,
        "workspace": session.workspace or None,
        "thread_id": session.thread,
        "title": named["words"],
        "title_folded": named["folded"],
        "provider_id": rows.PROVIDER,
        "mode": "persistent",
        "created_at": at,
        "first_message": session.first or None,
    }
    store.write(rows.ADD_SESSION, lasting | current)


def _name(found: Found) -> dict[str, str | None]:
    """What it is called as long as nobody gives it a name."""
    words = first_words(found.asked.history.messages, found.asked.history.profile)
    return {"words": words or None, "folded": folded(words) or None}


def _message_rows(
    fresh: Sequence[Message], session: str, first: int, place: Place, run: str, at: float
) -> list[dict[str, Any]]:
    return [
        {
            "id": f"{run}:{number}",
            "session_id": session,
            "position": first + number,
            "role": message.role,
            "content": packed(message),
            "created_at": at,
            "run_id": run,
            "provider_id": rows.PROVIDER,
            "account_id": place.account,
            "chat_id": place.chat,
        }
        for number, message in enumerate(fresh)
    ]
