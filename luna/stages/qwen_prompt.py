"""What a turn says: the one text that Qwen takes, and the files that go along.

Owns what of the conversation is sent: all of it where the chat knows nothing, a summary in the place of a long one's
beginning (`luna.stages.session_recall`); else what is new, and what the system says where it says something else than
the chat was told. A text that is too long to be typed goes up as a file (`luna.stages.overflow_plan`).
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from luna.conversation.stable import system_mark
from luna.core.flow import Flow
from luna.model.chat import Attachment, ChatRequest, Message, Part, ToolResult
from luna.model.errors import LunaError
from luna.qwen.attached import attached
from luna.qwen.client import QwenClient
from luna.qwen.conversation import NO_MARKS, continuation, flatten
from luna.stages.overflow_plan import OVERFLOW, OverflowPlan
from luna.stages.qwen_chat import Standing
from luna.stages.qwen_files import upload_attachments, upload_document
from luna.stages.session_bind import profile_of, told_by_system
from luna.stages.session_recall import RECALL
from luna.state.uploads import Uploads

log = logging.getLogger("luna.stages.qwen")

Render = Callable[..., str]


class Prompt(msgspec.Struct, frozen=True):
    """Ready to be sent."""

    text: str
    files: Sequence[dict[str, Any]]
    """As Qwen describes them."""
    system: str
    """The marks of all system text that the chat knows then, as `Place.system` has them."""


async def prompt_for(flow: Flow, client: QwenClient, account: str, at: Standing, render: Render) -> Prompt:
    """The flow's turn, for a chat that stands there. Uploads what is attached. Raises LunaError."""
    messages, recall = flow.chat.messages, flow.notes.get(RECALL)
    if at.parent is None and recall is not None:
        messages = await recall.whole(messages)
    files: list[dict[str, Any]] = []
    names = NO_MARKS
    if flow.services.get(Uploads) is not None and at.how != "again":
        every = attached(messages)
        files = await upload_attachments(flow, client, account, every)
        names = {one.key: one.mark for one in every} if every else NO_MARKS
    whole = at.parent is None
    sent = [message for message in messages if not message.known] if whole else _unsent(flow, at)
    added = "" if whole else continuation(sent, names)
    if not added and not whole:
        sent = messages

    def typed() -> str:
        return added or flatten(sent, render, names)

    plan = flow.notes.get(OVERFLOW)
    too_long = plan is not None and not plan.short and plan.surely_wants(sent)
    text = "" if too_long else typed()
    if plan is not None and (too_long or plan.wants(text)):
        text, files = await _as_file(flow, client, account, plan, sent, lambda: text or typed(), files)
    return Prompt(text, files, told_by_system(flow))


def name_the_ignored(flow: Flow) -> None:
    """What Qwen cannot be told. Stages before this one that honour such a thing take it off the request. Raises
    LunaError(BAD_REQUEST) where the pipeline is strict."""
    chat = flow.chat
    ignored: dict[str, None] = {}
    uploads = flow.services.get(Uploads) is not None
    if not uploads:
        ignored |= {f"messages.content.{kind}": None for kind in _attachments(chat)}
    if chat.tools and not chat.bridged:
        ignored["tools"] = None
    if chat.response_format is not None and chat.response_format.get("type") != "text":
        ignored["response_format"] = None
    if chat.file_ids and not uploads:
        ignored["file_ids"] = None
    if ignored:
        flow.ignore(*ignored)


def _unsent(flow: Flow, at: Standing) -> list[Message]:
    """The messages that the chat does not know. What the system says before the conversation is put anew by stages of
    luna for each turn, marked or not: what the chat was told of it is known by its words."""
    profile, leading = profile_of(flow), True
    unsent: list[Message] = []
    for message in flow.chat.messages:
        leading = leading and message.role == "system"
        if leading or (message.known and message.role == "system"):
            mark = system_mark(message.text, profile)
            if mark and mark not in at.told:
                unsent.append(message)
        elif not message.known:
            unsent.append(message)
    return unsent


async def _as_file(
    flow: Flow,
    client: QwenClient,
    account: str,
    plan: OverflowPlan,
    sent: Sequence[Message],
    typed: Callable[[], str],
    files: list[dict[str, Any]],
) -> tuple[str, list[dict[str, Any]]]:
    """The text and the files to send when the text is too long to be typed. When the file cannot be brought to Qwen,
    the text is typed all the same, if it may be."""
    document = plan.document(sent)
    await plan.keep(document)
    try:
        entry = await upload_document(flow, client, account, document.name, document.data)
    except LunaError as error:
        text = typed()
        log.warning("flow %s: the prompt could not go up as a file: %s", flow.id, error.message)
        if not plan.fits_inline(text):
            raise plan.too_long(text) from error
        return text, files
    return document.prompt, [entry, *files]


def _attachments(chat: ChatRequest) -> list[str]:
    parts: list[Part] = [part for message in chat.messages for part in message.parts]
    inner = [part for result in parts if isinstance(result, ToolResult) for part in result.parts]
    return [part.kind for part in [*parts, *inner] if isinstance(part, Attachment)]
