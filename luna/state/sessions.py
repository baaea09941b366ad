"""Conversations that go on in the chat they began in.

Owns how a request finds the answer that it goes on from, and what is written down once it is answered itself. Every
finished answer is a node of a tree, known by the digest of the whole history up to and with it
(`luna.conversation.digest`); a request goes on from the longest part of its history that ends in a node. What a client
names beats what its content says. Nodes of late are in memory; of the others one read tells. What is forgotten, and
when, is `luna.state.session_expiry`'s.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

import msgspec

from luna.conversation.difference import Difference, first_difference
from luna.conversation.stored import read_back
from luna.model.alarm import Soon
from luna.model.chat import Message
from luna.model.preferences import LivePreferences
from luna.state import session_rows as rows
from luna.state.place import Place
from luna.state.session_asked import Asked, Found
from luna.state.session_nodes import HotNodes, Node, Session, Wish, choose
from luna.state.session_writing import name_of, write_turn
from luna.state.store import Store
from luna.state.store.sql import Connection, Row, Select

LOOK_BACK = 2_000
"""Answers of one history that are looked for in the database."""
LITTLE = 512
"""So many are looked for in half a millisecond."""
COMPARED = 200
"""Stored messages that are read to see where a history differs."""


class Sessions:
    """All conversations that luna knows."""

    def __init__(self, store: Store, preferences: LivePreferences | None = None, hot: HotNodes | None = None) -> None:
        self.store = store
        self.hot = HotNodes() if hot is None else hot
        self._preferences = preferences or LivePreferences()
        self._sessions: WeakValueDictionary[str, Session] = WeakValueDictionary()

    def __repr__(self) -> str:
        return f"<Sessions {len(self.hot)} answers at hand>"

    @property
    def preferences(self) -> LivePreferences:
        """What people have set."""
        return self._preferences

    # A request finds its conversation

    async def find(self, asked: Asked) -> Found:
        """Where the conversation stands. Reads the database only where memory does not tell. Raises
        LunaError(INTERNAL)."""
        options = self._preferences.current.session
        if not options.enabled:
            return Found(asked, None, "disabled: sessions are switched off", "disabled")
        if options.require_explicit_id and not asked.named:
            return Found(asked, None, "stateless: only sessions that the client names are kept", "stateless")
        named = await self._named(asked)
        foreign = named is not None and named.scope != asked.scope
        if foreign:
            asked, named = msgspec.structs.replace(asked, session=""), None
        found = await self._found(asked, named)
        if foreign:
            found.reason += "; the session that the client names is another client's"
        found.claim()
        if found.session is not None and not found.session.stored:
            found.name = Soon(partial(name_of, asked.history))
        return found

    async def _named(self, asked: Asked) -> Session | None:
        """The session that the client names, if it does; a new one has no row."""
        if asked.session:
            known = self._sessions.get(asked.session)
            known = known or await self._read_session(rows.SESSION_BY_ID, session=asked.session)
            return known or self._met(self._new(asked, asked.session))
        if asked.thread:
            return await self._read_session(rows.SESSION_BY_THREAD, scope=asked.scope, thread=asked.thread)
        return None

    async def _found(self, asked: Asked, named: Session | None) -> Found:
        if asked.history.answered:
            node, known = await self._longest(asked, asked.wish(named), named)
            if node is not None:
                return await self._continued(asked, node, known)
        if named is not None and asked.bare and not (asked.history.answered or asked.chat):
            return await self._after_the_last(asked, named)
        return await self._unknown(asked, named)

    def _new(self, asked: Asked, session: str = "") -> Session:
        return Session(
            session or asked.new_id(),
            asked.scope,
            asked.thread or asked.conversation or asked.new_id(),
            asked.source,
            asked.workspace,
        )

    async def _longest(self, asked: Asked, wish: Wish, named: Session | None) -> tuple[Node | None, int]:
        """The node of the longest part of the history that has one that will do, and how many messages that is."""
        if named is not None and not named.stored:
            return None, 0
        missed: dict[bytes, int] = {}
        found: tuple[Node, int] | None = None
        for digest, end in asked.history.prefixes():
            warm = choose(self.hot.at(digest), wish) if digest in self.hot else None
            if warm is not None:
                found = (warm, end)
                break
            missed[digest] = end
        cold = await self._cold(missed, wish) if missed else None
        return cold or found or (None, 0)

    async def _cold(self, missed: dict[bytes, int], wish: Wish) -> tuple[Node, int] | None:
        """The same out of the database. After a restart it is the longest part that is found; only when it is not are
        the others looked for, of which a long history has many."""
        digests = list(missed)[:LOOK_BACK]
        nodes: dict[bytes, list[Node]] = {}
        little = len(digests) <= LITTLE
        for row in await self.store.look_up(lambda connection: rows.at_digests(connection, digests), little=little):
            node = self._absorb(row)
            nodes.setdefault(node.digest, []).append(node)
        chosen = ((choose(equal, wish), missed[digest]) for digest, equal in nodes.items())
        return next(((node, end) for node, end in chosen if node is not None), None)

    async def _after_the_last(self, asked: Asked, named: Session) -> Found:
        """The client names a session and brings nothing but new words: they follow the session's last answer."""
        wanted = {"session": named.id, "subagent": asked.subagent}
        last = await self._latest(rows.LATEST_OF_SESSION, **wanted) if named.stored else None
        if last is None:
            return Found(asked, named, "named: the session begins", "new")
        if last.asked != asked.history.digest:
            return Found(asked, last.session, "named: follows the session's last answer", "persistent", last)
        parent = await self._latest(rows.BY_ID, node=last.parent) if last.parent else None
        return Found(asked, last.session, "repeated: the session's last request once more", "persistent", parent)

    async def _continued(self, asked: Asked, node: Node, known: int) -> Found:
        longest = next((end for _, end in asked.history.prefixes()), 0)
        if known < longest:
            differs = await self._difference(asked, node.session, node, known)
            return Found(asked, node.session, f"forked: after message {known}", "persistent", node, known, differs)
        again = node.next == asked.history.digest
        word = "repeated" if again else "continued" if node.next is None else "branched"
        where = "" if node.place.chat else "; its chat is no more, another is begun"
        return Found(asked, node.session, f"{word}: after message {known}{where}", "persistent", node, known)

    async def _unknown(self, asked: Asked, named: Session | None) -> Found:
        """No part of the history is known, or there is none."""
        differs: Difference | None = None
        session = named
        if asked.chat and session is None:
            last = await self._latest(rows.LATEST_IN_CHAT, chat=asked.chat, scope=asked.scope)
            session = last.session if last is not None else None
        elif asked.history.answered and (named is not None or asked.conversation):
            like = named or await self._read_session(
                rows.SESSION_BY_THREAD, scope=asked.scope, thread=asked.conversation
            )
            differs = await self._difference(asked, like, None, 0) if like is not None else None
        session = session or self._new(asked)
        if asked.chat:
            end = next((end for _, end in asked.history.prefixes()), 0)
            return Found(asked, session, "named: the client names the chat", "persistent", known=end)
        if session.stored:
            why = "the history is not the session's" if asked.history.answered else "the session begins another chat"
            return Found(asked, session, f"named: {why}", "persistent", differs=differs)
        if asked.history.answered:
            return Found(asked, session, "unknown: luna has not seen this history", "new", differs=differs)
        return Found(asked, session, "new: the conversation begins", "new")

    async def _difference(self, asked: Asked, session: Session, node: Node | None, known: int) -> Difference | None:
        parent = node.id if node is not None else None

        def read(connection: Connection) -> list[tuple[str, str]]:
            return rows.said_next(connection, session.id, asked.subagent, parent, COMPARED)

        said = [read_back(role, content) for role, content in await self.store.run(read)]
        history = asked.history
        return first_difference(history.messages[:known], said, history.messages[known:], history.profile)

    # What the database knows

    async def _read(self, statement: Select[Any], **values: object) -> Sequence[Row[Any]]:
        return await self.store.run(lambda connection: connection.execute(statement, values).fetchall())

    async def _read_session(self, statement: Select[Any], **values: object) -> Session | None:
        found = await self._read(statement, **values)
        return self._met(rows.session_of(found[0])) if found else None

    async def _latest(self, statement: Select[Any], **values: object) -> Node | None:
        found = await self._read(statement, **values)
        return self._absorb(found[0]) if found else None

    def _absorb(self, row: Sequence[Any]) -> Node:
        return self.hot.add(rows.node_of(row, self._met(rows.session_of(row))))

    def _met(self, session: Session) -> Session:
        """The object that stands for the session in this process."""
        return self._sessions.setdefault(session.id, session)

    # An answered request is remembered

    def remember(
        self, found: Found, answer: Message, place: Place, *, run: str, at: float, whole: bool = True
    ) -> Node | None:
        """Queue what the turn leaves behind: the session, its new messages, and the node where the client was given
        the `whole` of what the chat has, which is returned. `commit` makes it durable. `run` is the flow's id."""
        if found.session is None or found.session.deleted:
            return None
        session = found.session = self._met(found.session)
        asked, first = found.asked, session.messages
        write_turn(self.store, found, session, answer, place, run, at, self._preferences.current.session)
        if not whole or asked.history.prefilled:
            return None
        found.settled = True
        if found.node is not None:
            self.store.write(rows.GONE_ON_FROM, (asked.history.digest, found.node.id))
        # Where the client sends its new words alone, the turns before them are the ones that the node counts.
        before = found.node.depth if found.node is not None and not found.known else 0
        node = Node(
            id=run,
            digest=asked.history.answered_with(answer),
            asked=asked.history.digest,
            session=session,
            parent=found.node.id if found.node is not None else None,
            place=place,
            instructions=asked.instructions,
            depth=before + len(asked.history.turns) + 1,
            position=first,
            created=at,
            subagent=asked.subagent,
        )
        self.hot.add(node)
        self.store.write(rows.ADD_NODE, rows.node_row(node))
        return node

    def commit_here(self) -> bool:
        """Whether all that was remembered is durable, which it often is on the spot."""
        return self.store.commit_here()

    async def commit(self) -> None:
        """Return when all that was remembered is durable. Raises LunaError(INTERNAL)."""
        await self.store.commit()

    # What proved wrong, or was deleted, is forgotten

    def forget_chat(self, *chats: str) -> None:
        """These chats are no more: whoever goes on from them begins another, in the same session."""
        gone = set(chats)
        for node in self.hot:
            if node.place.chat in gone:
                node.leave()
        for chat in chats:
            self.store.write(rows.UNBIND_CHAT, {"chat": chat})
            self.store.write(rows.LEAVE_CHAT, {"chat": chat})

    def forget_answer(self, node: Node) -> None:
        """The chat is there, the answer is not."""
        self.hot.drop([node])
        self.store.write(rows.DROP_NODE, {"node": node.id})

    def forget_places(self, session: str, *, main: bool = True, subagents: bool = True) -> None:
        """The session, or a part of it, begins another chat when it goes on; what was said in it stays."""
        for node in self.hot:
            if node.session.id == session and (subagents if node.subagent else main):
                node.leave()
        if main:
            self.store.write(rows.LEAVE_MAIN, {"session": session})
            self.store.write(rows.UNBIND_SESSION, {"session": session})
        if subagents:
            self.store.write(rows.LEAVE_SUBAGENTS, {"session": session})

    def delete(self, *sessions: str) -> None:
        """Sessions with all their messages."""
        gone = set(sessions)
        self.forget_sessions(lambda session: session.id in gone)
        for session in sessions:
            for statement in rows.DROP_SESSION:
                self.store.write(statement, {"session": session})

    def empty(self, session: str) -> None:
        """All that was said in it, and where. What is under way for it is not written down."""
        self.forget_sessions(lambda known: known.id == session)
        for statement in (*rows.EMPTY_SESSION, *rows.RESET_SESSION):
            self.store.write(statement, {"session": session})

    def delete_all(self) -> None:
        """Every session."""
        self.forget_sessions(lambda _: True)
        for statement in rows.DROP_ALL:
            self.store.write(statement, {})

    def trimmed(self, session: str, first: int) -> None:
        """Its messages before that position are gone."""
        known = self._sessions.get(session)
        if known is not None:
            known.first = max(known.first, first)

    def cool(self) -> int:
        """Let go of everything at hand, so that the database is read again; returns how many answers that were."""
        dropped = len(self.hot)
        self.hot.drop(list(self.hot))
        return dropped

    def forget_sessions(self, which: Callable[[Session], bool]) -> None:
        """Their rows are gone: what is still under way for them is not written down."""
        doomed = {session.id for session in list(self._sessions.values()) if which(session)}
        for session in doomed:
            known = self._sessions.pop(session, None)
            if known is not None:
                known.deleted = True
        self.hot.drop([node for node in self.hot if node.session.id in doomed])
