"""Reads the files that a configuration is made of: routes.yaml, pipelines/, prompts/, and local stage files.

Owns where they lie and the digest over them. The bytes it returns are all that a compilation sees of
the disk, apart from the stage classes that the registry loads.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import msgspec

YAML_SUFFIXES = (".yaml", ".yml")
WATCHED_SUFFIXES = (*YAML_SUFFIXES, ".md", ".py")
GONE = "there is no such file"


class File(msgspec.Struct, frozen=True):
    """One file as it was read."""

    name: str
    """Relative to the folder of routes.yaml when it lies below, with `/`."""
    path: Path
    data: bytes = b""
    problem: str = ""
    """Why it could not be read."""


class Files(msgspec.Struct, frozen=True):
    """What a configuration consists of, before anything is understood."""

    base: Path
    """The folder of routes.yaml. Pipelines and prompts lie beside it."""
    routes: File
    pipelines: tuple[File, ...]
    prompts: tuple[File, ...]
    draft: bool = False
    """True when texts that are not on disk stand in for files: what is made of them is not to be kept."""

    def all(self) -> tuple[File, ...]:
        """All of them."""
        return (self.routes, *self.pipelines, *self.prompts)

    def find(self, name: str) -> File | None:
        """The file of that name."""
        return next((file for file in self.all() if file.name == name), None)

    def with_text(self, name: str, data: bytes | None) -> "Files":
        """The same with another content in a file, be it a new one; None: as if the file were not there. `name` is
        routes.yaml's, or begins with pipelines/ or prompts/."""
        if name == self.routes.name:
            file = msgspec.structs.replace(self.routes, data=data or b"", problem="" if data is not None else GONE)
            return msgspec.structs.replace(self, routes=file, draft=True)
        kind = "pipelines" if name.startswith("pipelines/") else "prompts"
        listed = {file.name: file for file in (self.pipelines if kind == "pipelines" else self.prompts)}
        if data is None:
            listed.pop(name, None)
        else:
            listed[name] = File(name, listed[name].path if name in listed else self.base / name, data)
        files = tuple(sorted(listed.values(), key=lambda file: file.path))
        if kind == "pipelines":
            return msgspec.structs.replace(self, pipelines=files, draft=True)
        return msgspec.structs.replace(self, prompts=files, draft=True)


def read_files(routes: Path) -> Files:
    """Read everything that belongs to this routes.yaml. Never raises: what cannot be read says so."""
    routes = routes.absolute()
    base = routes.parent
    pipelines = [path for path in _children(base / "pipelines") if path.suffix in YAML_SUFFIXES]
    prompts = [path for path in _below(base / "prompts") if path.suffix == ".md" and path.name != "README.md"]
    return Files(
        base,
        read_file(routes, base),
        tuple(read_file(path, base) for path in pipelines),
        tuple(read_file(path, base) for path in prompts),
    )


def read_file(path: Path, base: Path) -> File:
    """One file; a problem instead of an exception."""
    name = name_of(path, base)
    try:
        return File(name, path, path.read_bytes())
    except FileNotFoundError:
        return File(name, path, problem=GONE)
    except (OSError, ValueError) as error:
        return File(name, path, problem=f"cannot be read: {getattr(error, 'strerror', None) or error}")


def name_of(path: Path, base: Path) -> str:
    """How messages call a file: relative to the folder of routes.yaml when it lies below, links followed or not."""
    for folder in (base, base.resolve()):
        if path.is_relative_to(folder):
            return path.relative_to(folder).as_posix()
    return str(path)


def digest(files: Iterable[File]) -> str:
    """Hexadecimal SHA-256 over names and contents; equal digests mean that nothing has changed."""
    total = hashlib.sha256()
    for file in sorted(files, key=lambda file: file.name):
        content = hashlib.sha256(file.problem.encode() + b"\0" + file.data).digest()
        total.update(file.name.encode(errors="surrogateescape") + b"\0" + content)
    return total.hexdigest()


def folders(routes: Path, local: Iterable[Path]) -> set[Path]:
    """Every folder in which a change can matter and that exists now."""
    base = routes.absolute().parent
    prompts = [path for path in (base / "prompts", *_below(base / "prompts")) if path.is_dir()]
    wanted = {base, base / "pipelines", *prompts, *(path.parent for path in local)}
    return {folder for folder in wanted if folder.is_dir()}


def _children(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:  # not there, or not a folder: then it holds nothing
        return []


def _below(folder: Path) -> list[Path]:
    found: list[Path] = []
    for path in _children(folder):
        found.append(path)
        if path.is_dir() and not path.is_symlink():
            found.extend(_below(path))
    return found
