"""What differs between the agents that talk to luna, as data.

Owns the table, and the evidence by which a client is recognised: headers that only it sends, and names of tools that
only it declares. Stages read the fields of the profile they are given; none asks who a client is.

Whoever is not listed gets `GENERIC`. That goes for clients that need nothing because they declare no tools and
parse the answer's text themselves: aider with its SEARCH/REPLACE blocks, gptme with its fences, older Clines with
tools of their own in XML. For them every byte passes as it is, since a request without tools is left alone.
"""

import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from re import Pattern

import msgspec

from luna.model.dialect import Headers

ENOUGH = 3
"""So many of a profile's tool names are proof."""


class ClientProfile(msgspec.Struct, frozen=True, dict=True):
    """One kind of client."""

    name: str
    """For the inspector."""
    headers: tuple[tuple[str, str], ...] = ()
    """Evidence: a header (lower-case name) whose value, in lower case, fits the pattern (`*`, `?`)."""
    tools: frozenset[str] = frozenset()
    """Evidence: names of tools."""
    conversation: tuple[str, ...] = ()
    """Headers (lower-case names) that name the conversation, the best first."""
    volatile_lines: tuple[str, ...] = ()
    """How lines begin that differ from request to request although the conversation is the same."""
    volatile_blocks: tuple[str, ...] = ()
    """Names of tags around text of which that is true."""
    compacts: bool = False
    """It shortens its conversation and goes on by itself when it is told that the prompt is too long."""
    hears_in_stream: bool = False
    """That a prompt is too long it understands only from within a stream, not from a status."""

    def fits(self, headers: Headers, tool_names: Iterable[str]) -> bool:
        """True when there is evidence that such a client speaks."""
        for wanted, pattern in self.headers:
            if any(name == wanted and fnmatchcase(value.lower(), pattern) for name, value in headers):
                return True
        return len(self.tools.intersection(tool_names)) >= ENOUGH

    def stable(self, text: str) -> str:
        """The text without what is volatile: what cache keys and session hashes may be made of. Linear in time."""
        # Most texts have no `<` at all, and one character is found many times as fast as a word.
        if "<" in text and self._blocks.search(text):
            for tag in self.volatile_blocks:
                text = _without_blocks(text, f"<{tag}>", f"</{tag}>")
        for prefix in self.volatile_lines:
            if prefix in text:
                lines = text.splitlines(keepends=True)
                return "".join([line for line in lines if not line.startswith(self.volatile_lines)])
        return text

    @cached_property
    def stabiliser(self) -> Callable[[str], str] | None:
        """`stable`; None for a profile that has nothing to take out, as most."""
        return self.stable if self.volatile_lines or self.volatile_blocks else None

    @cached_property
    def _blocks(self) -> Pattern[str]:
        """Where a volatile block begins; nowhere, if the profile has none."""
        return re.compile(f"<(?:{'|'.join(map(re.escape, self.volatile_blocks)) or '(?!)'})>")


def recognise(headers: Headers, tool_names: Iterable[str]) -> ClientProfile:
    """The first profile that the evidence fits, else `GENERIC`. Remembered by the evidence."""
    # Where any value is evidence, a value is not told: it may be different in each request.
    evidence = [(name, "" if _EVIDENCE[name] == "*" else value) for name, value in headers if name in _EVIDENCE]
    return _recognised(tuple(evidence), _TELLING.intersection(tool_names))


@lru_cache(maxsize=512)
def _recognised(evidence: Headers, tool_names: frozenset[str]) -> ClientProfile:
    return next((profile for profile in PROFILES if profile.fits(evidence, tool_names)), GENERIC)


def _without_blocks(text: str, begin: str, end: str) -> str:
    kept: list[str] = []
    position = 0
    while (start := text.find(begin, position)) >= 0 and (stop := text.find(end, start)) >= 0:
        kept.append(text[position:start])
        position = stop + len(end)
    return "".join((*kept, text[position:])) if kept else text


GENERIC = ClientProfile(name="generic", conversation=("x-session-affinity", "x-session-id"))

PROFILES: tuple[ClientProfile, ...] = (
    ClientProfile(  # before Claude Code, whose user-agent it borrows when it speaks Anthropic's protocol
        name="qwen-code",
        headers=(("user-agent", "qwencode/*"), ("x-title", "qwen code")),
        tools=frozenset(
            {"run_shell_command", "read_file", "write_file", "list_directory", "tool_search", "read_many_files"}
        ),
        compacts=True,
    ),
    ClientProfile(
        name="claude-code",
        headers=(("x-claude-code-session-id", "*"), ("user-agent", "claude-cli/*"), ("x-app", "cli")),
        tools=frozenset(
            {
                "Bash",
                "Read",
                "Edit",
                "Write",
                "Glob",
                "Grep",
                "Task",
                "Agent",
                "TodoWrite",
                "NotebookEdit",
                "ToolSearch",
            }
        ),
        conversation=("x-claude-code-session-id",),
        # The first line of the system prompt, different in each request, and what the client slips into the user's
        # turns, which it words anew when it repeats them; a system message after the last turn counts what is left.
        volatile_lines=("x-anthropic-billing-header:",),
        volatile_blocks=("system-reminder", "total_tokens"),
        compacts=True,
    ),
    ClientProfile(
        name="codex",
        headers=(("originator", "codex*"), ("user-agent", "codex*")),
        tools=frozenset({"apply_patch", "exec_command", "write_stdin", "update_plan", "view_image", "shell"}),
        conversation=("session-id", "thread-id", "session_id", "conversation_id"),
        # It compacts before the next turn, but this one ends with the error: not by itself. A 400 just ends it.
        hears_in_stream=True,
    ),
    ClientProfile(
        name="opencode",
        headers=(("user-agent", "opencode/*"), ("user-agent", "kilo-code/*")),
        tools=frozenset({"todowrite", "todoread", "webfetch", "task", "skill"}),
        conversation=("x-session-affinity", "x-session-id"),
        compacts=True,
    ),
    ClientProfile(
        name="cline",
        headers=(("user-agent", "cline/*"), ("x-title", "cline"), ("user-agent", "roocode/*")),
        tools=frozenset(
            {
                "write_to_file",
                "replace_in_file",
                "execute_command",
                "attempt_completion",
                "ask_followup_question",
                "list_code_definition_names",
                "plan_mode_respond",
            }
        ),
        # The time, the open tabs and the running commands stand at the end of each of the user's turns.
        volatile_blocks=("environment_details",),
        compacts=True,
    ),
)
"""The first that fits counts."""
_EVIDENCE = {name: pattern for profile in PROFILES for name, pattern in profile.headers}
_TELLING = frozenset().union(*(profile.tools for profile in PROFILES))

SUMMARY_REQUESTS = (
    "Your task is to create a detailed summary of",  # Claude Code
    "tasked with summarizing conversations",  # Claude Code, opencode: system
    "CONTEXT CHECKPOINT COMPACTION",  # Codex
    "You are the component that summarizes",  # Qwen Code
    "Provide a detailed prompt for continuing our conversation",  # opencode
    "urgent task is to create a comprehensive detailed summary",  # Cline
    "anchored context summarization assistant",  # opencode, newer: system
)
"""Words by which an agent's request to have its conversation summarised is known: in its last user's turn, or in what
the system says."""
