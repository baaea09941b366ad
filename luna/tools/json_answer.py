"""Finds the JSON document in an answer that was to be one.

Owns what may stand around it: blanks, a code fence, prose. An answer that is the document stays as it is, byte for
byte; one that only holds it is cut out, also byte for byte; only one that is nearly JSON is written anew.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from luna.tools.json_text import NOTHING, JsonEnd, decode, encode, repaired
from luna.tools.schema_check import problems

_FENCE = re.compile(r"^[ \t]*+(`{3,}+|~{3,}+)[^\n]*+\n", re.MULTILINE)
_BEGIN = re.compile(r"[{\[]")
_MOST_TRIES = 32
_MOST_IN_VAIN = 4
"""So many times the text's length may be looked at behind beginnings that are none: each may cost a look at all of
it."""


class Answer(msgspec.Struct, frozen=True):
    """The document's text, or what is wrong."""

    text: str = ""
    problems: list[str] = msgspec.field(default_factory=list)


def read(text: str, schema: Mapping[str, Any]) -> Answer:
    """The one document that is valid. Of several, in an answer with words around them, the largest."""
    wrong: list[str] = []
    for candidates in (_whole(text), _fenced(text), _inside(text)):
        valid: list[str] = []
        for written, value in candidates:
            found = problems(value, schema, "The answer")
            if not found:
                valid.append(written)
            wrong = wrong or found
        if valid:
            return Answer(max(valid, key=len))
    if not text.strip():
        return Answer(problems=["The answer is empty."])
    return Answer(problems=wrong or ["The answer is no JSON."])


def _whole(text: str) -> Iterator[tuple[str, Any]]:
    value = decode(text)
    if value is not NOTHING:
        yield text, value


def _fenced(text: str) -> Iterator[tuple[str, Any]]:
    pos = 0
    for _ in range(_MOST_TRIES):
        opened = _FENCE.search(text, pos)
        if opened is None:
            return
        mark = opened[1]
        ends = (_fence_end(mark[:size]).search(text, opened.end()) for size in dict.fromkeys((len(mark), 3)))
        closed = next((end for end in ends if end is not None), None)
        if closed is not None:
            yield from _document(text[opened.end() : closed.start()].strip())
        pos = (closed or opened).end()


@lru_cache(maxsize=16)
def _fence_end(mark: str) -> re.Pattern[str]:
    return re.compile(rf"^[ \t]*+{mark}[`~]*+[ \t]*+$", re.MULTILINE)


def _inside(text: str) -> Iterator[tuple[str, Any]]:
    """The objects and lists among the words, outermost first."""
    pos = in_vain = 0
    for _ in range(_MOST_TRIES):
        begin = _BEGIN.search(text, pos)
        if begin is None or in_vain >= _MOST_IN_VAIN * len(text):
            return
        end = JsonEnd()
        start = begin.start()
        length = end.feed(text[start:])
        documents = list(_document(text[start : start + length])) if length and end.complete else []
        yield from documents
        if documents and length:
            pos = start + length
        else:
            pos = begin.end()
            in_vain += length or len(text) - start


def _document(text: str) -> Iterator[tuple[str, Any]]:
    value = decode(text)
    if value is not NOTHING:
        yield text, value
    elif text[:1] in ("{", "["):
        value = repaired(text, close=False)
        if value is not NOTHING:
            yield encode(value), value
