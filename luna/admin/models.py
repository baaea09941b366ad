"""`/api/models`: what the account's site offers, which names lead to which of it, and how much it was used.

`providerId`, `source`, `items`, `updatedAt` and the fields of a model up to `modality` are LunaProxy's; its limits are
texts, and stand beside them as numbers. The list itself belongs to `luna.qwen.catalogue`, aliases to routes.yaml.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from luna.admin.envelope import json
from luna.admin.operation import Operation
from luna.admin.paging import milliseconds
from luna.core.routing import Alias
from luna.core.snapshot import SnapshotCell
from luna.model.ambient import Ids
from luna.model.errors import LunaError
from luna.qwen.catalogue import Catalogue, Listing, Model, ThinkingSkill, find, shipped
from luna.state.account import PROVIDER
from luna.state.accounts import Accounts
from luna.state.runs import Runs

DAY = 86_400.0


class ModelEntry(msgspec.Struct, rename="camel", kw_only=True):
    """One model. Numbers are tokens, 0 for not known; their texts are then "". `aliases` are the names, and patterns of
    names, that lead to it; `runs` counts those of the last 24 hours."""

    id: str
    name: str
    description: str
    max_context_length: str
    max_generation_length: str
    max_thinking_generation_length: str
    modality: list[str]
    context_tokens: int
    max_output_tokens: int
    max_thinking_tokens: int
    thinking: ThinkingSkill
    aliases: list[str]
    runs: int


class AliasEntry(msgspec.Struct, rename="camel"):
    """Names that stand for another one. `origin`: routes, where a person wrote it, or luna, which ships it; the first
    that covers a name wins. `modelId` is the model that answers, "" where the list has none such."""

    names: list[str]
    target: str
    model_id: str
    origin: Literal["routes", "luna"]


class ModelsDocument(msgspec.Struct, rename="camel", kw_only=True):
    """`GET /api/models`. `source`: live, as the site said it at `updatedAt` (milliseconds since the epoch), or shipped
    with luna. `problem` says why it is not fresher, "" when nothing is wrong. `demo`: the site is the look-alike."""

    ok: bool = True
    provider_id: str = PROVIDER
    source: Literal["live", "shipped"]
    count: int
    items: list[ModelEntry]
    updated_at: int | None
    problem: str
    aliases: list[AliasEntry]
    demo: bool


def routes(accounts: Accounts, catalogue: Catalogue, cell: SnapshotCell, runs: Runs) -> list[Operation]:
    """The routes of this subject."""

    async def document(found: Listing) -> Response:
        aliases = [*_aliases(cell.current.aliases, found.models)]
        used = _used(await runs.by_target(DAY), found.models)
        return json(
            ModelsDocument(
                source=found.source,
                count=len(found.models),
                items=[_entry(model, aliases, used.get(model.id, 0)) for model in found.models],
                updated_at=milliseconds(found.updated),
                problem=found.problem,
                aliases=aliases,
                demo=accounts.readiness() == "demo",
            )
        )

    async def listing() -> Listing:
        try:
            async with accounts.lease() as lease:
                client = lease.account.client(Ids())
                return await catalogue.listing(client.site.base_url, client.models)
        except LunaError as error:
            known = catalogue.known(next((account.site.base_url for account in accounts.all()), ""))
            return msgspec.structs.replace(known, problem=known.problem or error.message)

    async def show(_: Request) -> Response:
        return await document(await listing())

    async def refresh(_: Request) -> Response:
        async with accounts.lease() as lease:
            client = lease.account.client(Ids())
            fresh = await catalogue.refresh(client.site.base_url, client.models)
        return await document(fresh)

    return [
        Operation("GET", "/models", show, "What Qwen offers, and which names lead to it.", gives=ModelsDocument),
        Operation("POST", "/models/refresh", refresh, "Ask Qwen for its models now.", gives=ModelsDocument),
    ]


def _aliases(configured: Iterable[Alias], models: Sequence[Model]) -> Iterator[AliasEntry]:
    """Those of the routes, then what luna knows by itself and no line of theirs covers."""
    listed, known = list(configured), shipped().aliases
    for alias in listed:
        yield AliasEntry(list(alias.model.patterns), alias.target, _meant(alias.target, models), "routes")
    for name, target in known.items():
        if not any(alias.model.matches(name) for alias in listed):
            yield AliasEntry([name], target, _meant(target, models), "luna")


def _meant(name: str, models: Sequence[Model]) -> str:
    """The id of the model that a name stands for once the routes' aliases have been applied."""
    model = find(models, shipped().aliases.get(name.strip().lower(), name.strip()))
    return model.id if model is not None else ""


def _used(runs: Mapping[str, int], models: Sequence[Model]) -> dict[str, int]:
    """Runs by the id of the model that they meant."""
    used: dict[str, int] = {}
    for target, count in runs.items():
        meant = _meant(target, models)
        used[meant] = used.get(meant, 0) + count
    return used


def _entry(model: Model, aliases: Iterable[AliasEntry], runs: int) -> ModelEntry:
    return ModelEntry(
        id=model.id,
        name=model.name or model.id,
        description=model.note,
        max_context_length=_told(model.context),
        max_generation_length=_told(model.max_output),
        max_thinking_generation_length=_told(model.max_thinking),
        modality=list(model.modalities),
        context_tokens=model.context,
        max_output_tokens=model.max_output,
        max_thinking_tokens=model.max_thinking,
        thinking=model.thinking,
        aliases=[name for alias in aliases if alias.model_id == model.id for name in alias.names],
        runs=runs,
    )


def _told(tokens: int) -> str:
    return f"{tokens:,} tokens" if tokens else ""
