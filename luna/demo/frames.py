"""The stream, byte for byte as the site writes it (wire document, sections 4.1 to 4.4).

Owns the grammar of frames: one `data:` line and a blank line for each, `", "` and `": "` between
JSON's parts, the first frame built by hand with its trailing space, one finished frame for each
phase. Frames are made once for each answer and kept: what differs from one request to the next
(ids, origin, time) stands in them as a mark, a NUL byte and a letter, which JSON cannot contain.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import msgspec

from luna.demo.steps import Count, NativeCall, Pictures, Say, Search, Step, Think, pieces, sentences, tokens

RESPONSE, PARENT, CHAT, USER, ORIGIN, REQUEST, TIME = b"\0r", b"\0p", b"\0c", b"\0u", b"\0o", b"\0q", b"\0t"

BLOCK = 16 * 1024
"""Bytes that go out in one write when nobody asked for a pace."""

CREATED = (
    b'data: {"response.created":{"chat_id": "\0c", "parent_id": "\0p",'
    b' "response_id":"\0r", "response_index": "0"}} \n\n'
)
KEEP_ALIVE = (
    b'data: {"response.info": {"action": "keep_alive", "chat_id": "\0c", "response_id": "\0r", "timestamp": \0t}}\n\n'
)
_SAID = b'data: {"choices": [{"delta": {"role": "assistant", "content": %b, %b"status": "typing"}}], %b, %b}\n\n'
_FRAME = b'data: {"choices": [{"delta": %b}], %b}\n\n'
_RESPONSE = b'"response_id": "\0r"'
_USAGE = (
    b'"response_id": "\0r", "usage": {"input_tokens": %d, "output_tokens": %d, "characters": 0, "total_tokens": %d, '
    b'"input_tokens_details": {"text_tokens": %d}, "output_tokens_details": {%b"text_tokens": %d}, '
    b'"prompt_tokens_details": {"cached_tokens": %d}}'
)
_TIME = b'"timestamp": \0t'
_PICTURE = (
    b'data: {"choices": [{"delta": {"role": "assistant", "content": "\0o/output/\0u/t2i/\0r/IMG%d.png?key=%dx%d", '
    b'%b"extra": {"output_image_hw": [[%d, %d]]}, "status": "typing"}}], "response_id": "\0r", '
    b'"usage": {"input_tokens": 0, "output_tokens": 0, "characters": 0, "width": %d, "image_count": 1, "height": %d}, '
    b'"timestamp": \0t}\n\n'
)

CACHED_TOKENS = 512
CUMULATIVE_PIECES = 64
"""Each repeats all that went before, so there must not be many."""


class Shape(NamedTuple):
    """How a request wants its stream."""

    thinking: Literal["none", "plain", "summary"] = "none"
    phased: bool = True
    """False: `feature_config.output_schema` was missing, and frames do not say their phase."""
    incremental: bool = True
    """False: `content` holds the whole text so far."""
    input_tokens: int = 1047
    picture: tuple[int, int] = (1024, 1024)
    """Width and height."""


class Frames(NamedTuple):
    """A stream's frames, with marks in them, and the words of the answer that each one adds."""

    data: tuple[bytes, ...]
    words: tuple[str, ...]


@dataclass(frozen=True)
class Marks:
    """What the marks of one request stand for."""

    chat: str
    parent: str
    response: str
    user: str
    origin: str
    request: str

    def fill(self, data: bytes, time: int) -> bytes:
        """The frames as they go out. `time` is in whole seconds since the epoch."""
        data = data.replace(RESPONSE, self.response.encode()).replace(TIME, b"%d" % time)
        if b"\0" not in data:
            return data
        rest = (
            (CHAT, self.chat),
            (PARENT, self.parent),
            (USER, self.user),
            (ORIGIN, self.origin),
            (REQUEST, self.request),
        )
        for mark, value in rest:
            data = data.replace(mark, value.encode())
        return data


def spaced(document: Any) -> bytes:
    """JSON with `", "` and `": "` between its parts."""
    return msgspec.json.format(msgspec.json.encode(document), indent=0)


def error_frame(error: dict[str, str]) -> bytes:
    """A failure in the middle of a stream."""
    return b'data: {"error": %b, %b}\n\n' % (spaced(error), _RESPONSE)


def delta_frame(delta: dict[str, Any], *, timed: bool = True) -> bytes:
    """Any other frame without usage."""
    return _FRAME % (spaced(delta), b"%b, %b" % (_RESPONSE, _TIME) if timed else _RESPONSE)


def finished_frame(phase: str | None) -> bytes:
    """The frame that ends the turn."""
    delta = {"content": "", "role": "assistant", "status": "finished"}
    return delta_frame(delta if phase is None else {**delta, "phase": phase}, timed=False)


