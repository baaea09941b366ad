"""`responses.recall`: the conversation so far comes back by the id of the response that it led to.

Owns `previous_response_id`, references to single items, and the tools that the conversation brought. What is remembered
is `responses.remember`'s business.
"""

import msgspec

from luna.core.flow import Flow
from luna.core.notes import Key
from luna.core.stage import RequestStage
from luna.model.dialect import Parsed
from luna.model.errors import Kind, LunaError
from luna.protocols import responses_tools
from luna.protocols.body import bad_field
from luna.protocols.responses_decode import turns
from luna.protocols.responses_memory import resolved, unpack
from luna.protocols.responses_types import Body, Document, ItemIn
from luna.stages.responses_lookup import find

ITEMS: Key[list[ItemIn]] = Key("responses items")
"""The whole conversation as it was before the answer; noted when the client wants it remembered."""


class ResponsesRecall(RequestStage):
    """Puts what luna remembers before the request's own items (`previous_response_id`), and in the place of references
    to items. Stands right below `protocol.decode`; requests in other protocols pass as they are."""

    use = "responses.recall"
    needs_chat = True

    def request(self, flow: Flow) -> None:
        """Raises LunaError(NOT_FOUND) for a response that luna does not remember, and LunaError(BAD_REQUEST)."""
        parsed = flow.parsed
        if type(parsed) is not Parsed or type(parsed.document) is not Document:
            return
        document, body = parsed.document, parsed.document.body
        before = _conversation(flow, body.previous_response_id)
        own, missing = resolved(body.items, lambda response: _document(flow, response))
        items = [*before, *own]
        if before or own != body.items:
            flow.chat.messages, _ = turns(body, items)
        if any(item.tools for item in before):
            whole = msgspec.structs.replace(body, input=items)
            flow.parsed = Parsed(msgspec.structs.replace(document, body=whole), parsed.facts)
            _offer(flow, whole)
        if not flow.chat.messages:
            raise bad_field("input", "must hold at least one message.")
        flow.ignore(*missing)
        if body.store is not False:
            flow.notes[ITEMS] = items


def _offer(flow: Flow, body: Body) -> None:
    """Tools that the conversation has brought are offered in each of its turns."""
    made = responses_tools.offer(body)
    flow.chat.tools, flow.chat.tool_choice = made.tools, made.choice


def _conversation(flow: Flow, previous: str | None) -> list[ItemIn]:
    if not previous:
        return []
    remembered = find(flow, previous)
    if remembered is None:
        raise LunaError(
            Kind.NOT_FOUND,
            f"previous_response_id: luna remembers no response '{previous[:80]}'.",
            hint="Send the whole conversation as `input`. Responses are remembered until luna is restarted, unless"
            " `store` is false.",
            param="previous_response_id",
        )
    return unpack(remembered.items)


def _document(flow: Flow, response: str) -> bytes | None:
    remembered = find(flow, response)
    return remembered.document if remembered is not None else None
