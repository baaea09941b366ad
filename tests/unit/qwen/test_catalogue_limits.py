"""How much a model can take, before anybody has asked Qwen."""

from luna.model.ambient import ManualClock
from luna.qwen.catalogue import Catalogue, Model, shipped

KNOWN = next(model for model in shipped().models if model.context)


async def test_the_live_lists_word_counts_before_the_shipped_one() -> None:
    catalogue = Catalogue(ManualClock())
    assert catalogue.context_of(KNOWN.id.upper()) == KNOWN.context
    assert catalogue.context_of("nobody's") == 0

    async def fetch() -> list[Model]:
        return [Model(KNOWN.id, context=77), Model("fresh", context=88), Model("silent")]

    await catalogue.listing("https://a.example", fetch)
    assert catalogue.context_of(KNOWN.id) == 77
    assert catalogue.context_of("Fresh") == 88
    assert catalogue.context_of("silent") == 0


async def test_a_live_list_that_does_not_say_leaves_the_shipped_word() -> None:
    catalogue = Catalogue(ManualClock())

    async def fetch() -> list[Model]:
        return [Model(KNOWN.id)]

    await catalogue.listing("https://a.example", fetch)
    assert catalogue.context_of(KNOWN.id) == KNOWN.context


def test_aliases_are_understood() -> None:
    alias, target = next(iter(shipped().aliases.items()))
    catalogue = Catalogue(ManualClock())
    assert catalogue.context_of(alias) == catalogue.context_of(target)
