"""Which route keeps, hands on or tries out what was recorded asks whom: fixtures, bundles, plans.

Owns that wiring alone, and what none of them may let out: the secrets of the process and who its accounts are.
"""

from collections.abc import Callable
from pathlib import Path

from starlette.routing import Route

from luna.admin import bundles, fixtures, plan
from luna.admin.bundles import OpenedView
from luna.admin.flow_faces import FlowFaces
from luna.config.live import LiveConfig
from luna.server.state import State
from luna.state.identities import identities
from luna.wire.store import Recordings


def routes(
    state: State, config: LiveConfig, secrets: Callable[[], list[str]], data_dir: Path, opened: OpenedView | None
) -> list[Route]:
    """The routes."""
    recordings = state.services[Recordings]
    faces, live = FlowFaces(recordings), state.preferences.live

    def known() -> list[str]:
        return [*secrets(), *identities(state.accounts.all())]

    return [
        *bundles.routes(faces, state.runs, state.logs, config, live, known, data_dir, opened or OpenedView()),
        *fixtures.routes(faces, config, known),
        *plan.routes(config, recordings),
    ]
