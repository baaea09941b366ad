"""Answers at random, with what must become of them: prose and code in which nothing is a call, and calls in every
dialect that models write. Draws from a `random.Random`, so that Hypothesis and a plain loop can both use it."""

import html
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import msgspec

from luna.tools import markup
from tests.support.sifting import TOOLS

Call = tuple[str, dict[str, Any]]

NEAR_MISSES = (
    "a < b",
    "x<y>",
    "1 << 2",
    "<tool",
    "<tools>",
    "<function foo>",
    "<function>",
    "std::vector<std::pair<int, int>> v;",
    "the <tool_call> tag",
    "<tool_calls> and <tool_call> are tags",
    "</tool_call_x>",
    "<invoke>",
    "<parameter=x>",
    "[call me](https://example.org)",
    "[function](x) [call]",
    "array[call(x)]",
    "- [ ] todo",
    "<![CDATA[x]]>",
    "`<ml_tool_calls>` in code",
    "``<ml_tool_call>`x`</ml_tool_call>`` in code",
    "&lt;tool_call&gt;",
    "<div class='tool_call'>",
    "if (i<n && j>m) {",
    "~~gone~~ `x` ``y``",
    "</div>",
    "<",
    "[",
    "{",
)
LEFT_OUT = {"search": ("limit", "exact", "filter", "site"), "write_file": ("mode",), "list_files": ("patterns",)}
"""Parameters that need not be given and cannot be null."""
WORDS = ("The", "file", "is", "größer", "als", "工具", "that", "one.", "🙂", "null", "42")
SOUP = (
    "</content>",
    "</ml_parameters>",
    "</ml_tool_call>",
    "</ml_tool_calls>",
    "</query>",
    "]]>",
    "]]",
    "]",
    "<![CDATA[",
    "<content>",
    "<ml_tool_call>",
    "<ml_tool_name>search</ml_tool_name>",
    '{"name":"search"}',
    "&amp;",
    "&",
    "<",
    ">",
    "\n",
    "\r\n",
    "\t",
    " ",
    '"',
    "\\",
    "```",
    "`",
    "~~~",
    "\x1b[0m",
    "</tool_call>",
    "[/call]",
)


@dataclass
class Transcript:
    """A whole answer and what it says."""

    written: str
    text: str
    calls: list[Call]


def transcript(draw: Random, parts: int = 5) -> Transcript:
    """Text and calls in turn, in any order."""
    made = Transcript("", "", [])
    for _ in range(draw.randint(0, parts)):
        if draw.random() < 0.5:
            text = ordinary(draw)
            made.written += text
            made.text += text
        else:
            calls = [call(draw) for _ in range(draw.randint(1, 3))]
            made.written += draw.choice(DIALECTS)(draw, [with_nulls(draw, each) for each in calls])
            made.calls += calls
    return made


def ordinary(draw: Random) -> str:
    """Text that is no call. It begins with a word and ends with a line break, and closes its fences."""
    kind = draw.random()
    if kind < 0.25:
        inside = markup.calls([markup.call("search", '{"query":"x"}')]) if draw.random() < 0.5 else prose(draw)
        mark = draw.choice(("```", "~~~", "````"))
        return f"So:\n{mark}{draw.choice(('', 'xml', 'python'))}\n{inside}\n{mark}\nThat is all.\n"
    return f"Well {prose(draw)}\n"


def prose(draw: Random) -> str:
    return draw.choice((" ", "\n", ", ")).join(
        draw.choice(NEAR_MISSES if draw.random() < 0.4 else WORDS) for _ in range(draw.randint(1, 12))
    )


def soup(draw: Random, most: int = 8) -> str:
    """A string that looks like markup all over."""
    return "".join(draw.choice(SOUP if draw.random() < 0.6 else WORDS) for _ in range(draw.randint(0, most)))


def call(draw: Random) -> Call:
    """A call to one of the tools."""
    name = draw.choice([tool.name for tool in TOOLS])
    match name:
        case "search":
            extra = {
                "limit": draw.randint(-5, 10**6),
                "exact": draw.random() < 0.5,
                "filter": {"a": [1, soup(draw, 3)]},
                "site": soup(draw, 3),
            }
            return name, {"query": soup(draw)} | {k: v for k, v in extra.items() if draw.random() < 0.4}
        case "write_file":
            extra = {"mode": draw.choice(["append", "replace"])}
            return name, {"path": "a/b.txt", "content": soup(draw, 20)} | (extra if draw.random() < 0.3 else {})
        case "list_files":
            members: dict[str, Any] = {
                "path": draw.choice([None, "src", "nullable"]),
                "patterns": ["*.py", soup(draw, 2)],
            }
            return name, {k: v for k, v in members.items() if draw.random() < 0.6}
        case _:
            return name, {}


