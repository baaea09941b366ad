"""LunaProxy's settings as a change of luna's.

Owns where the two mean different things by the same words. Pure: `luna import` reads the one and makes the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from luna.config.preference_document import FieldProblem, flat, lacking, understand
from luna.config.preferences import ELSEWHERE
from luna.model.preferences import Preferences

NO_EFFECT = ("tokenOverflow.sanitizer.", "multiThread.", "session.requireExplicitId")
"""Settings that LunaProxy kept and did not obey, and luna does."""


@dataclass
class SettingsTaken:
    """What becomes of a LunaProxy's configuration. `patch` is for `PreferenceFile.patch`."""

    patch: dict[str, Any] = field(default_factory=dict)
    found: int = 0
    """Settings in the document."""
    understood: int = 0
    """Those of them that luna has, with a value that can be."""
    ignored: list[FieldProblem] = field(default_factory=list)
    """What luna does without, with the reason."""
    wrong: list[FieldProblem] = field(default_factory=list)
    """Values that no LunaProxy has written."""
    notes: list[str] = field(default_factory=list)
    """What a person should know of what was taken over."""


def settings_of(document: Mapping[str, Any]) -> SettingsTaken:
    """What luna takes over of the `settings` in a `config.json` of LunaProxy's, or of luna's own export (which says a
    `version`)."""
    taken = SettingsTaken()
    given = document.get("settings")
    if not isinstance(given, Mapping):
        if given is not None:
            taken.wrong.append(FieldProblem("settings", "must be an object"))
        return taken
    values = dict(_leaves(given, ""))
    taken.found = sum(value is not None for value in values.values())
    if "version" not in document:
        given = _translated(given, taken)
    understood = understand(given)
    for problem in understood.problems:
        reason = lacking(problem.path, values.get(problem.path))
        if reason:
            taken.ignored.append(FieldProblem(problem.path, reason))
        elif problem.message.startswith("there is no such setting"):
            taken.ignored.append(problem)
        else:
            taken.wrong.append(problem)
    taken.understood = len(understood.given)
    chosen, usual = flat(understood.preferences), flat(Preferences())
    for path in (path for path in chosen if path in understood.given):
        _put(taken.patch, path.split("."), None if chosen[path] == usual[path] else chosen[path])
    if "version" not in document:
        _note_what_works_now(understood.given, chosen, usual, taken)
    return taken


def others_of(document: Mapping[str, Any]) -> list[FieldProblem]:
    """What else stands in the file and is not taken over, with the reason; empty things are not worth a word."""
    ignored = [
        FieldProblem(key, ELSEWHERE[key])
        for key in ("models", "modelsUpdatedAt", "logs")
        if document.get(key) not in (None, [], {})
    ]
    proxy = document.get("proxy")
    usual = {"host": "127.0.0.1", "port": 8080}
    if isinstance(proxy, Mapping):
        ignored += [
            FieldProblem(f"proxy.{name}", f"LunaProxy did not obey it; luna listens where LUNA_{name.upper()} says")
            for name, value in usual.items()
            if proxy.get(name, value) != value
        ]
    known = {"settings", "version", "exportedBy", "providers", "proxy", *ELSEWHERE}
    return ignored + [FieldProblem(key[:60], "luna knows no such field") for key in document if key not in known]


def _translated(given: Mapping[str, Any], taken: SettingsTaken) -> dict[str, Any]:
    """The settings with luna's meaning."""
    settings = dict(given)
    overflow = settings.get("tokenOverflow")
    if not isinstance(overflow, Mapping):
        return settings
    settings["tokenOverflow"] = overflow = dict(overflow)
    threshold = overflow.get("threshold")
    if isinstance(threshold, int | float) and threshold < 0:
        overflow["threshold"] = 0
        taken.notes.append("tokenOverflow.threshold: what is below 0 in LunaProxy, never, is 0 here")
    sanitizer = overflow.get("sanitizer")
    if isinstance(sanitizer, Mapping) and sanitizer.get("enabled") is True:
        overflow["sanitizer"] = {key: value for key, value in sanitizer.items() if key != "enabled"}
        taken.ignored.append(
            FieldProblem(
                "tokenOverflow.sanitizer.enabled",
                "it did nothing in LunaProxy; here it would leave parts of a conversation out. Set it if you want that",
            )
        )
    return settings


def _note_what_works_now(
    given: frozenset[str], chosen: Mapping[str, Any], usual: Mapping[str, Any], taken: SettingsTaken
) -> None:
    now = [path for path in sorted(given) if path.startswith(NO_EFFECT) and chosen[path] != usual[path]]
    if now:
        taken.notes.append(f"LunaProxy did not obey these, luna does: {', '.join(now)}")


def _leaves(group: Mapping[str, Any], prefix: str) -> "list[tuple[str, Any]]":
    found: list[tuple[str, Any]] = []
    for key, value in group.items():
        path = f"{prefix}{key}"
        found += _leaves(value, path + ".") if isinstance(value, Mapping) and not lacking(path) else [(path, value)]
    return found


def _put(patch: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        patch = patch.setdefault(name, {})
    patch[path[-1]] = value
