"""Every fault does what its line in the table says, byte for byte, pushed or named by a prompt."""

import gzip
from typing import Any

import anyio
import msgspec
import pytest

from luna.demo.faults import Fault, Faults
from luna.demo.misbehave import FAULTS
from luna.demo.serve import Lookalike
from tests.support.lookalike import THINKING, Heard, Page, completions, heard, new_chat_body, question, read_to_end

SSE = "text/event-stream; charset=utf-8"
JSON = "application/json"
LIMIT = "You've reached the upper limit for today's usage."
QUOTA = (
    "Allocated quota exceeded, please increase your quota limit. For details, see: "
    "https://www.alibabacloud.com/help/en/model-studio/error-code#token-limit"
)
WAF_JSON = (
    '{"ret":["FAIL_SYS_USER_VALIDATE","RGV587_ERROR::SM::哎哟喂,被挤爆啦,请稍后重试"],"data":{"url":"https://chat.qwen.ai:443'
    '//api/v2/chat/completions/_____tmd_____/punish?x5secdata=REDACTED&x5step=2&action=captcha&pureCaptcha="}}'
).encode()

WHOLE = [
    ("waf-json", 200, "application/json;charset=utf-8", WAF_JSON),
    (
        "waf-html",
        200,
        "text/html; charset=utf-8",
        (
            b'<!doctypehtml><html><head><meta charset="utf-8"><meta name="aliyun_waf_aa" content="0"><meta '
            b'name="aliyun_waf_bb" content="0"><title>Access Verification</title></head><body><script>/* challenge */'
            b"</script></body></html>"
        ),
    ),
    ("empty", 200, SSE, b""),
    ("token-expired-empty", 200, JSON, b""),
    ("http-500", 500, "text/plain", b"Internal Server Error"),
    ("http-502", 502, "text/html", b"<h1>502 Bad Gateway</h1>"),
    ("http-503", 503, "text/plain", b"Service Unavailable"),
    ("login", 302, "", b""),
]

REFUSALS: list[tuple[str, int, dict[str, Any]]] = [
    (
        "rate-limit",
        429,
        {
            "code": "RateLimited",
            "details": LIMIT,
            "template": "You have reached the daily usage limit. Please wait {{num}} hours before trying again.",
            "num": 10,
        },
    ),
    ("parallel-limit", 429, {"code": "ParallelLimited", "details": "Too many requests, please try again later."}),
    ("token-expired", 401, {"code": "Unauthorized", "details": "Token has expired."}),
    ("chat-busy", 400, {"code": "Bad_Request", "details": "The chat is in progress!"}),
    (
        "chat-gone",
        404,
        {"code": "CHAT_NOT_FOUND", "details": "This chat has been deleted. Please start a new chat to continue."},
    ),
    ("internal-json", 400, {"code": "Bad_Request", "details": "An internal error occurred, please try again later."}),
]

SAY = "[[say:one two three four]]"


async def both_ways(site: Lookalike, page: Page, name: str, *arguments: float) -> tuple[Heard, Heard]:
    """The same fault, pushed and named."""
    chat = await page.new_chat()
    site.faults.push(Fault(name, *arguments))
    pushed = await page.ask(chat, SAY)
    chat = await page.new_chat()
    named = await page.ask(chat, f"{SAY}[[fault:{':'.join((name, *map(str, arguments)))}]]")
    assert site.state.counters.faults == 2
    return pushed, named


@pytest.mark.parametrize(("name", "status", "content_type", "body"), WHOLE, ids=[row[0] for row in WHOLE])
async def test_a_page_in_place_of_the_answer(
    site: Lookalike, page: Page, name: str, status: int, content_type: str, body: bytes
) -> None:
    for said in await both_ways(site, page, name):
        assert (said.status, said.header("content-type"), said.body) == (status, content_type, body)
        assert said.complete
    assert site.state.counters.completions == 0


async def test_what_stands_in_the_headers(page: Page) -> None:
    assert (await page.say("[[fault:token-expired-empty]]")).actual == 401
    assert (await page.say("[[fault:empty]]")).actual == 200
    assert (await page.say("[[fault:login]]")).header("location") == "https://chat.qwen.ai/auth"
    assert (await page.say("[[fault:waf-json]]")).header("x-actual-status-code") == ""


