"""`data/config.json`: the preferences on disk, and how they come into force.

Owns reading, changing and watching the file. What a document may say is `luna.config.preference_document`'s, how the
file survives `luna.disk.private`'s. What a person wrote and luna does not understand is named, left out, and left
standing in the file.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from luna.config.preference_document import FieldProblem, WrongPreferences, flat, merged, suggestion, understand
from luna.disk.private import Damaged, PrivateFile, json_decoder, json_encoder
from luna.model.preferences import LivePreferences

log = logging.getLogger("luna.config.preferences")

VERSION = 1
LOOK_EVERY = 1.0
"""Seconds between two looks at the file."""

ELSEWHERE: Mapping[str, str] = {
    "providers": "accounts are in credentials.json; `luna import` takes them over, /api/accounts changes them",
    "proxy": "keys are in keys.json; host and port are LUNA_HOST and LUNA_PORT",
    "models": "the list of models comes from Qwen",
    "modelsUpdatedAt": "the list of models comes from Qwen",
    "logs": "logs are in the database",
}
"""What LunaProxy kept in the same file, and where luna has it."""

_Signature = tuple[int, int, int] | None
NOT_YET = (0, 0, 0)
"""What no file looks like."""


class PreferenceFile:
    """The file of one process, and the preferences that it puts in force in `live`. Raises OSError where the file is
    there and cannot be read, NewerFile among them."""

    def __init__(self, path: Path, live: LivePreferences) -> None:
        self.path = path
        self.live = live
        self._file = PrivateFile(
            path,
            json_decoder(dict[str, Any], VERSION),
            json_encoder,
            advice="Make the settings again, or repair that file and move it back.",
        )
        self._turn = anyio.Lock()
        self._root: dict[str, Any] = {}
        self._understood = understand({})
        self._unreadable: list[FieldProblem] = []
        """Why the file as it is now is not in force."""
        self._seen = self._signature()
        document = self._file.load()
        if document is not None:
            self._take(document)

    def __repr__(self) -> str:
        return f"<PreferenceFile {self.path} sets={len(self.given)} problems={len(self.problems)}>"

    @property
    def given(self) -> frozenset[str]:
        """The paths of the settings that the file makes; all others are luna's defaults."""
        return self._understood.given

    @property
    def problems(self) -> list[FieldProblem]:
        """What is wrong with the file, and what went wrong with it so far."""
        damaged = [FieldProblem(self.path.name, problem) for problem in self._file.problems]
        return [*damaged, *self._unreadable, *_root_problems(self._root), *self._understood.problems]

    async def patch(self, patch: Mapping[str, Any], *, only_check: bool = False) -> None:
        """Change what a partial document names; null makes a setting the default again. In force and on disk when
        this returns; `only_check` stops before. Raises WrongPreferences with all that is wrong, OSError; then
        nothing has changed."""
        async with self._turn:
            await self._catch_up()
            settings = _settings(self._root)
            problems = understand(patch, settings).problems
            if problems:
                raise WrongPreferences(problems)
            changed = merged(settings, patch)
            if only_check or (changed == settings and not self._unreadable):
                return
            document = {**self._root, "version": VERSION, "settings": changed}
            await anyio.to_thread.run_sync(self._file.save, document)
            self._seen = NOT_YET
            self._take(document)

    async def reload(self) -> None:
        """Look whether the file has changed, and put in force what it says now. Never raises."""
        async with self._turn:
            await self._catch_up()

    async def watch(self, every: float = LOOK_EVERY) -> None:
        """Reload whenever the file changes. Runs until cancelled. Looking is dearer than being told, but works on
        every file system, for every editor and every way of mounting."""
        while True:
            await anyio.sleep(every)
            await self.reload()

    async def _catch_up(self) -> None:
        signature = await anyio.to_thread.run_sync(self._signature)
        if signature == self._seen:
            return
        self._seen = signature
        try:
            document = await anyio.to_thread.run_sync(self._file.look)
        except (Damaged, OSError) as error:
            why = str(error) if isinstance(error, Damaged) else error.strerror or str(error)
            self._refuse(f"cannot be read ({why}); what it said before stays in force")
        else:
            if document is None:
                self._refuse("is gone; what it said stays in force until luna is started again")
            else:
                self._take(document)

    def _refuse(self, why: str) -> None:
        self._unreadable = [FieldProblem(self.path.name, why)]
        log.warning("%s %s", self.path.name, why)

    def _take(self, document: dict[str, Any]) -> None:
        known = self.problems
        self._root, self._unreadable = document, []
        self._understood = understand(_settings(document))
        for problem in self.problems:
            if problem not in known:
                log.warning("%s: %s", self.path.name, problem)
        if self._understood.preferences != self.live.current:
            before, now = flat(self.live.current), flat(self._understood.preferences)
            log.info("settings changed: %s", ", ".join(path for path in now if now[path] != before[path]))
            self.live.replace(self._understood.preferences)

    def _signature(self) -> _Signature:
        """Equal for a file that has not changed; None when there is none, or none that may be looked at."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size


def _settings(document: Mapping[str, Any]) -> dict[str, Any]:
    settings = document.get("settings")
    return settings if isinstance(settings, dict) else {}


def _root_problems(document: Mapping[str, Any]) -> list[FieldProblem]:
    """What is wrong beside the settings."""
    problems = [
        FieldProblem(key[:60], f"is not read: {ELSEWHERE[key]}")
        if key in ELSEWHERE
        else FieldProblem(key[:60], f"is not read{suggestion(key, ('settings', 'version'))}")
        for key in document
        if key not in ("version", "settings")
    ]
    if not isinstance(document.get("settings", {}), dict):
        problems.append(FieldProblem("settings", "must be an object"))
    return problems
