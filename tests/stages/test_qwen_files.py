"""What goes along with a turn as files: which attachments, in which order, and what becomes of those that do not."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import anyio.lowlevel
import msgspec
import pytest

from luna.core.flow import Flow
from luna.core.services import Services
from luna.demo.faults import Fault
from luna.demo.file_faults import PARSE_STATUS, PERMIT, STORE
from luna.model.chat import Attachment, ChatRequest, Message, Part, Text, ToolResult
from luna.model.errors import Kind, LunaError
from luna.qwen.attached import attached
from luna.qwen.catalogue import Catalogue
from luna.qwen.client import QwenClient
from luna.stages import qwen_files
from luna.stages.qwen_files import upload_attachments, upload_document
from luna.state.uploads import Uploads
from luna.upstream.exchange import Backend, InResponse, OutRequest
from luna.upstream.guard import LinkFetcher
from tests.support.lookalike import Page
from tests.support.machine import Encode, Scripted, flow_of
from tests.support.samples import JPEG, PDF, PNG, data_url, movie
from tests.support.scripted import Says, ScriptedBackend
from tests.support.uploads import Desk, upload_desk

SEEING, BLIND, HEARING = "qwen3.7-plus", "qwen3.8-max", "qwen3.5-omni-plus"
PICTURE = data_url(PNG, "image/png")


class Fork:
    """The account's way out: what is not the site's own goes to a made-up web."""

    def __init__(self, site: Backend, port: int) -> None:
        self.web = ScriptedBackend()
        self._site = site
        self._port = port

    async def open(self, request: OutRequest) -> InResponse:
        own = urlsplit(request.url).port == self._port
        return await (self._site if own else self.web).open(request)

    async def aclose(self) -> None:
        """Not mine."""


class Bench:
    """One flow with its services."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.fork = Fork(desk.backend, urlsplit(desk.site.url).port or 0)
        self.client: QwenClient = desk.client(backend=self.fork)
        self.uploads = desk.uploads()
        self.names: dict[str, list[str]] = {}
        self.services = Services()
        self.services.provide(Uploads, self.uploads)
        self.services.provide(Catalogue, Catalogue(desk.clock))
        self.services.provide(LinkFetcher, LinkFetcher(resolve=self._resolve))

    async def _resolve(self, host: str, port: int) -> list[str]:
        await anyio.lowlevel.checkpoint()
        return self.names.get(host, ["93.184.215.14"])

    def flow(self, *messages: Message, model: str = SEEING, file_ids: tuple[str, ...] = ()) -> Flow:
        flow = flow_of(Scripted(), Encode(), services=self.services)
        flow.chat = ChatRequest(model=model, messages=list(messages), file_ids=list(file_ids))
        return flow

    async def entries(self, *messages: Message, **more: Any) -> list[dict[str, Any]]:
        flow = self.flow(*messages, **more)
        found = await upload_attachments(flow, self.client, "a", attached(flow.chat.messages))
        assert "x-luna-ignored" not in flow.headers
        return found

    async def ignored(self, *messages: Message, **more: Any) -> tuple[list[dict[str, Any]], str]:
        """What went along, and what did not."""
        flow = self.flow(*messages, **more)
        found = await upload_attachments(flow, self.client, "a", attached(flow.chat.messages))
        return found, flow.headers["x-luna-ignored"]

    async def failure(self, *messages: Message, **more: Any) -> LunaError:
        flow = self.flow(*messages, **more)
        with pytest.raises(LunaError) as failed:
            await upload_attachments(flow, self.client, "a", attached(flow.chat.messages))
        return failed.value

    async def answer(self, entries: list[dict[str, Any]], text: str = "Look") -> str:
        """What the site makes of a message with these files."""
        page = Page(self.desk.site, self.desk.site.login("anna"))
        return (await page.say(text, message={"files": entries})).text

    def stored(self, file_id: str) -> Any:
        return self.desk.site.state.shelf.get(file_id)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with upload_desk() as desk:
        yield Bench(desk)


def image(url: str = PICTURE, **more: str) -> Attachment:
    return Attachment("image", url=url, **more)


def document(url: str, **more: str) -> Attachment:
    return Attachment("document", url=url, **more)


