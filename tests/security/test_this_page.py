"""SECURITY.md names tests: each of them exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", PAGE)))


@cache
def _names_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("named", NAMED)
def test_what_is_named_is_there(named: str) -> None:
    path, _, name = named.partition("::")
    found = _names_in(path)
    assert name in found if name else any(each.startswith("test_") for each in found)


def test_nothing_is_promised_without_a_test() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| attack ")]
    assert len(rows) > 25
    assert [row for row in rows if "`tests/" not in row.rpartition(" | ")[2]] == []
    assert PAGE.count("tests/") == len(re.findall(r"`tests/[\w/]+\.py(?:::\w+)?`", PAGE)), "all are spelled alike"
    assert len(PAGE.splitlines()) <= 200
