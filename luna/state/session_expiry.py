"""Which sessions are forgotten by themselves: those unused for too long, and the longest unused of too many.

Owns the rule. When it is applied is up to whoever calls `tidy`.
"""

from luna.state import session_rows as rows
from luna.state.sessions import Sessions

DAY = 86_400.0


async def tidy(sessions: Sessions, now: float) -> int:
    """Delete what has expired, with its messages; returns how many sessions that were. `now` in seconds since the
    epoch. Their chats stay upstream: deleting those is the chat ledger's business. Raises LunaError(INTERNAL)."""
    await sessions.commit()
    options = sessions.preferences.current.session
    stale = rows.BEYOND.where(rows.SESSIONS.c.updated_at < now - options.expire_after_days * DAY).limit(1)
    surplus = rows.BEYOND.offset(options.max_sessions).limit(1)
    found = [*await sessions.store.read(stale), *await sessions.store.read(surplus)]
    newest = max(((row.updated_at, row.id) for row in found), default=None)
    if newest is None:
        return 0
    counted = await sessions.store.read(rows.count_up_to(*newest))
    for statement in rows.delete_up_to(*newest):
        sessions.store.write(statement, {})
    sessions.forget_sessions(lambda session: session.stored and (session.updated, session.id) <= newest)
    await sessions.commit()
    return int(counted[0][0])