def user(*parts: Part, known: bool = False) -> Message:
    return Message("user", list(parts), known=known)


def tool(*parts: Text | Attachment) -> Message:
    return Message("tool", [ToolResult("call", list(parts))])


async def test_nothing_attached_costs_nothing(bench: Bench) -> None:
    assert await bench.entries(user(Text("Hi"))) == []
    assert bench.desk.site.state.counters.requests == 0


async def test_attachments_of_messages_and_tool_results_in_order(bench: Bench) -> None:
    entries = await bench.entries(
        user(Text("a"), document(data_url(b"first words"), name="a.txt"), image()),
        Message("assistant", [Text("b")]),
        tool(Text("c"), image(data_url(JPEG, "image/png"))),
        user(document(data_url(PDF, "application/pdf"), name="paper")),
    )
    assert [(entry["name"], entry["file_type"], entry["file_class"]) for entry in entries] == [
        ("a.txt", "text/plain", "document"),
        ("image-1.png", "image/png", "vision"),
        ("image-2.jpg", "image/jpeg", "vision"),
        ("paper.pdf", "application/pdf", "document"),
    ]
    assert [bench.stored(entry["id"]).data for entry in entries] == [b"first words", PNG, JPEG, PDF]
    said = await bench.answer(entries)
    assert "You attached: a.txt, image-1.png, image-2.jpg, paper.pdf." in said
    assert "The file a.txt says: “first words”." in said


async def test_the_ids_of_entries_are_the_flows_own_and_come_in_order(bench: Bench) -> None:
    messages = [user(*(document(data_url(b"%d" % n), name=f"{n}.txt") for n in range(6)))]
    flows = [bench.flow(*messages) for _ in range(2)]
    first, second = [await upload_attachments(flow, bench.client, "a", attached(messages)) for flow in flows]
    assert [entry["itemId"] for entry in first] == [entry["itemId"] for entry in second]
    assert [entry["name"] for entry in first] == [f"{n}.txt" for n in range(6)]


async def test_what_the_chat_knows_stays_where_it_is(bench: Bench) -> None:
    entries = await bench.entries(user(image(), known=True), user(image(data_url(JPEG))))
    assert [entry["name"] for entry in entries] == ["image-2.jpg"]
    assert bench.desk.site.state.counters.uploads == 1
    assert await bench.entries(user(image(), known=True)) == []


async def test_the_same_picture_twice_goes_along_once(bench: Bench) -> None:
    same = data_url(PNG)  # another spelling of the same bytes
    entries = await bench.entries(user(image()), tool(image()), user(image(same)))
    assert len({entry["id"] for entry in entries}) == len(entries) == 1


async def test_ids_that_the_client_names(bench: Bench) -> None:
    known = (await bench.entries(user(document(data_url(b"words"), name="a.txt"))))[0]
    attached = user(Attachment("image", id="theirs", name="cat.png"), document(data_url(b"x"), name="b.txt"))
    entries = await bench.entries(attached, file_ids=(known["id"], "unknown", "theirs"))
    assert (entries[0]["id"], entries[0]["name"]) == ("theirs", "cat.png")
    assert [entry["name"] for entry in entries][1:] == ["b.txt", "a.txt", "unknown"]
    assert [bool(entry["url"]) for entry in entries] == [False, True, True, False]
    assert entries[0]["type"] == "image"
    assert [entry["id"] for entry in await bench.entries(user(Text("x")), file_ids=("u", "u"))] == ["u"]


async def test_a_link_is_fetched_by_the_accounts_own_way(bench: Bench) -> None:
    bench.fork.web.on("GET", "/cat", Says((PNG,), 200, (("content-type", "application/octet-stream"),)))
    (entry,) = await bench.entries(user(image("https://pictures.example/cat?size=1")))
    assert bench.stored(entry["id"]).data == PNG
    (request,) = bench.fork.web.requests
    assert (request.url, request.address) == ("https://pictures.example/cat?size=1", "93.184.215.14")


