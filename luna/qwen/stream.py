"""Turns Qwen's stream into events.

Pure. Owns the meaning of every frame and phase of wire document sections 4.2 to 4.4. Fed the payloads of complete
`data:` lines; how lines are cut out of bytes is the SSE reader's business, when to retry is the transport's.

    response.created        remembered; no acceptance yet, since errors follow it
    anything else           the first one understood gives `Opened`
    answer, no phase        text              finished here ends the turn
    think, thinking_summary thinking
    image_gen, image, …     media             finished in image_gen ends the turn
    function_call           native calls      whatever the phase is called
    role: function          notices, never text
    phases nobody knows     one notice each, never text
    error, success: false   `failure`
"""

import re
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import msgspec

from luna.model.errors import Kind, LunaError
from luna.model.events import Finish, Notice, Opened, StopReason, StreamEvent, TextDelta, ThinkDelta, Usage
from luna.qwen.calls import NativeCalls
from luna.qwen.errors import document_error
from luna.qwen.frames import Delta, Frame, TokenCounts, decode_frame
from luna.qwen.gallery import Gallery
from luna.qwen.refusals import Refusal, refused
from luna.qwen.samples import Samples
from luna.qwen.summary import Summary

DONE = b"[DONE]"
HELD = 50
"""Notices that may wait for `Opened`; of more, the first ones tell enough."""
_MISSING_TOOL = re.compile(r"[Tt]ool (\S+) does not exists?\b")
_REASONS: dict[object, StopReason] = {"length": "length", "content_filter": "content_filter"}


