r"""Plays a model that uses tools, behind the look-alike: reads what luna tells it, and does as it is told.

Owns what such a model understands of a prompt. It knows the contract as a model would: by reading it. The task names a
file (`…/secret.txt`); the model calls one of the tools that it is offered, with the parameters that the contract shows,
and once the result is there it says the marker that it found in it. It never sees the marker in any other way, so who
hears it from the model has made the whole round. Where JSON is wanted, each member of it is the marker.

Without tools it edits `out.txt` if it is taught a notation for edits (aider), and else gives a short answer, as
clients want for titles.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from luna.demo.answers import Prompt, Script
from luna.demo.steps import Answer, NativeCall, Say, Step
from luna.tools import markup

SECRET = "secret.txt"
OUT = "out.txt"
OUT_BEFORE = 'if (a < b) say "<tool>&amp;";\n'
"""What the file to be edited holds: what a careless proxy takes for markup."""

READERS = ("Read", "read_file", "read_files", "read", "view_file", "view")
SHELLS = ("Bash", "bash", "exec_command", "shell_command", "shell", "run_shell_command", "run_commands")

SEARCHERS = ("ToolSearch", "tool_search")
"""The tools by which Claude Code and Codex have others loaded."""
PATCHER = "apply_patch"
"""Codex's tool for changes of files; it takes a text in a grammar, and no JSON."""
_BY_PATCH = f"as a new file, by {PATCHER}"
DELIVERY = "StructuredOutput"
"""Claude Code's tool for an answer in a form."""

Form = Literal["contract", "native", "hermes"]
"""How calls are written: as the contract says, by the upstream's own means, or as other models are used to."""

_TASK = re.compile(rf"(/[^\s\"'`<>]+/{re.escape(SECRET)})(?![\w.])")
_MARKER = re.compile(r"MARKER-[0-9a-f]{12}")
_TOOLS = re.compile(r"^\[Tools: (.+)\. The one way to call them: ", re.MULTILINE)
_NAMED = re.compile(r"with the tool (\w+)")
_WANTED = re.compile(r"must be valid under this JSON Schema.*?:\n(\{.*?\})\nGive the data", re.DOTALL)
_RESULT = re.compile(rf"<{markup.RESULT}\b[^>]*>.*?</{markup.RESULT}>", re.DOTALL)
_PARAMETER = re.compile(r'^  (?:"([^"]+)"|([\w.-]+))(\??): (.*)$', re.MULTILINE)
_OBJECTS = re.compile(r"^Array<\{(?:\n\s+//[^\n]*)*\s*([\w-]+)\??: ")


@dataclass(frozen=True)
class Parameter:
    """One parameter, as the contract shows it."""

    name: str
    required: bool
    type: str
    """With everything behind it, over several lines where it has them."""


def marker(random: str) -> str:
    """What a secret file holds; `random` is 12 hexadecimal digits."""
    return f"MARKER-{random}"


def markers_in(text: str) -> list[str]:
    """All of them, in their order."""
    return _MARKER.findall(text)


def reading_task(path: object) -> str:
    """The words that make the model read this file with the client's reader."""
    return f"Read the file {path} and tell me the marker that it holds. Answer with the marker only."


def shell_task(path: object) -> str:
    """The words that make the model read this file with the client's shell."""
    return f"Run this shell command: cat {path} and tell me the marker that it prints. Answer with the marker only."


def patching_task(path: object) -> str:
    """The words that make the model read this file with the client's shell, and write the marker down with a patch."""
    return f"Run this shell command: cat {path} and write the marker that it prints to {OUT}, {_BY_PATCH}."


def named_tool_task(path: object, tool: str) -> str:
    """The words that make the model call this tool, after a search for it if need be."""
    return f"Look up what {path} holds with the tool {tool} and tell me the marker. Answer with the marker only."


class AgentModel:
    """The model. Put `script` before the look-alike's own scripts."""

    def __init__(self) -> None:
        self.form: Form = "contract"
        """How it writes its calls."""
        self.script = Script("agent model", self._matches, self._answer)
        self.acts: list[str] = []
        """What it did, one line each, the oldest first."""
        self.prompts: list[str] = []
        """What it was asked, as it reached the upstream."""

    def __repr__(self) -> str:
        return f"<AgentModel {'; '.join(self.acts) or 'was not asked'}>"

    @property
    def calls(self) -> list[str]:
        """The tools that it called."""
        return [act.removeprefix("call ") for act in self.acts if act.startswith("call ")]

    def _matches(self, prompt: Prompt) -> bool:
        return _TASK.search(_said(prompt)) is not None or OUT in prompt.text

    def _answer(self, prompt: Prompt) -> Answer:
        act, steps = _act(prompt, self.form)
        self.acts.append(act)
        self.prompts.append(prompt.text)
        return Answer(steps)


def _said(prompt: Prompt) -> str:
    return "\n".join((*(text for _, text in prompt.history), prompt.text))