@pytest.mark.parametrize(
    ("url", "kind", "says"),
    [
        ("https://inside.example/cat.png", Kind.BAD_REQUEST, "leads into a private network"),
        ("http://pictures.example/cat.png", Kind.BAD_REQUEST, "only https"),
        ("https://127.0.0.1/cat.png", Kind.BAD_REQUEST, "private network"),
        ("https://pictures.example/gone.png", Kind.BAD_REQUEST, "status 404"),
        ("https://pictures.example/page.png", Kind.UNSUPPORTED_MEDIA_TYPE, "is image/svg+xml"),
        ("data:image/png;base64,!!!", Kind.BAD_REQUEST, "not base64"),
        ("data:image/png;base64", Kind.BAD_REQUEST, "no comma"),
        (data_url(b"\0\1", "application/x-thing"), Kind.UNSUPPORTED_MEDIA_TYPE, "application/x-thing"),
        (data_url(b"no picture", "image/png"), Kind.UNSUPPORTED_MEDIA_TYPE, "image/png"),
    ],
)
async def test_what_cannot_be_had_fails_the_users_own_turn_and_is_left_out_elsewhere(
    bench: Bench, url: str, kind: Kind, says: str
) -> None:
    bench.names["inside.example"] = ["10.0.0.1"]
    bench.fork.web.on("GET", "/gone.png", Says((b"no",), 404))
    bench.fork.web.on("GET", "/page.png", Says((b"<svg/>",), 200, (("content-type", "image/svg+xml"),)))
    attachment = image(url, name="the cat.png")
    error = await bench.failure(user(Text("look"), attachment))
    assert (error.kind, says in error.message, "'the cat.png'" in error.message) == (kind, True, True)
    for earlier in ([user(attachment), user(Text("and now?"))], [user(Text("read it")), tool(attachment)]):
        entries, ignored = await bench.ignored(*earlier)
        assert (entries, ignored) == ([], "messages.content.image")
    assert bench.desk.site.state.counters.permits == 0


async def test_where_the_pipeline_is_strict_nothing_is_left_out(bench: Bench) -> None:
    flow = bench.flow(tool(image("data:,x")))
    flow.strict = True
    with pytest.raises(LunaError, match="cannot honour"):
        await upload_attachments(flow, bench.client, "a", attached(flow.chat.messages))


async def test_a_model_that_cannot_see(bench: Bench) -> None:
    error = await bench.failure(user(image(name="cat.png")), model=BLIND)
    assert error.kind is Kind.UNSUPPORTED_MEDIA_TYPE
    assert error.message == f"The model {BLIND} takes no image: 'cat.png' cannot be sent to it."
    assert SEEING in error.hint
    entries, ignored = await bench.ignored(
        user(document(data_url(b"words"), name="a.txt")), tool(image()), user(Text("x")), model=BLIND
    )
    assert ([entry["name"] for entry in entries], ignored) == (["a.txt"], "messages.content.image")


async def test_what_turns_out_to_be_something_else_is_judged_as_that(bench: Bench) -> None:
    (entry,) = await bench.entries(user(document(data_url(PNG, "application/pdf"), name="scan.pdf")))
    assert (entry["file_class"], entry["file_type"]) == ("vision", "image/png")
    error = await bench.failure(user(document(data_url(PNG), name="scan.pdf")), model=BLIND)
    assert "takes no image: 'scan.pdf'" in error.message


async def test_sound_and_film(bench: Bench) -> None:
    sound = Attachment("audio", url=data_url(movie(b"M4A"), "audio/m4a"))
    film = Attachment("video", url=data_url(movie(b"isom"), "video/mp4"))
    entries = await bench.entries(user(sound, film), model=HEARING)
    assert [(entry["type"], entry["file_class"], entry["name"]) for entry in entries] == [
        ("audio", "audio", "audio-1.m4a"), ("video", "video", "video-1.mp4"),
    ]  # fmt: skip
    assert "takes no audio" in (await bench.failure(user(sound))).message


async def test_a_model_that_nobody_knows_is_not_judged(bench: Bench) -> None:
    assert len(await bench.entries(user(image()), model="qwen9-new")) == 1


async def test_a_picture_that_is_too_large_is_named(bench: Bench) -> None:
    error = await bench.failure(user(image(data_url(PNG + bytes(20_000_000), "image/png"), name="huge.png")))
    assert error.kind is Kind.TOO_LARGE
    assert "'huge.png' has 20.0 MB, and Qwen takes 20 MB of an image." in error.message
    assert bench.desk.site.state.counters.permits == 0


