"""What a flow needs in order to run: which account, and which slots it takes up beside it.

Owns whose the flow is among those between whom luna is fair, and what is to be done about a chat that is busy. Who gets
what is `luna.state.scheduler`'s, how long anybody waits `luna.stages.schedule`'s.
"""

from collections.abc import Collection

from msgspec.structs import replace

from luna.core.flow import Flow
from luna.core.notes import CLIENT
from luna.model.errors import Kind, LunaError
from luna.stages.session_bind import BOUND
from luna.state.choice import Wish
from luna.state.health import Subject
from luna.state.scheduler import Scheduler
from luna.state.slots import Slot
from luna.state.tickets import Need
from luna.state.turns import Turns

NOBODY: frozenset[str] = frozenset()


def client_of(flow: Flow) -> str:
    """One of those between whom luna is fair: the key's name, what kind of client it is, and the workspace."""
    binding = flow.chat.binding
    agent = binding.source or flow.client.header("user-agent")
    return " ".join([part[:80] for part in (flow.notes.get(CLIENT) or "", agent, binding.workspace) if part])


def need_of(flow: Flow, scheduler: Scheduler, failed: Collection[str], subject: Subject) -> Need:
    """The accounts in `failed` could not serve it. Raises LunaError(CHAT_BUSY)."""
    chat, bound = flow.chat, flow.notes.get(BOUND)
    place = bound.place if bound is not None else None
    chat_id = place.chat if place is not None else chat.binding.chat
    home = place.account if place is not None else _home_of(flow, chat_id) if chat_id else ""
    if home in failed or (chat_id and not _may_go_on_in(flow, scheduler, chat_id)):
        chat_id = home = ""
    wish = Wish(chat.binding.account, home, frozenset(failed) if failed else NOBODY, subject)
    session = bound.session if bound is not None else chat.binding.session
    return Need.of(wish, model=(chat.target or chat.model).strip().lower(), chat=chat_id, session=session)


def _home_of(flow: Flow, chat_id: str) -> str:
    """The account of a chat that the client names, where luna knows it."""
    turns = flow.services.get(Turns)
    place = turns.find(chat_id) if turns is not None else None
    return place.account if place is not None else ""


def _may_go_on_in(flow: Flow, scheduler: Scheduler, chat_id: str) -> bool:
    """What to do about a chat that is answering another request. False: begin another one. Raises
    LunaError(CHAT_BUSY)."""
    limits = scheduler.limits.multi_thread
    if not limits.enabled or limits.same_provider_chat_policy == "queue":
        return True
    if not scheduler.count(Slot("provider-chat", chat_id)):
        return True
    if limits.same_provider_chat_policy == "reject":
        raise LunaError(
            Kind.CHAT_BUSY,
            "The chat is answering another request.",
            hint="Wait for its end; or let settings.multiThread.sameProviderChatPolicy be queue or new-chat.",
            retry_after=5.0,
        )
    flow.chat.binding.chat = ""
    bound = flow.notes.get(BOUND)
    if bound is not None:
        flow.notes[BOUND] = replace(bound, place=None)
    return False
