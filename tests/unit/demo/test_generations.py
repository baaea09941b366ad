"""A generation takes its chat's lock, outlives its client, and ends when it is stopped."""

import anyio
import httpcore
import msgspec
from anyio.abc import SocketStream

from luna.demo.serve import Lookalike
from luna.model.ambient import ManualClock
from tests.support.lookalike import Page, completions, heard, question, read_to_end, running

BUSY = {"code": "Bad_Request", "details": "The chat is in progress!"}
SLOW = "[[count:1000]][[pace:5]]"


async def begin(page: Page, chat: str, text: str) -> tuple[SocketStream, bytes]:
    """Ask, and read until the first words are there."""
    socket = await page.connect()
    await socket.send(page.request("POST", completions(chat), question(chat, text)))
    raw = b""
    while b'"content"' not in raw:
        raw += await socket.receive()
    return socket, raw


async def reaches(counter: str, site: Lookalike, value: int) -> None:
    with anyio.fail_after(2):
        while getattr(site.state.counters, counter) < value:
            await anyio.sleep(0.001)


async def stop(page: Page, chat: str, response: str | None = None) -> bool:
    asked = {"chat_id": chat} | ({"response_id": response} if response else {})
    said = await page.post(f"/api/v2/chat/completions/stop?chat_id={chat}", asked)
    return bool(said.json["success"])


async def test_a_chat_gives_one_answer_at_a_time(site: Lookalike, page: Page) -> None:
    chat = await page.new_chat()
    socket, _ = await begin(page, chat, SLOW)
    async with socket:
        second = await page.ask(chat, "Hello")
        assert (second.status, second.actual, second.json["data"]) == (200, 400, BUSY)
        assert (await page.say("[[say:elsewhere]]")).text == "elsewhere"


async def test_the_lock_outlives_the_client_until_stop(site: Lookalike, page: Page) -> None:
    chat = await page.new_chat()
    socket, raw = await begin(page, chat, SLOW)
    response = heard(raw).response_id
    await socket.aclose()
    await reaches("left", site, 1)
    assert (await page.ask(chat, "Hello")).json["data"] == BUSY
    assert await stop(page, chat, "another response")
    assert (await page.ask(chat, "Hello")).json["data"] == BUSY
    assert await stop(page, chat, response)
    assert (await page.ask(chat, "[[say:free]]", response)).text == "free"
    counters = site.state.counters
    assert (counters.stops, counters.stopped, counters.left, counters.finished) == (2, 1, 1, 1)
    assert site.state.noted("stop") == ["another response", response]


async def test_the_lock_outlives_the_client_for_a_while(site: Lookalike, page: Page, clock: ManualClock) -> None:
    chat = await page.new_chat()
    socket, raw = await begin(page, chat, SLOW)
    await socket.aclose()
    await reaches("left", site, 1)
    clock.advance(29)
    assert (await page.ask(chat, "Hello")).json["data"] == BUSY
    clock.advance(1)
    asked = await page.ask(chat, "[[history]]", heard(raw).response_id)
    assert asked.text.startswith(f"user: {SLOW}\nassistant: 0 1 2 ")
    assert asked.text.endswith(" 999 ")


async def test_the_lock_may_linger_after_a_normal_end(clock: ManualClock) -> None:
    async with running(clock=clock, settle=0.5) as site:
        page = Page(site, site.login("anna"))
        chat = await page.new_chat()
        assert (await page.ask(chat, "[[say:one]]")).text == "one"
        assert (await page.ask(chat, "[[say:two]]")).json["data"] == BUSY
        clock.advance(0.5)
        assert (await page.ask(chat, "[[say:two]]")).text == "two"


async def test_stop_ends_the_stream_of_a_client_that_is_still_there(site: Lookalike, page: Page) -> None:
    chat = await page.new_chat()
    socket, raw = await begin(page, chat, SLOW)
    async with socket:
        assert await stop(page, chat)
        said = heard(raw + await read_to_end(socket))
    assert said.complete
    assert said.deltas[-1]["status"] == "typing"
    told = (await page.ask(chat, "[[history]]", said.response_id)).text
    assert told == f"user: {SLOW}\nassistant: {said.text}"
    assert site.state.counters.stopped == 1


