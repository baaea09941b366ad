"""OpenAI's older text completion request → the neutral `ChatRequest`: the prompt is what the user says.

Owns which prompts can be answered: one, in words.
"""

from collections.abc import Sequence

from luna.model.chat import ChatRequest, Limits, Message, Text, Thinking
from luna.model.dialect import ClientRequest
from luna.protocols import thinking
from luna.protocols.binding import binding, subagent
from luna.protocols.body import bad_field
from luna.protocols.completions_types import Body
from luna.protocols.limits import stop_sequences, token_limit


def decode(body: Body, unread: Sequence[str], client: ClientRequest) -> ChatRequest:
    """Translate. `unread` are the body's fields that nobody reads. Raises LunaError(BAD_REQUEST)."""
    if not body.model:
        raise bad_field("model", "is missing.", hint="Name one of the models that GET /v1/models lists.")
    target, suffix = thinking.split_model(body.model)
    stop = [body.stop] if isinstance(body.stop, str) else body.stop or ()
    return ChatRequest(
        model=body.model,
        target=target,
        messages=[Message("user", [Text(prompt(body))])],
        stream=bool(body.stream),
        thinking=Thinking(suffix),
        limits=Limits(token_limit(body.max_tokens), stop_sequences(stop, "stop")),
        binding=binding(
            client,
            account=body.account or _account_id(body),
            session=body.session_id,
            chat=body.provider_session_id_camel or body.provider_session_id,
            subagent=subagent(body.metadata),
        ),
        include_usage=bool(body.stream_options and body.stream_options.include_usage),
        ignored=[*unread],
    )


def prompt(body: Body) -> str:
    """The one prompt. Raises LunaError(BAD_REQUEST)."""
    given: object = body.prompt
    if isinstance(given, list) and len(given) == 1:
        given = given[0]
    if isinstance(given, str) and given:
        return given
    if not given:
        raise bad_field("prompt", "is missing.")
    if isinstance(given, list) and all(isinstance(each, str) for each in given):
        raise bad_field("prompt", "holds several prompts.", hint="Send one request for each.")
    raise bad_field("prompt", "must be text.", hint="Token ids mean nothing to another model.")


def _account_id(body: Body) -> str | None:
    account_id = (body.metadata or {}).get("account_id")
    return account_id if isinstance(account_id, str) else None
