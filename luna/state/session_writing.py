"""What an answered request leaves in the database: the session, and its new messages.

Owns the rows and how many messages a session keeps. The history that clients repeat is never written again. Nodes are
`luna.state.sessions`' own.
"""

from collections.abc import Sequence

from luna.conversation.digest import History
from luna.conversation.stored import packed
from luna.conversation.titles import first_words
from luna.model.chat import Message
from luna.model.preferences import SessionPreferences
from luna.state import session_rows as rows
from luna.state.place import Place
from luna.state.run import folded
from luna.state.session_asked import Found, Name
from luna.state.session_nodes import Session
from luna.state.store import Store
from luna.state.store.form import Values

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
    if session.stored:
        turned = place.model, place.account, place.chat, found.reason, session.turns, session.messages, at, at
        store.write(rows.TOUCH_SESSION, (*turned, session.id))
        if session.turns == 1:  # it has been cleared
            words, searched = _name(found)
            store.write(rows.NAME_SESSION, {"session": session.id, "words": words, "folded": searched})
        return
    session.stored = True
    words, searched = _name(found)
    row = (
        session.id,
        session.scope,
        session.source,
        session.workspace or None,
        session.thread,
        words,
        place.model,
        rows.PROVIDER,
        place.account,
        place.chat,
        "persistent",
        found.reason,
        session.turns,
        session.messages,
        session.first or None,
        at,
        at,
        at,
        searched,
    )
    store.write(rows.ADD_SESSION, row)


def _name(found: Found) -> Name:
    return name_of(found.asked.history) if found.name is None else found.name()


def name_of(history: History) -> Name:
    """The name of a session that begins so."""
    words = first_words(history.messages, history.profile)
    return words or None, folded(words) or None


def _message_rows(
    fresh: Sequence[Message], session: str, first: int, place: Place, run: str, at: float
) -> list[Values]:
    last = (at, run, rows.PROVIDER, place.account, place.chat)
    return [
        (f"{run}:{number}", session, first + number, message.role, packed(message), *last)
        for number, message in enumerate(fresh)
    ]