async def test_stopping_what_does_not_run_does_no_harm(site: Lookalike, page: Page) -> None:
    chat = await page.new_chat()
    assert await stop(page, chat)
    assert not await stop(page, "nothing")
    other = Page(site, site.login("berta"))
    socket, _ = await begin(page, chat, SLOW)
    async with socket:
        assert not await stop(other, chat)
        assert (await page.ask(chat, "Hello")).json["data"] == BUSY


async def test_deleting_a_chat_ends_its_answer(site: Lookalike, page: Page) -> None:
    chat = await page.new_chat()
    socket, raw = await begin(page, chat, SLOW)
    async with socket:
        await page.call("DELETE", f"/api/v2/chats/{chat}")
        assert heard(raw + await read_to_end(socket)).complete


async def test_an_error_in_the_stream_frees_the_chat_and_a_cut_does_not(site: Lookalike, page: Page) -> None:
    chat = await page.new_chat()
    await page.ask(chat, "[[fault:internal]]")
    assert (await page.ask(chat, "[[say:x]][[fault:cut:10]]")).body == b'data: {"re'
    assert (await page.ask(chat, "Hello")).json["data"] == BUSY
    assert site.state.counters.cut == 1


async def test_a_departure_is_noticed_in_a_silence(site: Lookalike, page: Page) -> None:
    chat = await page.new_chat()
    async with await page.connect() as socket:
        await socket.send(page.request("POST", completions(chat), question(chat, "[[count:2]][[pace:600000]]")))
        assert b"response.created" in await socket.receive()
        assert site.state.counters.left == 0
    await reaches("left", site, 1)


async def test_fifty_answers_at_once(site: Lookalike, page: Page) -> None:
    texts: dict[int, str] = {}

    async def one(number: int) -> None:
        said = await page.say(f"[[say:{number}]][[count:40]][[pace:2]]")
        assert said.complete
        texts[number] = said.text

    async with anyio.create_task_group() as tasks:
        for number in range(50):
            tasks.start_soon(one, number)
    counted = "".join(f"{number} " for number in range(40))
    assert texts == {number: f"{number}{counted}" for number in range(50)}
    assert site.state.counters.finished == 50


async def test_a_pace_is_one_write_for_each_frame_and_none_joins_them(site: Lookalike, page: Page) -> None:
    paced = await page.say("[[count:50]][[pace:1]]")
    assert len(paced.deltas) == 53
    assert paced.raw.count(b"\n\n\r\n") == 54
    fast = await page.say("[[count:50]]")
    assert fast.deltas == paced.deltas
    assert fast.raw.count(b"\n\n\r\n") == 2


async def test_the_site_has_a_pace_of_its_own(clock: ManualClock) -> None:
    async with running(clock=clock, pace=0.005) as site:
        page = Page(site, site.login("anna"))
        begun = anyio.current_time()
        said = await page.say("[[count:7]]")
        assert anyio.current_time() - begun >= 0.005 * 10
        assert said.raw.count(b"\n\n\r\n") == 11
        fast = await page.say("[[count:7]][[pace:0]]")
        assert fast.raw.count(b"\n\n\r\n") == 1


async def test_a_reader_that_does_not_read_holds_its_own_stream_only(site: Lookalike, page: Page) -> None:
    chat = await page.new_chat()
    socket, _ = await begin(page, chat, "[[count:20000]]")
    async with socket:
        assert (await page.say("[[say:fine]]")).text == "fine"
        assert site.state.counters.finished == 1


async def test_a_pooled_client_goes_on_with_its_conversation(site: Lookalike, page: Page) -> None:
    chat = await page.new_chat()
    headers = list(page.headers.items())
    async with httpcore.AsyncConnectionPool(max_connections=1) as pool:
        parent = None
        for number in range(3):
            body = msgspec.json.encode(question(chat, f"[[say:{number}]]", parent))
            answer = await pool.request("POST", site.url + completions(chat), headers=headers, content=body)
            first = msgspec.json.decode(answer.content.partition(b"\n\n")[0][6:])
            parent = first["response.created"]["response_id"]
        assert len(pool.connections) == 1
    assert (await page.ask(chat, "[[history]]", parent)).text.count("assistant: ") == 3


async def test_closing_the_site_ends_what_runs() -> None:
    async with running() as site:
        page = Page(site, site.login("anna"))
        socket, raw = await begin(page, await page.new_chat(), SLOW)
    async with socket:
        assert not heard(raw + await read_to_end(socket)).complete
