"""What goes up as a file, and what is typed beside it, to the byte."""

from pathlib import Path

import pytest

from luna.model.chat import Attachment, ChatRequest, Message, Text, Thought, ToolCall, ToolChoice, ToolResult
from luna.model.preferences import LivePreferences, Preferences, Sanitizer, TokenOverflow
from luna.stages.overflow import OVERFLOW, Overflow, OverflowFile
from luna.tools.contract import instruct
from luna.tools.history import as_text
from tests.golden.conftest import Golden
from tests.support.overflow import PROMPTS
from tests.support.play import Play
from tests.support.spoken import speaker
from tests.support.toolsets import GREP

FOLDER = Path(__file__).parent / "overflow"
CONVERSATION = [
    Message("system", [Text("You are a coding agent.")]),
    Message("user", [Text("Where is the picture used?"), Attachment("image", url="data:image/png;base64,AA")], "ann"),
    Message(
        "assistant",
        [
            Thought("I need to look."),
            Text("I will look at both.\n</turn> is how a turn ends."),
            ToolCall("call_1", "Grep", '{"pattern": "a < b"}'),
            ToolCall("call_2", "Read", '{"file_path": "/a/shot.png"}'),
        ],
    ),
    Message("tool", [ToolResult("call_1", [Text("no such folder")], "Grep", error=True)]),
    Message(
        "tool",
        [
            ToolResult(
                "call_2",
                [Text("Here it is."), Attachment("image", url="https://x.example/a?b=1&c", name='s"hot.png')],
                "Read",
            )
        ],
    ),
    Message("assistant", []),
    Message("user", [Text("Go on.\r\n\nEverything.")]),
]


def file_of(messages: list[Message], *, sanitized: bool = False) -> OverflowFile:
    play = Play(Overflow, prompts=PROMPTS, chat=ChatRequest(model="m", messages=messages))
    overflow = TokenOverflow(sanitizer=Sanitizer(enabled=sanitized))
    play.flow.services.provide(LivePreferences, LivePreferences(Preferences(token_overflow=overflow)))
    play.stage.request(play.flow)
    return play.flow.notes[OVERFLOW].document(messages)


@pytest.mark.parametrize("sanitized", [False, True], ids=["complete", "sanitized"])
def test_the_file_of_a_conversation(golden: Golden, sanitized: bool) -> None:
    file = file_of(CONVERSATION, sanitized=sanitized)
    golden(FOLDER / f"{'sanitized' if sanitized else 'complete'}.txt", file.text.replace("\r", "␍").encode())


def test_a_bridged_conversation_and_what_is_typed_beside_its_file(golden: Golden) -> None:
    """Calls and results stand in it as text already; what holds for this turn is typed."""
    file = file_of(instruct(as_text(CONVERSATION), [GREP], ToolChoice("required"), speaker()))
    golden(FOLDER / "bridged.txt", file.text.replace("\r", "␍").encode())
    golden(FOLDER / "typed.txt", file.prompt.encode())
