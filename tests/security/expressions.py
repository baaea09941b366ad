"""Finds every regular expression of the package, and writes texts that would make a careless one go round and round.

The expressions are those that the modules hold once they are imported, in whatever they are kept, and those that are
written as text where they are used.
"""

import ast
import importlib
import pkgutil
import random
import re
import re._constants as codes  # type: ignore[import-not-found]
import re._parser as grammar  # type: ignore[import-not-found]
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

import luna
from luna.model.late_pattern import LatePattern

PACKAGE = Path(luna.__file__).parent
ANCHORED = frozenset({"match", "fullmatch"})
FUNCTIONS = frozenset({"compile", "match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"})
FLOODS = (*" \n\t\"'\\<>`~[]{}()&=.-_aA0/:,%#!*?+@é", "a ", "\n ", "<a", "](", "![", '"a":', "\\\\", "&a=", "a.", "/a")
_ALPHABET = [chr(code) for code in range(32, 127)] + ["\n", "\t", "\r", "é", "日", "\0"]
_SEEDS = 2


@dataclass(frozen=True)
class Expression:
    """One of them. `uses`: the functions that luna calls it with; all of them where that cannot be told."""

    where: str
    pattern: re.Pattern[Any]
    uses: frozenset[str] = FUNCTIONS

    def __str__(self) -> str:
        return self.where

    def run(self, text: str | bytes) -> None:
        """As luna would: where the text begins, to its end, or over the whole text."""
        if "match" in self.uses:
            self.pattern.match(text)
        if "fullmatch" in self.uses:
            self.pattern.fullmatch(text)
        if self.uses - ANCHORED:
            for _ in self.pattern.finditer(text):
                pass


