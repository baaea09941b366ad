"""Prompt texts that a person has set at run time, over those of the prompt files.

Owns one file (`prompts.json`, 0600) and what an override may be: it replaces a prompt's text and keeps its front
matter, so it can use the variables that the file declares, and must. The configuration is compiled from the edited
files: an override comes into force the way a saved file does, and a flow keeps the text it was born under.

An override that no longer fits, because its file has changed or is gone, is left out and says so; it never keeps luna
from starting.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec

from luna.config.diagnostics import Diagnostic, Place, Report
from luna.config.files import File, Files
from luna.config.prompts import prompt_name, read_prompt, with_text
from luna.core.prompts import Prompt
from luna.disk.private import PrivateFile, json_decoder, json_encoder
from luna.model.errors import Kind, LunaError

log = logging.getLogger("luna.config.overrides")

VERSION = 1


class _Document(msgspec.Struct):
    version: int
    overrides: dict[str, str]


class PromptState(msgspec.Struct, frozen=True):
    """One prompt: what its file says, and what is set over it."""

    name: str
    shipped: Prompt | None
    """As in the file; None when there is no such file any more."""
    override: str | None = None
    problem: str = ""
    """Why the override is left out."""
    file: str = ""
    """The file's name; "" when it is gone."""


class PromptOverrides:
    """The overrides of one process. Raises OSError where the file is there and cannot be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = PrivateFile(
            path,
            json_decoder(_Document, VERSION),
            json_encoder,
            advice="Set the texts again, or repair that file and move it back.",
        )
        self._turn = anyio.Lock()
        self._files: Mapping[str, File] = {}
        """The prompt files as they were when they were last read."""
        document = self._file.load()
        self._texts: Mapping[str, str] = document.overrides if document is not None else {}

    def __repr__(self) -> str:
        return f"<PromptOverrides {', '.join(sorted(self._texts)) or 'none'}>"

    @property
    def problems(self) -> list[str]:
        """What went wrong with the file so far, for people to read."""
        return self._file.problems

    def edit(self, files: Files) -> Files:
        """The files with the overrides in place of their texts. For `LiveConfig.load`; called in a worker thread. Of a
        draft nothing is remembered and nothing is logged."""
        texts = self._texts
        known = {prompt_name(file.name): file for file in files.prompts}
        if not files.draft:
            self._files = known
        edited = dict(known)
        for name, text in texts.items():
            problem = _problem(name, text, known)
            if problem is None:
                edited[name] = msgspec.structs.replace(known[name], data=with_text(known[name].data, text))
            elif not files.draft:
                log.warning("the text that was set for prompt '%s' is left out: %s", name, problem.message)
        return msgspec.structs.replace(files, prompts=tuple(edited.values()))

    def states(self) -> list[PromptState]:
        """Every prompt that has a file or an override, by name."""
        files, texts = self._files, self._texts
        return [
            PromptState(
                name,
                read_prompt(name, files[name].name, files[name].data, Report()) if name in files else None,
                texts.get(name),
                found.message if name in texts and (found := _problem(name, texts[name], files)) else "",
                files[name].name if name in files else "",
            )
            for name in sorted(files.keys() | texts.keys())
        ]

    def proofread(self, name: str, text: str) -> tuple[Prompt, tuple[Diagnostic, ...]]:
        """The prompt with this text in place of its file's, and what is wrong with it; lines count from the text's
        first, and what is wrong with what the file declares has line 0. Raises LunaError(NOT_FOUND)."""
        file = self._files.get(name)
        if file is None:
            raise self._missing(name)
        report, data = Report(), with_text(file.data, text)
        prompt = read_prompt(name, file.name, data, report)
        above = data.count(b"\n") - text.count("\n")
        found = (*report.errors, *report.warnings)
        return prompt, tuple(
            msgspec.structs.replace(each, line=max(0, each.line - above), col=each.col if each.line > above else 0)
            for each in found
        )

    def _missing(self, name: str) -> LunaError:
        return LunaError(
            Kind.NOT_FOUND,
            f"There is no prompt '{name[:80]}'.",
            hint=f"There are: {', '.join(sorted(self._files)) or 'none'}.",
            param="id",
        )

    async def set(self, name: str, text: str) -> None:
        """Keep an override; an empty text removes it. It is on disk when this returns, and comes into force with the
        next reload. Raises LunaError(NOT_FOUND), LunaError(BAD_REQUEST) when it does not fit, OSError."""
        async with self._turn:
            if name not in self._files and name not in self._texts:
                raise self._missing(name)
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
        await anyio.to_thread.run_sync(self._file.save, document)
        self._texts = document.overrides


def _problem(name: str, text: str, files: Mapping[str, File]) -> Diagnostic | None:
    """What keeps an override from being used, or None."""
    report = Report()
    if name in files:
        read_prompt(name, files[name].name, with_text(files[name].data, text), report)
    else:
        report.error(Place(f"prompts/{name}.md"), "there is no such prompt file any more")
    return next(iter(report.errors), None)
