"""Event streams of Qwen's at random, as bytes: right ones, odd ones and garbage. Draws from a `random.Random`, so that
Hypothesis and a plain loop can both use it."""

import re
from random import Random
from typing import Any

import msgspec

_BOM = b"\xef\xbb\xbf"
_ENDS = (b"\n", b"\n", b"\n\n", b"\n\n", b"\r\n", b"\r\n\r\n", b"\r", b"\n\r", b"\r\r\n", b"")
_BESIDE = (
    b": keep-alive",
    b":",
    b"event: message",
    b"event:",
    b"id: 7",
    b"retry: 10",
    b"data",
    b"data:",
    b"data: ",
    b"database: {}",
    b" data: {}",
    b"DATA: {}",
    b"\xef\xbb\xbfdata: {}",
    b"\x00",
    b"\xff\xfe",
    b"<html>",
    b'{"success":false,"data":{"code":"RateLimited"}}',
)
_WORDS = (
    "",
    "a",
    "word ",
    "größer",
    "工具",
    "🙂",
    "\n",
    "\r",
    "\u2028",
    "\x85",
    "\x0b",
    "data: x",
    "]",
    "<",
    '"',
    "\x00",
)
_PHASES = ("answer", "answer", "answer", None, "think", "thinking_summary", "web_search", "image_gen", "image", "other")
_ODD: tuple[Any, ...] = (None, True, 0, -3, 1.5, "", "x", [], ["x"], {}, {"a": None})
_ARGUMENTS = ("", "{", '{"a"', '{"a": 1}', '{"a": 1}{', "[]", {"a": 1}, None, 7)
_EXTRAS: tuple[tuple[str, Any], ...] = (
    ("summary_title", {"content": ["One", "Two"]}),
    ("summary_thought", {"content": ["one", "two"]}),
    ("tool_result", {"docs": [{"url": "u"}]}),
    ("tool_result", [{"image": "https://a.example/1.png"}]),
    ("web_search_info", [{"url": "u"}]),
    ("image_list", [{"image": "https://a.example/2.png"}]),
    ("output_image_hw", [[1, 2]]),
    ("local_mcp", {"server": [{"tool_name": "t", "params": {}}]}),
)


def a_stream(draw: Random) -> list[bytes]:
    """A stream, line by line: what belongs together ends with what ends a line, if anything does."""
    lines = [_BOM] if draw.random() < 0.1 else []
    if draw.random() < 0.8:
        lines.append(_line(draw, msgspec.json.encode(_created())))
    lines += [_anything(draw) for _ in range(draw.choice((0, 3, 10, 30)))]
    if draw.random() < 0.5:
        lines.append(_line(draw, msgspec.json.encode({"choices": [{"delta": {"content": "", "status": "finished"}}]})))
    if draw.random() < 0.3:
        lines.append(_line(draw, b"[DONE]"))
    return lines


def _anything(draw: Random) -> bytes:
    chance = draw.random()
    if chance < 0.55:
        return _line(draw, msgspec.json.encode(_frame(draw)))
    if chance < 0.65:
        return _line(draw, _torn(draw, msgspec.json.encode(_frame(draw))))
    if chance < 0.7:
        return _line(draw, _nested(draw))
    if chance < 0.75:
        return _line(draw, draw.randbytes(draw.randint(0, 40)))
    if chance < 0.8:
        return draw.randbytes(draw.randint(0, 40))
    return draw.choice(_BESIDE) + draw.choice(_ENDS)


def _line(draw: Random, payload: bytes) -> bytes:
    return draw.choice((b"data: ", b"data: ", b"data:", b"data:  ")) + payload + draw.choice(_ENDS)


def _created() -> dict[str, Any]:
    return {"response.created": {"chat_id": "chat-1", "parent_id": "user-1", "response_id": "resp-1"}}


def _frame(draw: Random) -> dict[str, Any]:
    chance = draw.random()
    if chance < 0.85:
        frame: dict[str, Any] = {"choices": [{"delta": _delta(draw)}]}
    else:
        frame = draw.choice(
            (
                _created(),
                {"choices": []},
                {"choices": [{}]},
                {"response.info": {"action": "keep_alive"}},
                {"error": {"code": "internal_error", "message": "x"}},
                {"success": False, "data": {"code": "RateLimited", "num": 2}},
                {"ret": ["FAIL_SYS_USER_VALIDATE"], "data": {"url": "https://a.example/punish?x=secret"}},
                {draw.choice(("choices", "usage", "created", "error", "ret", "other")): draw.choice(_ODD)},
            )
        )
    if draw.random() < 0.3:
        frame["usage"] = (
            draw.choice(_ODD)
            if draw.random() < 0.2
            else {"input_tokens": draw.choice((3, 30, -1, "3")), "output_tokens": draw.choice((1, 9, None))}
        )
    return frame


def _delta(draw: Random) -> dict[str, Any]:
    said: dict[str, Any] = {
        "content": "".join(draw.choice(_WORDS) for _ in range(draw.randint(0, 4))),
        "phase": draw.choice(_PHASES),
        "status": draw.choice(("typing", "typing", "typing", "typing", "finished", "running", None, "error")),
    }
    if draw.random() < 0.2:
        said["function_call"] = {"name": draw.choice(("Read", "Bash", None)), "arguments": draw.choice(_ARGUMENTS)}
        said["function_id"] = draw.choice(("round_0_1", "round_0_2", None, 7))
    if draw.random() < 0.15:
        said["role"] = draw.choice(("assistant", "function", "user"))
        said["name"] = draw.choice(("Read", "web_search"))
    if draw.random() < 0.2:
        said["extra"] = dict(draw.choice(_EXTRAS) for _ in range(draw.randint(0, 3)))
    if draw.random() < 0.1:
        said[draw.choice(("content", "phase", "status", "function_call", "extra", "role"))] = draw.choice(_ODD)
    return said


def _torn(draw: Random, payload: bytes) -> bytes:
    """The payload with something missing, doubled or foreign."""
    at = draw.randint(0, len(payload))
    match draw.randint(0, 3):
        case 0:
            return payload[:at]
        case 1:
            return payload[at:]
        case 2:
            return payload[:at] + draw.randbytes(draw.randint(1, 3)) + payload[at:]
        case _:
            return payload + payload[at:]


def _nested(draw: Random) -> bytes:
    """Deeper than readers of JSON like it."""
    depth = draw.choice((50, 900, 3000))
    inner = draw.choice((b"1", b"", b'{"content":"x"}', b'"\xff"'))
    value = b"[" * depth + inner + b"]" * draw.choice((depth, depth, depth - 1))
    around = draw.choice(
        (b'{"choices":[{"delta":{"extra":%b}}]}', b'{"choices":[{}],"usage":%b}', b'{"error":%b}', b'{"new":%b}', b"%b")
    )
    return around % value


def in_reads(draw: Random, stream: bytes) -> list[bytes]:
    """The bytes, cut anywhere; reads that bring nothing among them."""
    longest = draw.choice((1, 3, 20, 300, 5000))
    reads, at = [], 0
    while at < len(stream):
        end = at + draw.randint(0, longest)
        reads.append(stream[at:end])
        at = end
    return reads


def payloads_of(stream: bytes) -> list[bytes]:
    """What an SSE reader must make of the whole: the same grammar, all at once and one line after the other."""
    payloads = []
    for line in lines_of(stream.removeprefix(_BOM)):
        field, colon, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data" and colon and value:
            payloads.append(value)
    return payloads


def lines_of(stream: bytes) -> list[bytes]:
    """The lines; the last one is what no end of line follows."""
    return re.split(rb"\r\n|\r|\n", stream)
