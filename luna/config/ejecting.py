"""The configuration that came with luna, made a person's own.

Owns whether files are the packaged ones, and copying them: all or nothing, over nothing that is there. Synchronous.
"""

import os
import shutil
import tempfile
from pathlib import Path

from luna.config.files import read_files
from luna.config.settings import shipped_routes
from luna.model.errors import Kind, LunaError

PARTS = ("prompts", "pipelines", "routes.yaml")
"""In the order in which they are put in place: what lies there is a configuration once the last is."""


def packaged(routes: Path) -> bool:
    """True for the files inside the installed package, which the next update writes over. Those of a source checkout
    belong to whoever checked it out."""
    return routes == shipped_routes() and routes.parent.name == "_defaults"


def eject(routes: Path, folder: Path | None = None) -> Path:
    """Copy the packaged files to `folder`, by default the one in which luna was started and in which it looks first.
    Returns the new routes.yaml. Raises LunaError(CONFLICT), OSError."""
    folder = folder or Path.cwd()
    if not packaged(routes):
        raise LunaError(Kind.CONFLICT, "The configuration is your own already.", hint="Edit its files.")
    taken = next((name for name in PARTS if os.path.lexists(folder / name)), None)
    if taken is not None:
        raise LunaError(
            Kind.CONFLICT,
            f"There is a '{taken}' in {folder} already.",
            hint="Move it away, or copy the files yourself and name their routes.yaml in LUNA_ROUTES.",
        )
    draft = Path(tempfile.mkdtemp(prefix=".luna-", dir=folder))
    placed: list[Path] = []
    try:
        for file in read_files(routes).all():
            copy = draft / file.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.data)
        for name in PARTS:
            (draft / name).rename(folder / name)
            placed.append(folder / name)
    except OSError:
        for path in placed:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        raise
    finally:
        shutil.rmtree(draft)
    return folder / "routes.yaml"