async def test_the_challenge_page_leads_to_the_challenge(page: Page) -> None:
    said = await page.say("[[fault:challenge]]")
    assert (said.status, said.header("content-type")) == (200, "text/html; charset=utf-8")
    assert b"window.location.replace(" in said.body
    assert b"punish" in said.body
    assert b"sessionStorage.x5referer" in said.body


@pytest.mark.parametrize(("name", "actual", "data"), REFUSALS, ids=[row[0] for row in REFUSALS])
async def test_a_refusal_in_place_of_the_answer(
    site: Lookalike, page: Page, name: str, actual: int, data: dict[str, Any]
) -> None:
    for said in await both_ways(site, page, name):
        assert (said.status, said.actual, said.header("content-type")) == (200, actual, JSON)
        envelope = {"success": False, "request_id": said.header("x-request-id"), "data": data}
        assert said.body == msgspec.json.encode(envelope)
    assert site.state.counters.completions == 0


async def test_the_hours_of_a_limit_can_be_said(page: Page) -> None:
    assert (await page.say("[[fault:rate-limit:3]]")).json["data"]["num"] == 3
    assert b'"num":7}}' in (await page.say("[[fault:rate-limit-sse:7]]")).body


def created_of(said: Heard) -> bytes:
    return said.body.partition(b"\n\n")[0] + b"\n\n"


async def test_a_limit_inside_the_stream(site: Lookalike, page: Page) -> None:
    for said in await both_ways(site, page, "rate-limit-sse"):
        assert (said.header("content-type"), said.complete) == (SSE, True)
        assert (
            said.body
            == (
                f'data: {{"success":false,"request_id":"{said.header("x-request-id")}","data":{{"code":"RateLimited",'
                f'"details":"{LIMIT}","num":3}}}}\n\n'
            ).encode()
        )


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("quota-sse", {"code": "insufficient_quota", "message": QUOTA, "details": QUOTA}),
        ("internal", {"code": "internal_error", "details": "Internal error..."}),
    ],
)
async def test_an_error_right_after_created(site: Lookalike, page: Page, name: str, error: dict[str, str]) -> None:
    for said in await both_ways(site, page, name):
        told = ", ".join(f'"{key}": "{value}"' for key, value in error.items())
        frame = f'data: {{"error": {{{told}}}, "response_id": "{said.response_id}"}}\n\n'
        assert said.body == created_of(said) + frame.encode()
        assert said.complete


async def test_an_internal_error_once_and_then_the_answer(site: Lookalike, page: Page) -> None:
    chat = await page.new_chat()
    asked = f"{SAY}[[fault:internal-once]]"
    assert "error" in (await page.ask(chat, asked)).frames[-1]
    assert (await page.ask(chat, asked)).text == "one two three four"
    assert "error" in (await page.ask(chat, asked + " again")).frames[-1]


async def test_moderation_ends_the_answer_half_way(site: Lookalike, page: Page) -> None:
    for said in await both_ways(site, page, "content-filter"):
        assert said.text == "one two three"
        assert said.frames[-1]["error"] == {
            "code": "data_inspection_failed",
            "details": "Content security warning: output text data may contain inappropriate content!",
        }
        assert said.complete


async def plain(page: Page, **more: Any) -> Heard:
    return await page.say(SAY, **more)


def events(said: Heard) -> list[bytes]:
    """The stream's events with the ids taken out."""
    body = said.body
    for spelled in said.frames[0]["response.created"].values():
        if len(spelled) > 1:
            body = body.replace(spelled.encode(), b"ID")
    return body.split(b"\n\n")[:-1]


async def test_no_finished_frame(site: Lookalike, page: Page) -> None:
    whole = events(await plain(page))
    for said in await both_ways(site, page, "no-finished"):
        assert [event[:60] for event in events(said)] == [event[:60] for event in whole[:-1]]
        assert said.complete


async def test_half_a_frame_at_the_end(site: Lookalike, page: Page) -> None:
    for said in await both_ways(site, page, "half-frame"):
        assert said.complete
        last = said.body.rpartition(b"\n\n")[2]
        assert last.startswith(b'data: {"choices": [{"delta": {"content": ""')
        assert not last.endswith(b"}")


