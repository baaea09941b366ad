"""The gate of a reload: no pinned fixture may come out differently under the new configuration (`reload-gate`).

Owns which fixtures are asked and how a refusal is told. One that did not come out as pinned before either does not
count: it would lock out every change, the one that mends it too.
"""

from pathlib import Path

from luna.config.diagnostics import Diagnostic
from luna.config.ejecting import packaged
from luna.core.snapshot import Snapshot
from luna.replay.aside import aside
from luna.replay.plan import Forecast, fixtures_in, forecast

SECONDS = 60.0


def fixtures_of(routes: Path) -> Path:
    """Where the fixtures of a configuration lie: beside its routes.yaml; for the one that came with luna, where it was
    started, which is where the configuration would be copied to."""
    return (Path.cwd() if packaged(routes) else routes.parent) / "fixtures" / "wire"


async def refusals(routes: Path, before: Snapshot, after: Snapshot) -> list[Diagnostic]:
    """Why the new configuration may not come into force; empty when it may. `routes` is the routes file."""

    async def look() -> Forecast:
        return await forecast(fixtures_in(fixtures_of(routes)), before, after, seconds=SECONDS)

    found = await aside(look)
    told = [
        Diagnostic(
            routes.name,
            1,
            1,
            f"the reload gate is closed: fixture '{finding.name}' would come out differently, first at "
            f"'{finding.boundary}'",
            "`luna plan` shows the difference; mend the change, delete the fixture and keep the flow anew, or set "
            "reload-gate: off",
        )
        for finding in found.findings
        if finding.breaks
    ]
    if found.passed_over:
        told.append(
            Diagnostic(
                routes.name,
                1,
                1,
                f"the reload gate is closed: {found.passed_over} fixtures were not looked at within {SECONDS:.0f} s",
                "keep fewer of them, or set reload-gate: off",
            )
        )
    return told