class _Writer:
    """Writes one answer's frames."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.data: list[bytes] = [CREATED]
        self.words: list[str] = [""]
        self.output = self.reasoning = 0
        self.calls = 0
        self.told = ""

    def put(self, frame: bytes, words: str = "") -> None:
        self.data.append(frame)
        self.words.append(words)

    def phase(self, name: str) -> bytes:
        return b'"phase": "%b", ' % name.encode() if self.shape.phased else b""

    def usage(self) -> bytes:
        given, out = self.shape.input_tokens, self.output
        reasoned = b'"reasoning_tokens": %d, ' % self.reasoning if self.reasoning else b""
        return _USAGE % (given, out, given + out, given, reasoned, out, min(CACHED_TOKENS, given))

    def say(self, text: str, phase: str = "answer", words: str | None = None) -> None:
        """A typing frame. `words` is what it adds to the answer, where that is not `text`."""
        self.output += tokens(text)
        content = text
        if not self.shape.incremental and phase == "answer":
            self.told += text
            content = self.told
        frame = _SAID % (msgspec.json.encode(content), self.phase(phase), self.usage(), _TIME)
        self.put(frame, text if words is None else words)

    def delta(self, delta: dict[str, Any]) -> None:
        """A frame without usage."""
        if not self.shape.phased:
            delta = {key: value for key, value in delta.items() if key != "phase"}
        self.put(delta_frame(delta))

    def think(self, text: str) -> None:
        if self.shape.thinking == "plain":
            for piece in sentences(text):
                self.reasoning += tokens(piece)
                self.say(piece, "think", "")
            self.delta({"role": "assistant", "content": "", "phase": "think", "status": "finished"})
        elif self.shape.thinking == "summary":
            thoughts = [thought.strip() for thought in sentences(text)]
            for count in range(1, len(thoughts) + 1):
                self.summary([f"Step {number + 1}." for number in range(count)], thoughts[:count])
            self.delta({"role": "assistant", "content": "", "phase": "thinking_summary", "status": "finished"})

    def summary(self, titles: list[str], thoughts: list[str]) -> None:
        cost = tokens(titles[-1]) + tokens(thoughts[-1])
        self.reasoning += cost
        self.output += cost
        extra = spaced({"summary_title": {"content": titles}, "summary_thought": {"content": thoughts}})
        before = b'%b"extra": %b, ' % (self.phase("thinking_summary"), extra)
        self.put(_SAID % (b'""', before, self.usage(), _TIME))

    def calling(self, name: str, arguments: str, phase: str, status: str) -> dict[str, Any]:
        return {
            "role": "assistant",
            "content": "",
            "phase": phase,
            "function_call": {"name": name, "arguments": arguments},
            "function_id": f"round_0_{self.calls}",
            "extra": {"display_position": "answer"},
            "status": status,
        }

    def call(self, name: str, arguments: str, phase: str) -> None:
        """A call's arguments as they grow; the cuts are where a tokeniser might put them."""
        self.calls += 1
        length = len(arguments)
        for end in dict.fromkeys((0, length // 3, length * 2 // 3, length)):
            self.delta(self.calling(name, arguments[:end], phase, "typing"))

    def search(self, query: str) -> None:
        arguments = spaced({"queries": [query]}).decode()
        self.call("web_search", arguments, "web_search")
        self.delta(self.calling("web_search", arguments, "web_search", "finished"))
        result = {"function_id": f"{self.calls}", "tool_result": {"docs": _DOCS}}
        self.delta(
            {"role": "function", "content": "", "phase": "web_search", "name": "web_search", "extra": result}
            | {"status": "finished"}
        )

    def native(self, name: str, arguments: str) -> None:
        self.call(name, arguments, "answer")
        self.delta(
            {"role": "function", "content": f"Tool {name} does not exists.", "phase": "answer", "name": name}
            | {"extra": {"function_id": f"{self.calls}"}, "status": "typing"}
        )

    def pictures(self, count: int) -> None:
        width, height = self.shape.picture
        self.put(KEEP_ALIVE)
        for number in range(1, count + 1):
            self.put(_PICTURE % (number, width, height, self.phase("image_gen"), height, width, width, height))

    def step(self, step: Step) -> None:
        match step:
            case Say():
                for piece in pieces(step.text) if self.shape.incremental else pieces(step.text, CUMULATIVE_PIECES):
                    self.say(piece)
            case Count() if self.shape.incremental:
                for number in range(step.deltas):
                    self.say(f"{number} ")
            case Count():
                self.step(Say("".join(f"{number} " for number in range(step.deltas))))
            case Think():
                self.think(step.text)
            case Search():
                self.search(step.query)
            case NativeCall():
                self.native(step.name, step.arguments)
            case Pictures():
                self.pictures(step.count)

    def finish(self, phase: str) -> None:
        if phase == "answer":
            self.say("")
            self.say("")
        self.put(finished_frame(phase if self.shape.phased else None))


_DOCS = [
    {"url": "https://example.org/a", "title": "Example A", "snippet": "Alpha text", "date": ""},
    {"url": "https://example.org/b", "title": "Example B", "snippet": "Beta text", "date": "2026-09-01"},
]


@lru_cache(maxsize=16)
def frames_of(steps: tuple[Step, ...], shape: Shape) -> Frames:
    """All frames of an answer, from created to finished."""
    writer = _Writer(shape)
    for step in steps:
        writer.step(step)
    writer.finish("image_gen" if steps and isinstance(steps[-1], Pictures) else "answer")
    return Frames(tuple(writer.data), tuple(writer.words))
