"""Which models there are, and which one a name means.

Owns the shipped catalogue (`models.json`, data), the live list of each site with its age, and the resolution of
names. Fetching is handed in, so that nothing here talks to the network (wire document section 1.2).

Ids rotate on Qwen's side, so a name that only the shipped catalogue knows is still tried, and as long as no live
list was seen an unknown name goes out as it is: Qwen knows better than a file.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import anyio
import msgspec

from luna.model.ambient import Clock
from luna.model.errors import Kind, LunaError

log = logging.getLogger("luna.qwen.catalogue")

KEEP = 600.0
"""Seconds for which a live list is taken as it is."""
RETRY = 30.0
"""Seconds after a failed fetch before the next is tried."""

_NAMES, _LONGEST = 256, 200
"""Names that are remembered with what they mean, and characters of such a name."""

_SKILLS = {"vision": "image", "video": "video", "audio": "audio"}
"""A capability → what it lets a model take."""

ThinkingSkill = Literal["none", "both", "only", "auto", "unknown"]


class Model(msgspec.Struct, frozen=True, omit_defaults=True):
    """One model. Limits in tokens, 0 where nobody said. `thinking`: none at all, with and without, always,
    or as the model sees fit."""

    id: str
    name: str = ""
    context: int = 0
    max_output: int = 0
    max_thinking: int = 0
    modalities: tuple[str, ...] = ("text",)
    thinking: ThinkingSkill = "unknown"
    note: str = ""
    created: int = 0


class Shipped(msgspec.Struct, frozen=True):
    """The catalogue that comes with luna."""

    models: tuple[Model, ...]
    aliases: dict[str, str]


@lru_cache
def shipped() -> Shipped:
    """Read once."""
    return msgspec.json.decode(Path(__file__).with_name("models.json").read_bytes(), type=Shipped)


class Listing(msgspec.Struct, frozen=True):
    """What a site offers, as far as luna knows."""

    models: tuple[Model, ...]
    source: Literal["live", "shipped"]
    problem: str = ""
    """Why it is not fresh, when it is not."""
    updated: float | None = None
    """Seconds since the epoch when the site said it; None for the shipped one."""


class Resolution(msgspec.Struct, frozen=True):
    """What a name means. `model` is None for a name that was passed through unknown."""

    id: str
    model: Model | None


class _Seen(msgspec.Struct):
    models: tuple[Model, ...] = ()
    fetched: float | None = None
    said: float | None = None
    failed: float | None = None
    problem: str = ""


Fetch = Callable[[], Awaitable[list[Model]]]


class Catalogue:
    """The lists of all sites by base URL."""

    def __init__(self, clock: Clock, *, keep: float = KEEP) -> None:
        self._clock = clock
        self._keep = keep
        self._sites: dict[str, _Seen] = {}
        self._locks: dict[str, anyio.Lock] = {}
        self._contexts: dict[str, int] = {}
        self._resolved: dict[tuple[str, str], Resolution] = {}
        """What names were found to mean, until a list changes."""

    def __repr__(self) -> str:
        lists = ", ".join(f"{site} {len(seen.models)}" for site, seen in self._sites.items() if seen.models)
        return f"<Catalogue {lists or 'shipped only'}>"

    def known(self, site: str) -> Listing:
        """What is known without asking."""
        seen = self._sites.get(site)
        if seen is None or not seen.models:
            return Listing(shipped().models, "shipped", seen.problem if seen else "")
        return Listing(seen.models, "live", seen.problem, seen.said)

    async def listing(self, site: str, fetch: Fetch) -> Listing:
        """The live list, fetched when it is not fresh; concurrent callers share one fetch. When it fails, the last
        list stays, or the shipped one, and `problem` says so."""
        lock = self._locks.setdefault(site, anyio.Lock())
        async with lock:
            seen = self._sites.setdefault(site, _Seen())
            if self._due(seen):
                try:
                    await self._fetch(seen, fetch)
                except LunaError:
                    log.warning("the model list of %s cannot be read: %s", site, seen.problem)
            return self.known(site)

    async def refresh(self, site: str, fetch: Fetch) -> Listing:
        """The live list, fetched now. Raises LunaError; then the last list stays."""
        async with self._locks.setdefault(site, anyio.Lock()):
            await self._fetch(self._sites.setdefault(site, _Seen()), fetch)
            return self.known(site)

    async def _fetch(self, seen: _Seen, fetch: Fetch) -> None:
        try:
            seen.models = tuple(await fetch())
        except LunaError as error:
            seen.failed, seen.problem = self._clock.monotonic(), f"{error.kind.value}: {error.message}"
            raise
        finally:
            self._contexts, self._resolved = {}, {}
        seen.fetched, seen.said, seen.failed, seen.problem = self._clock.monotonic(), self._clock.wall(), None, ""

    def _due(self, seen: _Seen) -> bool:
        now = self._clock.monotonic()
        if seen.failed is not None and now - seen.failed < RETRY:
            return False
        return seen.fetched is None or now - seen.fetched >= self._keep

    def forget(self, site: str) -> None:
        """The list proved wrong: ask again next time."""
        seen = self._sites.get(site)
        if seen is not None:
            seen.fetched = None

    def context_of(self, name: str) -> int:
        """How many tokens the model that a client's name means can take, by a live list or else the shipped one; 0
        where nobody says. Asks nothing of the network."""
        if name in self._contexts:
            return self._contexts[name]
        target = _target(name)
        for models in (*(seen.models for seen in self._sites.values()), shipped().models):
            found = find(models, target)
            if found is not None and found.context:
                if len(self._contexts) < _NAMES and len(name) <= _LONGEST:
                    self._contexts[name] = found.context
                return found.context
        return 0

    def resolve(self, site: str, name: str) -> Resolution:
        """The model that a client's name means: an id, a display name or an alias, in any case. Raises
        LunaError(NOT_FOUND) with close names when neither the live list nor the shipped one knows it."""
        known = self._resolved.get((site, name))
        if known is not None:
            return known
        live = self.known(site)
        target = _target(name)
        for models in (live.models, shipped().models):
            found = find(models, target)
            if found is not None:
                resolution = Resolution(found.id, found)
                if len(self._resolved) < _NAMES and len(name) <= _LONGEST:
                    self._resolved[site, name] = resolution
                return resolution
        if live.source == "shipped":
            return Resolution(target, None)
        raise unknown(name, live.models)


def _target(name: str) -> str:
    """What is looked for when a client says this: an alias stands for something else."""
    name = name.strip()
    return shipped().aliases.get(name.lower(), name)


def find(models: Iterable[Model], name: str) -> Model | None:
    """The model of that id or display name, in any case; ids win."""
    wanted = name.lower()
    named: Model | None = None
    for model in models:
        if model.id.lower() == wanted:
            return model
        if named is None and model.name.lower() == wanted:
            named = model
    return named


def unknown(name: str, models: Iterable[Model]) -> LunaError:
    """There is no such model; here are some that sound like it."""
    from difflib import get_close_matches  # with the first mistake

    names = {model.id: None for model in models} | dict.fromkeys(shipped().aliases)
    close = get_close_matches(name.lower(), list(names), n=3, cutoff=0.5)
    hint = f"Close to it: {', '.join(close)}." if close else "GET /v1/models lists them all."
    return LunaError(Kind.NOT_FOUND, f"There is no model {name[:80]!r}.", hint=hint, param="model")


def read_models(document: object) -> list[Model]:
    """The models in the reply of `/api/v2/models/` (list at `data.data`) or `/api/models` (list at `data`).
    Entries that make no sense or are switched off are left out. Raises LunaError(UPSTREAM_BROKEN) without a list."""
    listed = document
    while isinstance(listed, Mapping):
        listed = listed.get("data")
    if not isinstance(listed, list):
        raise LunaError(Kind.UPSTREAM_BROKEN, "Qwen's model list is not in a form that luna knows.")
    return [model for entry in listed if (model := _read_model(entry)) is not None]


def _read_model(entry: object) -> Model | None:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("id"), str) or not entry["id"]:
        return None
    info = _mapping(entry.get("info"))
    if info.get("is_active") is False:
        return None
    meta = _mapping(info.get("meta"))
    known = find(shipped().models, entry["id"])
    name = entry.get("name")
    return Model(
        id=entry["id"],
        name=name if isinstance(name, str) else "",
        context=_count(meta, "max_context_length"),
        max_output=_count(meta, "max_summary_generation_length", "max_generation_length"),
        max_thinking=_count(meta, "max_thinking_generation_length"),
        modalities=_modalities(meta, known),
        thinking=known.thinking if known is not None and known.thinking == "only" else _thinking(meta),
        note=known.note if known is not None else "",
        created=_count(info, "created_at"),
    )


def _modalities(meta: Mapping[str, Any], known: Model | None) -> tuple[str, ...]:
    """What it takes: by its list, else by its skills, else by what the shipped catalogue says."""
    listed = meta.get("modality")
    if isinstance(listed, list) and listed:
        return tuple(map(str, listed))
    skills = _mapping(meta.get("capabilities"))
    if not any(skill in skills for skill in _SKILLS):
        return known.modalities if known is not None else ("text",)
    return ("text", *(modality for skill, modality in _SKILLS.items() if skills.get(skill)))


def _thinking(meta: Mapping[str, Any]) -> ThinkingSkill:
    can = _mapping(meta.get("capabilities")).get("thinking")
    if can is None:
        return "unknown"
    if not can:
        return "none"
    return "auto" if meta.get("auto_thinking") else "both"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _count(meta: Mapping[str, Any], *names: str) -> int:
    for name in names:
        value = meta.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return 0
