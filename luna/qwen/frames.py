"""The shape of Qwen's stream frames, one `data:` line each (wire document section 4.2).

Pure. Owns what may stand in a frame and reads it with one typed decode. Only what every frame has is typed
strictly; the rest is taken as it comes, so that a new kind of `usage` never costs a word of the answer.
What the frames mean is `luna.qwen.stream`'s business.
"""

from typing import Annotated, Any

import msgspec

from luna.model.events import Usage

UNREAD = 64
"""Token counts that may lie undecoded."""


class Delta(msgspec.Struct, gc=False):
    """One increment. A missing phase and a null one are the same: answer text."""

    role: str | None = None
    content: str | None = None
    phase: str | None = None
    status: str | None = None
    name: str | None = None
    function_call: Any = None
    function_id: Any = None
    extra: Any = None

    @property
    def more(self) -> dict[str, Any]:
        """`extra`, if it is an object."""
        return self.extra if isinstance(self.extra, dict) else {}

    def inside(self, name: str) -> Any:
        """A part of `extra`: its `content`, where it is an object."""
        part = self.more.get(name)
        return part.get("content") if isinstance(part, dict) else part


class Choice(msgspec.Struct, gc=False):
    """There is only ever one."""

    delta: Delta | None = None
    finish_reason: Any = None


class Frame(msgspec.Struct, gc=False):
    """Any frame: an increment, `response.created`, `response.info`, an error, an envelope, a lone usage."""

    choices: list[Choice] = []
    response_id: str | None = None
    usage: msgspec.Raw = msgspec.Raw()
    created: Any = msgspec.field(default=None, name="response.created")
    info: Any = msgspec.field(default=None, name="response.info")
    error: Any = None
    success: Any = None
    data: Any = None
    ret: Any = None


_Count = Annotated[int, msgspec.Meta(ge=0)]


class _Reasoning(msgspec.Struct):
    reasoning_tokens: _Count = 0


class _Cached(msgspec.Struct):
    cached_tokens: _Count = 0


class _Counts(msgspec.Struct):
    input_tokens: _Count
    output_tokens: _Count
    output_tokens_details: _Reasoning = msgspec.field(default_factory=_Reasoning)
    prompt_tokens_details: _Cached = msgspec.field(default_factory=_Cached)


_decode_counts = msgspec.json.Decoder(_Counts).decode

decode_frame = msgspec.json.Decoder(Frame).decode
"""Raises msgspec.DecodeError, and ValidationError (its subclass) for JSON of another shape."""


def read_usage(raw: msgspec.Raw) -> Usage | None:
    """Both namings of the token counts; None when there are none to read."""
    try:
        counts = _decode_counts(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _read_odd_usage(raw)
    return Usage(
        input=counts.input_tokens,
        output=counts.output_tokens,
        reasoning=counts.output_tokens_details.reasoning_tokens,
        cached=counts.prompt_tokens_details.cached_tokens,
    )


class TokenCounts:
    """The token counts of one answer; upstream's are cumulative."""

    def __init__(self) -> None:
        self._unread: list[msgspec.Raw] = []
        self._latest: Usage | None = None

    def __repr__(self) -> str:
        return f"<TokenCounts unread={len(self._unread)}>"

    def add(self, raw: msgspec.Raw) -> None:
        """Most frames bring theirs; only the last good ones are worth decoding, when somebody asks or many lie."""
        self._unread.append(raw)
        if len(self._unread) >= UNREAD:
            self.latest()

    def latest(self) -> Usage | None:
        """The last that could be read."""
        if self._unread:
            for raw in reversed(self._unread):
                usage = read_usage(raw)
                if usage is not None:
                    self._latest = usage
                    break
            self._unread.clear()
        return self._latest


def _read_odd_usage(raw: msgspec.Raw) -> Usage | None:
    """Counts that are not named or typed as they are today."""
    try:
        said = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if not isinstance(said, dict):
        return None
    taken, given = said.get("input_tokens", said.get("prompt_tokens")), said.get("output_tokens")
    if given is None:
        given = said.get("completion_tokens")
    if not isinstance(taken, int) and not isinstance(given, int):
        return None
    output_details = said.get("output_tokens_details") or said.get("completion_tokens_details")
    return Usage(
        input=_count(taken),
        output=_count(given),
        reasoning=_count(_part(output_details, "reasoning_tokens")),
        cached=_count(_part(said.get("prompt_tokens_details"), "cached_tokens")),
    )


def _part(details: object, name: str) -> object:
    return details.get(name) if isinstance(details, dict) else None


def _count(value: object) -> int:
    return max(0, value) if isinstance(value, int) and not isinstance(value, bool) else 0
