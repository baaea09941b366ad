"""A configuration of luna's own with the `chaos` stage in the chat pipeline: where it stands, and what it does."""

import shutil
from pathlib import Path

import msgspec

from luna.config.settings import shipped_routes

STAGE = "  - use: qwen\n"


def chaotic_routes(folder: Path, **options: object) -> Path:
    """Copies what ships into `folder`, puts `chaos` with these options right before `qwen`, and returns the path of
    the routes. Keys are written as in YAML (`-` for `_`)."""
    shipped = shipped_routes().parent
    for part in ("pipelines", "prompts"):
        shutil.copytree(shipped / part, folder / part)
    routes = Path(shutil.copy(shipped / "routes.yaml", folder / "routes.yaml"))
    pipeline = folder / "pipelines" / "chat.yaml"
    written = pipeline.read_text()
    assert written.count(STAGE) == 1
    lines = "".join(
        f"    {key.replace('_', '-')}: {msgspec.json.encode(value).decode()}\n" for key, value in options.items()
    )
    pipeline.write_text(written.replace(STAGE, f"  - use: chaos\n{lines}{STAGE}"))
    return routes
