"""A request of OpenAI's Responses protocol → the neutral `ChatRequest`.

Owns which field wins where several say the same. What luna remembers of earlier responses is not known here: whoever
remembers puts it in front of the request's own items and asks for `turns` again.
"""

from collections.abc import Sequence

from luna.model.chat import ChatRequest, Limits, Message, Thinking
from luna.model.dialect import ClientRequest
from luna.protocols import responses_tools, thinking
from luna.protocols.binding import binding, subagent
from luna.protocols.body import bad_field
from luna.protocols.formats import response_format
from luna.protocols.limits import token_limit
from luna.protocols.responses_input import Conversation
from luna.protocols.responses_types import Body, ItemIn


def decode(body: Body, unread: Sequence[str], client: ClientRequest) -> ChatRequest:
    """Translate. `unread` are the body's fields that nobody reads. Raises LunaError(BAD_REQUEST)."""
    if not body.model:
        raise bad_field("model", "is missing.", hint="Name one of the models that GET /v1/models lists.")
    if body.input is None and not body.previous_response_id:
        raise bad_field("input", "is missing.")
    target, suffix = thinking.split_model(body.model)
    messages, unknown = turns(body, body.items)
    if not messages and not body.previous_response_id:
        raise bad_field("input", "must hold at least one message.")
    offer = responses_tools.offer(body)
    effort = ((body.reasoning.effort if body.reasoning else None) or "").lower()
    return ChatRequest(
        model=body.model,
        target=target,
        messages=messages,
        stream=bool(body.stream),
        thinking=Thinking(thinking.resolve(effort=effort, suffix=suffix)),
        limits=Limits(token_limit(body.max_output_tokens)),
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
        ignored=[*unread, *offer.ignored, *unknown, *_unheard(body, effort)],
    )


def turns(body: Body, items: Sequence[ItemIn]) -> tuple[list[Message], list[str]]:
    """The conversation of these items under the request's instructions, and where items stand that luna knows nothing
    to do with. Raises LunaError(BAD_REQUEST)."""
    conversation = Conversation()
    conversation.instructions(body.instructions)
    conversation.items(items)
    return conversation.turns, [*conversation.ignored.values()]


def _response_format(body: Body) -> dict[str, object] | None:
    """`text.format`, which here is flat: `{"type": "json_schema", "name", "schema", "strict"}`."""
    wanted = body.text.format if body.text is not None else None
    checked = response_format(wanted, "text.format")
    if checked is None or checked["type"] != "json_schema" or "json_schema" in checked:
        return checked
    if not isinstance(checked.get("schema"), dict):
        raise bad_field("text.format.schema", "must be an object.")
    return {"type": "json_schema", "json_schema": {key: value for key, value in checked.items() if key != "type"}}


def _unheard(body: Body, effort: str) -> list[str]:
    """Fields whose words luna does not know or cannot heed."""
    unheard = []
    if effort and effort not in thinking.EFFORTS:
        unheard.append("reasoning.effort")
    if body.text is not None and body.text.verbosity not in (None, "medium"):
        unheard.append("text.verbosity")
    return unheard


def _account_id(body: Body) -> str | None:
    account_id = (body.metadata or {}).get("account_id")
    return account_id if isinstance(account_id, str) else None
