"""Prompt texts that a person has set at run time, over those of the prompt files.

Owns one file (`prompts.json`, 0600) and what an override may be: it replaces a prompt's text and keeps its front
matter, so it can use the variables that the file declares, and must. The configuration is compiled from the edited
files: an override comes into force the way a saved file does, and a flow keeps the text it was born under.

An override that no longer fits, because its file has changed or is gone, is left out and says so; it never keeps luna
from starting.
"""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec

from luna.config.diagnostics import Diagnostic, Place, Report
from luna.config.files import File, Files
from luna.config.prompts import prompt_name, read_prompt, with_text
from luna.core.prompts import Prompt
from luna.model.errors import Kind, LunaError

log = logging.getLogger("luna.config.overrides")

VERSION = 1


class _Document(msgspec.Struct):
    version: int
    overrides: dict[str, str]


@dataclass(frozen=True)
class PromptState:
    """One prompt: what its file says, and what is set over it."""

    name: str
    shipped: Prompt | None
    """As in the file; None when there is no such file any more."""
    override: str | None = None
    problem: str = ""
    """Why the override is left out."""


class PromptOverrides:
    """The overrides of one process. Raises OSError where the file is there and cannot be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._turn = anyio.Lock()
        self._files: Mapping[str, File] = {}
        """The prompt files as they were when they were last read."""
        self._texts = self._load()

    def __repr__(self) -> str:
        return f"<PromptOverrides {', '.join(sorted(self._texts)) or 'none'}>"

    def edit(self, files: Files) -> Files:
        """The files with the overrides in place of their texts. For `LiveConfig.load`; called in a worker thread."""
        texts = self._texts
        self._files = known = {prompt_name(file.name): file for file in files.prompts}
        edited = dict(known)
        for name, text in texts.items():
            problem = _problem(name, text, known)
            if problem is None:
                edited[name] = replace(known[name], data=with_text(known[name].data, text))
            else:
                log.warning("the text that was set for prompt '%s' is left out: %s", name, problem.message)
        return replace(files, prompts=tuple(edited.values()))

    def states(self) -> list[PromptState]:
        """Every prompt that has a file or an override, by name."""
        files, texts = self._files, self._texts
        return [
            PromptState(
                name,
                read_prompt(name, files[name].name, files[name].data, Report()) if name in files else None,
                texts.get(name),
                found.message if name in texts and (found := _problem(name, texts[name], files)) else "",
            )
            for name in sorted(files.keys() | texts.keys())
        ]

    async def set(self, name: str, text: str) -> None:
        """Keep an override; an empty text removes it. It is on disk when this returns, and comes into force with the
        next reload. Raises LunaError(NOT_FOUND), LunaError(BAD_REQUEST) when it does not fit, OSError."""
        async with self._turn:
            if name not in self._files and name not in self._texts:
                raise LunaError(
                    Kind.NOT_FOUND,
                    f"There is no prompt '{name[:80]}'.",
                    hint=f"There are: {', '.join(sorted(self._files)) or 'none'}.",
                    param="id",
                )
            texts = {other: said for other, said in self._texts.items() if other != name}
            if text.strip():
                found = _problem(name, text, self._files)
                if found is not None:
                    said = f"This text does not fit the prompt '{name}': {found.message}."
                    raise LunaError(Kind.BAD_REQUEST, said, hint=found.hint, param="value")
                texts[name] = text
            await self._keep(texts)

    async def reset(self) -> None:
        """Remove all overrides. Raises OSError."""
        async with self._turn:
            await self._keep({})

    async def _keep(self, texts: Mapping[str, str]) -> None:
        document = _Document(VERSION, dict(sorted(texts.items())))
        data = msgspec.json.format(msgspec.json.encode(document), indent=1)
        await anyio.to_thread.run_sync(_replace, self.path, data)
        self._texts = document.overrides

    def _load(self) -> Mapping[str, str]:
        try:
            document = msgspec.json.decode(self.path.read_bytes(), type=_Document)
            if document.version != VERSION:
                raise msgspec.DecodeError(f"version {document.version} is not {VERSION}")
        except FileNotFoundError:
            return {}
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            paths = (self.path.with_name(f"{self.path.name}.damaged-{number}") for number in count(1))
            aside = self.path.rename(next(path for path in paths if not path.exists()))
            log.error("%s cannot be read (%s); it was moved to %s", self.path, error, aside.name)
            return {}
        return document.overrides


def _problem(name: str, text: str, files: Mapping[str, File]) -> Diagnostic | None:
    """What keeps an override from being used, or None."""
    report = Report()
    if name in files:
        read_prompt(name, files[name].name, with_text(files[name].data, text), report)
    else:
        report.error(Place(f"prompts/{name}.md"), "there is no such prompt file any more")
    return next(iter(report.errors), None)


def _replace(path: Path, data: bytes) -> None:
    """Whoever reads finds the old file or the new one, and nobody else can read either."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