def _act(prompt: Prompt, form: Form) -> tuple[str, tuple[Step, ...]]:
    """What the model does, in short, and its answer."""
    said = _said(prompt)
    results = _RESULT.findall(prompt.turn)
    offered = _TOOLS.findall(prompt.turn)
    tools = offered[-1].split(", ") if offered else []
    if results and f'name="{PATCHER}"' in results[-1]:
        return "answer", (Say(_final(prompt.turn, markers_in(said)[-1])),)
    if results and (found := markers_in(results[-1])):
        if PATCHER in tools and _BY_PATCH in said:
            return f"call {PATCHER}", _call(PATCHER, {"input": _patch(found[-1])}, form)
        if DELIVERY in tools:
            arguments = {parameter.name: found[-1] for parameter in _parameters(said, DELIVERY)}
            return f"call {DELIVERY}", _call(DELIVERY, arguments, form)
        return "answer", (Say(_final(prompt.turn, found[-1])),)
    if tools:
        name = _choose(tools, said)
        searched = bool(results) and any(f'name="{searcher}"' in results[-1] for searcher in SEARCHERS)
        if not results or (searched and name not in SEARCHERS):
            return f"call {name}", (Say("I look into the file.\n\n"), *_call(name, _arguments(said, name), form))
        return "gave up", (Say(f"There is no marker in {results[-1][:2000]}"),)
    if OUT in said and (found := markers_in(said)):
        return "edit", (Say(_edit(said, found[-1])),)
    return "side request", (Say('{"title": "Read a file"}' if "JSON" in said else "Read a file"),)


def _call(name: str, arguments: dict[str, Any], form: Form) -> tuple[Step, ...]:
    written = msgspec.json.encode(arguments).decode()
    match form:
        case "contract":
            return (Say(markup.calls([markup.call(name, written)])),)
        case "native":
            return (NativeCall(name, written),)
        case "hermes":
            call = msgspec.json.encode({"name": name, "arguments": arguments}).decode()
            return (Say(f"<tool_call>\n{call}\n</tool_call>"),)


def _final(turn: str, found: str) -> str:
    """The answer in the form that is wanted."""
    if not (wanted := _WANTED.findall(turn)):
        return f"The marker is {found}."
    schema = msgspec.json.decode(wanted[-1], type=dict[str, Any])
    return msgspec.json.encode(dict.fromkeys(schema["properties"], found)).decode()


def _choose(offered: Sequence[str], said: str) -> str:
    """The tool that the task names, or the one that searches for it; else one that reads, or runs commands."""
    if named := _NAMED.findall(said):
        return next(name for name in (named[-1], *SEARCHERS) if name in offered)
    shell = f"shell command: cat {_path(said)}" in said
    wanted = (*SHELLS, *READERS) if shell else (*READERS, *SHELLS)
    return next((name for name in wanted if name in offered), offered[0])


def _path(said: str) -> str:
    path: str = _TASK.findall(said)[-1]
    return path


def _parameters(said: str, tool: str) -> list[Parameter]:
    """Those of one tool, from the contract."""
    described = said.rpartition(f"\n## {tool}\n")[2]
    body = described.partition("Parameters: {\n")[2].partition("\n}")[0]
    found = list(_PARAMETER.finditer(body))
    ends = [match.start() for match in found[1:]] + [len(body)]
    return [
        Parameter(match[1] or match[2], not match[3], body[match.start(4) : end])
        for match, end in zip(found, ends, strict=True)
    ]


def _arguments(said: str, tool: str) -> dict[str, Any]:
    """A value for each required parameter, and for the one that names the file, the command or the tool."""
    path, parameters = _path(said), _parameters(said, tool)
    types = {parameter.name: parameter.type for parameter in parameters}
    subjects = [
        (name, path) for name in ("file_path", "filePath", "filepath", "absolute_path", "path", "files", "paths")
    ]
    subjects += [(name, f"cat {path}") for name in ("command", "cmd", "commands")]
    wanted = _NAMED.findall(said)
    subjects += [("query", f"select:{name}" if tool == "ToolSearch" else name.replace("_", " ")) for name in wanted]
    subject, value = next(((name, value) for name, value in subjects if name in types), ("", ""))
    arguments = {parameter.name: _anything(parameter.type) for parameter in parameters if parameter.required}
    if subject:
        arguments[subject] = _of_type(types[subject], value)
    return arguments


def _of_type(written: str, value: str) -> object:
    """The value in the form that the type asks for."""
    if of := _OBJECTS.match(written):
        return [{of[1]: value}]
    if written.startswith(("string[]", "Array<string")):
        return [value]
    return value


def _anything(written: str) -> object:
    if written.startswith(("integer", "number")):
        return 1
    if written.startswith("boolean"):
        return False
    if written.startswith('"'):
        return written[1:].partition('"')[0]
    if "[]" in written.partition("\n")[0] or written.startswith("Array<"):
        return []
    return "Read the file"


def _patch(found: str) -> str:
    """A new `out.txt` with the marker, as Codex's grammar has it."""
    return f"*** Begin Patch\n*** Add File: {OUT}\n+{found}\n*** End Patch"


def _edit(said: str, found: str) -> str:
    """`out.txt` with the marker as its one new line, in the notation that the client taught."""
    if "SEARCH/REPLACE" in said:
        return (
            f"I write it down.\n\n{OUT}\n```\n<<<<<<< SEARCH\n{OUT_BEFORE}=======\n"
            f"{OUT_BEFORE}{found}\n>>>>>>> REPLACE\n```\n"
        )
    return f"I write it down.\n\n{OUT}\n```\n{OUT_BEFORE}{found}\n```\n"
