"""OpenAI's chat completion request → the neutral `ChatRequest`.

Owns which field wins where several say the same: a body field beats its header, the first of several spellings
beats the rest, and of `max_tokens` and `max_completion_tokens` the smaller counts. Messages, tools and the fields
that are only named have files of their own.
"""

from collections.abc import Sequence

from luna.model.chat import Binding, ChatRequest, Limits, Thinking, ThinkingMode
from luna.model.dialect import ClientRequest
from luna.protocols import openai_tools, thinking
from luna.protocols.binding import binding, subagent
from luna.protocols.body import bad_field
from luna.protocols.formats import response_format
from luna.protocols.limits import stop_sequences, token_limit
from luna.protocols.openai_messages import messages
from luna.protocols.openai_types import Body


def decode(body: Body, unread: Sequence[str], client: ClientRequest) -> ChatRequest:
    """Translate. `unread` are the body's fields that nobody reads. Raises LunaError(BAD_REQUEST)."""
    if not body.model:
        raise bad_field("model", "is missing.", hint="Name one of the models that GET /v1/models lists.")
    target, suffix = thinking.split_model(body.model)
    tools, unfit = openai_tools.tools(body)
    choice, offered = openai_tools.choose(body, tools)
    reasoning, unheard = _thinking(body, suffix)
    return ChatRequest(
        model=body.model,
        target=target,
        messages=messages(body.messages),
        stream=bool(body.stream),
        thinking=reasoning,
        limits=_limits(body),
        tools=offered,
        tool_choice=choice,
        response_format=response_format(body.response_format, "response_format"),
        binding=_binding(body, client),
        file_ids=body.file_ids or [],
        search=bool(body.enable_web_search) or body.web_search_options is not None,
        include_usage=bool(body.stream_options and body.stream_options.include_usage),
        ignored=[*unread, *unfit, *unheard],
    )


def _thinking(body: Body, suffix: ThinkingMode | None) -> tuple[Thinking, list[str]]:
    """How to reason, and the fields whose words luna does not know."""
    if suffix is None and _is_silent_on_thinking(body):
        return Thinking(), []
    mode_field, mode = _first_field(
        ("thinking_mode", body.thinking_mode),
        ("thinkingMode", body.thinking_mode_camel),
        ("qwen_thinking_mode", body.qwen_thinking_mode),
        ("qwenThinkingMode", body.qwen_thinking_mode_camel),
    )
    effort_field, effort = _first_field(
        ("reasoning_effort", body.reasoning_effort),
        ("reasoning.effort", body.reasoning.effort if body.reasoning else None),
    )
    unheard = [
        field
        for field, word, known in ((mode_field, mode, thinking.MODES), (effort_field, effort, thinking.EFFORTS))
        if word and word not in known
    ]
    enabled = body.enable_thinking if body.enable_thinking is not None else body.enable_thinking_camel
    resolved = thinking.resolve(mode=mode, effort=effort, enabled=enabled, suffix=suffix)
    return Thinking(resolved, token_limit(body.thinking_budget)), unheard


def _is_silent_on_thinking(body: Body) -> bool:
    return (
        body.thinking_mode is None
        and body.thinking_mode_camel is None
        and body.qwen_thinking_mode is None
        and body.qwen_thinking_mode_camel is None
        and body.reasoning_effort is None
        and body.reasoning is None
        and body.enable_thinking is None
        and body.enable_thinking_camel is None
        and body.thinking_budget is None
    )


def _first_field(*fields: tuple[str, str | None]) -> tuple[str, str]:
    """The first field that says something, and its word in lower case."""
    for name, word in fields:
        if word:
            return name, word.lower()
    return "", ""


def _limits(body: Body) -> Limits:
    stop = body.stop
    if body.max_tokens is None and body.max_completion_tokens is None and not stop:
        return Limits()
    stops = stop_sequences([stop] if isinstance(stop, str) else stop or (), "stop")
    return Limits(token_limit(body.max_tokens, body.max_completion_tokens), stops)


def _binding(body: Body, client: ClientRequest) -> Binding:
    account_id = body.metadata.get("account_id") if body.metadata else None
    return binding(
        client,
        account=body.account or (account_id if account_id and isinstance(account_id, str) else None),
        session=body.session_id,
        chat=body.provider_session_id_camel or body.provider_session_id,
        subagent=subagent(body.metadata),
    )
