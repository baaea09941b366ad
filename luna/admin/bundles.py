"""`GET /api/flows/{id}/bundle`: one flow with everything about it, for somebody else's machine; and whether this luna
shows such a bundle.

Owns the routes. What is in a bundle is `luna.replay.bundle`'s, how one is shown `luna.server.opened`'s.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import anyio.to_thread
import msgspec
from starlette.requests import Request
from starlette.responses import Response

from luna import __version__
from luna.admin.envelope import json
from luna.admin.flow_faces import FlowFaces
from luna.admin.operation import Operation
from luna.config.live import LiveConfig
from luna.config.preference_document import plain
from luna.model.preferences import LivePreferences
from luna.replay import machine
from luna.replay.bundle import Contents, pack
from luna.state.log_archive import LogFilter
from luna.state.logs import Logs
from luna.state.runs import Runs, unknown_run

LINES = 2000
"""Log lines that go along; the newest ones."""
MEDIA = "application/zip"


class OpenedView(msgspec.Struct, rename="camel"):
    """What this luna is. `flow` is empty for one that works; else it shows the bundle of that flow."""

    version: str = __version__
    changes: bool = True
    """False where nothing can be changed, and nobody can be asked."""
    flow: str = ""
    recorded_by: str = ""
    """The luna that recorded it."""
    system: str = ""
    python: str = ""
    configuration: str = ""
    """`same`: the files are those that the flow was born under; `later`: those when the bundle was made; `none`: they
    cannot be used here, and those that came with this luna are shown."""


def routes(
    faces: FlowFaces,
    runs: Runs,
    logs: Logs,
    config: LiveConfig,
    preferences: LivePreferences,
    secrets: Callable[[], Iterable[str]],
    data_dir: Path,
    opened: OpenedView,
) -> list[Operation]:
    """The routes of this subject."""

    async def bundle(request: Request) -> Response:
        flow = str(request.path_params["id"])
        record = await runs.get(flow)
        if record is None:
            raise unknown_run(flow)
        recording = await faces.open(flow)
        lines = await logs.find(LogFilter(flow=flow), limit=LINES)
        recipe, known = config.recipe, list(secrets())
        digest = config.cell.current.digest

        def make() -> bytes:
            return pack(
                Contents(
                    recording=recording,
                    files=recipe.read(),
                    digest=digest,
                    versions=machine.versions(),
                    run=record,
                    log=list(reversed(lines.entries)),
                    settings=plain(preferences.current),
                    secrets=known,
                    places=machine.places(data_dir, recipe.routes.parent),
                    names=machine.names(),
                )
            )

        packed = await anyio.to_thread.run_sync(make)
        name = f"{flow}.luna.zip"
        return Response(
            packed,
            media_type=MEDIA,
            headers={"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"},
        )

    async def what(_: Request) -> Response:
        return json(opened)

    made = "One flow with its recording, configuration, run and log lines, about nobody: a zip file."
    shown = "Whether this luna shows a bundle."
    return [
        Operation("GET", "/flows/{id}/bundle", bundle, made, media=MEDIA),
        Operation("GET", "/opened", what, shown, gives=OpenedView),
    ]
