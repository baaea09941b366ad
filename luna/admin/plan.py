"""`POST /api/plan`: what a change of the configuration would do to the last flows and to the pinned fixtures.

Owns the route. What is compared and how is `luna.replay.plan`'s; the work is done aside, and bounded.
"""

from typing import Annotated

import anyio.to_thread
import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from luna.admin.envelope import json, read
from luna.admin.files import FileEdit
from luna.admin.operation import Operation
from luna.config.compile import Compiled
from luna.config.diagnostics import Diagnostic
from luna.config.editing import edited
from luna.config.files import read_files
from luna.config.live import LiveConfig, Recipe
from luna.replay.aside import aside
from luna.replay.gate import fixtures_of
from luna.replay.plan import LAST, FlowForecast, Forecast, fixtures_in, flows_in, forecast
from luna.wire.store import Recordings

MOST = 200


class PlanBody(msgspec.Struct, forbid_unknown_fields=True):
    """Which change. Without `files` it is what is on disk, against what is in force."""

    files: Annotated[list[FileEdit], Meta(max_length=100, description="Texts that are not saved.")] = []
    last: Annotated[int, Meta(ge=0, le=MOST, description="How many of the newest recorded flows.")] = LAST
    fixtures: Annotated[bool, Meta(description="The pinned fixtures too.")] = True


class PlanView(msgspec.Struct, rename="camel"):
    """What it would do. Without `ok` it does not compile, and `diagnostics` say why."""

    ok: bool
    diagnostics: list[Diagnostic]
    findings: list[FlowForecast]
    changed: int = 0
    same: int = 0
    unknown: int = 0
    passed_over: int = 0
    """Not looked at: the time was up."""


def routes(config: LiveConfig, recordings: Recordings) -> list[Operation]:
    """The routes of this subject."""

    async def plan(request: Request) -> Response:
        body = await read(request, PlanBody)
        recipe, current = config.recipe, config.cell.current
        compiled = await anyio.to_thread.run_sync(_compiled, recipe, body.files)
        new = compiled.snapshot
        if new is None:
            return json(view_of(compiled, None))

        async def look() -> Forecast:
            cases = flows_in(recordings, body.last)
            if body.fixtures:
                cases += fixtures_in(fixtures_of(recipe.routes))
            return await forecast(cases, current, new)

        return json(view_of(compiled, await aside(look)))

    about = "What a change that is not in force would do to the last flows and the pinned fixtures."
    return [Operation("POST", "/plan", plan, about, takes=PlanBody, gives=PlanView, reads=True)]


def view_of(compiled: Compiled, found: Forecast | None) -> PlanView:
    """What is told; without a forecast, why there is none."""
    told, findings = [*compiled.errors, *compiled.warnings], found.findings if found is not None else []
    counts = {word: sum(each.verdict == word for each in findings) for word in ("changes", "same", "unknown")}
    return PlanView(
        found is not None,
        told,
        findings,
        changed=counts["changes"],
        same=counts["same"],
        unknown=counts["unknown"],
        passed_over=found.passed_over if found is not None else 0,
    )


def _compiled(recipe: Recipe, edits: list[FileEdit]) -> Compiled:
    files = read_files(recipe.routes)
    for edit in edits:
        files = edited(files, edit.path, edit.text)
    return recipe.compile(recipe.edit(msgspec.structs.replace(files, draft=bool(edits))))
