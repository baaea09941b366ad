"""The files of the configuration as texts that a person edits: read, tried out, compared, saved.

Owns what may be edited (routes.yaml, pipelines/, prompts/, nothing else), that nobody's change is written over unseen,
and that nothing that does not compile takes the place of something that does. A text is saved as it is given, comments
and all. Compiling is `luna.config.compile`'s, coming into force `luna.config.live`'s. Blocking work is done in a worker
thread.
"""

import hashlib
import os
import re
from pathlib import Path
from typing import Literal

import anyio
import anyio.to_thread
import msgspec

from luna.config.compile import Compiled
from luna.config.diagnostics import Diagnostic
from luna.config.differences import ConfigChange, differences
from luna.config.ejecting import eject, packaged
from luna.config.files import Files, read_files
from luna.config.live import LiveConfig
from luna.config.schema import NAME_PATTERN
from luna.config.status import Shape
from luna.disk import ordinary
from luna.model.errors import Kind, LunaError

_PART = NAME_PATTERN.strip("^$")
_NEW = re.compile(rf"pipelines/{_PART}\.ya?ml|prompts/(?:{_PART}/)*{_PART}\.md")
LONGEST_NAME = 200


class FileEntry(Shape, frozen=True, kw_only=True):
    """One file. `hash` is of what is on disk; a change says which one it begins with."""

    name: str
    """Relative to the folder of routes.yaml."""
    kind: Literal["routes", "pipeline", "prompt"]
    size: int
    """Bytes."""
    hash: str
    writable: bool
    problems: list[Diagnostic]
    """What is wrong with it; warnings too."""


class FilesView(Shape, frozen=True, kw_only=True):
    """What the configuration consists of."""

    folder: str
    """Its name, without the path to it."""
    packaged: bool
    """The files came with luna and cannot be changed where they are; they can be copied."""
    copy_to: str
    """The name of the folder that they would be copied to; empty where they are a person's own."""
    files: list[FileEntry]


class FileText(Shape, frozen=True, kw_only=True):
    """A file with what it says, line ends as they are on disk."""

    name: str
    kind: Literal["routes", "pipeline", "prompt"]
    hash: str
    writable: bool
    text: str


class EditPlan(Shape, frozen=True, kw_only=True):
    """What would come of an edit. `changes` is empty when it does not compile."""

    ok: bool
    diagnostics: list[Diagnostic]
    """Of all files, errors and warnings."""
    changes: list[ConfigChange]


class FileSaved(Shape, frozen=True, kw_only=True):
    """A change that is on disk. `inForce` is false when something else on disk does not compile: then it waits."""

    name: str
    hash: str
    """Empty: the file is deleted."""
    saved: bool
    """False where it was only tried."""
    in_force: bool
    version: int
    """Of the snapshot that is in force now."""
    diagnostics: list[Diagnostic]


