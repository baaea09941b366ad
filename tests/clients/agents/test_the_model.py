"""The model that the look-alike plays: what it calls, and that it cannot know the marker but from a result."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from luna.demo.answers import Prompt
from luna.demo.steps import Say
from luna.model.chat import Message, Text, Tool, ToolCall, ToolChoice, ToolResult
from luna.qwen.conversation import flatten
from luna.tools.contract import instruct
from luna.tools.history import as_text
from tests.support.agent_model import (
    OUT,
    SECRET,
    AgentModel,
    marker,
    named_tool_task,
    patching_task,
    reading_task,
    shell_task,
)
from tests.support.spoken import speaker

PATH = f"/tmp/work/{SECRET}"
FOUND = marker("0123456789ab")
STRING = {"type": "string"}


def tool(name: str, parameters: Mapping[str, Any], *required: str) -> Tool:
    schema = {"type": "object", "properties": dict(parameters), "required": list(required)}
    return Tool(name, "## What it does\n\nParameters: see below.", schema)


READ = tool("Read", {"limit": {"type": "integer", "description": "So many\nlines."}, "file_path": STRING}, "file_path")
FILES = {"type": "array", "items": {"type": "object", "properties": {"path": STRING}, "required": ["path"]}}
READ_FILES = tool("read_files", {"files": FILES}, "files")
BASH = tool("Bash", {"command": STRING, "description": STRING, "timeout": {"type": "number"}}, "command", "description")
SHELL = tool("shell", {"command": {"type": "array", "items": STRING}}, "command")
SEARCH = tool("ToolSearch", {"query": STRING, "max_results": {"type": "number"}}, "query", "max_results")
VAULT = tool("mcp__vault__read_secret", {"path": STRING}, "path")
CALL = Message("assistant", [ToolCall("call_1", "Read", '{"file_path":"x"}')])


def ask(messages: list[Message], *tools: Tool) -> tuple[AgentModel, str]:
    """The model, and what it says to this conversation."""
    taught = instruct(as_text(messages), tools, ToolChoice(), speaker()) if tools else messages
    model = AgentModel()
    prompt = Prompt(flatten(taught, lambda **said: "\n\nNow reply.\n\n".join(said.values())))
    assert model.script.matches(prompt)
    steps = model.script.answer(prompt).steps
    return model, "".join(step.text for step in steps if isinstance(step, Say))


def user(text: str) -> Message:
    return Message("user", [Text(text)])


def result(text: str, name: str = "Read") -> Message:
    return Message("tool", [ToolResult("call_1", [Text(text)], name)])


@pytest.mark.parametrize(
    ("task", "tools", "called", "arguments"),
    [
        (reading_task(PATH), [BASH, READ], "Read", {"file_path": PATH}),
        (reading_task(PATH), [READ_FILES], "read_files", {"files": [{"path": PATH}]}),
        (shell_task(PATH), [READ, BASH], "Bash", {"command": f"cat {PATH}", "description": "Read the file"}),
        (named_tool_task(PATH, VAULT.name), [READ, SEARCH, VAULT], VAULT.name, {"path": PATH}),
        (
            named_tool_task(PATH, VAULT.name),
            [READ, SEARCH],
            "ToolSearch",
            {"query": "select:mcp__vault__read_secret", "max_results": 1},
        ),
    ],
)
def test_it_calls_what_the_task_needs_as_the_contract_says(
    task: str, tools: list[Tool], called: str, arguments: dict[str, Any]
) -> None:
    model, said = ask([user(task)], *tools)
    assert model.calls == [called]
    written = {name: said.partition(f"<{name}>")[2].partition(f"</{name}>")[0] for name in arguments}
    for name, value in arguments.items():
        expected = f"<![CDATA[{value}]]>" if isinstance(value, str) else msgspec.json.encode(value).decode()
        assert written[name] == expected


def test_it_says_what_stands_in_the_result_and_nothing_else() -> None:
    model, said = ask([user(reading_task(PATH)), CALL, result(f"1\t{FOUND}")], READ)
    assert (model.acts, said) == (["answer"], f"The marker is {FOUND}.")
    model, said = ask([user(reading_task(PATH)), CALL, result("no such file")], READ)
    assert model.acts == ["gave up"]
    assert "no such file" in said


def test_a_result_that_the_model_is_not_shown_is_not_known_to_it() -> None:
    model, said = ask([user(reading_task(PATH)), CALL, result("")], READ)
    assert model.acts == ["gave up"]
    assert FOUND not in said


def test_after_the_search_it_calls_what_it_searched_for() -> None:
    searched = Message("assistant", [ToolCall("call_1", "ToolSearch", '{"query":"x"}')])
    conversation = [user(named_tool_task(PATH, VAULT.name)), searched, result("found", "ToolSearch")]
    model, _ = ask(conversation, READ, SEARCH, VAULT)
    assert model.calls == [VAULT.name]
    model, _ = ask(conversation, READ, SEARCH)
    assert model.acts == ["gave up"]


def test_codexs_search_is_asked_in_words() -> None:
    search = tool("tool_search", {"query": STRING, "limit": {"type": "number"}}, "query")
    model, said = ask([user(named_tool_task(PATH, VAULT.name))], search)
    assert model.calls == ["tool_search"]
    assert "<query><![CDATA[mcp  vault  read secret]]></query>" in said


def test_what_it_has_read_it_writes_down_with_a_patch_and_then_says() -> None:
    patcher = tool("apply_patch", {"input": STRING}, "input")
    conversation = [user(patching_task(PATH)), CALL, result(FOUND, "Bash")]
    model, said = ask(conversation, BASH, patcher)
    assert model.calls == ["apply_patch"]
    assert f"*** Add File: {OUT}\n+{FOUND}\n*** End Patch" in said
    patched = Message("assistant", [ToolCall("call_1", "apply_patch", '{"input":"x"}')])
    model, said = ask([*conversation, patched, result("Done.", "apply_patch")], BASH, patcher)
    assert (model.acts, said) == (["answer"], f"The marker is {FOUND}.")


def test_without_tools_it_gives_a_title() -> None:
    model, said = ask([user(f"Write a title for: {reading_task(PATH)}")])
    assert (model.acts, said) == (["side request"], "Read a file")
