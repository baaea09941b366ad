"""The configuration that came with luna, compiled as it is or with options laid over it."""

from functools import cache

from luna.config.compile import compile_files
from luna.config.files import read_files
from luna.config.overlay import Setting
from luna.config.settings import shipped_routes
from luna.core.registry import Registry
from luna.core.snapshot import Snapshot
from luna.replay.aside import without_pauses


@cache
def shipped_snapshot(*settings: str) -> Snapshot:
    """`shipped_snapshot("limit.max-tokens=3")`; nobody in it pauses."""
    overlay = [Setting.read(text) for text in settings]
    compiled = compile_files(read_files(shipped_routes()), Registry(), {}, None, overlay)
    assert compiled.snapshot is not None, compiled.errors
    return without_pauses(compiled.snapshot)
