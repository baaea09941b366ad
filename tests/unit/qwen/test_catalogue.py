"""Models and their names."""

from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from luna.model.ambient import ManualClock
from luna.model.errors import Kind, LunaError
from luna.qwen.catalogue import KEEP, RETRY, Catalogue, Model, find, read_models, shipped

SITE = "https://chat.qwen.ai"
LIVE = [Model("qwen9-max", "Qwen9-Max"), Model("qwen3.6-plus", "Qwen3.6-Plus")]
FIXTURES = Path(__file__).parents[3] / "fixtures" / "wire"


class Source:
    """Counts fetches; fails when told to."""

    def __init__(self) -> None:
        self.fetched = 0
        self.error: LunaError | None = None

    async def __call__(self) -> list[Model]:
        self.fetched += 1
        await anyio.sleep(0)
        if self.error is not None:
            raise self.error
        return LIVE


async def with_live_list() -> Catalogue:
    catalogue = Catalogue(ManualClock())
    await catalogue.listing(SITE, Source())
    return catalogue


def test_the_shipped_catalogue_holds_together() -> None:
    known = shipped()
    assert len(known.models) == 25
    assert len({model.id for model in known.models}) == 25
    for model in known.models:
        assert model.context >= 65_536
        assert model.max_output > 0
        assert "text" in model.modalities
    assert all(find(known.models, target) for target in known.aliases.values())


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("qwen3", "qwen3-max-2026-01-23"),
        ("Qwen", "qwen3-max-2026-01-23"),
        ("QWEN3-VL", "qwen3-vl-plus"),
        ("qwen2.5", "qwen-max-latest"),
        ("Qwen2.5-Max", "qwen-max-latest"),
        ("qwen3.5-PLUS", "qwen3.5-plus"),
        (" qwen3-omni ", "qwen3-omni-flash-2025-12-01"),
        ("Qwen3.7-Max-Preview", "qwen-latest-series-invite-beta-v24"),
    ],
)
def test_names(name: str, id: str) -> None:
    resolution = Catalogue(ManualClock()).resolve(SITE, name)
    assert resolution.id == id
    assert resolution.model is not None


def test_as_long_as_no_live_list_is_known_any_name_passes() -> None:
    resolution = Catalogue(ManualClock()).resolve(SITE, "Qwen9-Max")
    assert (resolution.id, resolution.model) == ("Qwen9-Max", None)


async def test_what_a_name_means_is_remembered_until_a_list_changes() -> None:
    async def fetch() -> list[Model]:
        return [Model("qwen3.6-plus", "Qwen3.6-Plus", context=7)]

    catalogue = Catalogue(ManualClock())
    shipped_one = catalogue.resolve(SITE, " Qwen3.6-PLUS ")
    assert catalogue.resolve(SITE, " Qwen3.6-PLUS ") is shipped_one
    assert catalogue.context_of("qwen3.6-plus") == catalogue.context_of("qwen3.6-plus") > 7
    await catalogue.refresh(SITE, fetch)
    assert catalogue.resolve(SITE, " Qwen3.6-PLUS ").model == Model("qwen3.6-plus", "Qwen3.6-Plus", context=7)
    assert catalogue.context_of("qwen3.6-plus") == 7


async def test_with_a_live_list_unknown_names_are_refused_with_close_ones() -> None:
    catalogue = await with_live_list()
    assert catalogue.resolve(SITE, "qwen9-MAX").id == "qwen9-max"
    assert catalogue.resolve(SITE, "qwen3.5-flash").id == "qwen3.5-flash", "the shipped one may still be tried"
    with pytest.raises(LunaError) as caught:
        catalogue.resolve(SITE, "qwen9-mx")
    assert caught.value.kind is Kind.NOT_FOUND
    assert caught.value.param == "model"
    assert "qwen9-max" in caught.value.hint
    with pytest.raises(LunaError, match="zzz"):
        catalogue.resolve(SITE, "zzz")


async def test_a_list_belongs_to_its_site() -> None:
    catalogue = await with_live_list()
    assert catalogue.known(SITE).source == "live"
    assert catalogue.known("http://127.0.0.1:1").source == "shipped"
    assert repr(catalogue) == f"<Catalogue {SITE} 2>"


