"""Bringing files to Qwen: what is called in which order, and what each failure is called."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from luna.demo.faults import Fault
from luna.demo.file_faults import PARSE, PARSE_STATUS, PERMIT, STORE
from luna.model.errors import Kind, LunaError
from luna.qwen.file_entries import Uploaded
from luna.qwen.files import Content, have_read, put_file
from luna.upstream.recording import RecordingBackend
from luna.wire.recorder import CURRENT
from tests.support.scripted import Says, ScriptedBackend, header, refusal, success
from tests.support.tape import MemoryRecording
from tests.support.uploads import Desk, media_file, text_file, upload_desk


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with upload_desk(parse_polls=2) as desk:
        yield desk


async def bring(desk: Desk, content: Content, *, label: str = "anna", patience: float = 60.0) -> Uploaded:
    client = desk.client(label)
    uploaded = await put_file(client, content, clock=desk.clock, sleep=desk.sleep)
    if content.kind == "document":
        await have_read(client, uploaded, clock=desk.clock, sleep=desk.sleep, patience=patience)
    return uploaded


async def failure(desk: Desk, content: Content, *, patience: float = 60.0) -> LunaError:
    with pytest.raises(LunaError) as failed:
        await bring(desk, content, patience=patience)
    assert f"'{content.name}'" in failed.value.message
    assert failed.value.detail["attachment"] == content.name
    return failed.value


async def test_a_document_is_stored_and_read(desk: Desk) -> None:
    uploaded = await bring(desk, text_file("ü (1) + b.txt", "words"))
    file = desk.site.state.shelf.get(uploaded.id)
    assert file is not None
    assert (file.data, file.content_type, file.filetype, file.reading) == (b"words", "text/plain", "file", "success")
    assert (uploaded.name, uploaded.size, uploaded.user) == ("ü (1) + b.txt", 5, file.user)
    assert desk.slept == [1.0, 1.0]


@pytest.mark.parametrize("kind", ["image", "video", "audio"])
async def test_media_are_stored_and_not_read(desk: Desk, kind: Any) -> None:
    uploaded = await bring(desk, media_file(kind, f"{kind}/x", b"\0\xff" * 60_000))
    file = desk.site.state.shelf.get(uploaded.id)
    assert file is not None
    assert (file.filetype, file.data) == (kind, b"\0\xff" * 60_000)
    assert (desk.site.state.counters.parses, desk.slept) == (0, [])


async def test_what_goes_to_the_store_is_the_file_and_its_signature_alone() -> None:
    async with upload_desk() as desk:
        seen: list[Any] = []

        class Watching:
            async def open(self, request: Any) -> Any:
                seen.append(request)
                return await desk.backend.open(request)

            async def aclose(self) -> None:
                """Not mine."""

        client = desk.client(backend=Watching())
        await put_file(client, text_file(), clock=desk.clock, sleep=desk.sleep)
        permit, put = seen
        assert header(permit, "authorization").startswith("Bearer ")
        assert put.method == "PUT"
        assert header(put, "authorization").startswith("OSS4-HMAC-SHA256 ")
        assert not header(put, "cookie")
        assert {name.lower() for name, _ in put.headers} == {
            "user-agent", "origin", "referer", "content-type", "x-oss-content-sha256", "x-oss-date",
            "x-oss-security-token", "authorization",
        }  # fmt: skip
        assert b'"filesize":"10"' in permit.body


async def test_the_older_permit_where_the_newer_is_gone(desk: Desk) -> None:
    desk.site.faults.push(Fault("chat-gone"), path=PERMIT)
    await bring(desk, text_file())
    assert desk.site.state.counters.permits == 1


async def test_an_expired_token_is_renewed_on_the_way(desk: Desk) -> None:
    desk.site.faults.push(Fault("token-expired"), path=PERMIT)
    desk.site.faults.push(Fault("token-expired"), path=PARSE)
    await bring(desk, text_file())
    assert desk.site.state.counters.refreshes == 2


@pytest.mark.parametrize(
    ("fault", "kind", "says"),
    [
        (Fault("rate-limit", 3), Kind.RATE_LIMITED, "usage limit"),
        (Fault("internal-json"), Kind.UPSTREAM_TRANSIENT, "failed internally"),
        (Fault("http-500"), Kind.UPSTREAM_TRANSIENT, "failed internally"),
        (Fault("waf-json"), Kind.UPSTREAM_BLOCKED, "firewall"),
        (Fault("hang-up"), Kind.UPSTREAM_BROKEN, "broke"),
    ],
)
async def test_no_permit(desk: Desk, fault: Fault, kind: Kind, says: str) -> None:
    desk.site.faults.push(fault, path=PERMIT, times=2)
    error = await failure(desk, text_file())
    assert (error.kind, says in error.message) == (kind, True)
    assert "The document 'a.txt' cannot be uploaded" in error.message
    assert (error.retry_after == 3 * 3600) is (kind is Kind.RATE_LIMITED)
    assert desk.site.state.counters.uploads == 0


async def test_a_store_that_does_not_believe_is_not_asked_again(desk: Desk) -> None:
    desk.site.faults.push(Fault("store-refuses"), path=STORE)
    error = await failure(desk, text_file())
    assert error.kind is Kind.UPSTREAM_REJECTED
    assert "status 403 (SignatureDoesNotMatch)" in error.message
    assert desk.slept == []


@pytest.mark.parametrize("fault", [Fault("store-fails"), Fault("http-503")])
async def test_a_store_that_fails_is_asked_once_more(desk: Desk, fault: Fault) -> None:
    desk.site.faults.push(fault, path=STORE)
    await bring(desk, media_file("image", "image/png"))
    assert desk.slept == [0.5]
    desk.site.faults.push(fault, path=STORE, times=2)
    error = await failure(desk, media_file("image", "image/png"))
    assert error.kind is Kind.UPSTREAM_TRANSIENT
    assert "The image 'x' cannot be uploaded" in error.message


async def test_a_clock_that_is_wrong_is_named(desk: Desk) -> None:
    site_clock = desk.site.state.clock
    assert site_clock is desk.clock
    client = desk.client()

    class Late:
        def wall(self) -> float:
            return desk.clock.wall() - 1000

        def monotonic(self) -> float:
            return desk.clock.monotonic()

    with pytest.raises(LunaError, match="RequestTimeTooSkewed") as failed:
        await put_file(client, text_file(), clock=Late(), sleep=desk.sleep)
    assert "clock of this machine" in failed.value.hint


async def test_a_document_that_cannot_be_read_is_told_at_once(desk: Desk) -> None:
    desk.site.faults.push(Fault("parse-fails"), path=PARSE_STATUS)
    error = await failure(desk, text_file("report.pdf"))
    assert error.kind is Kind.BAD_REQUEST
    assert error.message == (
        "The document 'report.pdf' cannot be read by Qwen: it gave up: The file is damaged or encrypted"
        " (FileParseError)."
    )
    assert desk.slept == []


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        ({"status": "error"}, Kind.BAD_REQUEST),
        ({"status": "FAILED", "error_msg": "no", "retry": False}, Kind.BAD_REQUEST),
        ({"status": "failed", "error_msg": "busy", "retry": True}, Kind.UPSTREAM_TRANSIENT),
        ({"status": "pending", "error_code": "E1"}, Kind.BAD_REQUEST),
        ({"status": "brewing"}, Kind.TIMEOUT),
        ({}, Kind.TIMEOUT),
        ({"status": "parsed"}, None),
        ({"status": "done"}, None),
        ({"status": "Success"}, None),
    ],
)
async def test_every_status(desk: Desk, item: dict[str, Any], kind: Kind | None) -> None:
    backend = ScriptedBackend().on("POST", PARSE, success({})).on("POST", PARSE_STATUS, success([item]))
    client = desk.client(backend=backend)
    file = Uploaded("f1", "https://x/", "a.txt", "document", "text/plain", 1)
    try:
        await have_read(client, file, clock=desk.clock, sleep=desk.sleep, patience=3)
    except LunaError as error:
        assert error.kind is kind
    else:
        assert kind is None
    assert len(desk.slept) == (3 if kind is Kind.TIMEOUT else 0)


async def test_a_slow_reading_is_waited_for_and_one_without_end_is_not(desk: Desk) -> None:
    await bring(desk, text_file("parse-slow.txt"))
    assert desk.slept == [1.0] * 3
    desk.slept.clear()
    error = await failure(desk, text_file("parse-hangs.txt"), patience=20)
    assert error.kind is Kind.TIMEOUT
    assert "has not finished within 20 s" in error.message
    assert desk.slept == [1.0] * 20


async def test_a_refused_reading(desk: Desk) -> None:
    refused = refusal("Bad_Request", "Unsupported file.", 400)
    client = desk.client(backend=ScriptedBackend().on("POST", PARSE, refused))
    file = Uploaded("f1", "https://x/", "a.txt", "document", "text/plain", 1)
    with pytest.raises(LunaError, match=r"cannot be read by Qwen.*Unsupported file"):
        await have_read(client, file, clock=desk.clock, sleep=desk.sleep, patience=3)


async def test_a_permit_for_a_strange_store_sends_nothing_there(desk: Desk) -> None:
    told = {
        "access_key_id": "STS.x",
        "access_key_secret": "the-secret",
        "security_token": "the-token",
        "file_url": "https://x.example/f",
        "file_path": "u/f",
        "file_id": "f",
        "bucketname": "bucket",
        "endpoint": "https://evil.example",
    }
    backend = ScriptedBackend().on("POST", PERMIT, success(told))
    with pytest.raises(LunaError, match="does not trust") as failed:
        await put_file(desk.client(backend=backend), text_file(), clock=desk.clock, sleep=desk.sleep)
    assert len(backend.requests) == 1
    assert "the-" not in f"{failed.value!r}{failed.value.hint}{failed.value.detail}"


@pytest.mark.parametrize("name", ["a.txt", "store-refuses.txt", "parse-fails.txt"])
async def test_a_recording_of_an_upload_holds_no_secret(desk: Desk, name: str) -> None:
    recording = MemoryRecording()
    token = CURRENT.set(recording.recorder)
    client = desk.client(backend=RecordingBackend(desk.backend))
    secrets: list[str] = []
    try:
        content = text_file(name, "words that may be seen")
        uploaded = await put_file(client, content, clock=desk.clock, sleep=desk.sleep)
        secrets.append(uploaded.url.partition("Signature=")[2])
        await have_read(client, uploaded, clock=desk.clock, sleep=desk.sleep, patience=5)
    except LunaError as error:
        assert name != "a.txt"
        assert not any(mark in f"{error!r}{error.hint}{error.detail}" for mark in ("STS.", "CAIS", "Signature="))
    finally:
        CURRENT.reset(token)
    recording.recorder.ended("completed")
    file = next(iter(desk.site.state.shelf._files.values()))
    session = desk.site.login("anna")
    secrets += [file.access_key, file.secret, file.token, session.cookies["refresh_token"]]
    assert "words that may be seen" in recording.text
    assert file.key.partition("/")[2] in recording.text
    for secret in secrets:
        assert secret not in recording.text


async def test_a_store_that_tells_everything_tells_the_recording_nothing(desk: Desk) -> None:
    """The real store repeats the key's id, the signature and the whole canonical request when it refuses."""
    recording = MemoryRecording()
    token = CURRENT.set(recording.recorder)

    class Wrong:
        """Changes what is signed, on its way out."""

        async def open(self, request: Any) -> Any:
            headers = tuple((n, "text/other" if n == "Content-Type" else v) for n, v in request.headers)
            changed = type(request)(request.method, request.url, headers, request.body)
            return await RecordingBackend(desk.backend).open(changed if request.method == "PUT" else request)

        async def aclose(self) -> None:
            """Not mine."""

    try:
        with pytest.raises(LunaError, match="SignatureDoesNotMatch"):
            await put_file(desk.client(backend=Wrong()), text_file(), clock=desk.clock, sleep=desk.sleep)
    finally:
        CURRENT.reset(token)
    recording.recorder.ended("failed")
    file = next(iter(desk.site.state.shelf._files.values()))
    assert "<StringToSign>" in recording.text
    for secret in (file.access_key, file.secret, file.token):
        assert secret not in recording.text
    assert "Signature=" not in recording.text.replace("Signature=<redacted", "")


