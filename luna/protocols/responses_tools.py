"""The Responses protocol's tools and tool choices → the neutral ones, and the way back to the client's names.

Owns which tools the model is told of, and under which names:

    function           under its name
    custom             a function with one text argument, `input`; its grammar stands in the description. Its calls
                       go back as calls of a custom tool
    namespace          each of its tools under the namespace's name and its own. Always, and not only where two would
                       be the same: a name must not change when a later turn brings another tool
    tool_search        with `execution: client` a function of that name with the client's own parameters, which loads
                       tools that only the client knows. Its calls go back as `tool_search_call`
    web_search… alone  not a tool but a wish: Qwen's own search is switched on
    all others         (`local_shell`, `mcp`, a `tool_search` that OpenAI's servers run …) ignored and named: only those
                       servers, or models that were trained on them, know what they take

Tools with `defer_loading` are offered at once, for here nothing is gained by loading them later; those that items of
the conversation bring (`additional_tools`, `tool_search_output`) are offered like all the others.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from luna.model.chat import Tool, ToolChoice
from luna.protocols.body import bad_field
from luna.protocols.responses_types import Body, ChoiceIn, GrammarIn, ItemIn, ToolIn

FREE_TEXT = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
TOOL_SEARCH = "tool_search"
_OWN = ("function", "custom")
_WORDS: dict[str, Literal["auto", "none", "required"]] = {
    "auto": "auto",
    "none": "none",
    "required": "required",
    "any": "required",
}


Kind = Literal["function", "custom", "tool_search"]


class Called(msgspec.Struct, frozen=True):
    """How the client calls a tool."""

    name: str
    namespace: str = ""
    kind: Kind = "function"


class Offer(msgspec.Struct):
    """What the request amounts to in tools. `names`: the model's name of a tool → the client's."""

    tools: list[Tool] = msgspec.field(default_factory=list)
    choice: ToolChoice = msgspec.field(default_factory=ToolChoice)
    names: dict[str, Called] = msgspec.field(default_factory=dict)
    search: bool = False
    """Qwen's own web search is wanted."""
    ignored: list[str] = msgspec.field(default_factory=list)


def qualified(name: str, namespace: str) -> str:
    """The model's name for a tool in a namespace. Some clients end the namespace with the separator."""
    if not namespace:
        return name
    return namespace + name if namespace.endswith("__") or name.startswith("__") else f"{namespace}__{name}"


def names(body: Body) -> dict[str, Called]:
    """The model's names of the tools, and the client's."""
    found: dict[str, Called] = {}
    for _, entry, namespace in _entries(body):
        name, kind = _name(entry), _kind(entry)
        if kind is not None and name:
            found.setdefault(qualified(name, namespace), Called(name, namespace, kind))
    return found


def _kind(entry: ToolIn) -> Kind | None:
    """How the client's own tools are called; None for one that is not the client's."""
    match entry.type:
        case "function" | "custom" as kind:
            return kind
        case "tool_search" if entry.execution == "client":
            return "tool_search"
        case _:
            return None


def offer(body: Body) -> Offer:
    """The tools to offer and how free the model is to use them. Raises LunaError(BAD_REQUEST)."""
    made = Offer(names=names(body))
    entries = list(_entries(body))
    made.search = bool(entries) and all(_searches(entry) for _, entry, _ in entries)
    taken: set[str] = set()
    for at, entry, namespace in entries:
        if _kind(entry) is None:
            if not (made.search and entry.external_web_access is not False):
                made.ignored.append(f"{at}.{entry.type[:40]}")
            continue
        if not _name(entry):
            raise bad_field(f"{at}.name", "is missing.")
        tool = _tool(entry, namespace)
        if tool.name not in taken:
            made.tools.append(tool)
        taken.add(tool.name)
    made.search = made.search and any(entry.external_web_access is not False for _, entry, _ in entries)
    _choose(body, made)
    return made


def loaded(item: ItemIn) -> list[str]:
    """The model's names of the tools that an item brings."""
    return [qualified(_name(entry), namespace) for _, entry, namespace in _listed("", item.tools) if _name(entry)]


