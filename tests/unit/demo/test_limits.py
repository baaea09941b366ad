"""How many answers one user may have at a time, and what the cap for the day does."""

import anyio
import pytest

from luna.demo.serve import Lookalike
from luna.model.ambient import ManualClock
from tests.support.lookalike import Heard, Page, running

ENDLESS = "[[pace:5]][[count:500]]"


async def test_answers_are_counted_for_all_and_for_each(site: Lookalike, page: Page) -> None:
    other = Page(site, site.login("bert"))
    async with anyio.create_task_group() as tasks:
        for who in (page, page, other):
            tasks.start_soon(who.say, ENDLESS)
        with anyio.fail_after(2):
            while site.state.counters.streams_now < 3:
                await anyio.sleep(0.002)
        assert (site.streams("anna").now, site.streams("bert").now) == (2, 1)
        assert site.state.streams.now == 3
        tasks.cancel_scope.cancel()
    with anyio.fail_after(2):
        while site.state.counters.streams_now:
            await anyio.sleep(0.002)
    assert (site.streams("anna").peak, site.streams("bert").peak) == (2, 1)
    assert (site.state.counters.streams_peak, site.state.streams.peak) == (3, 3)
    assert (site.streams("anna").now, site.streams("nobody").peak) == (0, 0)
    await page.say("one after another")
    assert site.state.counters.streams_peak == 3


async def test_beyond_the_limit_a_user_is_refused_and_others_are_not() -> None:
    async with running(max_streams=2) as site:
        anna, bert = (Page(site, site.login(label)) for label in ("anna", "bert"))
        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(anna.say, ENDLESS)
            with anyio.fail_after(2):
                while site.streams("anna").now < 2:
                    await anyio.sleep(0.002)
            refused = await anna.say("one too many")
            assert (refused.actual, refused.json["data"]["code"]) == (429, "ParallelLimited")
            assert (await bert.say("[[say:mine]]")).text == "mine"
            tasks.cancel_scope.cancel()
        with anyio.fail_after(2):
            while site.streams("anna").now:
                await anyio.sleep(0.002)
        assert (await anna.say("[[say:again]]")).text == "again"
        assert site.streams("anna").peak == 2
        assert "of 2 for each user" in repr(site.state.streams)


@pytest.mark.parametrize(("passed", "left"), [(0, 2), (60, 2), (3600, 1), (3601, 1), (7199, 1)])
async def test_the_cap_names_the_hours_that_are_left(
    site: Lookalike, page: Page, clock: ManualClock, passed: float, left: int
) -> None:
    site.limit("anna", 2)
    clock.advance(passed)
    page = Page(site, site.login("anna"))
    refused = await page.say("hello")
    assert (refused.actual, refused.json["data"]["code"], refused.json["data"]["num"]) == (429, "RateLimited", left)
    assert "upper limit" in refused.json["data"]["details"]


async def test_a_cap_is_for_one_user_and_ends(site: Lookalike, page: Page, clock: ManualClock) -> None:
    site.limit("anna", 0.1)
    other = Page(site, site.login("bert"))
    assert (await other.say("[[say:mine]]")).text == "mine"
    assert (await page.say("x")).json["success"] is False
    clock.advance(360)
    assert (await page.say("[[say:back]]")).text == "back"
    site.limit("anna", 5)
    site.limit("anna", 0)
    assert (await page.say("[[say:lifted]]")).text == "lifted"


async def test_chats_are_listed_by_page_with_the_titles_they_were_made_with(site: Lookalike, page: Page) -> None:
    made: list[Heard] = []
    for number in range(52):
        body = {"title": f"luna {number}", "models": ["qwen3.7-plus"], "timestamp": 1790000000000}
        made.append(await page.post("/api/v2/chats/new", body))
    first, second = [(await page.get(f"/api/v2/chats/?page={number}")).json["data"] for number in (1, 2)]
    assert (len(first), len(second)) == (50, 2)
    titles = {row["id"]: row["title"] for row in [*first, *second]}
    assert titles == {said.json["data"]["id"]: f"luna {number}" for number, said in enumerate(made)}
    assert (await page.get("/api/v2/chats/?page=3")).json["data"] == []
