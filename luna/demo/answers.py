"""What the look-alike says: a list of scripts, the first that matches a prompt answers it.

Owns the rules. They are deterministic: the same prompt in the same chat gets the same answer.
A person or a test can ask for a particular answer with directives in the last turn of the
prompt. Steps are played in the order in which they are written; what is not a directive in
such a turn is ignored. An argument runs to the next `]]` that no further `]` follows. Where the message
has no directive, those in the last turn of an attached document count: a long prompt may come as a file.

    directive                 what happens
    [[say:TEXT]]              says TEXT, word by word
    [[echo]]                  says the whole prompt, exactly as it was received
    [[history]]               says what the chat holds before this turn, one `role: text` after another
    [[file:NAME]]             says what stands in the attached document of that name; without one, in the first
    [[count:N]]               says the numbers from 0 to N-1, one delta each (N up to 20000)
    [[think:TEXT]]            thinks TEXT first, sentence by sentence, where the thinking mode allows it
    [[search:QUERY]]          calls the site's own web search and gets two results
    [[call:NAME JSON]]        calls a tool that the site does not have; the site answers that it does not exist
    [[image:N]]               makes N pictures (up to 8), which end the turn
    [[pace:MS]]               waits MS milliseconds before each frame
    [[fault:NAME:ARG:…]]      goes wrong as described in `luna.demo.misbehave`; arguments are numbers
    [[replay:NAME]]           plays NAME.sse from the folder of fixtures
    [[help]]                  says this table and the table of faults

Without a directive it tells your name when you ask "what is my name" (anywhere before it must
stand "my name is …", in a document if need be), repeats your first message when you ask for it, draws when the chat is
one for pictures, and otherwise says plainly that it is not Qwen.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from luna.demo.misbehave import FAULTS
from luna.demo.steps import MAX_COUNT, Answer, Count, NativeCall, Pictures, Say, Search, Step, Think

MAX_PICTURES = 8
QUOTE = 200
WINDOW = 64 * 1024
"""Characters at the end of a prompt in which the last turn's heading is looked for."""

_DIRECTIVE = re.compile(
    r"\[\[(say|echo|history|file|count|think|search|call|image|pace|fault|replay|help)(?::(.*?))?\]\](?!\])", re.DOTALL
)
_NAME = re.compile(r"\bmy name is ([\w'’-]+)", re.IGNORECASE)
_ASKS_NAME = re.compile(r"\bwhat(?:'s|’s| is) my name\b", re.IGNORECASE)
_ASKS_FIRST = re.compile(r"\bwhat (?:was|is) my first message\b", re.IGNORECASE)

_HEADINGS = tuple(
    f"\n{before}{role}{after}"
    for role in ("User", "user", "USER", "Human", "human", "Tool", "tool")
    for before, after in (
        ("", ":"),
        ("[", "]"),
        ("[", ":"),
        ("[", " "),
        ("<", ""),
        ("<|", ""),
        ("# ", ""),
        ("## ", ""),
        ("### ", ""),
        ("**", ""),
    )
)


@dataclass(frozen=True)
class Prompt:
    """What an answer may depend on."""

    text: str
    """The message as it was received; clients flatten whole conversations into it."""
    history: tuple[tuple[str, str], ...] = ()
    """(role, text) of the messages before it in the chat's tree."""
    files: tuple[str, ...] = ()
    """Names of what is attached."""
    documents: tuple[tuple[str, str], ...] = ()
    """(name, text) of the documents among them that have words."""
    earlier_documents: tuple[tuple[str, str], ...] = ()
    """Those of the messages before it."""
    model: str = ""
    chat_type: str = "t2t"
    thinks: bool = False
    """The request asked for thinking, not merely allowed it."""

    @cached_property
    def turn(self) -> str:
        """The last turn of the message."""
        return last_turn(self.text)

    @cached_property
    def turns(self) -> tuple[str, ...]:
        """The last turns of the message and of each document, in the order in which they are obeyed."""
        return (self.turn, *(last_turn(text) for _, text in self.documents))

    @property
    def everything(self) -> list[str]:
        """All that was ever said or attached, the latest last."""
        documents = [text for _, text in (*self.earlier_documents, *self.documents)]
        return [*(text for _, text in self.history), *documents, self.text]


def last_turn(text: str) -> str:
    """The last turn of a flattened conversation, as far as one can tell; the whole text where one cannot.

    luna writes what went before as `<turn role="…">` blocks, then a paragraph of its own, then what is to be
    replied to; other clients put the role before each turn."""
    end = text.rfind("</turn>")
    if end >= 0 and '<turn role="' in text:
        after = text[end + len("</turn>") :].strip()
        return after.partition("\n\n")[2] or after or text[text.rfind("<turn ") :]
    tail = text[-WINDOW:]
    start = max(tail.rfind(heading) for heading in _HEADINGS)
    return text if start < 0 else tail[start + 1 :]


@dataclass(frozen=True)
class Script:
    """A rule: which prompts it answers, and how."""

    name: str
    matches: Callable[[Prompt], bool]
    answer: Callable[[Prompt], Answer]

    def __repr__(self) -> str:
        return f"<Script {self.name}>"