async def test_frames_without_words_come_twice(site: Lookalike, page: Page) -> None:
    whole = events(await plain(page, thinking=THINKING))
    site.faults.push(Fault("duplicate"))
    twice = events(await plain(page, thinking=THINKING))
    expected = [
        event for event in whole for _ in range(1 if b'"phase": "answer"' in event and b'""' not in event else 2)
    ]
    assert twice == expected
    assert len(twice) > len(whole)


async def test_a_phase_that_nobody_knows(site: Lookalike, page: Page) -> None:
    for said in await both_ways(site, page, "unknown-phase"):
        phases = [delta["phase"] for delta in said.deltas]
        assert phases.count("research_notes") == 2
        assert (phases[0], phases[-1]) == ("research_notes", "answer")
        assert said.text == "one two three four"


async def test_garbage_between_the_frames(site: Lookalike, page: Page) -> None:
    garbage = (
        b': a comment\n\nevent: message\nid: 7\nretry: 1000\ndata: {"choices": [{"del\n\n'
        b"data:\n\nnot a field\n\ndata: []\n\n"
    )
    for said in await both_ways(site, page, "garbage"):
        assert said.body.count(garbage) == 2
        clean = heard(said.raw)
        clean.body = said.body.replace(garbage, b"")
        assert clean.text == "one two three four"


async def test_a_giant_line(site: Lookalike, page: Page) -> None:
    said = await page.say(f"{SAY}[[fault:giant-line]]")
    assert said.text == "x" * 1024 * 1024 + "one two three four"
    said = await page.say(f"{SAY}[[fault:giant-line:100]]")
    assert said.text == "x" * 100 + "one two three four"


async def test_lines_may_end_otherwise(site: Lookalike, page: Page) -> None:
    whole = events(await plain(page))
    tight = await page.say(f"{SAY}[[fault:tight]]")
    crlf = await page.say(f"{SAY}[[fault:crlf]]")
    assert b"\n\n" not in tight.body
    assert tight.body.count(b"\n") == len(whole)
    assert crlf.body.count(b"\r\n\r\n") == len(whole)
    assert b"\n" not in crlf.body.replace(b"\r\n", b"")
    assert tight.text == crlf.text == "one two three four"


@pytest.mark.parametrize("pace", [0, 1])
async def test_the_connection_can_be_cut_at_any_byte(site: Lookalike, page: Page, pace: int) -> None:
    asked = f"[[pace:{pace}]][[say:one]]"
    whole = events(await page.say(asked))
    length = len((await page.say(asked)).body)
    for at in (0, 1, 6, 100, 777, length - 1, length):
        chat = await page.new_chat()
        site.faults.push(Fault("cut", at))
        said = await page.ask(chat, asked)
        assert (len(said.body), said.complete) == (at, False)
        assert (said.status, said.header("content-type")) == (200, SSE)
        if at > 250:
            assert events(said) == whole[: len(events(said))]
    beyond = await page.say(f"{asked}[[fault:cut:{length + 1000}]]")
    assert beyond.complete
    assert site.state.counters.cut == 7


async def test_a_cut_in_a_chunk_leaves_less_than_its_size_line_says(site: Lookalike, page: Page) -> None:
    said = await page.say(f"{SAY}[[fault:cut:300]]")
    size = int(said.raw.partition(b"\r\n\r\n")[2].partition(b"\r\n")[0], 16)
    assert size > 300
    assert said.raw.endswith(said.body)


async def test_a_document_can_be_cut_too(site: Lookalike, page: Page) -> None:
    site.faults.push(Fault("cut", 10), path="/api/v2/chats/new")
    said = await page.post("/api/v2/chats/new", new_chat_body())
    assert (said.body, said.complete) == (b'{"success"', False)


async def test_the_connection_can_be_closed_without_a_byte(site: Lookalike, page: Page) -> None:
    for said in await both_ways(site, page, "hang-up"):
        assert said.raw == b""


async def test_a_stall_ends_after_its_time(site: Lookalike, page: Page) -> None:
    begun = anyio.current_time()
    said = await page.say(f"{SAY}[[fault:stall:300:0.05]]")
    assert anyio.current_time() - begun >= 0.05
    assert (said.text, said.complete) == ("one two three four", True)


