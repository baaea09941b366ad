"""Anthropic's message request → the neutral `ChatRequest`.

Owns which field wins where several say the same, and the two refusals that are the protocol's own: a malformed
`anthropic-version`, and threads. luna keeps no threads; the words in which it says so are those from which the SDKs
go on with the whole conversation instead.
"""

import re
from collections.abc import Sequence

from luna.model.chat import ChatRequest, Limits, Thinking, ThinkingMode
from luna.model.dialect import ClientRequest
from luna.model.errors import Kind, LunaError
from luna.protocols import anthropic_tools, thinking
from luna.protocols.anthropic_errors import THREAD_NOT_FOUND, THREAD_UNSUPPORTED
from luna.protocols.anthropic_turns import Conversation
from luna.protocols.anthropic_types import Body, ThreadIn
from luna.protocols.binding import binding, subagent
from luna.protocols.body import bad_field
from luna.protocols.formats import by_schema, response_format
from luna.protocols.limits import stop_sequences, token_limit

_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}")

MODES: dict[str, ThinkingMode] = {
    "enabled": "thinking",
    "adaptive": "auto",
    "between_tools": "auto",
    "disabled": "fast",
}
"""What `thinking.type` may say. It beats `output_config.effort`, which here says how hard to try, thinking or not."""


def decode(body: Body, unread: Sequence[str], client: ClientRequest) -> ChatRequest:
    """Translate. `unread` are the body's fields that nobody reads. Raises LunaError(BAD_REQUEST), and NOT_FOUND for
    a thread to be continued."""
    _check_version(client)
    _refuse(body.thread)
    if not body.model:
        raise bad_field("model", "is missing.", hint="Name one of the models that GET /v1/models lists.")
    target, suffix = thinking.split_model(body.model)
    conversation = Conversation()
    conversation.system(body.system)
    conversation.messages(body.messages)
    offer = anthropic_tools.offer(body, conversation.referenced)
    reasoning, unheard = _thinking(body, suffix)
    return ChatRequest(
        model=body.model,
        target=target,
        messages=conversation.turns,
        stream=bool(body.stream),
        thinking=reasoning,
        limits=Limits(token_limit(body.max_tokens), stop_sequences(body.stop_sequences or (), "stop_sequences")),
        tools=offer.tools,
        tool_choice=offer.choice,
        response_format=_response_format(body),
        binding=binding(
            client,
            account=body.account or _account_id(body),
            session=body.session_id,
            chat=body.provider_session_id_camel or body.provider_session_id,
            subagent=subagent(body.metadata),
        ),
        search=offer.search,
        include_usage=True,
        ignored=[*unread, *offer.ignored, *conversation.ignored.values(), *unheard],
    )


def _check_version(client: ClientRequest) -> None:
    version = client.header("anthropic-version")
    if version and not _VERSION.fullmatch(version):
        raise bad_field("anthropic-version", f"'{version[:40]}' is no date of the form YYYY-MM-DD.")


def _refuse(thread: ThreadIn | None) -> None:
    if thread is None:
        return
    if thread.type == "continue":
        raise LunaError(
            Kind.NOT_FOUND,
            "thread.previous_message_id: luna keeps no threads.",
            hint="Send the full conversation without `thread`.",
            param="thread.previous_message_id",
            detail={"error_code": THREAD_NOT_FOUND},
        )
    raise LunaError(
        Kind.BAD_REQUEST,
        "thread: luna keeps no threads.",
        hint="Send the full conversation without `thread`.",
        param="thread",
        detail={"error_code": THREAD_UNSUPPORTED, "unsupported": ["thread"]},
    )


def _thinking(body: Body, suffix: ThinkingMode | None) -> tuple[Thinking, list[str]]:
    """How to reason, and the fields whose words luna does not know or cannot heed."""
    asked, config = body.thinking, body.output_config
    effort = (config.effort if config is not None else None) or ""
    unheard = []
    if effort and effort.lower() not in thinking.EFFORTS:
        unheard.append("output_config.effort")
    if config is not None and config.task_budget is not None:
        unheard.append("output_config.task_budget")
    if asked is None:
        return Thinking(thinking.resolve(effort=effort, suffix=suffix)), unheard
    if asked.type not in MODES:
        unheard.append("thinking.type")
    if asked.display == "omitted":
        unheard.append("thinking.display")
    mode = MODES.get(asked.type) or thinking.resolve(effort=effort, suffix=suffix)
    return Thinking(mode, asked.budget_tokens if asked.type == "enabled" else None), unheard


def _response_format(body: Body) -> dict[str, object] | None:
    config = body.output_config
    wanted, at = (config.format, "output_config.format") if config is not None and config.format else (None, "")
    if wanted is None and body.output_format:
        wanted, at = body.output_format, "output_format"
    if wanted is None:
        return response_format(body.response_format, "response_format")
    schema = wanted.get("schema")
    if wanted.get("type") != "json_schema" or not isinstance(schema, dict):
        raise bad_field(at, "must be of type json_schema and hold a schema.")
    return by_schema(schema)


def _account_id(body: Body) -> str | None:
    account_id = (body.metadata or {}).get("account_id")
    return account_id if isinstance(account_id, str) else None
