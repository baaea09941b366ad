"""The tags in which models write calls, whatever dialect they fall into.

Owns which tags there are, what each is for, and how one is read from a text that may end in the middle of it. Knows
nothing of what stands between them.

Names count without case, without a namespace, without the `ml_` of the contract, and with `-` for `_`. A tag may say
a name itself: `<invoke name="read">`, `<function=read>`, `<parameter=path>`, `[call:read]`.
"""

import enum
import re
from typing import Final, Literal

import msgspec

from luna.model.late_pattern import LatePattern

LONGEST = 512
"""Characters. What is longer is no tag."""


class Role(enum.Enum):
    """What a tag is for."""

    CALLS = "wraps calls"
    CALL = "wraps one call"
    NAME = "holds the tool's name"
    PARAMETERS = "holds the parameters"
    PARAMETER = "holds one parameter, whose name it says"
    RESULT = "holds a result"
    OTHER = "anything else: a parameter, or not ours"


ROLES: Final = {
    "tool_calls": Role.CALLS,
    "function_calls": Role.CALLS,
    "tool_call": Role.CALL,
    "tool_use": Role.CALL,
    "function_call": Role.CALL,
    "invoke": Role.CALL,
    "function": Role.CALL,
    "call": Role.CALL,
    "tool_name": Role.NAME,
    "function_name": Role.NAME,
    "name": Role.NAME,
    "parameters": Role.PARAMETERS,
    "params": Role.PARAMETERS,
    "arguments": Role.PARAMETERS,
    "args": Role.PARAMETERS,
    "input": Role.PARAMETERS,
    "parameter": Role.PARAMETER,
    "param": Role.PARAMETER,
    "tool_result": Role.RESULT,
}
NAMED_ONLY: Final = frozenset({"invoke", "function", "call"})
"""Too common to be a call unless the tag says the tool's name."""


NAMESPACES: Final = ("", "antml:", "minimax:", "ml_", "antml:ml_")
"""What may stand before a tag's name in the midst of text."""


class Tag(msgspec.Struct, frozen=True):
    """One tag. `end` is where the text goes on after it."""

    name: str
    """As it is written."""
    role: Role
    end: int
    closing: bool = False
    empty: bool = False
    """It closes itself."""
    says: str = ""
    """The name that it says."""
    ours: bool = False
    """It is the contract's own: it begins with `ml_`."""


class _More(enum.Enum):
    MORE = "the text ends before the tag does"


MORE: Final = _More.MORE
Reading = Tag | Literal[_More.MORE] | None
"""A tag; MORE when the text ends where a tag could go on; None when there is none."""

_NAME = r"[A-Za-z_][\w.:-]*+"
_VALUE = r"""(?:"([^"]*+)"|'([^']*+)'|([^\s"'<>]++))"""
_ATTRIBUTES = r"""(?:\s++[\w.:-]++(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s"'<>]++))?)*"""
# Nothing is given back that could not help: on a long run of blanks a plain repetition takes quadratic time, or worse.
_XML = LatePattern(rf"<\s*+(/?)\s*+({_NAME})(?:\s*+=\s*+{_VALUE})?({_ATTRIBUTES}+)\s*+(/?)>")
_XML_BEGUN = LatePattern(
    rf"""<\s*+/?\s*+(?:{_NAME}(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s"'<>]++|"[^"]*+\Z|'[^']*+\Z|\Z))?"""
    rf"""{_ATTRIBUTES}(?:\s++[\w.:-]++\s*+=\s*+(?:"[^"]*+|'[^']*+)?|\s*+/?))?\Z"""
)
_BEGUN_WORD = re.compile(r"<\s*+/?\s*+([\w.:-]*+)")
_BEGINNINGS = frozenset(
    (namespace + name)[:length]
    for namespace in NAMESPACES
    for name in ROLES
    for length in range(len(namespace + name) + 1)
)
_SAID = LatePattern(rf"\bname\s*+=\s*+{_VALUE}", re.IGNORECASE)
_BRACKET = LatePattern(r"\[\s*+(/?)\s*+(function_calls|call)\s*+(?:[:=]\s*+([^\s\[\]<>]++)\s*+)?\]", re.IGNORECASE)
_BRACKET_BEGUN = LatePattern(r"\[\s*+/?\s*+([a-z_]*+)\s*+(?:[:=]\s*+[^\s\[\]<>]*+\s*+)?\Z", re.IGNORECASE)


def read_tag(text: str, at: int) -> Reading:
    """The tag that begins with the `<` or `[` at this place."""
    if text[at] == "[":
        return _bracket(text, at)
    found = _XML.match(text, at, at + LONGEST)
    if found is None:
        return MORE if len(text) - at < LONGEST and _XML_BEGUN.match(text, at) else None
    closing, name, quoted, single, bare, attributes, empty = found.groups()
    plain = known_name(name)
    role = ROLES.get(plain, Role.OTHER)
    says = quoted or single or bare or ""
    if attributes and not says:
        said = _SAID.search(attributes)
        says = (said[1] or said[2] or said[3] or "") if said else ""
    if role is Role.PARAMETER and not (says or closing):
        role = Role.OTHER  # a parameter that is called `parameter`
    if plain in NAMED_ONLY and not (says or closing):
        role = Role.OTHER
    ours = role is not Role.OTHER and _is_ours(name)
    return Tag(name, role, found.end(), bool(closing), bool(empty), unescaped(says).strip(), ours)


def unescaped(text: str) -> str:
    """The text with its references resolved, as far as they are any of HTML's."""
    if "&" not in text:
        return text
    from html import unescape  # which brings a table of all entities

    return unescape(text)


def _bracket(text: str, at: int) -> Reading:
    found = _BRACKET.match(text, at, at + LONGEST)
    if found is not None:
        closing, name, says = found.groups()
        role = ROLES[name.lower()]
        if role is Role.CALL and not (says or closing):
            return None
        return Tag(name, role, found.end(), bool(closing), says=says or "")
    begun = _BRACKET_BEGUN.match(text, at) if len(text) - at < LONGEST else None
    if begun is None:
        return None
    word = begun[1].lower()
    return MORE if "call".startswith(word) or "function_calls".startswith(word) else None


def could_be_ours(text: str, at: int) -> bool:
    """Whether the tag that is not complete at this place can become one that has a role."""
    word = _BEGUN_WORD.match(text, at)
    if word is None:
        return True  # a bracket: it is read no further than it fits
    name = word[1].lower().replace("-", "_")
    return name in _BEGINNINGS if word.end() == len(text) else known_name(name) in ROLES


def known_name(name: str) -> str:
    """The name as `ROLES` spells it."""
    plain = name.lower().replace("-", "_").rpartition(":")[2]
    return plain.removeprefix("ml_")


def _is_ours(name: str) -> bool:
    return name.lower().replace("-", "_").rpartition(":")[2].startswith("ml_")
