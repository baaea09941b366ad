"""Recognises an answer that says nothing but that there are no tools.

Owns the words by which such an answer is known, and how long text must wait because it could become one. A model that
was told of tools in its prompt believes now and then that only its host's own ones exist, and says so instead of
calling. Only whole answers count: in a longer text the same sentence is the author's business.
"""

import re

from luna.model.late_pattern import LatePattern

LONGEST = 600
"""Characters. What is longer says something else besides."""
_SOON = 160
"""Characters within which the tools are mentioned."""

_BEGINNINGS = (
    *("i don't have", "i do not have", "i don't currently", "i do not currently", "i currently", "i lack"),
    *("i can't", "i cannot", "i can not", "i'm unable", "i am unable", "i'm not able", "i am not able"),
    *("i'm sorry", "i am sorry", "sorry", "i apologize", "apologies", "my apologies", "unfortunately"),
    *("as an ai", "it seems", "it appears", "it looks like", "there are no", "there is no", "no tool"),
    *("tool ", "tools ", "the tool", "the function", "none of the", "this environment"),
    *("抱歉", "很抱歉", "非常抱歉", "对不起", "我无法", "我没有", "工具"),
)
_MENTION = re.compile(r"\btools?\b|\bfunctions?\b|function[- ]call|工具|函数")
_TOOLS = (
    r"(?<!\ba )(?<!\bone )(?:tools?|function[- ]call(?:s|ing)?|functions?)\b"  # `a tool for it` may well be missing
)
_LACK = (
    r"(?:don't|do not|doesn't|does not|didn't|cannot|can't|can not|couldn't|unable|not able|isn't|aren't|not"
    r"|no|none|lack|without|missing|unavailable)"
)
_COMPLAINT = LatePattern(
    rf"\b{_LACK}\b[^.!?\n]{{0,80}}\b{_TOOLS}"
    rf"|\b{_TOOLS}[^.!?\n]{{0,80}}"
    r"(?:n't exist|not exists?\b|not available|unavailable|n't available|not found|not accessible|n't accessible)"
    r"|(?:没有|无法|不能)[^。!?\n]{0,40}(?:工具|函数)|(?:工具|函数)[^。!?\n]{0,40}(?:不存在|不可用|无法|没有)"
)


def could_become(text: str) -> bool:
    """Whether an answer that begins like this could turn out to be one."""
    said = _plain(text[: LONGEST + 1])
    if len(said) > LONGEST:
        return False
    if not any(said.startswith(known) or known.startswith(said) for known in _BEGINNINGS):
        return False
    return len(said) < _SOON or _MENTION.search(said) is not None


def is_complaint(text: str) -> bool:
    """Whether this whole answer is one."""
    return could_become(text) and _COMPLAINT.search(_plain(text)) is not None


def _plain(text: str) -> str:
    return text.lstrip().casefold().replace("’", "'")
