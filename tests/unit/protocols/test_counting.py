"""What a whole request costs: every part of it counts, and each as it should."""

import base64

import pytest

from luna.model.chat import (
    Attachment,
    ChatRequest,
    Message,
    Part,
    Text,
    Thought,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from luna.protocols import pieces
from luna.protocols.counting import count


def words(text: str) -> float:
    """A measure that people can check: words."""
    return len(text.split())


def cost(*parts: Part, **fields: object) -> int:
    """What a request with these parts costs beyond one with none."""
    empty = ChatRequest(model="m", messages=[Message("user", [])])
    full = ChatRequest(model="m", messages=[Message("user", list(parts))], **fields)  # type: ignore[arg-type]
    return count(full, words) - count(empty, words)


def text_file(text: str, media_type: str = "text/plain") -> Attachment:
    data = base64.b64encode(text.encode()).decode()
    return Attachment("document", f"data:{media_type};base64,{data}", media_type=media_type)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (Text("one two three"), 3),
        (Thought("one two"), 2),
        (ToolCall("c", "Read", '{"path": "a b"}'), 3),
        (ToolCall("c", "Read", "not JSON"), 2),
        (ToolResult("c", []), 4),
        (ToolResult("c", [Text("one two"), Text("three")]), 7),
        (ToolResult("c", [Attachment("image", "https://x.example/a.png")]), 4 + 1026),
        (Attachment("image", "https://x.example/a.png"), 1026),
        (Attachment("image", id="file-1"), 1026),
        (text_file("one two three four"), 4),
        (Attachment("document", "data:text/plain,one%20two", media_type="text/plain"), 2),
        (Attachment("document", "data:text/plain;base64,A", media_type="text/plain"), 3000),
        (text_file("one two", "application/pdf"), 3000),
        (Attachment("document", "https://x.example/a.pdf"), 3000),
        (Attachment("audio", "https://x.example/a.mp3"), 1500),
        (Attachment("video", "https://x.example/a.mp4"), 6000),
    ],
)
def test_what_a_part_costs(part: Part, expected: int) -> None:
    assert cost(part) == expected


def test_what_stands_around_the_turns() -> None:
    one = ChatRequest(model="m", messages=[Message("user", [Text("x")])])
    two = ChatRequest(model="m", messages=[*one.messages, Message("assistant", [Text("y")])])
    assert count(one, words) == 3 + 5 + 1
    assert count(two, words) == 3 + 5 + 1 + 5 + 1


def test_tools_cost_with_their_schemas() -> None:
    schema = {"type": "object", "properties": {"path": {"type": "string", "description": "where it is"}}}
    assert cost(tools=[Tool("Read", "Reads one file", schema)]) == 5
    assert cost(tools=[Tool("Read", "Reads one file", schema)] * 3) == 15
    assert cost(tools=[Tool("Read")], tool_choice=ToolChoice("none")) == 1


def test_a_wanted_form_and_files_cost_too() -> None:
    assert cost(response_format={"type": "json_schema", "json_schema": {"description": "a b"}}) == 2
    assert cost(file_ids=["f"]) == 3000


def test_a_small_request_by_both_measures() -> None:
    schema = {"type": "object", "properties": {"path": {"type": "string"}}}
    chat = ChatRequest(
        model="m",
        messages=[Message("system", [Text("You read files.")]), Message("user", [Text("Read the file.")])],
        tools=[Tool("Read", "Reads a file from the disk.", schema)],
    )
    assert count(chat, words) == 3 + 5 + 3 + 5 + 3 + 6
    assert count(chat, pieces.estimate) == pytest.approx(51, rel=0.10)  # counted with Qwen's vocabulary
