"""Puts the built pages into the package, where they were built (`cd ui && npm ci && npm run build`)."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PagesHook(BuildHookInterface):  # type: ignore[type-arg]
    """Without built pages luna shows its plain page instead."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add `ui/dist` as `luna/_ui`."""
        pages = Path(self.root) / "ui" / "dist"
        if version == "standard" and (pages / "index.html").is_file():
            build_data["force_include"][str(pages)] = "luna/_ui"