class DoesNotCompile(Exception):
    """An edit that was refused; nothing was changed."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__(f"{len(diagnostics)} errors")
        self.diagnostics = diagnostics


class ConfigFiles:
    """The files of the configuration in force. One for the process."""

    def __init__(self, config: LiveConfig) -> None:
        self._config = config
        self._saving = anyio.Lock()
        self._compiling = anyio.Lock()

    def __repr__(self) -> str:
        return f"<ConfigFiles {self._config!r}>"

    async def listing(self) -> FilesView:
        """All of them."""
        problems = [*self._config.diagnostics, *self._config.warnings]
        return await anyio.to_thread.run_sync(self._listing, problems)

    async def text(self, name: str) -> FileText:
        """One of them. Raises LunaError(NOT_FOUND), LunaError(CONFLICT) when it cannot be read as text."""
        return await anyio.to_thread.run_sync(self._text, name)

    async def plan(self, name: str, text: str | None) -> EditPlan:
        """What would come of saving `text`, or of deleting the file (None). Raises LunaError."""
        async with self._compiling:
            compiled = await anyio.to_thread.run_sync(self._try, name, text)
        changes = differences(self._config.cell.current, compiled.snapshot) if compiled.snapshot is not None else []
        return EditPlan(ok=compiled.snapshot is not None, diagnostics=_all(compiled), changes=changes)

    async def save(self, name: str, text: str | None, known: str) -> FileSaved:
        """Write a text, or delete the file (None), and take it over. `known` is the hash of what the edit began with,
        "" for a new file. Raises LunaError(CONFLICT) when there is something else on disk, DoesNotCompile, OSError."""
        async with self._saving:
            async with self._compiling:
                compiled = await anyio.to_thread.run_sync(self._save, name, text, known)
            await self._config.reload()
        return self._outcome(name, text, compiled, saved=True)

    async def rehearse(self, name: str, text: str | None) -> FileSaved:
        """What `save` would answer, without saving. Raises as it does, but for what may have changed on disk."""
        async with self._compiling:
            compiled = await anyio.to_thread.run_sync(self._try, name, text)
        if compiled.snapshot is None:
            raise DoesNotCompile(compiled.errors)
        return self._outcome(name, text, compiled, saved=False)

    async def eject(self) -> FilesView:
        """Copy the files that came with luna to where the person who started it is, and go on with those. Raises
        LunaError(CONFLICT), OSError."""
        async with self._saving:
            target = await anyio.to_thread.run_sync(eject, self._config.recipe.routes)
            await self._config.move(target)
        return await self.listing()

    def _outcome(self, name: str, text: str | None, compiled: Compiled, *, saved: bool) -> FileSaved:
        return FileSaved(
            name=name,
            hash=_hash(_encoded(text)) if text is not None else "",
            saved=saved,
            in_force=saved and self._config.in_sync,
            version=self._config.cell.current.version,
            diagnostics=_all(compiled),
        )

    def _listing(self, problems: list[Diagnostic]) -> FilesView:
        routes = self._config.recipe.routes
        fixed = packaged(routes)
        return FilesView(
            folder=_named(routes.parent),
            packaged=fixed,
            copy_to=_named(Path.cwd()) if fixed else "",
            files=[
                FileEntry(
                    name=file.name,
                    kind=_kind(file.name),
                    size=len(file.data),
                    hash=_hash(file.data),
                    writable=not fixed and ordinary.writable(file.path),
                    problems=[each for each in problems if each.file == file.name],
                )
                for file in read_files(routes).all()
            ],
        )

    def _text(self, name: str) -> FileText:
        routes = self._config.recipe.routes
        file = read_files(routes).find(name)
        if file is None:
            raise _unknown(name)
        if file.problem:
            raise LunaError(Kind.CONFLICT, f"{file.name}: {file.problem}.", hint="Mend that on disk; luna looks again.")
        try:
            text = file.data.decode()
        except UnicodeDecodeError:
            hint = "Save it as UTF-8 with an editor of your own."
            raise LunaError(Kind.CONFLICT, f"{file.name} is not UTF-8.", hint=hint) from None
        writable = not packaged(routes) and ordinary.writable(file.path)
        return FileText(name=name, kind=_kind(name), hash=_hash(file.data), writable=writable, text=text)

    def _try(self, name: str, text: str | None) -> Compiled:
        files = read_files(self._config.recipe.routes)
        _placed(files, name)
        return self._compiled(files, name, text)

    def _compiled(self, files: Files, name: str, text: str | None) -> Compiled:
        recipe = self._config.recipe
        return recipe.compile(recipe.edit(files.with_text(name, None if text is None else _encoded(text))))

    def _save(self, name: str, text: str | None, known: str) -> Compiled:
        recipe = self._config.recipe
        if packaged(recipe.routes):
            raise LunaError(
                Kind.CONFLICT,
                "These files came with luna; they are not changed where they are.",
                hint="POST /api/config-files/eject copies them to where you started luna; LUNA_ROUTES names others.",
            )
        files = read_files(recipe.routes)
        path = _placed(files, name)
        if text is None and name == files.routes.name:
            raise LunaError(Kind.CONFLICT, f"Without {name} no request has a route.", hint="Change it instead.")
        _check_unchanged(files, name, path, known)
        compiled = self._compiled(files, name, text)
        if (
            compiled.snapshot is None
            and recipe.compile(recipe.edit(msgspec.structs.replace(files, draft=True))).snapshot is not None
        ):
            raise DoesNotCompile(compiled.errors)
        _check_unchanged(read_files(recipe.routes), name, path, known)
        if text is None:
            ordinary.remove(path)
        else:
            ordinary.write(path, _encoded(text))
        return compiled


def edited(files: Files, name: str, text: str | None) -> Files:
    """The same files with another text in one of them, or without it (None). Raises LunaError(NOT_FOUND) for what is no
    file of a configuration."""
    _placed(files, name)
    return files.with_text(name, None if text is None else _encoded(text))


def _named(folder: Path) -> str:
    return folder.name or str(folder)


def _placed(files: Files, name: str) -> Path:
    """Where a file is or may be. Raises LunaError(NOT_FOUND)."""
    file = files.find(name)
    if file is not None:
        return file.path
    path = files.base / name
    if not _NEW.fullmatch(name) or len(name) > LONGEST_NAME or path.name == "README.md":
        raise _unknown(name)
    prompts = files.base / "prompts"
    if any(folder.is_symlink() for folder in path.parents if folder.is_relative_to(prompts) and folder != prompts):
        raise _unknown(name)  # nobody would read it there
    return path


def _check_unchanged(files: Files, name: str, path: Path, known: str) -> None:
    file = files.find(name)
    there = file is not None and not file.problem
    if there and file is not None and known == _hash(file.data):
        return
    if not there and not known and not os.path.lexists(path):
        return
    said = f"{name} was changed on disk meanwhile." if there and known else f"There is a {name} already."
    if known and not there:
        said = f"{name} is no longer there."
    raise LunaError(Kind.CONFLICT, said, hint="Read it again and make your change there.", param="hash")


def _unknown(name: str) -> LunaError:
    return LunaError(
        Kind.NOT_FOUND,
        f"{name[:80]!r} is no file of the configuration.",
        hint="It consists of routes.yaml, pipelines/NAME.yaml and prompts/**/NAME.md.",
        param="path",
    )


def _kind(name: str) -> Literal["routes", "pipeline", "prompt"]:
    if name.startswith("pipelines/"):
        return "pipeline"
    return "prompt" if name.startswith("prompts/") else "routes"


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise LunaError(Kind.BAD_REQUEST, "The text holds half of a UTF-16 pair.", param="text") from None


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _all(compiled: Compiled) -> list[Diagnostic]:
    return [*compiled.errors, *compiled.warnings]
