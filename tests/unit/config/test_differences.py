"""What another configuration would do otherwise: all of it, nothing else, and no secret."""

from pathlib import Path
from typing import Any

import pytest

from luna.config.differences import ConfigChange, differences
from luna.core.snapshot import Snapshot
from tests.unit.config.shop import CHAT, ROUTES, SOUND, compiled

MANY = """\
version: 1
aliases:
  - {model: "gpt-*", as: one}
  - {model: [a, b], as: two}
routes:
  - {name: first, match: {path: /first}, pipeline: chat}
  - {name: second, match: {path: /second}, pipeline: chat, with: {far: {attempts: 2}}}
  - {name: third, match: {path: /third}, pipeline: chat}
  - {name: all, pipeline: chat}
"""
FULL = """\
version: 1
stages:
  - use: door
  - use: decode
  - use: reads
  - use: far
    idle: 10s
  - use: cut
  - use: encode
"""
PROMPT = "---\nvariables: [name]\n---\nHello {{ name }}."


def snapshot(base: Path, files: dict[str, str | bytes]) -> Snapshot:
    base.mkdir()
    found = compiled(base, files)
    assert found.snapshot is not None, found.errors
    return found.snapshot


def told(change: ConfigChange) -> tuple[Any, ...]:
    """Without what is empty at the end."""
    return (change.how, change.what, change.within, change.name, change.aspect, change.before, change.after)


CASES: dict[str, tuple[str, str, str, list[tuple[Any, ...]]]] = {
    "nothing but form": ("routes.yaml", "aliases:\n", "\n# Comments mean nothing.\naliases:\n\n", []),
    "a route's conditions": (
        "routes.yaml",
        "/third",
        "/drei",
        [("changed", "route", "", "third", "conditions", "path is /third", "path is /drei")],
    ),
    "a route's pipeline and record": (
        "routes.yaml",
        "/third}, pipeline: chat}",
        "/third}, pipeline: chat, record: all}",
        [("changed", "route", "", "third", "record", "errors", "all")],
    ),
    "a route that moves": (
        "routes.yaml",
        """\
  - {name: first, match: {path: /first}, pipeline: chat}
  - {name: second, match: {path: /second}, pipeline: chat, with: {far: {attempts: 2}}}
  - {name: third, match: {path: /third}, pipeline: chat}
""",
        """\
  - {name: third, match: {path: /third}, pipeline: chat}
  - {name: first, match: {path: /first}, pipeline: chat}
  - {name: second, match: {path: /second}, pipeline: chat, with: {far: {attempts: 2}}}
""",
        [("moved", "route", "", "third", "", 3, 1)],
    ),
    "a route that comes": (
        "routes.yaml",
        "  - {name: all",
        "  - {name: new, match: {path: /n}, pipeline: chat}\n  - {name: all",
        [("added", "route", "", "new", "", None, None)],
    ),
    "a route's own options": (
        "routes.yaml",
        "attempts: 2",
        "attempts: 3",
        [("changed", "route", "", "second", "with", {"far.attempts": 2}, {"far.attempts": 3})],
    ),
    "an alias": ("routes.yaml", "as: two", "as: three", [("changed", "alias", "", "a, b", "target", "two", "three")]),
    "an alias that goes": (
        "routes.yaml",
        '  - {model: "gpt-*", as: one}\n',
        "",
        [("removed", "alias", "", "gpt-*", "", None, None)],
    ),
    "an option": (
        "pipelines/chat.yaml",
        "idle: 10s",
        "idle: 20s",
        [("changed", "option", "chat ▸ far", "idle", "", "10s", "20s")],
    ),
    "an option back to its default": (
        "pipelines/chat.yaml",
        "    idle: 10s\n",
        "",
        [("changed", "option", "chat ▸ far", "idle", "", "10s", "90s")],
    ),
    "an option written as its default": ("pipelines/chat.yaml", "idle: 10s", "idle: 10s\n    mode: auto", []),
    "a stage that comes": (
        "pipelines/chat.yaml",
        "  - use: cut\n",
        "  - use: cut\n  - use: cut\n    name: again\n",
        [("added", "stage", "chat", "again", "", None, None)],
    ),
    "a stage that goes": (
        "pipelines/chat.yaml",
        "  - use: cut\n",
        "",
        [("removed", "stage", "chat", "cut", "", None, None)],
    ),
    "a stage that moves": (
        "pipelines/chat.yaml",
        "  - use: door\n  - use: decode\n",
        "  - use: decode\n  - use: door\n",
        [("moved", "stage", "chat", "door", "", 1, 2)],
    ),
    "another stage under the same name": (
        "pipelines/chat.yaml",
        "  - use: reads\n",
        "  - {use: door, name: reads}\n",
        [("changed", "stage", "chat", "reads", "use", "reads", "door")],
    ),
    "what a pipeline is for": (
        "pipelines/chat.yaml",
        "stages:",
        "about: A chat.\nstages:",
        [("changed", "pipeline", "", "chat", "about", "", "A chat.")],
    ),
    "a prompt": (
        "prompts/greeting.md",
        "Hello",
        "Hi",
        [("changed", "prompt", "", "greeting", "text", "Hello {{ name }}.", "Hi {{ name }}.")],
    ),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_one_difference(tmp_path: Path, case: str) -> None:
    file, before, after, expected = CASES[case]
    files: dict[str, str] = {"routes.yaml": MANY, "pipelines/chat.yaml": FULL, "prompts/greeting.md": PROMPT}
    assert before in files[file]
    old = snapshot(tmp_path / "old", dict(files))
    new = snapshot(tmp_path / "new", {**files, file: files[file].replace(before, after)})
    assert [told(change) for change in differences(old, new)] == expected
    assert differences(old, old) == []


def test_pipelines_and_prompts_that_come_and_go(tmp_path: Path) -> None:
    old = snapshot(tmp_path / "old", dict(SOUND))
    new = snapshot(tmp_path / "new", {**SOUND, "pipelines/aside.yaml": CHAT, "prompts/x.md": "x"})
    come = [("added", "pipeline", "", "aside"), ("added", "prompt", "", "x")]
    assert [told(change)[:4] for change in differences(old, new)] == come
    assert [told(change)[:4] for change in differences(new, old)] == [("removed", *each[1:]) for each in come]


def test_code_of_ones_own_that_changed(tmp_path: Path) -> None:
    local = "from tests.unit.config.shop import Door\nclass Mine(Door):\n    '''{}'''\n"
    files = {
        "routes.yaml": ROUTES,
        "pipelines/chat.yaml": CHAT.replace("  - use: decode", "  - use: decode\n  - use: ./m.py:Mine"),
    }
    (tmp_path / "x").mkdir()
    found = []
    for words in ("one", "two"):
        outcome = compiled(tmp_path / "x", {**files, "pipelines/m.py": local.format(words)})
        assert outcome.snapshot is not None, outcome.errors
        found.append(outcome.snapshot)
    assert [told(change)[:5] for change in differences(*found)] == [("changed", "stage", "chat", "mine", "code")]


def test_secrets_are_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("luna.config.status._SECRET", frozenset({"names"}))
    old = snapshot(tmp_path / "old", {**SOUND, "pipelines/chat.yaml": CHAT.replace("far", "far\n    names: [hush]")})
    new = snapshot(tmp_path / "new", {**SOUND, "pipelines/chat.yaml": CHAT.replace("far", "far\n    names: [psst]")})
    (change,) = differences(old, new)
    assert (change.name, change.before, change.after) == ("names", "(hidden)", "(hidden)")