def with_nulls(draw: Random, made: Call) -> Call:
    """The same call as a model writes it that fills in what it could leave out."""
    name, arguments = made
    left_out = [key for key in LEFT_OUT.get(name, ()) if key not in arguments and draw.random() < 0.1]
    written = [*arguments.items(), *((key, None) for key in left_out)]
    draw.shuffle(written)
    return name, dict(written)


# dialects


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def contract(draw: Random, calls: list[Call]) -> str:
    """As the contract asks for it."""
    return markup.calls([markup.call(name, _json(arguments)) for name, arguments in calls])


def loose_contract(draw: Random, calls: list[Call]) -> str:
    """The contract with tags in capitals, attributes, and other names for its tags."""
    written = [markup.call(name, _json(arguments)) for name, arguments in calls]
    inside = [text.removeprefix("<ml_tool_call>").removesuffix("</ml_tool_call>") for text in written]
    before, after = draw.choice((("<ml_tool_call>", "</ml_tool_call>"), ('<ML_Tool_Call id="1" >', "</ML_TOOL_CALL >")))
    text = "\n".join(before + each + after for each in inside)
    return draw.choice((text, f"<ML_tool_calls >\n{text}\n</ml_tool_calls>", f"<tool_calls>{text}</tool_calls>"))


def hermes(draw: Random, calls: list[Call]) -> str:
    """JSON in `<tool_call>`."""
    fence = draw.choice((("", ""), ("\n", "\n"), ("\n```json\n", "\n```\n")))
    return "\n".join(
        f"<tool_call>{fence[0]}{_json({'name': name, 'arguments': arguments})}{fence[1]}</tool_call>"
        for name, arguments in calls
    )


def tool_use(draw: Random, calls: list[Call]) -> str:
    return "".join(
        f"<tool_use><name>{name}</name><arguments>{_json(arguments)}</arguments></tool_use>"
        for name, arguments in calls
    )


def brackets(draw: Random, calls: list[Call]) -> str:
    inside = "".join(f"[call:{name}]{_json(arguments)}[/call]" for name, arguments in calls)
    return f"[function_calls]{inside}[/function_calls]"


def _escaped(value: object) -> str:
    text = value if isinstance(value, str) else _json(value)
    return html.escape(text, quote=False)


def _fits_xml(value: object) -> bool:
    """Whether a value can stand escaped between two tags and mean itself."""
    text = value if isinstance(value, str) else ""
    return text == text.strip() and not any(c < " " for c in text) and text != "null"


def invoke(draw: Random, calls: list[Call]) -> str:
    """Named tags with escaped values; calls that cannot be written so are written as the contract asks."""
    if not all(_fits_xml(value) for _, arguments in calls for value in arguments.values()):
        return contract(draw, calls)
    inside = "\n".join(
        f'<invoke name="{name}">'
        + "".join(f'<parameter name="{key}">{_escaped(value)}</parameter>' for key, value in arguments.items())
        + "</invoke>"
        for name, arguments in calls
    )
    return f"<function_calls>\n{inside}\n</function_calls>"


def coder(draw: Random, calls: list[Call]) -> str:
    """Values on lines of their own."""
    if not all(_fits_xml(value) for _, arguments in calls for value in arguments.values()):
        return contract(draw, calls)
    return "".join(
        f"<tool_call>\n<function={name}>\n"
        + "".join(f"<parameter={key}>\n{_escaped(value)}\n</parameter>\n" for key, value in arguments.items())
        + "</function>\n</tool_call>"
        for name, arguments in calls
    )


DIALECTS: tuple[Callable[[Random, list[Call]], str], ...] = (
    contract,
    contract,
    loose_contract,
    hermes,
    tool_use,
    brackets,
    invoke,
    coder,
)


def garbled(draw: Random, text: str) -> str:
    """The text with a few accidents."""
    for _ in range(draw.randint(1, 6)):
        at, span = draw.randint(0, len(text)), draw.randint(0, 12)
        match draw.randint(0, 3):
            case 0:
                text = text[:at] + text[at + span :]
            case 1:
                text = text[:at] + draw.choice(SOUP + NEAR_MISSES) + text[at:]
            case 2:
                text = text[:at] + text[max(0, at - span) :]
            case _:
                text = text[:at]
    return text


def in_pieces(draw: Random, text: str) -> list[str]:
    """The text, cut anywhere."""
    longest = draw.choice((1, 2, 5, 20, 200))
    pieces, at = [], 0
    while at < len(text):
        end = at + draw.randint(1, longest)
        pieces.append(text[at:end])
        at = end
    return pieces
