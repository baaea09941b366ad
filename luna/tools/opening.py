"""Tells where in a text a block of calls begins, and where one cannot.

Owns the line between markup and prose. A tag alone begins nothing: prose may speak of tags. A block begins where the
tags that follow lead up to a call in earnest, with only blanks between them:

    <tool_calls> <tool_call> <tool_name>        wrappers, then a name
    <tool_call> {                               wrappers, then JSON
    <function_calls> <invoke name="read"> <…    wrappers, then a tag that says a name, then something inside it

As long as that is open the text must wait; the first character that leads elsewhere settles it. A tag of the
contract's own (`ml_…`) that leads nowhere is a leftover, which nobody wants to see; any other is text.
"""

import enum
import re

from luna.tools.schema import Toolbox
from luna.tools.tags import MORE, NAMED_ONLY, NAMESPACES, ROLES, Reading, Role, Tag, could_be_ours, known_name, read_tag

PATIENCE = 1024
"""Characters from the first tag on. What has not become a call by then is none."""
_DEEPEST = 5
"""Tags in a row. Nobody wraps a call more often."""

OURS = frozenset(f"ml_{name}" for name in ROLES)
"""The contract's own tags."""
WORDS = OURS | {
    namespace + name
    for name, role in ROLES.items()
    if role in (Role.CALLS, Role.CALL) and name != "call"
    for namespace in NAMESPACES
}
"""All tags with which a block may begin."""

_BEGINNINGS = frozenset(word[:length] for word in WORDS for length in range(len(word) + 1))
_WORD = re.compile(r"<(/?)([\w.:-]*)")
_CALLED = re.compile(r"\s*=|\s*\Z|\s+(?:n|na|nam|name\s*)?\Z|\s+name\s*=", re.IGNORECASE)
_NOISE = re.compile(r"(?:\s++|`{3,}\w*[ \t]*\n)+")
_NOISE_BEGUN = re.compile(r"`{1,2}\Z|`{3,}\w*[ \t]*\Z")
_NAME = re.compile(r"\s{0,64}(?:<!\[CDATA\[[^<>\n]{1,128}\]\]>|[^<>\n]{1,128})\s{0,64}<|\s{0,64}</")
_NAME_BEGUN = re.compile(r"\s{0,64}(?:<!?\[?C?D?A?T?A?|<!\[CDATA\[[^<>\n]{0,130}>?|[^<>\n]{0,128})\s{0,64}\Z")
_JSON_LIST = re.compile(r"\[\s*(?:\{|\Z)")


class Opening(enum.Enum):
    """What a place in a text is."""

    TEXT = "not the beginning of a call"
    MORE = "perhaps; the text ends too early to tell"
    BLOCK = "the beginning of a call"
    LEFTOVER = "a tag of the contract that leads nowhere"


def opening(text: str, at: int, toolbox: Toolbox) -> tuple[Opening, int]:
    """What the `<` or `[` at this place is, and where the text goes on after it (for a leftover)."""
    first = _first_tag(text, at)
    if first is None:
        return Opening.TEXT, at
    if first is MORE:
        return Opening.MORE, at
    verdict = _leads(text, at, first, toolbox)
    if verdict is Opening.TEXT and first.ours:
        verdict = Opening.LEFTOVER
    return verdict, first.end


def closer(text: str, at: int) -> Reading:
    """The closing tag of a call's markup at this place: what may be left over behind a block."""
    if text[at] == "<" and text[at + 1 : at + 2] not in ("", "/"):
        return None
    tag = read_tag(text, at)
    if isinstance(tag, Tag) and not (tag.closing and tag.role is not Role.OTHER):
        return None
    return None if tag is MORE and not could_be_ours(text, at) else tag


def skip_noise(text: str, at: int) -> int:
    """Where the text goes on after blanks and the fences that models put around the JSON in a call."""
    found = _NOISE.match(text, at)
    return at if found is None else found.end()


def _first_tag(text: str, at: int) -> Reading:
    """The tag that may begin a block, or a leftover. Written for the text in which there is none."""
    if text[at] == "[":
        tag = read_tag(text, at)
        return None if isinstance(tag, Tag) and tag.closing else tag
    word = _WORD.match(text, at)
    if word is None:
        return None
    name = word[2].lower().replace("-", "_")
    if word.end() == len(text):
        begun = name in _BEGINNINGS if not word[1] else any(ours.startswith(name) for ours in OURS)
        return MORE if begun else None
    if name not in WORDS or (word[1] and name not in OURS):
        return None
    if known_name(name) in NAMED_ONLY and not word[1] and not _CALLED.match(text, word.end()):
        return None
    tag = read_tag(text, at)
    if isinstance(tag, Tag) and tag.role is Role.OTHER:
        return None
    return tag


def _leads(text: str, at: int, first: Tag, toolbox: Toolbox) -> Opening:
    """Follow the tags from the first on."""
    if first.closing or first.empty:
        return Opening.TEXT
    if first.role is Role.NAME:
        return _names(text, first.end)
    if first.role is Role.PARAMETER:
        return Opening.TEXT
    tag, pos, alone = first, first.end, True
    for _ in range(_DEEPEST):
        pos = skip_noise(text, pos)
        if len(text) - at < PATIENCE and (pos == len(text) or _NOISE_BEGUN.match(text, pos)):
            return Opening.MORE
        if pos >= len(text) or pos - at > PATIENCE:
            return Opening.TEXT
        if first.role in (Role.RESULT, Role.PARAMETERS):
            says_more = first.end - at > len(first.name) + 2
            return Opening.BLOCK if text[pos] in "<{" or says_more else Opening.TEXT
        after = _after(text, pos, tag, toolbox, alone=alone)
        if isinstance(after, Opening):
            return after
        tag, pos, alone = after, after.end, False
    return Opening.TEXT


def _after(text: str, pos: int, tag: Tag, toolbox: Toolbox, *, alone: bool) -> Opening | Tag:
    """What follows `tag`: a verdict, or one more tag on the way."""
    if text[pos] == "{":
        return Opening.BLOCK
    if text[pos] == "[" and (found := _JSON_LIST.match(text, pos)):
        return Opening.MORE if found.end() == len(text) else Opening.BLOCK
    if text[pos] not in "<[":
        return Opening.TEXT
    anything = bool(tag.says) and (not alone or toolbox.find(tag.says) is not None)
    following = read_tag(text, pos)
    if following is MORE:
        return Opening.MORE if anything or could_be_ours(text, pos) else Opening.TEXT
    if following is None:
        return Opening.TEXT
    if following.closing:
        return Opening.BLOCK if tag.says and following.role is Role.CALL else Opening.TEXT
    match following.role:
        case Role.NAME:
            return _names(text, following.end)
        case Role.PARAMETERS:
            return Opening.BLOCK
        case Role.PARAMETER:
            return Opening.BLOCK if tag.says else Opening.TEXT
        case Role.CALLS | Role.CALL if not following.empty:
            return following
        case Role.OTHER if anything:
            return Opening.BLOCK
        case _:
            return Opening.TEXT


def _names(text: str, pos: int) -> Opening:
    """Whether the tag before this place holds a name: it ends before long."""
    found = _NAME.match(text, pos)
    if found is not None:
        return Opening.BLOCK
    return Opening.MORE if _NAME_BEGUN.match(text, pos) else Opening.TEXT