def says(text: str) -> Answer:
    """An answer that is that text."""
    return Answer((Say(text),))


def choose(scripts: Sequence[Script], prompt: Prompt) -> Answer:
    """The answer of the first script that matches. One who was asked to think does, before anything else."""
    script = next((script for script in scripts if script.matches(prompt)), DEFAULT)
    answer = script.answer(prompt)
    if prompt.thinks and not any(isinstance(step, Think) for step in answer.steps):
        thought = f"The message has {len(prompt.text)} characters. I answer it with the script “{script.name}”."
        answer = replace(answer, steps=(Think(thought), *answer.steps))
    return answer


def _directives(prompt: Prompt) -> list[tuple[str, str]]:
    """(name, argument) of those in the first of the turns that has any."""
    return next((found for turn in prompt.turns if "[[" in turn and (found := _DIRECTIVE.findall(turn))), [])


def _has_directive(prompt: Prompt) -> bool:
    return bool(_directives(prompt))


def _directed(prompt: Prompt) -> Answer:
    steps: list[Step] = []
    answer = Answer(())
    for name, argument in _directives(prompt):
        match name:
            case "pace":
                answer = replace(answer, pace=_number(argument, 0) / 1000)
            case "fault":
                fault, *arguments = argument.split(":")
                answer = replace(answer, faults=(*answer.faults, (fault, tuple(_number(a, 0) for a in arguments))))
            case "replay":
                answer = replace(answer, replay=argument)
            case _:
                steps.append(_step(name, argument, prompt))
    if all(isinstance(step, Think | Search) for step in steps):
        steps.extend(_default(prompt).steps)
    return replace(answer, steps=tuple(steps))


def _step(name: str, argument: str, prompt: Prompt) -> Step:
    match name:
        case "echo":
            return Say(prompt.text)
        case "history":
            return Say("\n".join(f"{role}: {text}" for role, text in prompt.history) or "(nothing)")
        case "file":
            return Say(_document(prompt, argument))
        case "help":
            return Say(_help())
        case "count":
            return Count(min(int(_number(argument, 20)), MAX_COUNT))
        case "think":
            return Think(argument)
        case "search":
            return Search(argument or "example news")
        case "call":
            tool, _, arguments = argument.partition(" ")
            return NativeCall(tool, arguments or "{}")
        case "image":
            return Pictures(max(1, min(int(_number(argument, 1)), MAX_PICTURES)))
        case _:
            return Say(argument)


def _help() -> str:
    table = [line.strip() for line in (__doc__ or "").splitlines() if line.startswith("    [[")]
    return "\n".join([*table, "", *(f"{name}: {entry.about}" for name, entry in FAULTS.items())])


def _number(text: str, otherwise: float) -> float:
    try:
        number = float(text)
    except ValueError:
        return otherwise
    return number if math.isfinite(number) and number >= 0 else otherwise


def _document(prompt: Prompt, name: str) -> str:
    known = [*prompt.documents, *prompt.earlier_documents]
    found = next((text for called, text in known if not name or called == name), None)
    return f"There is no document {name}.".replace(" .", ".") if found is None else found


def _asks(pattern: re.Pattern[str]) -> Callable[[Prompt], bool]:
    return lambda prompt: any(pattern.search(turn) is not None for turn in prompt.turns)


def _tell_name(prompt: Prompt) -> Answer:
    names = [name for text in prompt.everything for name in _NAME.findall(text)]
    return says(f"Your name is {names[-1]}." if names else "You have not told me your name.")


def _tell_first(prompt: Prompt) -> Answer:
    first = next((text for role, text in prompt.history if role == "user"), "")
    return says(f"Your first message was: “{shorten(first)}”." if first else "This is your first message.")


def _default(prompt: Prompt) -> Answer:
    quoted = shorten(_DIRECTIVE.sub("", prompt.turn))
    said = f" You said: “{quoted}”." if quoted else ""
    attached = f" You attached: {', '.join(prompt.files)}." if prompt.files else ""
    attached += "".join(f" The file {name} says: “{shorten(text)}”." for name, text in prompt.documents)
    return says(
        "Hello! I am luna's built-in look-alike of Qwen, not Qwen itself: I answer by fixed rules, and no model has"
        f" read your message.{said}{attached} To talk to the real Qwen, give luna an account: set QWEN_AI_TOKEN or"
        " QWEN_AI_COOKIES, or send them with POST /api/provider/token."
    )


def shorten(text: str) -> str:
    """One line, at most 200 characters."""
    line = " ".join(text[: QUOTE * 8].split())
    return line if len(line) <= QUOTE else line[: QUOTE - 1] + "…"


DEFAULT = Script("default", lambda prompt: True, _default)

SCRIPTS = (
    Script("directives", _has_directive, _directed),
    Script("pictures", lambda prompt: prompt.chat_type in ("t2i", "image_edit"), lambda prompt: Answer((Pictures(1),))),
    Script("name", _asks(_ASKS_NAME), _tell_name),
    Script("first message", _asks(_ASKS_FIRST), _tell_first),
    DEFAULT,
)
"""The scripts that every look-alike begins with."""
