"""Where a turn is spoken: in which chat, after which answer, and what that chat knows already.

Owns the choice, and that the marks on the messages (`Message.known`) agree with it. What is then sent is
`luna.stages.qwen_prompt`'s business, sending it `luna.stages.qwen_turn`'s.
"""

from collections.abc import Awaitable, Sequence
from functools import partial
from typing import Literal

import msgspec

from luna.core.flow import Flow
from luna.core.notes import Key
from luna.model.chat import Message
from luna.qwen.client import QwenClient
from luna.qwen.conversation import since_the_answer
from luna.stages.session_bind import BOUND, rebind
from luna.state.chat_rows import title_of
from luna.state.chats import ChatLedger
from luna.state.place import Place
from luna.state.sessions import Sessions
from luna.state.turns import Turns

Spoken = Place
"""Where the last turn of a flow was spoken."""
SPOKEN: Key[Spoken] = Key("qwen.spoken")
"""Of the last attempt that was answered, for `session.remember`."""


class Standing(msgspec.Struct, frozen=True):
    """Where the next turn goes."""

    how: Literal["new", "bound", "named", "again"]
    """A chat of its own; one that the conversation is known to stand in; one that the client names; the one in which
    this flow has just been answered."""
    chat: str = ""
    """Upstream's id; "" as long as it was not made."""
    parent: str | None = None
    told: frozenset[str] = frozenset()
    """The marks of the system text that the chat was told last."""


NEW = Standing("new")


async def standing(flow: Flow, client: QwenClient, account: str, model: str) -> Standing:
    """Where the flow's turn goes with this account and this model. Raises LunaError when the chat that the client names
    cannot be read."""
    spoken = flow.notes.get(SPOKEN)
    if spoken is not None:
        return _again(flow, spoken, account)
    bound, named = flow.notes.get(BOUND), flow.chat.binding.chat
    place = bound.place if bound is not None else None
    if place is not None and place.account == account and (named or place.model == model):
        return Standing("bound", place.chat, place.response, _told(place))
    if named:
        return await _named(flow, client, named, bound is not None)
    if place is not None:
        other = "account" if place.account != account else "model"
        rebind(flow, f"another {other} answers, in another chat")
    elif bound is not None and not bound.moved and bound.found is not None and bound.found.place is not None:
        rebind(flow, "its chat is busy, another is begun")  # so it was decided in the queue
    return anew(flow)


def anew(flow: Flow) -> Standing:
    """A chat of its own, which knows nothing."""
    _mark(flow.chat.messages, 0)
    return NEW


def make_chat(flow: Flow, client: QwenClient, account: str, model: str) -> Awaitable[str]:
    """A new chat, by its id; it stands in the ledger before it exists. Raises LunaError."""
    ledger, bound = flow.services.get(ChatLedger), flow.notes.get(BOUND)
    key = flow.ids.token("chat_")
    if ledger is None:
        return client.create_chat(model, title_of(key))
    session = bound.session if bound is not None else ""
    return ledger.create(partial(client.create_chat, model), account, run=flow.id, session=session, key=key)


def forget(flow: Flow, lost: Standing, *, whole: bool) -> None:
    """Upstream does not know the answer any more; `whole`: nor the chat."""
    flow.services[Turns].forget(lost.chat)
    ledger, sessions, bound = flow.services.get(ChatLedger), flow.services.get(Sessions), flow.notes.get(BOUND)
    node = bound.found.node if bound is not None and bound.found is not None else None
    if whole and ledger is not None:
        ledger.lost(lost.chat)
    if whole and sessions is not None:
        sessions.forget_chat(lost.chat)
    elif sessions is not None and node is not None and node.place.response == lost.parent:
        sessions.forget_answer(node)


def _again(flow: Flow, spoken: Place, account: str) -> Standing:
    """The model is asked again: the chat knows everything up to its own answer."""
    if spoken.account != account:
        rebind(flow, "another account answers, in another chat")
        return anew(flow)
    _mark_answered(flow.chat.messages)
    return Standing("again", spoken.chat, spoken.response, _told(spoken))


async def _named(flow: Flow, client: QwenClient, chat: str, marked: bool) -> Standing:
    """What luna does not remember of the chat, upstream tells. A chat without an answer knows nothing."""
    place = flow.services[Turns].find(chat)
    parent = place.response if place is not None else await client.current_answer(chat)
    if parent is None:
        _mark(flow.chat.messages, 0)
    elif not marked:
        _mark_answered(flow.chat.messages)
    return Standing("named", chat, parent, _told(place))


def _told(place: Place | None) -> frozenset[str]:
    return frozenset(place.system.split()) if place is not None else frozenset()


def _mark_answered(messages: Sequence[Message]) -> None:
    _mark(messages, len(messages) - len(since_the_answer(messages)))


def _mark(messages: Sequence[Message], known: int) -> None:
    for place, message in enumerate(messages):
        message.known = place < known
