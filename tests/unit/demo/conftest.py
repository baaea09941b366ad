"""A look-alike with a clock that stands still, and a page signed in to it."""

from collections.abc import AsyncIterator

import pytest

from luna.demo.serve import Lookalike
from luna.model.ambient import ManualClock
from tests.support.lookalike import Page, running


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def site(clock: ManualClock) -> AsyncIterator[Lookalike]:
    async with running(clock=clock) as site:
        yield site


@pytest.fixture
def page(site: Lookalike) -> Page:
    return Page(site, site.login("anna"))
