"""A prompt that is too long, as each agent recognises it: by the signs that its own code looks for."""

import re
from typing import Any

import msgspec
import pytest

from luna.model.dialect import Dialect, Reply
from luna.model.errors import Kind, LunaError
from luna.protocols.registry import dialect_for

FIGURES = {"tokens": 140_000, "maximum": 131_072}
CHAT = dialect_for("POST", "/v1/chat/completions")
COMPLETIONS = dialect_for("POST", "/v1/completions")
RESPONSES = dialect_for("POST", "/v1/responses")
MESSAGES = dialect_for("POST", "/v1/messages")
OPENAI = [CHAT, COMPLETIONS, RESPONSES]
ALL = [*OPENAI, MESSAGES]


def overflow(**detail: object) -> LunaError:
    return LunaError(Kind.CONTEXT_OVERFLOW, "The prompt is long.", hint="Compact it.", stage="overflow", detail=detail)


def told(reply: Reply) -> dict[str, Any]:
    error: dict[str, Any] = msgspec.json.decode(reply.body)["error"]
    return error


def names(dialect: Dialect) -> str:
    return dialect.name


@pytest.mark.parametrize("detail", [FIGURES, {}], ids=["figures", "bare"])
@pytest.mark.parametrize("dialect", ALL, ids=names)
def test_it_is_a_bad_request_and_the_words_of_luna_follow(dialect: Dialect, detail: dict[str, Any]) -> None:
    reply = dialect.error(overflow(**detail), "flow_1")
    assert reply.status == 400
    assert told(reply)["type"] == "invalid_request_error"
    assert told(reply)["message"].endswith("The prompt is long. Compact it. [flow flow_1, stage overflow]")
    assert ("x-luna-error", "context-overflow") in reply.headers


@pytest.mark.parametrize("dialect", OPENAI, ids=names)
def test_openais_code(dialect: Dialect) -> None:
    assert told(dialect.error(overflow(), "f"))["code"] == "context_length_exceeded"


CLAUDE_CODE = r"prompt is too long: (\d+) tokens > (\d+) maximum"
"""The second figure is subtracted from the first when it shortens its request for a summary."""


def test_claude_code() -> None:
    message = told(MESSAGES.error(overflow(**FIGURES), "f"))["message"]
    found = re.match(CLAUDE_CODE, message)
    assert found is not None and found.groups() == ("140000", "131072")
    assert told(MESSAGES.error(overflow(), "f"))["message"].startswith("prompt is too long: ")


OPENCODE = [
    r"prompt is too long",
    r"exceeds the context window",
    r"maximum context length is \d+ tokens",
    r"reduce the length of the messages",
    r"context[_ ]length[_ ]exceeded",
]
"""opencode, Kilo and pi look at the message alone."""
QWEN_CODE = [
    r"\bcontext[_\s-]?length[_\s-]?exceeded\b",
    r"\bmaximum context length\b",
    r"\bprompt\s+(?:is\s+)?too long\b",
    r"\btokens?\s*>\s*[\d,]+\s*(?:maximum|max|limit)\b",
]
_LENGTH = r"(?P<length>\d[\d,]*)\s*tokens?"
_MAXIMUM = r"(?P<maximum>\d[\d,]*)"
QWEN_CODE_FIGURES = [
    rf"{_LENGTH}\s*>\s*{_MAXIMUM}",
    rf"maximum context length is\s*{_MAXIMUM}\s*tokens?[\s\S]*?(?:resulted in|requested|used)\s*{_LENGTH}",
]


@pytest.mark.parametrize("detail", [FIGURES, {}], ids=["figures", "bare"])
@pytest.mark.parametrize("dialect", ALL, ids=names)
def test_agents_that_look_at_the_message(dialect: Dialect, detail: dict[str, Any]) -> None:
    body = told(dialect.error(overflow(**detail), "f"))
    assert any(re.search(sign, body["message"], re.IGNORECASE) for sign in OPENCODE)
    said = f"{body['message']} {body.get('code', '')}"
    assert any(re.search(sign, said, re.IGNORECASE) for sign in QWEN_CODE)


@pytest.mark.parametrize("dialect", ALL, ids=names)
def test_agents_that_read_the_figures(dialect: Dialect) -> None:
    message = told(dialect.error(overflow(**FIGURES), "f"))["message"]
    found = next(match for sign in QWEN_CODE_FIGURES if (match := re.search(sign, message, re.IGNORECASE)))
    assert (found["length"], found["maximum"]) == ("140000", "131072")


def test_cline() -> None:
    """By the code on the OpenAI protocol, by the type on Anthropic's."""
    assert told(CHAT.error(overflow(), "f"))["code"] == "context_length_exceeded"
    assert re.search(r"context\s*(length|window)", told(CHAT.error(overflow(), "f"))["message"])
    assert told(MESSAGES.error(overflow(), "f"))["type"] == "invalid_request_error"


def test_codex_hears_it_in_a_stream_that_fails_at_once() -> None:
    """A 400 ends its turn without compaction; `response.failed` with this code makes it compact before the next."""
    reply = RESPONSES.error(overflow(**FIGURES, in_stream=True), "flow_1a")
    assert (reply.status, reply.content_type) == (200, "text/event-stream")
    assert ("x-luna-error", "context-overflow") in reply.headers
    frames = [frame.partition(b"data: ")[2] for frame in reply.body.split(b"\n\n") if frame]
    events = [msgspec.json.decode(frame) for frame in frames]
    assert [event["type"] for event in events] == [
        "response.created",
        "response.in_progress",
        "error",
        "response.failed",
    ]
    response = events[-1]["response"]
    assert (response["id"], response["status"]) == ("resp_1a", "failed")
    assert response["error"]["code"] == "context_length_exceeded"
    assert "maximum context length is 131072 tokens" in response["error"]["message"]


@pytest.mark.parametrize("dialect", [CHAT, COMPLETIONS, MESSAGES], ids=names)
def test_on_other_protocols_there_is_no_such_stream(dialect: Dialect) -> None:
    assert dialect.error(overflow(in_stream=True), "f").status == 400


def test_other_errors_are_never_told_in_such_a_stream() -> None:
    assert RESPONSES.error(LunaError(Kind.BAD_REQUEST, "No.", detail={"in_stream": True}), "f").status == 400
