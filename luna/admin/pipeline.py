"""`/api/pipeline`, `/api/pipelines`, `/api/stages`, `/api/schemas`: the configuration in force, what is wrong with the
one on disk, and what may be written there.

Owns the routes alone; the shapes are `luna.config`'s. Changing the files is `luna.admin.files`'.
"""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from luna.admin.envelope import json
from luna.admin.operation import Operation
from luna.admin.stages import StageCounts, count_stages
from luna.config.diagnostics import Diagnostic
from luna.config.jsonschema import PIPELINE, ROUTES, pipeline_schema, routes_schema, usable
from luna.config.live import LiveConfig
from luna.config.status import ConfigStatus
from luna.config.views import PipelinesView, PipelineView, view, view_pipeline
from luna.core.live import LiveFlows
from luna.model.errors import Kind, LunaError


class FilesChanged(msgspec.Struct, rename="camel"):
    """An event of the topic `config`: another snapshot is in force, or something else is wrong with the files."""

    version: int
    in_sync: bool
    diagnostics: list[Diagnostic]
    changed: str = "files"


def files_changed(config: LiveConfig) -> FilesChanged:
    """What is told when the files have changed."""
    return FilesChanged(config.cell.current.version, config.in_sync, list(config.diagnostics))


def routes(config: LiveConfig, live: LiveFlows) -> list[Operation]:
    """The routes of this subject."""

    async def status(_: Request) -> Response:
        return json(config.status(flows_by_snapshot=live.by_snapshot()))

    async def all_of_them(_: Request) -> Response:
        return json(view(config.cell.current))

    async def one(request: Request) -> Response:
        snapshot, name = config.cell.current, request.path_params["name"]
        if name not in snapshot.pipelines:
            known = ", ".join(sorted(snapshot.pipelines))
            raise LunaError(Kind.NOT_FOUND, f"There is no pipeline {name[:80]!r}.", hint=f"There are: {known}.")
        return json(view_pipeline(snapshot, name))

    async def stages(_: Request) -> Response:
        return json(count_stages(live))

    async def schema(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in (ROUTES, PIPELINE):
            raise LunaError(
                Kind.NOT_FOUND, f"There is no schema {name[:80]!r}.", hint=f"There are: {ROUTES}, {PIPELINE}."
            )
        return json(routes_schema() if name == ROUTES else pipeline_schema(usable(config.recipe.registry)))

    in_force = "What is in force, and what is wrong with the files."
    described = "The JSON Schema of routes.yaml or of a pipeline file, with every stage that is installed."
    return [
        Operation("GET", "/pipeline", status, in_force, gives=ConfigStatus),
        Operation("GET", "/pipelines", all_of_them, "Pipelines, routes and aliases as compiled.", gives=PipelinesView),
        Operation("GET", "/pipelines/{name}", one, "One pipeline as compiled.", gives=PipelineView),
        Operation("GET", "/stages", stages, "At which stage how many flows are now.", gives=StageCounts),
        Operation("GET", "/schemas/{name}", schema, described, gives=dict[str, Any]),
    ]
