"""`prompts/**/*.md` → the prompts of a snapshot.

Owns the file format: YAML front matter between two lines of `---` (`about`, `variables`), then the text.
Checks that the text and the declaration name the same variables. Pure: files come in as bytes.

    ---
    about: What the model is told before its first tool call.
    variables: [tools]
    ---
    You can call these tools: {{ tools }}
"""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Annotated

from msgspec import Meta, field

from luna.config.convert import read_struct
from luna.config.diagnostics import Place, Report, did_you_mean
from luna.config.nodes import MappingNode, Node, ScalarNode, SequenceNode
from luna.config.schema import Section, Variable
from luna.config.source import parse
from luna.core.prompts import Prompt, Prompts

_ALMOST = re.compile(r"\{\{\s*([A-Za-z_][\w.-]*)\s*\}\}")
_FENCE = re.compile(rb"---[ \t]*\n(?P<yaml>(?:.*\n)*?)---[ \t]*(?:\n|\Z)")


class FrontMatter(Section, frozen=True, kw_only=True):
    """What a prompt file says about itself."""

    about: Annotated[str, Meta(description="What this text is for.")] = ""
    variables: Annotated[list[Variable], Meta(description="The variables that the text uses.")] = field(
        default_factory=list
    )


def prompt_name(file: str) -> str:
    """`prompts/tools/contract.md` → `tools/contract`."""
    return PurePosixPath(file).relative_to("prompts").with_suffix("").as_posix()


def read_prompts(files: Iterable[tuple[str, str, bytes]], report: Report) -> Prompts:
    """The prompts of all files, given as (name, file, bytes). A broken one is reported and has no text: stages that
    name it need not complain as well."""
    return Prompts({name: read_prompt(name, file, data, report) for name, file, data in files})


def read_prompt(name: str, file: str, data: bytes, report: Report) -> Prompt:
    """One prompt; empty after reporting. Blank lines around the text do not count."""
    data = _plain(data)
    fence = _FENCE.match(data)
    if fence is None and data.startswith(b"---"):
        report.error(Place(file), "the front matter has no end", "close it with a line of '---'")
        return Prompt(name, "")
    front: FrontMatter | None = FrontMatter()
    declared: dict[str, Place] = {}
    begin = 0
    if fence is not None:
        node = parse(b"\n" + fence["yaml"], file, report)  # the fence's own line, so that lines count right
        front = _read_front(node, report) if node is not None else None
        declared = _declared(node, report) if node is not None else {}
        begin = fence.end()
    try:
        text = data[begin:].decode()
    except UnicodeDecodeError as error:
        line = data[: begin + error.start].count(b"\n") + 1
        report.error(Place(file, line), "this line is not UTF-8", "save the file as UTF-8")
        return Prompt(name, "")
    if front is None:
        return Prompt(name, "")
    _check_variables(text, data[:begin].count(b"\n") + 1, declared, file, report)
    return Prompt(name, text.strip("\n"), tuple(declared), front.about)


def with_text(data: bytes, text: str) -> bytes:
    """The file with another text under the same front matter. One whose front matter is broken stays as it is."""
    data = _plain(data)
    fence = _FENCE.match(data)
    if fence is None and data.startswith(b"---"):
        return data
    front = data[: fence.end()] if fence is not None else b"---\n---"
    return front.rstrip(b"\n") + b"\n" + text.encode()


def _plain(data: bytes) -> bytes:
    return data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")


def _read_front(node: Node, report: Report) -> FrontMatter | None:
    if isinstance(node, ScalarNode) and node.value is None:
        return FrontMatter()
    return read_struct(node, FrontMatter, report, "a prompt")


def _declared(node: Node, report: Report) -> dict[str, Place]:
    """Where each variable is declared."""
    places: dict[str, Place] = {}
    listed = node.entries.get("variables") if isinstance(node, MappingNode) else None
    for item in listed.items if isinstance(listed, SequenceNode) else []:
        name = str(item.plain())
        if name in places:
            report.error(item.place, f"the variable '{name}' is declared twice")
        places.setdefault(name, item.place)
    return places


def _check_variables(text: str, first_line: int, declared: dict[str, Place], file: str, report: Report) -> None:
    used: set[str] = set()
    for found in _ALMOST.finditer(text):
        before = text[: found.start()]
        place = Place(file, first_line + before.count("\n"), len(before) - before.rfind("\n"))
        name = found[1]
        if not Prompt("", found[0]).used():
            hint = "variables are written in lower case, with '_'"
            report.warning(place, f"'{found[0]}' is no variable and stays as it is", hint)
            continue
        used.add(name)
        if name not in declared:
            hint = did_you_mean(name, declared) or "add it to 'variables' in the front matter"
            report.error(place, f"the variable '{name}' is not declared", hint)
    for name, place in declared.items():
        if name not in used:
            report.error(place, f"the variable '{name}' is declared, but the text does not use it")