@pytest.mark.parametrize("at", [0, 300])
async def test_a_stall_can_wait_until_it_is_released(site: Lookalike, page: Page, at: int) -> None:
    chat = await page.new_chat()
    site.faults.push(Fault("stall", at))
    async with await page.connect() as socket:
        await socket.send(page.request("POST", completions(chat), question(chat, SAY)))
        raw = b""
        while len(heard(raw).body) < at or b"\r\n\r\n" not in raw:
            raw += await socket.receive()
        with anyio.move_on_after(0.02) as silence:
            raw += await socket.receive()
        assert silence.cancelled_caught
        assert len(heard(raw).body) == at
        site.faults.release()
        said = heard(raw + await read_to_end(socket))
    assert (said.text, said.complete) == ("one two three four", True)


async def test_a_client_may_leave_during_a_stall(site: Lookalike, page: Page) -> None:
    chat = await page.new_chat()
    site.faults.push(Fault("stall", 0))
    async with await page.connect() as socket:
        await socket.send(page.request("POST", completions(chat), question(chat, SAY)))
        await socket.receive()
    with anyio.fail_after(1):
        while not site.state.counters.left:
            await anyio.sleep(0.001)


async def test_byte_by_byte(site: Lookalike, page: Page) -> None:
    whole = await page.say("[[say:one]]")
    said = await page.say("[[say:one]][[fault:drip]]")
    assert (said.text, said.complete, len(said.headers)) == ("one", True, len(whole.headers))


async def test_a_late_head(site: Lookalike, page: Page) -> None:
    begun = anyio.current_time()
    said = await page.say(f"{SAY}[[fault:slow-head:0.05]]")
    assert anyio.current_time() - begun >= 0.05
    assert said.text == "one two three four"


async def test_compression_that_nobody_asked_for(site: Lookalike, page: Page) -> None:
    for said in await both_ways(site, page, "gzip"):
        assert said.header("content-encoding") == "gzip"
        said.body = gzip.decompress(said.body)
        assert (said.text, said.complete) == ("one two three four", True)
    site.faults.push(Fault("gzip"), path="/api/models")
    models = await page.get("/api/models")
    assert gzip.decompress(models.body).startswith(b'{"data":')


async def test_a_wrong_content_type(site: Lookalike, page: Page) -> None:
    for said in await both_ways(site, page, "mislabelled"):
        assert said.header("content-type") == "text/plain; charset=utf-8"
        assert said.text == "one two three four"


async def test_pushed_faults_wait_for_their_path_and_their_turn(site: Lookalike, page: Page) -> None:
    site.faults.push(Fault("http-503"), times=2, path="/api/v2/chats/new")
    site.faults.push(Fault("http-500"), path="/api/v2/chats/new")
    site.faults.push(Fault("http-502"), path="/api/m*")
    assert len(site.faults) == 4
    statuses = [(await page.post("/api/v2/chats/new", new_chat_body())).status for _ in range(4)]
    assert statuses == [503, 503, 500, 200]
    assert (await page.get("/api/v2/models/")).status == 200
    site.faults.clear()
    assert (await page.get("/api/models")).status == 200


async def test_several_faults_of_a_prompt_add_up(page: Page) -> None:
    said = await page.say(f"{SAY}[[fault:tight]][[fault:no-finished]][[fault:gzip]]")
    said.body = gzip.decompress(said.body)
    assert said.text == "one two three four"
    assert said.deltas[-1]["status"] == "typing"
    assert b"\n\n" not in said.body


async def test_an_unknown_fault_is_named(page: Page) -> None:
    assert "there is no fault 'nonsense' (have: rate-limit, " in (await page.say("[[fault:nonsense]]")).text
    assert "fault 'cut' takes these arguments: at" in (await page.say("[[fault:cut:1:2]]")).text
    with pytest.raises(ValueError, match="there is no fault 'nonsense'"):
        Fault("nonsense")
    with pytest.raises(ValueError, match="takes these arguments: none"):
        Fault("garbage", 1)


def test_every_fault_has_a_sentence_and_can_be_made_without_arguments() -> None:
    faults = Faults()
    for name, entry in FAULTS.items():
        assert entry.about.endswith("."), name
        assert faults.named(name, (), name) is not None
    assert repr(Fault("cut", 5)) == "<Fault cut:5>"