def modules() -> Iterator[ModuleType]:
    """Every module of the package."""
    for found in pkgutil.walk_packages([str(PACKAGE)], "luna."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def expressions() -> list[Expression]:
    """All of them, each once."""
    found: dict[tuple[str | bytes, int], Expression] = {}
    for module in modules():
        assert module.__file__ is not None
        source = Path(module.__file__).read_text()
        for name, value in vars(module).items():
            for pattern in _within(value, module.__name__):
                _keep(found, Expression(f"{module.__name__}.{name}", pattern, _uses(source, name) or FUNCTIONS))
        for line, function, pattern in written(source):
            if function != "compile":
                _keep(found, Expression(f"{module.__name__}:{line}", pattern, frozenset({function})))
            elif (pattern.pattern, pattern.flags) not in found:
                _keep(found, Expression(f"{module.__name__}:{line}", pattern))
    return sorted(found.values(), key=lambda one: one.where)


def _keep(found: dict[tuple[str | bytes, int], Expression], one: Expression) -> None:
    """Who is there twice is used in both ways."""
    key = (one.pattern.pattern, one.pattern.flags)
    before = found.get(key)
    found[key] = one if before is None else replace(before, uses=before.uses | one.uses)


def _uses(source: str, name: str) -> frozenset[str]:
    """`NAME.match(…)`, and `cursor.match(NAME)`."""
    if name.startswith("__"):
        return frozenset()
    return frozenset(_used_in(source).get(name, ())) & FUNCTIONS


@cache
def _used_in(source: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found[node.value.id].add(node.attr)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            for given in node.args:
                if isinstance(given, ast.Name):
                    found[given.id].add(node.func.attr)
    return found


def _within(value: object, module: str, depth: int = 0) -> Iterator[re.Pattern[Any]]:
    """The expressions in a value: itself, in containers, in fields, in classes of that module."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, LatePattern):
        yield value.pattern
    elif depth <= 4:
        for inner in _inside(value, module):
            yield from _within(inner, module, depth + 1)


def _inside(value: object, module: str) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, list | tuple | set | frozenset):
        return value
    if isinstance(value, msgspec.Struct):
        return [getattr(value, name) for name in value.__struct_fields__]
    if is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, field.name, None) for field in fields(value)]
    if isinstance(value, type) and value.__module__ == module:
        return vars(value).values()
    return ()


def written(source: str) -> Iterator[tuple[int, str, re.Pattern[Any]]]:
    """Line, function and expression wherever one of `re`'s functions is given a text."""
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        at, first = node.func, node.args[0]
        if not (isinstance(at.value, ast.Name) and at.value.id == "re" and at.attr in FUNCTIONS):
            continue
        if isinstance(first, ast.Constant) and isinstance(first.value, str | bytes):
            flags = [flag for arg in node.args[1:] for flag in ast.walk(arg) if isinstance(flag, ast.Attribute)]
            chosen = 0
            for flag in flags:
                if isinstance(getattr(re, flag.attr, None), re.RegexFlag):
                    chosen |= getattr(re, flag.attr)
            yield node.lineno, at.attr, re.compile(first.value, chosen)


# Texts


def hostile(pattern: re.Pattern[Any], length: int) -> Iterator[str]:
    """Texts of about that length: what it repeats, very often, after what comes before and before what cannot match;
    and floods of single marks."""
    for before, inner in _pumps(pattern):
        for end in ("", "\0", "!\n"):
            yield before + inner * (length // len(inner)) + end
            yield (before + inner) * (length // len(before + inner)) + end
    for flood in FLOODS:
        yield flood * (length // len(flood))


def _pumps(pattern: re.Pattern[Any]) -> set[tuple[str, str]]:
    raw = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    flags = pattern.flags & ~re.UNICODE
    tree = grammar.parse(raw, flags)
    found: set[tuple[str, str]] = set()
    for seed in range(_SEEDS):
        _walk(tree, "", random.Random(seed), found)
    return {(before, inner) for before, inner in found if inner}


def _walk(tree: Any, before: str, draw: random.Random, found: set[tuple[str, str]]) -> str:
    """Collects what stands before each repetition and one round of it; gives a text that matches the tree."""
    text = ""
    for op, value in tree:
        if op in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            low, high, inner = value
            once = _walk(inner, before + text, draw, found)
            if high > 8:
                found.add((before + text, once))
            text += once * max(1, int(low))
        else:
            text += _one(op, value, before + text, draw, found)
    return text


def _one(op: Any, value: Any, before: str, draw: random.Random, found: set[tuple[str, str]]) -> str:
    match op:
        case codes.LITERAL:
            return chr(value)
        case codes.NOT_LITERAL:
            return draw.choice([letter for letter in _ALPHABET if ord(letter) != value])
        case codes.ANY:
            return draw.choice('a0 .<"')
        case codes.IN:
            return draw.choice(_members(value) or ["a"])
        case codes.BRANCH:
            branches = [_walk(branch, before, draw, found) for branch in value[1]]
            return draw.choice(branches)
        case codes.SUBPATTERN:
            return _walk(value[3], before, draw, found)
        case codes.ATOMIC_GROUP:
            return _walk(value, before, draw, found)
        case codes.ASSERT | codes.ASSERT_NOT:
            _walk(value[1], before, draw, found)
            return ""
        case _:
            return ""


def _members(items: Any) -> list[str]:
    """Letters of the alphabet that the set holds."""
    negated = any(op is codes.NEGATE for op, _ in items)

    def holds(letter: str) -> bool:
        for op, value in items:
            if op is codes.LITERAL and ord(letter) == value:
                return True
            if op is codes.RANGE and value[0] <= ord(letter) <= value[1]:
                return True
            if op is codes.CATEGORY and _CATEGORIES[value].match(letter):
                return True
        return False

    return [letter for letter in _ALPHABET if holds(letter) != negated]


_CATEGORIES = {
    codes.CATEGORY_SPACE: re.compile(r"\s"),
    codes.CATEGORY_NOT_SPACE: re.compile(r"\S"),
    codes.CATEGORY_WORD: re.compile(r"\w"),
    codes.CATEGORY_NOT_WORD: re.compile(r"\W"),
    codes.CATEGORY_DIGIT: re.compile(r"\d"),
    codes.CATEGORY_NOT_DIGIT: re.compile(r"\D"),
}
