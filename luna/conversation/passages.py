"""Finds and takes out passages of a text: blocks between tags, sections, paragraphs, what is beyond a length.

Pure, and linear in time whatever the text is. Knows nothing of what the passages mean.
"""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from luna.model.late_pattern import LatePattern


def blocks(text: str, tag: str) -> list[str]:
    """What stands in `<tag>` blocks, in order, without white space around it. One that does not end is none."""
    return [text[begin:end].strip() for _, begin, end, _ in _places(text, tag)]


def without_blocks(text: str, tag: str) -> str:
    """The text without `<tag>` blocks."""
    kept: list[str] = []
    position = 0
    for begin, _, _, after in _places(text, tag):
        kept.append(text[position:begin])
        position = after
    return "".join((*kept, text[position:])) if kept else text


def _places(text: str, tag: str) -> Iterator[tuple[int, int, int, int]]:
    """Of each block: where its tag begins, where its content begins and ends, and where it is over."""
    opening, closing = f"<{tag}>", f"</{tag}>"
    position = 0
    while (begin := text.find(opening, position)) >= 0 and (end := text.find(closing, begin + len(opening))) >= 0:
        position = end + len(closing)
        yield begin, begin + len(opening), end, position


class Sign(msgspec.Struct, frozen=True):
    """By what a passage is recognised. A text in which `mark` (in lower case) does not occur cannot show it, and need
    not be searched. `end` is for sections: the words in the line with which one ends."""

    mark: str
    pattern: LatePattern[str]
    end: str = ""


def possible(signs: Iterable[Sign], text: str) -> list[Sign]:
    """Those that the text may show."""
    lowered = text.lower()
    return [sign for sign in signs if sign.mark in lowered]


def without_sections(text: str, signs: Sequence[Sign]) -> str:
    """The text without the sections that begin with a line which shows one of these signs. Such a section ends with
    the line that holds its end; where there is none, before the next heading, tag or bracket that follows an empty
    line, or with the text."""
    signs = possible(signs, text)
    if not signs:
        return text
    lines = text.splitlines(keepends=True)
    ends = {sign.end: _last(lines, sign.end) for sign in signs if sign.end}
    kept: list[str] = []
    inside: Sign | None = None
    empty = True
    for number, line in enumerate(lines):
        bare = line.strip()
        if inside is not None and empty and bare.startswith(("#", "<", "[")) and number > ends.get(inside.end, -1):
            inside = None
        if inside is None:
            inside = next((sign for sign in signs if sign.pattern.match(bare)), None)
        if inside is None:
            kept.append(line)
        elif inside.end and inside.end in line:
            inside = None
        empty = not bare
    return "".join(kept)


def _last(lines: Sequence[str], mark: str) -> int:
    return next((number for number in range(len(lines) - 1, -1, -1) if mark in lines[number]), -1)


def without_paragraphs(text: str, signs: Sequence[Sign]) -> str:
    """The text without the paragraphs that show one of these signs."""
    signs = possible(signs, text)
    if not signs:
        return text
    paragraphs = text.split("\n\n")
    kept = [paragraph for paragraph in paragraphs if not any(sign.pattern.search(paragraph) for sign in signs)]
    return "\n\n".join(kept)


def without_lines(text: str, signs: Sequence[Sign]) -> str:
    """The text without the lines that are nothing else than one of these signs."""
    signs = possible(signs, text)
    if not signs:
        return text
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not any(sign.pattern.fullmatch(line.strip()) for sign in signs))


def cut(text: str, most: int) -> str:
    """The text, at most so many characters of it; what is left out is counted. Its beginning and its end stay: an
    error stands at the end of an output as often as at its beginning."""
    if len(text) <= most:
        return text
    tail = most // 4
    return f"{text[: most - tail]}\n[… {len(text) - most} characters left out …]\n{text[len(text) - tail :]}"