class StreamReader:
    """Reads one answer. Feed it every read's payloads, then `close` it when the upstream has ended.

    A failure never swallows what came before it: `feed` returns those events and leaves the error in `failure`,
    for the caller to raise after passing them on.
    """

    def __init__(self, model: str) -> None:
        self.model = model
        self.response = ""
        """Upstream's id of this answer: the parent of the next turn."""
        self.chat = ""
        self.user_message = ""
        """The id under which upstream keeps the user's message."""
        self.failure: LunaError | None = None
        self.ended = False
        """The frame that ends the turn has come. Only usage may still follow."""
        self.done = False
        """The end mark has come; nothing follows. Qwen usually sends none and just closes."""
        self.samples = Samples()
        self._opened = False
        self._held: list[StreamEvent] = []
        self.understood = 0
        """Frames that are Qwen's."""
        self._may_end = False
        self._reason: StopReason = "stop"
        self._wrote = False
        self._calls = NativeCalls()
        self._summary: Summary | None = None
        self._unknown: set[str] = set()
        self._counts = TokenCounts()

    def __repr__(self) -> str:
        state = "failed" if self.failure else "ended" if self.ended else "open" if self._opened else "waiting"
        return f"<StreamReader {state} frames={self.understood} response={self.response or '-'}>"

    @cached_property
    def _gallery(self) -> Gallery:
        return Gallery()

    @property
    def usage(self) -> Usage | None:
        """The latest token counts; upstream's are cumulative."""
        return self._counts.latest()

    def feed(self, payloads: Iterable[bytes]) -> list[StreamEvent]:
        """The events of one read. Never raises; look at `failure` afterwards. Nothing follows the end mark, even if it
        came with it."""
        events: list[StreamEvent] = []
        for payload in payloads:
            if self.failure is not None or self.done:
                break
            try:
                frame = decode_frame(payload)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                self._garbage(payload, error, events)
                continue
            if not frame.choices:
                self._frame(frame, events)
                self.samples.keep(payload)
                continue
            choice, self.understood = frame.choices[0], self.understood + 1
            if frame.usage:
                self._counts.add(frame.usage)
            if choice.finish_reason is not None:
                self._reason = _REASONS.get(choice.finish_reason, self._reason)
            delta, goes_on = choice.delta, self._opened and not self.ended and self._calls.open is None
            if (
                (goes_on and delta is not None and delta.status == "typing")
                and (delta.phase == "answer" or not delta.phase)
                and (delta.role != "function" and delta.function_call is None and delta.extra is None)
            ):
                if delta.content:  # nearly every frame of nearly every answer
                    self._wrote, self._may_end = True, False
                    events.append(TextDelta(delta.content))
            elif self._choice(frame.response_id, delta, events):
                self.samples.keep(payload, delta)
        return events

    def close(self) -> list[StreamEvent]:
        """The upstream has ended: the rest, with `Finish`. Raises LunaError when the answer is not complete."""
        if self.failure is not None:
            raise self.failure
        if not self.understood:
            what = "held nothing that luna understands" if self._held else "was empty"
            raise LunaError(Kind.UPSTREAM_BROKEN, f"Qwen's stream {what}.", hint="Send the request again.")
        if not (self.ended or self.done or self._may_end):
            raise LunaError(
                Kind.UPSTREAM_BROKEN,
                "Qwen's stream was cut before the answer was complete.",
                hint="Send the request again.",
            )
        if not (self._wrote or self._gallery or self._calls.count):
            raise LunaError(
                Kind.UPSTREAM_BROKEN,
                "Qwen ended its stream with an empty answer.",
                hint="Send the request again; if it stays empty, put it differently or choose another model.",
            )
        events: list[StreamEvent] = [] if self._opened else self._open()
        if self._calls.open:
            events += self._calls.close()
        if (usage := self._counts.latest()) is not None:
            events.append(usage)
        return [*events, Finish(self._reason)]

    def _open(self) -> list[StreamEvent]:
        """`Opened` with what had to wait for it."""
        self._opened = True
        held, self._held = self._held, []
        return [Opened(self.response, self.model, self.chat), *held]

    def _choice(self, response: str | None, delta: Delta | None, events: list[StreamEvent]) -> bool:
        """An increment that is more than words that go on. True when it is not like the one before it."""
        first = not self._opened
        if first:
            self.response = self.response or response or ""
            events += self._open()
        if delta is None:
            return first
        status = delta.status
        if delta.function_call is None and delta.role != "function" and status != "error":
            phase = delta.phase
            if phase and phase != "answer":
                self._phase(phase, delta, events)
                if phase == self.samples.phase and status == "typing":
                    return first
            else:
                self._answer(delta, events)
        elif status == "error":
            self.failure = refused(Refusal(details=delta.content or "the answer has the status 'error'", status=500))
        elif delta.role == "function":
            self._result(delta, events)
        else:
            events += self._calls.feed(delta.function_call, delta.function_id, finished=status == "finished")
        return True

    def _answer(self, delta: Delta, events: list[StreamEvent]) -> None:
        content = delta.content
        if content:
            if self.ended:
                events.append(Notice("after-finish", content[:200]))
                return
            if self._calls.open:
                events += self._calls.close()
            self._wrote, self._may_end = True, False
            events.append(TextDelta(content))
        if delta.extra is not None:
            self._sources(delta, events)
        if delta.status == "finished":
            self.ended = True

    def _phase(self, phase: str, delta: Delta, events: list[StreamEvent]) -> None:
        match phase:
            case "think":
                self._think(delta.content or "", events)
            case "thinking_summary":
                self._summary = self._summary or Summary()
                said = self._summary.feed(delta.inside("summary_title"), delta.inside("summary_thought"))
                self._think(said or delta.content or "", events)
            case "image_gen":
                self._show(self._gallery.address(delta.content or "", delta.more), events)
                self.ended = self.ended or delta.status == "finished"
            case "image":
                self._show(self._gallery.markdown(delta.content or ""), events)
            case "image_gen_tool":
                self._show(self._gallery.listed(delta.more), events)
            case "local_tool":
                self._local_calls(delta.more, events)
            case "web_search" | "code_interpreter":
                self._sources(delta, events)
            case _:
                self._unknown_phase(phase, delta, events)
        if delta.status == "finished" and (self._gallery or phase == "local_tool"):
            self._may_end = True

    def _think(self, text: str, events: list[StreamEvent]) -> None:
        if text:
            events += self._calls.close()
            events.append(ThinkDelta(text))

    def _result(self, delta: Delta, events: list[StreamEvent]) -> None:
        """What a tool of the upstream gave back. It ends the call, and is never part of the answer."""
        events += self._calls.close()
        extra, name, content = delta.more, delta.name or delta.phase or "", delta.content or ""
        missing = _MISSING_TOOL.findall(content)
        if missing:
            events.append(Notice("tool-missing", content, {"names": missing}))
            return
        if delta.phase == "image_gen_tool" or "image_list" in extra:
            self._show(self._gallery.listed(extra), events)
        self._notice_result(name, content, extra, extra.get("tool_result"), events)

    def _sources(self, delta: Delta, events: list[StreamEvent]) -> None:
        """The older form of search results: no function role, the documents in `web_search_info`."""
        extra = delta.more
        if "web_search_info" in extra:
            events += self._calls.close()
            self._notice_result(delta.name or "web_search", "", extra, {"docs": extra["web_search_info"]}, events)

    def _notice_result(
        self, name: str, content: str, extra: dict[str, Any], result: Any, events: list[StreamEvent]
    ) -> None:
        if not content and result is None:
            return
        data: dict[str, Any] = {"name": name}
        if extra.get("function_id") is not None:
            data["id"] = extra["function_id"]
        if isinstance(result, dict) and isinstance(result.get("docs"), list):
            data["docs"] = result["docs"]
        elif result is not None:
            data["result"] = result
        events.append(Notice("tool-result", content, data))

    def _show(self, pictures: list[StreamEvent], events: list[StreamEvent]) -> None:
        if pictures:
            events += [*self._calls.close(), *pictures]

    def _local_calls(self, extra: dict[str, Any], events: list[StreamEvent]) -> None:
        """Calls to tools that a desktop client would run (section 4.4)."""
        servers = extra.get("local_mcp")
        for server, calls in servers.items() if isinstance(servers, dict) else ():
            for call in calls if isinstance(calls, list) else ():
                if not isinstance(call, dict):
                    continue
                name = str(call.get("tool_name") or "unknown")
                arguments = msgspec.json.encode(call.get("params") or {}).decode()
                events += self._calls.whole(name, arguments)
                events.append(Notice("local-tool", name, {"server": server}))

    def _unknown_phase(self, phase: str, delta: Delta, events: list[StreamEvent]) -> None:
        if phase not in self._unknown:
            self._unknown.add(phase)
            self.samples.unread.append(phase)
            events.append(Notice("unknown-phase", phase, {"content": (delta.content or "")[:200]}))

    def _frame(self, frame: Frame, events: list[StreamEvent]) -> None:
        """A frame without an increment."""
        created = frame.created
        if type(created) is dict:
            self.understood += 1
            self.response = self.response or _text(created.get("response_id"))
            self.chat = self.chat or _text(created.get("chat_id"))
            self.user_message = self.user_message or _text(created.get("parent_id"))
            return
        if frame.error or frame.success is False or frame.ret:
            said = {"error": frame.error, "success": frame.success, "data": frame.data, "ret": frame.ret}
            self.failure = document_error(said, 200)
            if self.failure is not None:
                return
        if frame.usage:
            self._counts.add(frame.usage)
        elif not isinstance(frame.info, dict):
            self._notice(Notice("garbage", "a frame without anything that luna knows"), events)
            return
        self.understood += 1
        if not self._opened:
            events += self._open()
        if isinstance(frame.info, dict):
            action = _text(frame.info.get("action"))
            events.append(Notice("keep-alive" if action == "keep_alive" else "info", action))

    def _garbage(self, payload: bytes, error: Exception, events: list[StreamEvent]) -> None:
        if payload.strip() == DONE:
            self.done = True
            return
        self.samples.keep(payload)
        self._notice(Notice("garbage", payload[:200].decode("utf-8", "replace"), {"why": str(error)[:200]}), events)

    def _notice(self, notice: Notice, events: list[StreamEvent]) -> None:
        """Nothing may come before `Opened`, so what is noticed earlier waits for it."""
        if self._opened:
            events.append(notice)
        elif len(self._held) < HELD:
            self._held.append(notice)


def _text(value: object) -> str:
    return value if type(value) is str else ""
