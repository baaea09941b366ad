"""The contract under which a model without native tools calls the client's: what is said, and where.

Owns which prompts there are, what each is given, and the place of each in the conversation. The words are prompt
files, read by whoever calls; the markup is `luna.tools.markup`'s, the notation of parameters `luna.tools.compress`'s.

Two texts. The contract holds for the whole conversation and stands at the end of the leading system messages: an
upstream that keeps a chat needs it once. The reminder holds for this turn only (the tool choice, whether one call or
several) and stands at the very end of the last turn, after the user's words or the tools' results and outside them:
what a model reads last it keeps to best. It is a part of its own, so that nothing of the client's is changed.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from luna.model.chat import Message, Text, Tool, ToolChoice
from luna.model.errors import Kind, LunaError
from luna.model.memo import remembering
from luna.tools import markup
from luna.tools.compress import compact

PROMPTS: Mapping[str, tuple[str, ...]] = {
    "contract": ("tools", "example", "several", "quoted"),
    "reminder": ("names", "form"),
    "several": (),
    "single": (),
    "quoted": ("example",),
    "required": (),
    "specific": ("name",),
    "off": (),
}
"""The prompts that are used here, each with the variables that it is given."""

_EXAMPLE = ("example_search", '{"text":"if (a < b) return \\"x\\";","limit":3,"exact":true,"folders":["src","docs"]}')


class Say(Protocol):
    """Renders one of `PROMPTS`."""

    def __call__(self, prompt: str, /, **variables: str) -> str: ...


def instruct(messages: Sequence[Message], tools: Sequence[Tool], choice: ToolChoice, say: Say) -> list[Message]:
    """The conversation with the contract and the reminder in their places. Raises LunaError(BAD_REQUEST) for a
    schema that is nested too deeply."""
    begin = next((n for n, message in enumerate(messages) if message.role != "system"), len(messages))
    taught = [*messages[:begin], Message("system", [Text(contract(tools, choice, say))]), *messages[begin:]]
    return remind(taught, reminder(tools, choice, say))


def remind(messages: Sequence[Message], words: str) -> list[Message]:
    """The conversation with these words at the end of the user's last turn; of the last system message where the
    user has said nothing. Where the upstream knows that turn already, or the assistant has begun to answer it (a client
    that lost the connection sends what it had), they are a turn of their own: last they must be."""
    reminded = list(messages)
    last_of = {message.role: place for place, message in enumerate(messages)}
    place = last_of.get("user", last_of.get("system"))
    if words and place is not None:
        turn = messages[place]
        if turn.known or messages[-1].role == "assistant":
            return [*reminded, Message("user", [Text(words)])]
        reminded[place] = msgspec.structs.replace(turn, parts=[*turn.parts, Text(f"\n{words}")])
    return reminded


def contract(tools: Sequence[Tool], choice: ToolChoice, say: Say) -> str:
    """What the model must know about the tools and how to call them."""
    listing, odd_name = listed(tools)
    quoted = say("quoted", example=markup.parameter(odd_name, "VALUE")) if odd_name is not None else ""
    return say(
        "contract",
        tools=listing,
        example=markup.calls([markup.call(*_EXAMPLE)]),
        several=say("several" if choice.parallel else "single"),
        quoted=quoted,
    ).rstrip("\n")


def reminder(tools: Sequence[Tool], choice: ToolChoice, say: Say) -> str:
    """What the model must keep in mind in this turn."""
    form = markup.calls([markup.call("NAME", '{"PARAMETER":"TEXT"}')]).replace("\n", "")
    said = [say("reminder", names=", ".join(tool.name for tool in tools), form=form)]
    if not choice.parallel:
        said.append(say("single"))
    match choice.mode:
        case "required":
            said.append(say("required"))
        case "specific":
            said.append(say("specific", name=choice.name))
        case "auto" | "none":
            pass
    return "\n".join(said)


def listed(tools: Sequence[Tool]) -> tuple[str, str | None]:
    """All of them, described, and the first name of a parameter that must be quoted, if there is one. Raises
    LunaError(BAD_REQUEST)."""
    try:
        return _listed(msgspec.json.encode([*tools]))
    except RecursionError:  # says which one it is
        return "\n\n".join(describe(tool) for tool in tools), None


@remembering(count=32, longest=256 * 1024)
def _listed(encoded: bytes) -> tuple[str, str | None]:
    """Agents send the same tools with every request of a session: they are looked through once."""
    tools = msgspec.json.decode(encoded, type=list[Tool])
    names = (name for tool in tools for name in _parameter_names(tool) if not markup.is_element_name(name))
    return "\n\n".join(_described(tool) for tool in tools), next(names, None)


def describe(tool: Tool) -> str:
    """One tool: its name, what it is for, its parameters. Raises LunaError(BAD_REQUEST)."""
    try:
        return _described(tool)
    except RecursionError:
        raise LunaError(
            Kind.BAD_REQUEST,
            f"The parameters of the tool '{tool.name[:64]}' are nested too deeply.",
            hint="Flatten its JSON Schema.",
            param="tools",
        ) from None


def _described(tool: Tool) -> str:
    return "\n".join(filter(None, (f"## {tool.name}", tool.description.strip(), compact(tool.parameters))))


def _parameter_names(tool: Tool) -> list[str]:
    known = tool.parameters.get("properties")
    return list(known) if isinstance(known, dict) else []