async def test_one_that_fails_ends_the_others_and_is_named(bench: Bench) -> None:
    good = [document(data_url(b"%d" % n), name=f"{n}.txt") for n in range(5)]
    bad = document(data_url(b"bad"), name="parse-fails.txt")
    error = await bench.failure(user(*good, bad))
    assert error.kind is Kind.BAD_REQUEST
    assert "The document 'parse-fails.txt' cannot be read by Qwen" in error.message
    assert repr(bench.uploads).endswith("running=0>")


async def test_a_document_that_qwen_cannot_read_is_left_out_of_a_history(bench: Bench) -> None:
    bad = user(document(data_url(b"bad"), name="parse-fails.txt"))
    entries, ignored = await bench.ignored(bad, user(Text("and this?"), image()))
    assert ([entry["name"] for entry in entries], ignored) == (["image-1.png"], "messages.content.document")


@pytest.mark.parametrize(
    ("path", "fault", "kind"),
    [
        (PERMIT, Fault("rate-limit", 2), Kind.RATE_LIMITED),
        (STORE, Fault("store-refuses"), Kind.UPSTREAM_REJECTED),
        (PARSE_STATUS, Fault("http-500"), Kind.UPSTREAM_TRANSIENT),
    ],
)
async def test_a_failure_of_qwens_is_never_swallowed(bench: Bench, path: str, fault: Fault, kind: Kind) -> None:
    bench.desk.site.faults.push(fault, path=path)
    error = await bench.failure(user(document(data_url(b"x"), name="a.txt")), user(Text("earlier, not insisted on")))
    assert (error.kind, "'a.txt'" in error.message) == (kind, True)


async def test_only_a_few_are_worked_on_at_a_time(bench: Bench) -> None:
    now = peak = 0

    class Counting(ScriptedBackend):
        async def open(self, request: OutRequest) -> Any:
            nonlocal now, peak
            now += 1
            peak = max(peak, now)
            await anyio.sleep(0.002)
            now -= 1
            return await super().open(request)

    web = bench.fork.web = Counting()
    pictures = []
    for number in range(12):
        web.on("GET", f"/{number}.png", Says((PNG + bytes([number]),), 200))
        pictures.append(image(f"https://pictures.example/{number}.png"))
    entries = await bench.entries(user(*pictures))
    assert [entry["name"] for entry in entries] == [f"{number}.png" for number in range(12)]
    assert 1 < peak <= qwen_files.AT_ONCE


async def test_of_very_many_the_latest_go_along(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qwen_files, "MOST", 2)
    entries, ignored = await bench.ignored(user(*(document(data_url(b"%d" % n), name=f"{n}.txt") for n in range(4))))
    assert ([entry["name"] for entry in entries], ignored) == (["2.txt", "3.txt"], "messages.content.document")


async def test_a_document_of_lunas_own(bench: Bench) -> None:
    flow, words = bench.flow(user(Text("x"))), "Grüße [[say:read]]".encode()
    entry = await upload_document(flow, bench.client, "a", "conversation.md", words)
    assert (entry["name"], entry["file_class"], entry["file_type"]) == ("conversation.md", "document", "text/plain")
    assert bench.stored(entry["id"]).data == words
    assert await bench.answer([entry], "The conversation is in the file.") == "read"
    again = await upload_document(flow, bench.client, "a", "conversation.md", words)
    assert again["id"] == entry["id"]
    bench.desk.site.faults.push(Fault("parse-pending"), path=PARSE_STATUS, times=100)
    with pytest.raises(LunaError, match="Qwen has not finished within 60 s") as failed:
        await upload_document(flow, bench.client, "a", "long.md", b"other words")
    assert failed.value.kind is Kind.TIMEOUT
    assert "The document 'long.md'" in failed.value.message


async def test_no_entry_tells_a_secret_but_its_address(bench: Bench) -> None:
    (entry,) = await bench.entries(user(image()))
    told = msgspec.json.encode(entry | {"url": ""}).decode()
    file = bench.stored(entry["id"])
    assert not any(secret in told for secret in (file.secret, file.token, file.access_key))
