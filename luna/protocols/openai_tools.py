"""OpenAI's tools and tool choices → the neutral ones.

Owns every form in which clients write them: nested, flat, custom, and the older `functions`. A custom tool becomes
a function with one text argument, `input`; its calls come back as calls of that function, so it is also named as
ignored, like the server-side tools (`web_search` …) that luna does not have.
"""

from collections.abc import Sequence
from typing import Literal

from luna.model.chat import Tool, ToolChoice
from luna.protocols.body import bad_field
from luna.protocols.openai_types import Body, ChoiceIn, FunctionIn, Offered, ToolIn

_FREE_TEXT = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
_WORDS: dict[str, Literal["auto", "none", "required"]] = {
    "auto": "auto",
    "none": "none",
    "required": "required",
    "any": "required",
}


def tool_names(body: Body) -> tuple[str, ...]:
    """The names of all tools, for routing."""
    if not (body.tools or body.functions):
        return ()
    known = body.tools if isinstance(body.tools, Offered) else None
    if known is not None and known.names is not None and not body.functions:
        return known.names
    named = [entry.called for entry in body.tools or ()] + [entry.name for entry in body.functions or ()]
    names = tuple(name for name in named if name)
    if known is not None and not body.functions:
        known.names = names
    return names


def tools(body: Body) -> tuple[list[Tool], list[str]]:
    """The tools, and the entries that luna cannot honour as they are. Raises LunaError(BAD_REQUEST)."""
    if not (body.tools or body.functions):
        return [], []
    known = body.tools if isinstance(body.tools, Offered) else None
    if known is None:
        found, ignored = _tools(body.tools or ())
    else:
        known.made = known.made or _tools(known)
        found, ignored = [*known.made[0]], [*known.made[1]]
    found += [_function(entry) for entry in body.functions or ()]
    return found, ignored


def _tools(entries: Sequence[ToolIn]) -> tuple[list[Tool], list[str]]:
    found: list[Tool] = []
    ignored: list[str] = []
    for index, entry in enumerate(entries):
        at = f"tools[{index}]"
        if not entry.called:
            if entry.type in ("function", "custom"):
                raise bad_field(f"{at}.{entry.type}.name", "is missing.")
            ignored.append(at)
            continue
        if entry.custom is not None:
            ignored.append(f"{at}.custom")
        found.append(_tool(entry))
    return found, ignored


def _tool(entry: ToolIn) -> Tool:
    if entry.function is not None:
        return _function(entry.function)
    if entry.custom is not None:
        return Tool(entry.custom.name, entry.custom.description or "", _FREE_TEXT)
    parameters = entry.parameters or entry.input_schema
    return _function(FunctionIn(entry.called, entry.description, parameters, entry.strict))


def _function(entry: FunctionIn) -> Tool:
    return Tool(entry.name, entry.description or "", entry.parameters or {}, entry.strict or False)


def choose(body: Body, offered: list[Tool]) -> tuple[ToolChoice, list[Tool]]:
    """The choice, and the tools that it leaves. Raises LunaError(BAD_REQUEST)."""
    raw, param = body.tool_choice, "tool_choice"
    if raw is None:
        raw, param = body.function_call, "function_call"
    if raw is None:
        return ToolChoice(parallel=body.parallel_tool_calls is not False), offered
    choice = _choice(raw, param)
    choice.parallel = body.parallel_tool_calls is not False
    if isinstance(body.tool_choice, ChoiceIn) and body.tool_choice.allowed_tools is not None:
        allowed = {entry.called for entry in body.tool_choice.allowed_tools.tools}
        offered = [tool for tool in offered if tool.name in allowed]
    if choice.mode == "required" and not offered:
        raise bad_field(param, "asks for a call, but the request offers no tool for it.")
    if choice.mode == "specific" and not any(tool.name == choice.name for tool in offered):
        raise bad_field(param, f"names '{choice.name[:64]}', which is not among the request's tools.")
    return choice, offered


def _choice(raw: str | ChoiceIn, param: str) -> ToolChoice:
    if isinstance(raw, ChoiceIn):
        named = raw.function or raw.custom
        name = named.name if named is not None else raw.name
        if name:
            return ToolChoice("specific", name)
        word = raw.allowed_tools.mode if raw.allowed_tools is not None else raw.mode or raw.type
    else:
        word = raw
    if word not in _WORDS:
        raise bad_field(param, f"must be auto, none, required or name a tool; '{word[:40]}' is none of these.")
    return ToolChoice(_WORDS[word])
