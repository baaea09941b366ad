"""Every body in fixtures/wire gives what its sidecar expects, whole and however it is cut into reads."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from luna.model.ambient import Ids, ManualClock
from luna.model.errors import Kind, LunaError
from luna.model.events import StreamEvent, Usage
from luna.model.fold import Fold
from luna.model.grammar import Grammar
from luna.protocols.sse import SSEReader
from luna.qwen.authority import Authority
from luna.qwen.catalogue import read_models
from luna.qwen.credentials import Credentials
from luna.qwen.endpoints import Site
from luna.qwen.errors import reply_error
from luna.qwen.stream import StreamReader
from tests.support.scripted import Says, ScriptedBackend

FIXTURES = Path(__file__).parents[2] / "fixtures" / "wire"
KINDS = {
    "rate_limited": Kind.RATE_LIMITED,
    "quota_tokens": Kind.QUOTA_EXHAUSTED,
    "auth": Kind.UPSTREAM_LOGIN,
    "waf": Kind.UPSTREAM_BLOCKED,
    "chat_busy": Kind.CHAT_BUSY,
    "chat_gone": Kind.CHAT_GONE,
    "bad_request": Kind.UPSTREAM_REJECTED,
    "transient": Kind.UPSTREAM_TRANSIENT,
    "content_filter": Kind.CONTENT_FILTERED,
    "model_gone": Kind.MODEL_GONE,
}


class Expect(msgspec.Struct, rename={"class_": "class"}):
    """What a correct reader makes of a body; only what is said is checked."""

    text: str | None = None
    reasoning: str | None = None
    reasoning_thoughts: list[str] = []
    usage: dict[str, int] | None = None
    native_calls: list[dict[str, Any]] | None = None
    local_calls: list[dict[str, Any]] | None = None
    sources: int | None = None
    leak: str | None = None
    text_without_leak: str | None = None
    images: int | None = None
    keepalives: int | None = None
    partial: str | None = None
    class_: str | None = None
    wait_hours: float | None = None
    end: str | None = None
    task_id: str | None = None


class Response(msgspec.Struct):
    status: int
    headers: dict[str, str]


class Meta(msgspec.Struct):
    name: str
    body: str
    response: Response
    expect: Expect


@dataclass(frozen=True)
class Transcript:
    meta: Meta
    body: bytes

    @property
    def is_stream(self) -> bool:
        return self.meta.response.headers["content-type"].startswith("text/event-stream")


def _load(folder: Path) -> Transcript:
    meta = msgspec.json.decode((folder / "meta.json").read_bytes(), type=Meta)
    return Transcript(meta, (folder / meta.body).read_bytes())


ALL = {path.parent.name: _load(path.parent) for path in sorted(FIXTURES.glob("*/meta.json"))}
STREAMS = {name: transcript for name, transcript in ALL.items() if transcript.is_stream}
DOCUMENTS = {name: transcript for name, transcript in ALL.items() if not transcript.is_stream}


def read(reads: Iterable[bytes]) -> tuple[list[StreamEvent], LunaError | None]:
    lines, reader, events = SSEReader(), StreamReader("m"), []
    for data in reads:
        events += reader.feed(lines.feed(data))
    events += reader.feed(lines.close())
    try:
        events += reader.close()
    except LunaError as error:
        return events, error
    return events, None


def check(expect: Expect, events: Sequence[StreamEvent], error: LunaError | None) -> None:
    grammar, fold = Grammar(), Fold()
    for event in events:
        grammar.feed(event)
        fold.feed(event)
    notices = {notice.kind: notice for notice in fold.notices}
    if expect.class_ is not None:
        assert error is not None
        assert error.kind is KINDS[expect.class_]
        assert fold.text == (expect.partial or "")
        if expect.wait_hours is not None:
            assert error.retry_after == expect.wait_hours * 3600
        return
    assert error is None
    assert grammar.done
    for wanted, got in (
        (expect.text, fold.text),
        (expect.text_without_leak, fold.text),
        (expect.reasoning, fold.thinking),
    ):
        assert wanted in (None, got)
    assert all(thought in fold.thinking for thought in expect.reasoning_thoughts)
    if expect.usage is not None:
        assert isinstance(fold.usage, Usage)
        assert {"input": fold.usage.input, "output": fold.usage.output} == expect.usage
    calls = [{"name": call.name, "arguments": msgspec.json.decode(call.arguments)} for call in fold.calls]
    assert expect.native_calls in (None, calls)
    assert not fold.client_calls
    if expect.local_calls is not None:
        server = (notices["local-tool"].data or {})["server"]
        local = [{"server": server, "tool_name": call["name"], "params": call["arguments"]} for call in calls]
        assert local == expect.local_calls
    if expect.sources is not None:
        assert len((notices["tool-result"].data or {})["docs"]) == expect.sources
    if expect.leak is not None:
        assert notices["tool-missing"].text == expect.leak
    if expect.images is not None:
        assert len({media.url for media in fold.media}) == len(fold.media) == expect.images
    if expect.keepalives is not None:
        assert [notice.kind for notice in fold.notices].count("keep-alive") == expect.keepalives


def test_there_are_transcripts() -> None:
    assert len(STREAMS) >= 12
    assert len(DOCUMENTS) >= 20


@pytest.mark.parametrize("name", STREAMS)
def test_whole(name: str) -> None:
    check(ALL[name].meta.expect, *read([ALL[name].body]))


@pytest.mark.parametrize("name", STREAMS)
def test_one_byte_per_read(name: str) -> None:
    body = ALL[name].body
    check(ALL[name].meta.expect, *read(body[n : n + 1] for n in range(len(body))))


@pytest.mark.parametrize("name", STREAMS)
def test_cut_in_two_at_every_byte(name: str) -> None:
    body = ALL[name].body
    whole, failure = read([body])
    for cut in range(len(body) + 1):
        events, error = read([body[:cut], body[cut:]])
        assert events == whole
        assert (error is None) == (failure is None)
        if error is not None and failure is not None:
            assert (error.kind, error.message) == (failure.kind, failure.message)


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("change", ["crlf", "tight", "comments"])
def test_other_line_ends(name: str, change: str) -> None:
    body = ALL[name].body
    changed = {
        "crlf": body.replace(b"\n", b"\r\n"),
        "tight": body.replace(b"\n\n", b"\n"),
        "comments": b": hello\nevent: message\n" + body.replace(b"\n\n", b"\n: still here\nid: 7\n\n"),
    }[change]
    check(ALL[name].meta.expect, *read([changed]))


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_that_is_cut_short_never_looks_complete(name: str) -> None:
    """Whatever is missing from the end, there is an error, unless everything that ends the turn was there."""
    body = ALL[name].body
    lines = body.rstrip(b"\n").split(b"\n")
    ends = [n for n, line in enumerate(lines) if b'"finished"' in line or b"[DONE]" in line]
    for kept in range(ends[-1] if ends else len(lines)):
        if any(n < kept for n in ends if _ends_the_turn(lines[n])):
            continue
        _, error = read([b"\n".join(lines[:kept])])
        assert error is not None


def _ends_the_turn(line: bytes) -> bool:
    phases = (b'"phase": "answer"', b'"phase": "image_gen"', b'"phase": "local_tool"')
    return b"[DONE]" in line or (b'"finished"' in line and any(phase in line for phase in phases))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_are_judged(name: str) -> None:
    transcript = DOCUMENTS[name]
    said, expect = transcript.meta.response, transcript.meta.expect
    actual = said.headers.get("x-actual-status-code", "")
    error = reply_error(said.status, said.headers["content-type"], actual, transcript.body)
    if expect.class_ is None and "revoked" not in name:
        assert error is None
        return
    assert error is not None
    assert error.kind is KINDS.get(expect.class_ or "", Kind.UPSTREAM_LOGIN)
    if expect.wait_hours is not None:
        assert error.retry_after == expect.wait_hours * 3600


def test_the_model_list() -> None:
    (model,) = read_models(msgspec.json.decode(ALL["65_api_models_v2"].body))
    assert (model.id, model.context) == ("qwen3.7-plus", 1_000_000)


async def _renew(name: str) -> Authority:
    said = ALL[name].meta.response
    backend = ScriptedBackend().on(
        "GET", "/api/v2/auths/refresh", Says((ALL[name].body,), said.status, tuple(said.headers.items()))
    )
    credentials = Credentials.read({"cookies": "refresh_token=old"})
    authority = Authority(credentials, site=Site(), backend=backend, clock=ManualClock(), ids=Ids(b"x"))
    await authority.renew(0)
    return authority


async def test_a_refresh_as_recorded() -> None:
    authority = await _renew("60_api_refresh")
    sent = dict((await authority.access(Site().new_chat())).headers)
    assert sent == {"Authorization": "Bearer HEADER.PAYLOAD.SIG", "Cookie": "refresh_token=HEADER.PAYLOAD.SIG"}


async def test_a_revoked_login_as_recorded() -> None:
    with pytest.raises(LunaError) as caught:
        await _renew("61_api_refresh_revoked")
    assert caught.value.kind is Kind.UPSTREAM_LOGIN
