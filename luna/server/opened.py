"""A luna that shows one bundle, and does nothing else.

Owns where it lies (a temporary folder that goes with it), that it reaches nobody, and that nothing in it can be
changed: no model is asked, no file is written outside that folder, no code of the bundle is run. Its clock stands where
the bundle's stood, so that nothing in it is too old to be kept.
"""

import re
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import anyio.to_thread
import msgspec
from starlette.routing import compile_path
from starlette.types import Receive, Scope, Send

from luna.admin.bundles import OpenedView
from luna.admin.envelope import refusal
from luna.admin.operation import Operation
from luna.config.compile import compile_files
from luna.config.files import read_files
from luna.config.settings import Settings, shipped_routes
from luna.core.registry import Registry
from luna.model.ambient import SystemClock
from luna.model.errors import Kind, LunaError
from luna.replay.unpack import Bundle
from luna.server.app import App
from luna.server.assemble import House, assemble
from luna.state.log_archive import LogArchive
from luna.state.store.tables import runs

NOWHERE = "http://127.0.0.1:9"
"""The discard port (RFC 863): nothing listens there, and nothing is asked."""
LATER = 3600.0
"""Seconds after the flow's birth at which the clock begins."""
_SIGNING = ("/api/login", "/api/logout")


class ShiftedClock(SystemClock):
    """A clock that goes as fast as any, and began at another time."""

    def __init__(self, wall: float) -> None:
        self._shift = wall - super().wall()

    def wall(self) -> float:
        return super().wall() + self._shift


class ReadOnly(App):
    """The application, of which only what changes nothing can be asked."""

    def __init__(self, inner: App, operations: Iterable[object]) -> None:
        self._inner = inner
        self._reads = [
            (each.method, compile_path(f"/api{each.path}")[0])
            for each in operations
            if isinstance(each, Operation) and (each.reads or each.offline)
        ]

    def __repr__(self) -> str:
        return f"<ReadOnly {self._inner!r}>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._harmless(scope["method"], scope["path"]):
            refused = LunaError(
                Kind.FORBIDDEN,
                "This luna shows a bundle: nothing can be changed here, and nobody answers.",
                hint="Do it in a luna of your own: `luna serve`.",
            )
            await refusal(refused)(scope, receive, send)
            return
        await self._inner(scope, receive, send)

    def _harmless(self, method: str, path: str) -> bool:
        if path.startswith(("/v1", "/worker")):
            return False
        if method in ("GET", "HEAD") or path in _SIGNING:
            return True
        return any(method == reads and pattern.match(path) for reads, pattern in self._reads)


@asynccontextmanager
async def opened(bundle: Bundle, *, port: int = 0) -> AsyncIterator[House]:
    """A house that shows it, on a loopback port. Raises OSError."""
    with tempfile.TemporaryDirectory(prefix="luna-bundle-") as folder:
        base = Path(folder)
        routes, configuration = await anyio.to_thread.run_sync(_lay_out, bundle, base)
        settings = Settings(
            port=port or _free_port(),
            data_dir=base / "data",
            routes=routes,
            admin_key=secrets.token_urlsafe(24),
            qwen_base_url=NOWHERE,
            qwen_auth_url=NOWHERE,
            third_party_stages=False,
            record="off",
            log_level="WARNING",
        )
        clock = ShiftedClock(bundle.recording.head.born + LATER)
        async with assemble(settings, clock=clock, opened=_view(bundle, configuration)) as house:
            await _take_in(house, bundle)
            yield msgspec.structs.replace(house, app=ReadOnly(house.app, house.operations))


def _lay_out(bundle: Bundle, base: Path) -> tuple[Path, str]:
    """Write down what is shown; gives the routes file, and which configuration it is."""
    folder = base / "data" / "recordings"
    folder.mkdir(parents=True, mode=0o700)
    born = datetime.fromtimestamp(bundle.recording.head.born, UTC).strftime("%Y%m%dT%H%M%S.%f")[:-3]
    (folder / f"{born}Z-{bundle.about.flow}.jsonl").write_bytes(bundle.lines)
    for name, data in bundle.config.items():
        path = base / "config" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    routes = base / "config" / "routes.yaml"
    compiled = compile_files(read_files(routes), Registry(third_party=False), {}, "off")
    if compiled.snapshot is None:
        return shipped_routes(), "none"
    return routes, "same" if bundle.about.same_configuration else "later"


def _view(bundle: Bundle, configuration: str) -> OpenedView:
    about = bundle.about
    return OpenedView(
        changes=False,
        flow=about.flow,
        recorded_by=_shown(about.recorded_by),
        system=_shown(f"{about.versions.system} {about.versions.architecture}"),
        python=_shown(about.versions.python),
        configuration=configuration,
    )


def _shown(text: str) -> str:
    return re.sub(r"[^\x20-\x7e]", "", text)[:80]


async def _take_in(house: House, bundle: Bundle) -> None:
    store = house.state.store
    if bundle.run is not None:
        store.write(store.upsert(runs), [msgspec.structs.asdict(bundle.run)])
    entries: Sequence[object] = bundle.log
    if entries:
        LogArchive(store).keep(list(bundle.log))
    await store.commit()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
