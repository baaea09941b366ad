"""Anthropic's tools and tool choices → the neutral ones.

Owns which tools the model is told of:

    the client's own           offered: they bring their description and schema
    with `defer_loading`       offered once a `tool_reference` in a result has named them, or the choice does
    `web_search_…` alone       not a tool but a wish: Qwen's own search is switched on
    others with a dated type   (`bash_20250124`, `code_execution_…`, toolsets) ignored and named: what they take is
                               known to Anthropic's models alone
"""

from collections.abc import Set
from typing import Literal

import msgspec

from luna.model.chat import Tool, ToolChoice
from luna.protocols.anthropic_types import Body, ChoiceIn, ToolIn
from luna.protocols.body import bad_field

_WORDS: dict[str, Literal["auto", "none", "required"]] = {
    "auto": "auto",
    "none": "none",
    "any": "required",
    "required": "required",
}


class Offer(msgspec.Struct):
    """What the request amounts to in tools. `search`: Qwen's own web search is wanted."""

    tools: list[Tool] = msgspec.field(default_factory=list)
    choice: ToolChoice = msgspec.field(default_factory=ToolChoice)
    search: bool = False
    ignored: list[str] = msgspec.field(default_factory=list)


def tool_names(body: Body) -> tuple[str, ...]:
    """The names of all tools, deferred ones included, for routing."""
    return tuple(entry.called for entry in body.tools or () if entry.called)


def offer(body: Body, referenced: Set[str]) -> Offer:
    """The tools to offer and how free the model is to use them. Raises LunaError(BAD_REQUEST)."""
    made = Offer(choice=_choice(body.tool_choice))
    entries = body.tools or []
    made.search = bool(entries) and all(_searches(entry) for entry in entries)
    for index, entry in enumerate(entries):
        at = f"tools.{index}"
        if not entry.own:
            made.ignored += _unmet(entry, at) if made.search else [f"{at}.{entry.type}"]
        elif not entry.called:
            raise bad_field(f"{at}.name", "is missing.")
        elif not entry.defer_loading or entry.called in referenced or entry.called == made.choice.name:
            made.tools.append(_tool(entry))
    if made.search and any(entry.called == made.choice.name for entry in entries):
        made.choice = ToolChoice()  # the search is not the model's to call
    if made.choice.mode == "required" and not made.tools:
        raise bad_field("tool_choice", "asks for a call, but the request offers no tool for it.")
    if made.choice.mode == "specific" and not any(tool.name == made.choice.name for tool in made.tools):
        raise bad_field("tool_choice", f"names '{made.choice.name[:64]}', which is not among the request's tools.")
    return made


def _searches(entry: ToolIn) -> bool:
    return not entry.own and (entry.type or "").startswith("web_search")


def _unmet(entry: ToolIn, at: str) -> list[str]:
    """What Qwen's search cannot be told."""
    wishes = {"allowed_domains": entry.allowed_domains, "blocked_domains": entry.blocked_domains}
    return [f"{at}.{name}" for name, value in wishes.items() if value]


def _tool(entry: ToolIn) -> Tool:
    if entry.function is not None:
        wrapped = entry.function
        return Tool(wrapped.name, wrapped.description or "", wrapped.parameters or {}, wrapped.strict or False)
    return Tool(entry.called, entry.description or "", entry.input_schema or {}, entry.strict or False)


def _choice(raw: str | ChoiceIn | None) -> ToolChoice:
    if raw is None:
        return ToolChoice()
    choice = ChoiceIn(raw) if isinstance(raw, str) else raw
    parallel = not choice.disable_parallel_tool_use
    if choice.type in ("tool", "function"):
        if not choice.name:
            raise bad_field("tool_choice.name", "is missing.")
        return ToolChoice("specific", choice.name, parallel)
    if choice.type not in _WORDS:
        raise bad_field("tool_choice.type", f"must be auto, any, tool or none; '{choice.type[:40]}' is none of these.")
    return ToolChoice(_WORDS[choice.type], parallel=parallel)
