"""The configuration of a running process: what is in force, what is on disk, and how one becomes the other.

Owns reloading. A change compiles in a worker thread; if it compiles, one assignment puts it in force for flows
born from then on; if not, everything stays as it was and the diagnostics stand in the log, in `status` and in
`luna check`. Equal digests are no change.
"""

import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec

from luna.config.compile import Compiled, compile_files
from luna.config.diagnostics import ConfigurationError, Diagnostic, count
from luna.config.files import WATCHED_SUFFIXES, Files, digest, folders, read_file, read_files
from luna.config.schema import Record
from luna.config.settings import Settings
from luna.config.status import ConfigStatus, describe
from luna.core.registry import Registry
from luna.core.snapshot import Snapshot, SnapshotCell
from luna.model.ambient import Clock

log = logging.getLogger("luna.config")

Gate = Callable[[Path, Snapshot, Snapshot], Awaitable[list[Diagnostic]]]
"""Why a configuration that compiles may not come into force: given routes.yaml, the one in force and the new one."""

DEBOUNCE_MS = 50
TICK_MS = 200
"""How often the watch looks whether it still watches the right folders; also how long cancelling takes."""
RETRY_SECONDS = 1.0
"""How long to wait when there is nothing that could be watched."""


def _as_they_are(files: Files) -> Files:
    return files


class Recipe(msgspec.Struct, frozen=True):
    """All that a compilation depends on, apart from the files' contents."""

    routes: Path
    registry: Registry
    environ: Mapping[str, str]
    record: Record | None = None
    edit: Callable[[Files], Files] = _as_they_are
    """What is done to the files before they are compiled: prompt texts set at run time (`luna.config.overrides`)."""

    def __repr__(self) -> str:
        return f"<Recipe {self.routes}>"

    def read(self) -> Files:
        """The files as they are to be compiled. Blocks; never raises."""
        return self.edit(read_files(self.routes))

    def compile(self, files: Files | None = None) -> Compiled:
        """Read the files, unless they are given, and compile them. Blocks; never raises."""
        return compile_files(files or self.read(), self.registry, self.environ, self.record)


