"""LunaProxy's settings as a change of luna's: what is taken over, what is not, and why."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from luna.config.lunaproxy import others_of, settings_of
from luna.config.preference_document import ABSENT, flat, leaves, merged, plain, understand
from luna.model.preferences import Preferences

FIXTURE: dict[str, Any] = msgspec.json.decode(Path("fixtures/lunaproxy/config.json").read_bytes())
USUAL = flat(Preferences())


def in_force(patch: dict[str, Any]) -> dict[str, Any]:
    """Every setting once the patch is made."""
    understood = understand(merged({}, patch))
    assert understood.problems == []
    return flat(understood.preferences)


def at(path: str, document: Any) -> Any:
    for name in path.split("."):
        document = document[name] if isinstance(document, dict) and name in document else None
    return document


def test_every_setting_that_both_have_is_taken_over() -> None:
    taken = settings_of(FIXTURE)
    values = in_force(taken.patch)
    translated = {"tokenOverflow.sanitizer.enabled", "session.chatCleanup.scheduled.mode"}
    for leaf in leaves():
        theirs = at(leaf.path, FIXTURE["settings"])
        expected = leaf.default if theirs is None or leaf.path in translated else theirs
        assert values[leaf.path] == expected, leaf.path


def test_what_luna_lacks_is_named_with_the_reason() -> None:
    taken = settings_of(FIXTURE)
    named = {problem.path: problem.message for problem in taken.ignored}
    assert named.pop("tokenOverflow.sanitizer.enabled").startswith("it did nothing in LunaProxy")
    assert named.pop("session.chatCleanup.scheduled.mode") == "luna only ever deletes chats that it has created itself"
    assert named == dict(ABSENT)
    assert taken.wrong == []
    assert taken.found == taken.understood + len(taken.ignored)


def test_what_is_the_default_anyway_is_not_stored() -> None:
    taken = settings_of({"settings": {"session": {"historyLimit": 50, "enabled": False}}})
    assert taken.patch == {"session": {"historyLimit": None, "enabled": False}}


def test_wrong_values_and_foreign_names_leave_the_rest_in_force() -> None:
    taken = settings_of(
        {
            "settings": {
                "session": {"historyLimit": "x", "rollingHistoryK": 3, "histryLimit": 1},
                "ui": [],
                "zzz": {"a": 1},
            }
        }
    )
    assert taken.patch == {"session": {"rollingHistoryK": 3}}
    assert [problem.path for problem in taken.wrong] == ["session.historyLimit", "ui"]
    assert [problem.path for problem in taken.ignored] == ["session.histryLimit", "zzz"]


@pytest.mark.parametrize(("threshold", "becomes"), [(10_000, 10_000), (0, 0), (-1, 0), (-0.5, 0)])
def test_a_threshold_below_zero_is_never(threshold: float, becomes: int) -> None:
    taken = settings_of({"settings": {"tokenOverflow": {"threshold": threshold}}})
    assert in_force(taken.patch)["tokenOverflow.threshold"] == becomes
    assert len(taken.notes) == (threshold < 0)


def test_what_lunaproxy_did_not_obey_is_said() -> None:
    (note,) = settings_of({"settings": {"multiThread": {"globalMaxConcurrentRuns": 7, "enabled": True}}}).notes
    assert note == "LunaProxy did not obey these, luna does: multiThread.globalMaxConcurrentRuns"


def test_lunas_own_export_is_taken_word_for_word() -> None:
    settings = plain(Preferences())
    settings["tokenOverflow"]["sanitizer"]["enabled"] = True
    settings["multiThread"]["queueLength"] = 7
    taken = settings_of({"version": 1, "settings": settings})
    assert {path: value for path, value in in_force(taken.patch).items() if value != USUAL[path]} == {
        "tokenOverflow.sanitizer.enabled": True,
        "multiThread.queueLength": 7,
    }
    assert (taken.ignored, taken.wrong, taken.notes) == ([], [], [])


@pytest.mark.parametrize("settings", [None, {}])
def test_no_settings(settings: object) -> None:
    taken = settings_of({"settings": settings})
    assert (taken.patch, taken.found, taken.wrong) == ({}, 0, [])


def test_settings_that_are_none() -> None:
    assert [problem.path for problem in settings_of({"settings": [1]}).wrong] == ["settings"]


def test_the_rest_of_the_file_is_named() -> None:
    assert [problem.path for problem in others_of(FIXTURE)] == ["models", "modelsUpdatedAt", "logs", "proxy.port"]
    assert others_of({"models": [], "logs": [], "proxy": {"host": "127.0.0.1", "port": 8080}}) == []
    assert [problem.path for problem in others_of({"zzz": 1, "proxy": 5})] == ["zzz"]
