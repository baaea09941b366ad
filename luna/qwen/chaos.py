"""What can be made to go wrong at Qwen: the faults of the `chaos` stage, by name.

Owns the bodies, which are those of the fixtures of the same names (`fixtures/wire`; a test compares them), and what
each fault does to a stream that is really coming: ids are then those of the real answer, so that what follows (a
question asked again, a stop) means a chat that exists. How an exchange is changed is `luna.upstream.chaos`'s business.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, get_args

import msgspec

from luna.qwen.bodies import recorded
from luna.upstream.chaos import Change, Cut, Fault, Instead, Piece, Silence, Within

COMPLETIONS = "/chat/completions"
"""The call that faults are about."""

FaultName = Literal[
    "waf-json", "empty", "cut-in-tool-call", "silence", "duplicate", "native-call", "expired-login", "rate-limit"
]
NAMES: tuple[FaultName, ...] = get_args(FaultName)

_WORDLESS = re.compile(rb'"content"\s*:\s*""')
_RESPONSE = re.compile(rb'"response_id"\s*:\s*"([^"\\]{1,100})"')
_STREAM = "text/event-stream; charset=utf-8"


def instead(name: str) -> Callable[[float, str], Fault]:
    """That fixture in place of an answer."""
    fixture = recorded(name)
    return lambda seconds, tool: Instead(fixture.status, fixture.headed(), fixture.body.encode())


class _AfterTheFirst:
    """Passes the first frame on and puts something behind it. Ids become those of the first frame."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self._pieces: list[Piece] | None = list(pieces)

    def __call__(self, line: bytes) -> Iterable[Piece]:
        if self._pieces is None or not line.startswith(b"data:"):
            return (line,)
        pieces, self._pieces = self._pieces, None
        found = _RESPONSE.search(line)
        own = b'"response_id": "' + found[1] + b'"' if found else b""
        renamed = (_RESPONSE.sub(lambda _: own, one) if isinstance(one, bytes) and own else one for one in pieces)
        return (line, b"\n", *renamed)


class _Twice:
    """Every frame that adds nothing to the answer's words comes twice; so do thoughts, which are sent whole."""

    def __call__(self, line: bytes) -> Iterable[Piece]:
        doubled = line.startswith(b"data:") and (b'"choices"' not in line or _WORDLESS.search(line) is not None)
        return (line, b"\n", line) if doubled else (line,)


def _native_call(seconds: float, tool: str) -> Fault:
    """The frames of a call that Qwen takes for one to a tool of its own, up to the point where it says that there is
    no such tool."""
    lines = recorded("07_native_call_unknown_tool").body.splitlines()
    frames = [line for line in lines if '"function_call"' in line or '"role": "function"' in line]
    body = (
        "".join(f"{line}\n\n" for line in frames).replace('"Read"', f'"{tool}"').replace("Tool Read ", f"Tool {tool} ")
    )
    return Within(lambda: _AfterTheFirst([body.encode()]))


def _cut_in_tool_call(seconds: float, tool: str) -> Fault:
    call = f"<ml_tool_calls>\n<ml_tool_call>\n<ml_tool_name>{tool}</ml_tool_name>\n<ml_parameters>\n<"
    words = [f"I will call {tool}.\n", call]
    frames = b"".join(_typed(text) for text in words)
    return Within(lambda: _AfterTheFirst([frames, Cut()]))


def _typed(text: str) -> bytes:
    delta = {"role": "assistant", "content": text, "phase": "answer", "status": "typing"}
    return b"data: " + msgspec.json.encode({"choices": [{"delta": delta}]}) + b"\n\n"


def _made(change: Callable[[], Change]) -> Callable[[float, str], Fault]:
    return lambda seconds, tool: Within(change)


FAULTS: Mapping[FaultName, Callable[[float, str], Fault]] = {
    "waf-json": instead("26_err_waf_json"),
    "empty": lambda seconds, tool: Instead(200, (("content-type", _STREAM), ("x-actual-status-code", "200")), b""),
    "cut-in-tool-call": _cut_in_tool_call,
    "silence": lambda seconds, tool: Within(lambda: _AfterTheFirst([Silence(seconds)])),
    "duplicate": _made(_Twice),
    "native-call": _native_call,
    "expired-login": instead("24_err_token_expired"),
    "rate-limit": instead("20_err_rate_limited_json"),
}
"""From the seconds of silence and the name of a tool that the client offers."""