class LiveConfig:
    """The configuration in force. One for the process."""

    def __init__(self, recipe: Recipe, first: Compiled, clock: Clock) -> None:
        if first.snapshot is None:
            errors = [each.seen_from(recipe.routes.parent, Path.cwd()) for each in first.errors]
            raise ConfigurationError(f"{recipe.routes} does not compile", errors)
        self._recipe = recipe
        self._clock = clock
        self._seen = first
        """The outcome of the latest compilation, whether it was taken over or not."""
        self._listeners: list[Callable[[Snapshot], None]] = []
        self._onlookers: list[Callable[[], None]] = []
        self._turn = anyio.Lock()
        self.cell = SnapshotCell(msgspec.structs.replace(first.snapshot, version=1, since=clock.wall()))
        self.diagnostics: tuple[Diagnostic, ...] = ()
        """What is wrong with the files on disk; empty when they are in force."""
        self.warnings = first.warnings
        """Of the configuration in force."""
        self.gate: Gate | None = None
        """Asked before a change comes into force, where its routes.yaml says so (`reload-gate`)."""
        self._log_warnings(first)

    def __repr__(self) -> str:
        state = "in sync" if self.in_sync else f"{count(len(self.diagnostics), 'error')} on disk"
        return f"<LiveConfig {self.cell.current!r} {state}>"

    @classmethod
    async def load(
        cls,
        settings: Settings,
        registry: Registry,
        clock: Clock,
        environ: Mapping[str, str] | None = None,
        edit: Callable[[Files], Files] = _as_they_are,
    ) -> "LiveConfig":
        """The first snapshot. `environ` fills `${NAME}`; the process's own by default. `edit` is done to the files,
        in a worker thread, whenever they are read. Raises ConfigurationError with all diagnostics when the files do
        not compile."""
        filling = os.environ if environ is None else environ
        recipe = Recipe(settings.routes, registry, filling, settings.record, edit)
        return cls(recipe, await anyio.to_thread.run_sync(recipe.compile), clock)

    @property
    def in_sync(self) -> bool:
        """True when what is on disk is in force."""
        return not self.diagnostics

    def on_commit(self, listener: Callable[[Snapshot], None]) -> None:
        """Call `listener` with each snapshot just after it came into force, on the event loop. It must not raise."""
        self._listeners.append(listener)

    def on_change(self, onlooker: Callable[[], None]) -> None:
        """Call `onlooker`, on the event loop, when a look at the files has changed what `status` says: another snapshot
        is in force, or something else is wrong with the files. It must not raise."""
        self._onlookers.append(onlooker)

    @property
    def recipe(self) -> Recipe:
        """What a compilation is made with, for whoever wants to know what would come of other texts."""
        return self._recipe

    async def move(self, routes: Path) -> bool:
        """Go on with another routes.yaml and what lies beside it. Returns `in_sync`."""
        async with self._turn:
            self._recipe = msgspec.structs.replace(self._recipe, routes=routes)
        return await self.reload()

    def status(self, *, flows_by_snapshot: Mapping[int, int] | None = None) -> ConfigStatus:
        """What is in force and what is wrong on disk, for the API. `flows_by_snapshot` counts the live flows."""
        return describe(
            self.cell.current,
            in_sync=self.in_sync,
            diagnostics=self.diagnostics,
            warnings=self.warnings,
            flows=flows_by_snapshot or {},
        )

    async def reload(self) -> bool:
        """Look at the files; take them over if they have changed and compile. Returns `in_sync`."""
        async with self._turn:
            begun = self._clock.monotonic()
            compiled = await anyio.to_thread.run_sync(self._compile_changed)
            if compiled is not None:
                compiled = await self._let_through(compiled)
                self._settle(compiled, self._clock.monotonic() - begun)
            return self.in_sync

    async def _let_through(self, compiled: Compiled) -> Compiled:
        """The same, or without a snapshot and with the reasons, where the gate is closed."""
        new, current = compiled.snapshot, self.cell.current
        if self.gate is None or compiled.gate == "off" or new is None or new.digest == current.digest:
            return compiled
        closed = await self.gate(self._recipe.routes, current, new)
        return (
            msgspec.structs.replace(compiled, snapshot=None, errors=tuple(closed), closed=True) if closed else compiled
        )

    def _compile_changed(self) -> Compiled | None:
        files = self._recipe.read()
        local = (read_file(path, files.base) for path in self._seen.local)
        # What failed is tried again: a local stage may import something that has been mended since.
        if self.in_sync and digest((*files.all(), *local)) == self._seen.digest:
            return None
        return self._recipe.compile(files)

    def _settle(self, compiled: Compiled, took: float) -> None:
        before = self.cell.current.version, self.diagnostics
        self._take_over(compiled, took)
        if (self.cell.current.version, self.diagnostics) != before:
            for onlooker in self._onlookers:
                onlooker()

    def _take_over(self, compiled: Compiled, took: float) -> None:
        known, self._seen = self.diagnostics, compiled
        self.diagnostics = compiled.errors
        if compiled.snapshot is None:
            if compiled.errors != known:
                self._log_errors(compiled)
            return
        current = self.cell.current
        if compiled.digest == current.digest:
            log.info("the configuration on disk is version %d again", current.version)
            return
        snapshot = msgspec.structs.replace(compiled.snapshot, version=current.version + 1, since=self._clock.wall())
        self.cell.commit(snapshot)
        self.warnings = compiled.warnings
        log.info(
            "configuration %d is in force: %s, %s, compiled in %.0f ms",
            snapshot.version,
            count(len(snapshot.routes), "route"),
            count(len(snapshot.pipelines), "pipeline"),
            took * 1000,
        )
        self._log_warnings(compiled)
        for listener in self._listeners:
            listener(snapshot)

    def _log_errors(self, compiled: Compiled) -> None:
        for diagnostic in compiled.errors:
            log.error("%s", self._from_here(diagnostic))
        said = "is refused" if compiled.closed else "does not compile"
        log.warning("the configuration on disk %s; version %d stays", said, self.cell.current.version)

    def _log_warnings(self, compiled: Compiled) -> None:
        for diagnostic in compiled.warnings:
            log.warning("%s", self._from_here(diagnostic))

    def _from_here(self, diagnostic: Diagnostic) -> Diagnostic:
        return diagnostic.seen_from(self._recipe.routes.parent, Path.cwd())

    async def watch(self) -> None:
        """Reload whenever a file changes. Runs until cancelled, which takes up to `TICK_MS`."""
        while True:
            try:
                await self._watch_folders()
            except Exception as error:  # the watch must outlive whatever a listener or a platform does
                log.warning("the watch on the configuration starts again: %s: %s", type(error).__name__, error)
                await anyio.sleep(RETRY_SECONDS)

    async def _watch_folders(self) -> None:
        """Watch until the folders are no longer the ones that should be watched."""
        from watchfiles import awatch  # slow to import, and only a server watches

        base = self._recipe.routes.parent
        watched = folders(self._recipe.routes, self._seen.local)
        identity = _identity(base)
        if identity is None:
            await self.reload()
            await anyio.sleep(RETRY_SECONDS)
            return
        # Folders, not files: a file that an editor replaces takes its watch with it. Not recursive: the folder of
        # routes.yaml may be a whole source tree.
        changes_in = awatch(
            *watched,
            watch_filter=_matters,
            debounce=DEBOUNCE_MS,
            step=10,
            rust_timeout=TICK_MS,
            yield_on_timeout=True,
            recursive=False,
        )
        fresh = True
        async with aclosing(changes_in) as rounds:
            async for changes in rounds:
                if fresh or changes:  # the first round also sees what happened before the watch began
                    await self.reload()
                    fresh = False
                touched = {Path(path) for _, path in changes}
                if touched & watched or _identity(base) != identity or self._recipe.routes.parent != base:
                    return
                if changes and folders(self._recipe.routes, self._seen.local) != watched:
                    return


def _matters(_: object, path: str) -> bool:
    """A file that a configuration can consist of, or what may be a folder (`..data` is how Kubernetes swaps one)."""
    name = Path(path).name
    return name.endswith(WATCHED_SUFFIXES) or "." not in name or name.startswith("..")


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
