"""`models`: which models there are.

Owns `GET /v1/models` and `GET /v1/models/{id}`: in OpenAI's shape, or in Anthropic's for a client that sends
`anthropic-version`. Where the list comes from is `luna.qwen.catalogue`'s business.
"""

from typing import Any

import msgspec

from luna.core.flow import Flow
from luna.core.stage import AnswerStage
from luna.model.dialect import Reply
from luna.model.errors import LunaError
from luna.protocols.anthropic_models import ListedModel, model_document, models_document
from luna.qwen.catalogue import Catalogue, Listing, Model, find, shipped, unknown
from luna.state.accounts import PROVIDER, Accounts

_WILD = frozenset("*?[")


class Models(AnswerStage):
    """Lists Qwen's live models when an account can ask for them, else those that luna shipped with; the header
    `x-luna-models` says which (`live`, `shipped`). Aliases of the configuration without wildcards are listed too."""

    use = "models"

    async def answer(self, flow: Flow) -> Reply:
        listing = await _listing(flow)
        models = _named(flow, listing)
        wanted = flow.client.path.partition("/models")[2].strip("/")
        if wanted:
            models = dict([_one(wanted, models, listing)])
        shape = _anthropic if flow.client.header("anthropic-version") else _openai
        document = shape(models, flow, wanted)
        headers = [("cache-control", "no-store"), ("x-luna-models", listing.source)]
        if listing.problem:
            headers.append(("x-luna-models-problem", listing.problem))
        return Reply(200, msgspec.json.encode(document), headers=tuple(headers))


async def _listing(flow: Flow) -> Listing:
    catalogue = flow.services[Catalogue]
    try:
        async with flow.services[Accounts].lease() as lease:
            client = lease.client(flow.ids, flow.born)
            if lease.account.source == "demo":
                flow.headers["x-luna-demo"] = "true"
            return await catalogue.listing(client.site.base_url, client.models)
    except LunaError as error:
        return Listing(shipped().models, "shipped", error.kind.value)


def _named(flow: Flow, listing: Listing) -> dict[str, Model]:
    """The models by the names that a chat may use: their ids, and the aliases that stand for one of them."""
    named = {model.id: model for model in listing.models}
    for alias in flow.snapshot.aliases:
        target = find(listing.models, alias.target)
        for name in alias.model.patterns:
            if target is not None and not _WILD & set(name):
                named.setdefault(name, target)
    return named


def _one(wanted: str, named: dict[str, Model], listing: Listing) -> tuple[str, Model]:
    """By id or alias as it stands, else by any name that a chat may use. Raises LunaError(NOT_FOUND)."""
    if wanted in named:
        return wanted, named[wanted]
    model = find(listing.models, shipped().aliases.get(wanted.lower(), wanted))
    if model is None:
        raise unknown(wanted, listing.models)
    return model.id, model


def _openai(models: dict[str, Model], _: Flow, wanted: str) -> dict[str, Any]:
    entries = [_entry(name, model) for name, model in models.items()]
    return entries[0] if wanted else {"object": "list", "data": entries}


def _anthropic(models: dict[str, Model], flow: Flow, wanted: str) -> dict[str, Any]:
    listed = [
        ListedModel(name, model.name or model.id, model.created, model.context, model.max_output)
        for name, model in models.items()
    ]
    return model_document(listed[0]) if wanted else models_document(listed, flow.client.query)


def _entry(name: str, model: Model) -> dict[str, Any]:
    """OpenAI's fields, then what is known beyond them."""
    entry: dict[str, Any] = {
        "id": name,
        "object": "model",
        "created": model.created,
        "owned_by": PROVIDER,
        "name": model.name or model.id,
    }
    known = {
        "context_length": model.context,
        "max_output_tokens": model.max_output,
        "max_thinking_tokens": model.max_thinking,
        "modalities": list(model.modalities),
    }
    entry.update({key: value for key, value in known.items() if value})
    return entry
