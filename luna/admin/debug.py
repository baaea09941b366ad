"""`/api/debug`: luna asks Qwen something and tells what came of it, down to the bytes.

Owns what the three probes ask and how their findings are told. A probe that fails has found something out: it is
answered with 200, `ok: false` and why, like a validation. How a probe runs is behind `Prober`; every completion is a
flow (`flowId`) that the inspector opens.
"""

import base64
import secrets
from typing import Any, Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from luna.admin.debug_views import (
    Asked,
    AttachTest,
    FileFlow,
    FileFlowBody,
    FileSeen,
    Mode,
    PhaseSeen,
    ProbeBody,
    RawTest,
    Roundtrip,
    UploadSeen,
    WireProbe,
    WireSeen,
)
from luna.admin.envelope import ErrorBody, error_document, json, read
from luna.admin.operation import Operation
from luna.model.errors import LunaError
from luna.qwen.files import Content
from luna.wire.reader import Recording

CHUNKS, CHUNK = 3, 600
"""How many pieces of the raw stream are shown, and how many characters of each."""
ONE_SHAPE = "luna sends files in the shape of Qwen's own page, and in no other."


class Prober(Protocol):
    """Who runs probes."""

    async def ask(self, body: dict[str, Any]) -> Asked:
        """Send a chat completion. Raises LunaError where no flow comes of it."""
        ...

    async def recording(self, flow: str) -> Recording:
        """What was recorded of it. Raises LunaError."""
        ...

    async def read_back(self, account: str, chat: str) -> tuple[str | None, str, list[dict[str, Any]]]:
        """The answer that a chat ends with: its id, its words, its parts as Qwen has them. Raises LunaError."""
        ...

    async def upload(self, account: str, content: Content) -> FileSeen:
        """Bring a file to Qwen. Raises LunaError."""
        ...

    async def discard(self, chat: str) -> None:
        """Delete a probe's chat."""
        ...


def routes(prober: Prober) -> list[Operation]:
    """The routes of this subject."""

    async def roundtrip(request: Request) -> Response:
        body = await read(request, ProbeBody)
        asked = await prober.ask(_completion(body.model, body.messages, body.account_id))
        current, words, phases, error = None, "", list[PhaseSeen](), asked.error
        try:
            if asked.chat:
                current, words, seen = await prober.read_back(asked.account, asked.chat)
                phases = [_phase(one) for one in seen]
        except LunaError as unread:
            error = error or unread
        finally:
            await _discard(prober, asked)
        return json(
            Roundtrip(
                ok=error is None,
                flow_id=asked.flow,
                chat_id=asked.chat,
                completion_content=asked.words,
                chat_current_id=current,
                answer_from_chat_by_id=words,
                content_list_phases=phases,
                error=_told(error),
            )
        )

    async def wire(request: Request) -> Response:
        body = await read(request, ProbeBody)
        asked = await prober.ask(_completion(body.model, body.messages, body.account_id))
        await _discard(prober, asked)
        recording = await prober.recording(asked.flow)
        return json(
            WireProbe(
                ok=asked.error is None,
                flow_id=asked.flow,
                chat_id=asked.chat,
                wire=_wire(recording),
                first_chunks=_first_chunks(recording),
                error=_told(asked.error),
            )
        )

    async def file_flow(request: Request) -> Response:
        body = await read(request, FileFlowBody)
        marker = body.marker or f"LUNA-{secrets.token_hex(8).upper()}"
        text = body.content or f"The marker of this file is {marker}.\n"
        content = Content(body.filename or "luna-probe.txt", "document", "text/plain", text.encode("utf-8", "replace"))
        raw = [RawTest(mode[:80], ONE_SHAPE) for mode in body.raw_modes]
        done: dict[Mode, AttachTest] = {}
        account = body.account_id
        seen: FileSeen | None = None
        try:
            # First the way in which the pipeline itself uploads: its recording shows how.
            for mode in sorted(set(body.modes), key=lambda one: one != "message_files_object"):
                if mode == "top_level_file_ids":
                    seen = await prober.upload(account, content)
                    account = seen.account
                done[mode] = await _attach(prober, body, mode, content, seen, account, marker)
            seen = seen or await prober.upload(account, content)
        except LunaError as error:
            tests = [done[mode] for mode in body.modes if mode in done]
            told = _told(error)
            return json(
                FileFlow(ok=False, marker=marker, upload=None, attach_tests=tests, raw_attach_tests=raw, error=told)
            )
        tests = [done[mode] for mode in dict.fromkeys(body.modes)]
        upload = UploadSeen(seen.id, seen.url, seen.name, seen.size)
        ok = all(test.ok for test in tests)
        return json(FileFlow(ok=ok, marker=marker, upload=upload, attach_tests=tests, raw_attach_tests=raw))

    around = "Ask the model something, then read back from Qwen what it kept of the answer."
    bytes_too = "Ask the model something, and show what went to Qwen and how its stream begins."
    with_file = "Upload a file with a marker, and have the model repeat it."
    return [
        Operation("POST", "/debug/qwen-roundtrip", roundtrip, around, takes=ProbeBody, gives=Roundtrip),
        Operation("POST", "/debug/qwen-wire", wire, bytes_too, takes=ProbeBody, gives=WireProbe),
        Operation("POST", "/debug/qwen-file-flow", file_flow, with_file, takes=FileFlowBody, gives=FileFlow),
    ]


