"""`POST /api/v2/chat/completions` and its stop call: the checks, and who answers.

Owns the order of the checks (wire document, sections 3 and 4.6). What is said comes from
`luna.demo.answers`, how it is streamed from `luna.demo.turn`.
"""

from collections.abc import Iterable

import msgspec

from luna.demo import files
from luna.demo.answers import Prompt, choose, says
from luna.demo.asked import Asked, Message
from luna.demo.catalogue import IDS
from luna.demo.conversation import Chat
from luna.demo.envelope import Call
from luna.demo.frames import CREATED, Frames, frames_of
from luna.demo.http import Reply
from luna.demo.misbehave import GONE, Deliver, Instead, Rewrite
from luna.demo.refusal import Refusal
from luna.demo.replay import Recorded
from luna.demo.shelf import File
from luna.demo.steps import Answer
from luna.demo.turn import Turn

FILMS = ("t2v", "i2v")


class StopAsked(msgspec.Struct):
    """What a stop call says; one client leaves out the response."""

    chat_id: str
    response_id: str | None = None


async def stop(call: Call) -> Reply:
    """End a running generation and free its chat."""
    user = call.user()
    asked = call.body(StopAsked)
    state = call.state
    state.counters.stops += 1
    state.note("stop", user.id, asked.response_id or asked.chat_id)
    chat = state.chats.get(user.id, asked.chat_id)
    if chat is None:
        raise Refusal("CHAT_NOT_FOUND", GONE, 404)
    if chat.stop(asked.response_id):
        state.counters.stopped += 1
    return call.success({"status": True})


async def complete(call: Call) -> Reply | None:
    """Answer a message."""
    user = call.user()
    if not call.request.header("version"):
        raise Refusal("Bad_Request", "Something wrong with request!", 400)
    asked = call.body(Asked)
    call.state.check_cap(user)
    chat = call.state.chats.get(user.id, asked.chat(call.request.query.get("chat_id", "")))
    if chat is None:
        raise Refusal("CHAT_NOT_FOUND", GONE, 404)
    message = asked.message()
    if asked.model not in IDS:
        raise Refusal("Not_Found", "Model not found", 404)
    parent = asked.parent()
    if parent is not None and (parent not in chat.nodes or chat.nodes[parent].role != "assistant"):
        raise Refusal("PARENT_NOT_FOUND", f"Invalid input chat parent_id {parent} is not exist.", 400)
    if chat.busy(call.state.clock.monotonic()):
        raise Refusal("Bad_Request", "The chat is in progress!", 400)
    call.state.streams.check(user.id)
    attached = files.attached(call, user.id, message.files)
    if message.chat_type in FILMS:
        return Turn(call, chat, asked, message, parent).film()
    if not asked.stream:
        raise Refusal("Bad_Request", "Something wrong with request!", 400)
    return await _answer(call, chat, asked, _prompt(call, chat, asked, parent, attached))


async def _answer(call: Call, chat: Chat, asked: Asked, prompt: Prompt) -> Reply | None:
    message, parent = asked.message(), asked.parent()
    answer = choose(call.site.scripts, prompt)
    recorded = call.site.fixtures.get(answer.replay) if answer.replay else None
    if answer.replay and recorded is None:
        answer = says(f"There is no fixture “{answer.replay}”.")
    try:
        instead = _go_wrong(call, answer, prompt)
    except ValueError as unknown:
        answer, instead = says(str(unknown)), None
    if instead is not None:
        return instead.reply(call)
    if recorded is not None and recorded.frames is None:
        return Reply(recorded.status, recorded.body, tuple(recorded.headers.items()))

    frames = _frames(asked, message, answer, recorded)
    for rewrite in call.rewrites:
        frames = rewrite.change(frames)
    turn = Turn(call, chat, asked, message, parent)
    await turn.play(frames, call.site.pace if answer.pace is None else answer.pace)
    return None


def _frames(asked: Asked, message: Message, answer: Answer, recorded: Recorded | None) -> Frames:
    if recorded is not None and recorded.frames is not None:
        return recorded.frames
    if message.role == "system":
        return Frames((CREATED,), ("",))  # the stream opens and ends with no answer
    return frames_of(answer.steps, asked.shape())


def _prompt(call: Call, chat: Chat, asked: Asked, parent: str | None, attached: list[File]) -> Prompt:
    message = asked.message()
    config = message.feature_config
    path = chat.path(parent)
    earlier = [call.state.shelf.get(str(entry.get("id"))) for node in path for entry in node.files]
    return Prompt(
        text=message.text,
        history=tuple((node.role, node.content) for node in path),
        files=tuple(str(file.get("name", "")) for file in message.files),
        documents=_texts(attached),
        earlier_documents=_texts(file for file in earlier if file is not None),
        model=asked.model,
        chat_type=message.chat_type,
        thinks=config.thinking_enabled and not config.auto_thinking,
    )


def _texts(files: Iterable[File]) -> tuple[tuple[str, str], ...]:
    return tuple((file.name, text) for file in files if (text := file.text) is not None)


def _go_wrong(call: Call, answer: Answer, prompt: Prompt) -> Instead | None:
    """Apply the faults that the prompt names. Raises ValueError when it names one that does not exist."""
    for name, arguments in answer.faults:
        effect = call.site.faults.named(name, arguments, prompt.text)
        call.state.counters.faults += effect is not None
        match effect:
            case Instead():
                return effect
            case Rewrite():
                call.rewrites.append(effect)
            case Deliver():
                call.exchange.delivery = call.site.faults.delivery(effect)
            case None:
                pass
    return None