def _entries(body: Body) -> Iterable[tuple[str, ToolIn, str]]:
    """Every tool with the place where it stands and its namespace; what the conversation brings comes last."""
    brought = body.input if isinstance(body.input, list) else []
    yield from _listed("tools", body.tools)
    for position, item in enumerate(brought):
        yield from _listed(f"input[{position}].tools", item.tools)


def _listed(at: str, tools: Sequence[ToolIn] | None) -> Iterable[tuple[str, ToolIn, str]]:
    for index, entry in enumerate(tools or ()):
        where = f"{at}[{index}]"
        if entry.type != "namespace":
            yield where, entry, ""
            continue
        for number, inner in enumerate(entry.tools or ()):
            yield f"{where}.tools[{number}]", inner, entry.name or ""


def _name(entry: ToolIn) -> str:
    if entry.type == TOOL_SEARCH:
        return TOOL_SEARCH
    return entry.name or (entry.function.name if entry.function is not None else "")


def _searches(entry: ToolIn) -> bool:
    return entry.type.startswith("web_search")


def _tool(entry: ToolIn, namespace: str) -> Tool:
    name = qualified(_name(entry), namespace)
    if entry.type == "custom":
        return Tool(name, _described(entry.description or "", entry.format), FREE_TEXT)
    wrapped = entry.function
    if wrapped is not None:
        return Tool(name, wrapped.description or "", wrapped.parameters or {}, wrapped.strict or False)
    return Tool(name, entry.description or "", entry.parameters or {}, entry.strict or False)


def _described(description: str, wanted: GrammarIn | None) -> str:
    if wanted is None or not wanted.definition:
        return description
    grammar = f"Grammar of `input` ({wanted.syntax or wanted.type}):\n{wanted.definition}"
    return f"{description}\n\n{grammar}" if description else grammar


def _choose(body: Body, made: Offer) -> None:
    raw = body.tool_choice
    choice = ChoiceIn(raw) if isinstance(raw, str) else raw
    if choice is None:
        made.choice = ToolChoice()
    elif choice.type in _OWN:
        name = choice.name or (choice.function.name if choice.function is not None else "")
        made.choice = ToolChoice("specific", _found(name, choice.namespace or "", made))
    elif isinstance(raw, ChoiceIn) and choice.type == TOOL_SEARCH and TOOL_SEARCH in made.names:
        made.choice = ToolChoice("specific", TOOL_SEARCH)
    elif choice.type == "allowed_tools":
        meant = (entry for entry in choice.tools or () if entry.type in (*_OWN, TOOL_SEARCH))
        allowed = {_found(_name(entry), "", made) for entry in meant}
        made.tools = [tool for tool in made.tools if tool.name in allowed]
        made.choice = ToolChoice(_word(choice.mode or "auto"))
    elif choice.type in _WORDS:
        made.choice = ToolChoice(_word(choice.type))
    elif isinstance(raw, ChoiceIn) and raw.type:
        if not (made.search and raw.type.startswith("web_search")):
            made.ignored.append(f"tool_choice.{raw.type[:40]}")
    else:
        _word(choice.type)
    made.choice.parallel = body.parallel_tool_calls is not False
    if made.search and made.choice.mode == "required":
        made.choice.mode = "auto"  # the search is not the model's to call
    if made.choice.mode == "required" and not made.tools:
        raise bad_field("tool_choice", "asks for a call, but the request offers no tool for it.")
    if made.choice.mode == "specific" and not any(tool.name == made.choice.name for tool in made.tools):
        raise bad_field("tool_choice", f"names '{made.choice.name[:64]}', which is not among the request's tools.")


def _found(name: str, namespace: str, made: Offer) -> str:
    """The model's name for what the client calls so; a tool in a namespace may be named without it."""
    if namespace or name in made.names:
        return qualified(name, namespace)
    return next((own for own, called in made.names.items() if called.name == name), name)


def _word(word: str) -> Literal["auto", "none", "required"]:
    if word not in _WORDS:
        raise bad_field("tool_choice", f"must be auto, none, required or name a tool; '{word[:40]}' is none of these.")
    return _WORDS[word]