async def _attach(
    prober: Prober,
    body: FileFlowBody,
    mode: Mode,
    content: Content,
    seen: FileSeen | None,
    account: str,
    marker: str,
) -> AttachTest:
    said: list[dict[str, Any]] = [{"type": "text", "text": body.prompt}]
    more: dict[str, Any] = {}
    if mode == "message_files_object":
        url = f"data:{content.media_type};base64,{base64.b64encode(content.data).decode()}"
        said.append({"type": "file", "file": {"filename": content.name, "file_data": url}})
    elif seen is not None:
        more["file_ids"] = [seen.id]
    asked = await prober.ask({**_completion(body.model, [{"role": "user", "content": said}], account), **more})
    await _discard(prober, asked)
    return AttachTest(
        mode=mode,
        ok=asked.error is None and marker in asked.words,
        flow_id=asked.flow,
        chat_id=asked.chat,
        content=asked.words,
        wire=_wire(await prober.recording(asked.flow)),
        error=_told(asked.error),
    )


def _completion(model: str, messages: list[dict[str, Any]], account: str) -> dict[str, Any]:
    return {"model": model, "messages": messages, **({"account": account} if account else {})}


async def _discard(prober: Prober, asked: Asked) -> None:
    if asked.chat:
        await prober.discard(asked.chat)


def _wire(recording: Recording) -> WireSeen | None:
    """The last completion's exchange; None where it never came to one."""
    sent = [one for one in recording.exchanges if "/chat/completions" in one.opened.url]
    if not sent:
        return None
    last = sent[-1]
    try:
        payload: Any = msgspec.json.decode(last.opened.data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        payload = last.opened.data.decode("utf-8", "backslashreplace")
    return WireSeen(len(sent), last.opened.url, payload, dict(last.opened.headers), last.status, dict(last.headers))


def _first_chunks(recording: Recording) -> list[str]:
    sent = [one for one in recording.exchanges if "/chat/completions" in one.opened.url]
    chunks = sent[-1].chunks[:CHUNKS] if sent else []
    return [chunk.data.decode("utf-8", "backslashreplace")[:CHUNK] for chunk in chunks]


def _phase(part: dict[str, Any]) -> PhaseSeen:
    return PhaseSeen(str(part.get("phase", "")), str(part.get("status", "")), len(str(part.get("content") or "")))


def _told(error: LunaError | None) -> ErrorBody | None:
    return error_document(error).error if error is not None else None
