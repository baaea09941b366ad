"""What the model reads when a client brings tools, to the byte: the shipped prompts, rendered."""

from pathlib import Path

import pytest

from luna.model.chat import Attachment, Message, Text, ToolCall, ToolChoice, ToolResult
from luna.qwen.conversation import flatten
from luna.tools.contract import contract, instruct, reminder
from luna.tools.history import as_text
from tests.golden.conftest import Golden
from tests.support.spoken import shipped, speaker
from tests.support.toolsets import AGENT, GREP, READ

FOLDER = Path(__file__).parent / "tools"
SAY = speaker()
ROUND = [
    Message("system", [Text("You are a coding agent.")]),
    Message("user", [Text("Where is the picture used?")]),
    Message(
        "assistant",
        [
            Text("I will look at both."),
            ToolCall("call_1", "Grep", '{"pattern":"a < b","-n":true,"head_limit":20}'),
            ToolCall("call_2", "Read", '{"file_path":"/a/shot.png"}'),
        ],
    ),
    Message("tool", [ToolResult("call_2", [Attachment("image", url="data:image/png;base64,AA", name="shot.png")])]),
    Message("tool", [ToolResult("call_1", [Text("no such folder")], error=True)]),
]
"""One round of an agent's work: two calls at once, their results in the other order, an image and an error."""

CHOICES = {
    "auto": ToolChoice("auto"),
    "required": ToolChoice("required"),
    "specific": ToolChoice("specific", "Grep"),
    "one_at_a_time": ToolChoice("auto", parallel=False),
}


def test_the_contract_for_a_coding_agent(golden: Golden) -> None:
    golden(FOLDER / "contract.txt", contract(AGENT, CHOICES["auto"], SAY).encode())


@pytest.mark.parametrize("choice", CHOICES)
def test_the_reminder(choice: str, golden: Golden) -> None:
    golden(FOLDER / f"reminder.{choice}.txt", reminder([GREP, READ], CHOICES[choice], SAY).encode())


@pytest.mark.parametrize("choice", ["auto", "one_at_a_time"])
def test_a_round_of_work_as_qwen_gets_it(choice: str, golden: Golden) -> None:
    messages = instruct(as_text(ROUND), [GREP, READ], CHOICES[choice], SAY)
    around = shipped().require("conversation", option="", variables=("system", "turns", "current"))
    golden(FOLDER / f"round.{choice}.txt", flatten(messages, around.render).encode())