async def test_of_a_large_file_a_recording_keeps_the_size(desk: Desk) -> None:
    recording = MemoryRecording()
    token = CURRENT.set(recording.recorder)
    try:
        client = desk.client(backend=RecordingBackend(desk.backend))
        picture = media_file("image", "image/png", b"\x89PNG" + bytes(200_000))
        await put_file(client, picture, clock=desk.clock, sleep=desk.sleep)
    finally:
        CURRENT.reset(token)
    recording.recorder.ended("completed")
    assert "<left out: 200004 bytes of image/png>" in recording.text
    assert len(recording.text) < 20_000


async def test_what_the_store_says_is_read_only_so_far(desk: Desk) -> None:
    told = {
        "access_key_id": "STS.x", "access_key_secret": "s", "security_token": "t", "file_url": "https://x.example/f",
        "file_path": "u/f", "file_id": "f", "bucketname": "bucket", "endpoint": "oss-a.aliyuncs.com",
    }  # fmt: skip
    backend = ScriptedBackend().on("POST", PERMIT, success(told)).on("PUT", "/u/f", Says((b"<Code>A.b</Code>",), 404))
    with pytest.raises(LunaError, match=r"status 404 \(A\.b\)"):
        await put_file(desk.client(backend=backend), text_file(), clock=desk.clock, sleep=desk.sleep)
    assert backend.requests[1].url == "https://bucket.oss-a.aliyuncs.com/u/f"
    assert backend.open_responses == 0
