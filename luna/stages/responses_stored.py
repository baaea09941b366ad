"""`responses.stored`: a response that luna remembers, by its id.

Owns `GET` and `DELETE /v1/responses/{id}`.
"""

from urllib.parse import parse_qs

import msgspec

from luna.core.flow import Flow
from luna.core.stage import AnswerStage
from luna.model.dialect import Reply
from luna.model.errors import Kind, LunaError
from luna.protocols.body import bad_field
from luna.stages.responses_lookup import find
from luna.state.responses import Responses


class ResponsesStored(AnswerStage):
    """Gives a remembered response as its client got it, or forgets it. They last until luna is restarted."""

    use = "responses.stored"

    async def answer(self, flow: Flow) -> Reply:
        """Raises LunaError(NOT_FOUND), and LunaError(BAD_REQUEST) for a stream: there is nothing left to wait for."""
        wanted = flow.client.path.partition("/responses/")[2].strip("/")
        found = find(flow, wanted)
        headers = (("cache-control", "no-store"),)
        if flow.client.method == "DELETE":
            if not flow.services[Responses].forget(wanted):
                raise _unknown(wanted)
            deleted = {"id": wanted, "object": "response", "deleted": True}
            return Reply(200, msgspec.json.encode(deleted), headers=headers)
        if parse_qs(flow.client.query).get("stream", ["false"])[-1].lower() == "true":
            raise bad_field("stream", "luna streams an answer once, while it comes.", "Ask without `stream`.")
        if found is None:
            raise _unknown(wanted)
        return Reply(200, found.document, headers=headers)


def _unknown(wanted: str) -> LunaError:
    return LunaError(
        Kind.NOT_FOUND,
        f"luna remembers no response '{wanted[:80]}'.",
        hint="Responses are remembered until luna is restarted, unless the request said `store: false`.",
        param="response_id",
    )