async def test_a_list_is_kept_for_a_while() -> None:
    clock, source = ManualClock(), Source()
    catalogue = Catalogue(clock)
    for _ in range(3):
        assert (await catalogue.listing(SITE, source)).models == tuple(LIVE)
    assert source.fetched == 1
    clock.advance(KEEP)
    await catalogue.listing(SITE, source)
    assert source.fetched == 2
    catalogue.forget(SITE)
    await catalogue.listing(SITE, source)
    assert source.fetched == 3
    catalogue.forget("elsewhere")


async def test_concurrent_callers_share_a_fetch() -> None:
    source, catalogue = Source(), Catalogue(ManualClock())
    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(catalogue.listing, SITE, source)
    assert source.fetched == 1


async def test_a_failure_keeps_what_there_was_and_says_so() -> None:
    clock, source = ManualClock(), Source()
    catalogue = Catalogue(clock)
    source.error = LunaError(Kind.UPSTREAM_LOGIN, "no")
    listing = await catalogue.listing(SITE, source)
    assert (listing.source, listing.problem) == ("shipped", "upstream-login: no")
    await catalogue.listing(SITE, source)
    assert source.fetched == 1, "not at every call"
    clock.advance(RETRY)
    source.error = None
    assert (await catalogue.listing(SITE, source)).problem == ""
    source.error = LunaError(Kind.TIMEOUT, "slow")
    clock.advance(KEEP)
    listing = await catalogue.listing(SITE, source)
    assert (listing.source, listing.problem) == ("live", "timeout: slow")


def test_the_live_list_as_recorded() -> None:
    document = msgspec.json.decode((FIXTURES / "65_api_models_v2" / "body.json").read_bytes())
    assert read_models(document) == [
        Model(
            "qwen3.7-plus",
            "Qwen3.7-Plus",
            context=1_000_000,
            max_output=65_536,
            modalities=("text", "image", "video"),
            thinking="auto",
            note=shipped().models[0].note,
        )
    ]


def entry(**info: Any) -> dict[str, Any]:
    return {"id": "m", "info": info}


def test_odd_entries() -> None:
    listed = [5, {}, {"id": ""}, {"id": 5}, {"id": "a"}, {"id": "b", "name": 5, "info": []}, entry(is_active=False)]
    assert [model.id for model in read_models({"data": listed})] == ["a", "b"]
    meta = {"max_context_length": "many", "modality": "text", "capabilities": {"thinking": False}}
    assert read_models([entry(meta=meta)]) == [Model("m", thinking="none")]
    assert read_models([entry(meta={"capabilities": {"thinking": True}})]) == [Model("m", thinking="both")]


@pytest.mark.parametrize(
    ("id", "meta", "taken"),
    [
        ("m", {"modality": ["text", "image"], "capabilities": {"vision": False, "audio": True}}, ("text", "image")),
        ("m", {"capabilities": {"vision": True, "video": False, "audio": True}}, ("text", "image", "audio")),
        ("m", {"modality": [], "capabilities": {"vision": False}}, ("text",)),
        ("m", {"capabilities": {"thinking": True}}, ("text",)),
        ("qwen3.6-plus", {"capabilities": {"thinking": True}}, ("text", "image", "video")),
        ("qwen3.6-plus", {"capabilities": {"vision": False}}, ("text",)),
    ],
)
def test_what_a_model_takes(id: str, meta: dict[str, Any], taken: tuple[str, ...]) -> None:
    (model,) = read_models([{"id": id, "info": {"meta": meta}}])
    assert model.modalities == taken


def test_a_model_that_always_thinks_is_known_to() -> None:
    (model,) = read_models([{"id": "qwen3.6-plus-preview", "info": {"meta": {"auto_thinking": True}}}])
    assert model.thinking == "only"


@pytest.mark.parametrize("odd", [None, 5, {}, {"data": None}, {"data": {"data": "x"}}])
def test_no_list(odd: object) -> None:
    with pytest.raises(LunaError, match="model list"):
        read_models(odd)
