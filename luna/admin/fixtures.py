"""`POST /api/flows/{id}/fixture`: a recorded flow becomes a fixture that the test suite replays.

Owns the route. What a fixture is and how one is made is `luna.replay.fixture`'s; the work is done aside.
"""

from collections.abc import Callable, Iterable
from typing import Annotated

import anyio.to_thread
import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from luna.admin.envelope import json, read
from luna.admin.flow_faces import FlowFaces
from luna.admin.operation import Operation
from luna.config.live import LiveConfig
from luna.model.errors import Kind, LunaError
from luna.replay.aside import aside, without_pauses
from luna.replay.fixture import Made, check_name, make, write
from luna.replay.gate import fixtures_of
from luna.wire.reader import Recording

Secrets = Callable[[], Iterable[str]]


class FixtureBody(msgspec.Struct, forbid_unknown_fields=True):
    """What to make of the flow."""

    name: Annotated[str, Meta(description="Of the folder: letters, digits, '.', '_' and '-'.")]
    minimise: Annotated[bool, Meta(description="Look for the shortest stream that ends in the same way.")] = False


class FixtureMade(msgspec.Struct, rename="camel"):
    """It is there. Events are those of the upstream's streams; both 0 where nothing was to be shortened."""

    name: str
    folder: str
    """Below the folder of routes.yaml."""
    shows: str
    """How it ends: the outcome, or the failure and its stage."""
    events_before: int = 0
    events_after: int = 0
    whole: bool = True
    """False: the search for the shortest stream was ended by its time limit."""


def routes(faces: FlowFaces, config: LiveConfig, secrets: Secrets) -> list[Operation]:
    """The routes of this subject."""

    async def keep(request: Request) -> Response:
        body = await read(request, FixtureBody)
        check_name(body.name)
        recording = await faces.open(str(request.path_params["id"]))
        made = await aside(lambda: _make(recording, config, body, tuple(secrets())))
        try:
            await anyio.to_thread.run_sync(write, made, fixtures_of(config.recipe.routes))
        except OSError as error:
            raise LunaError(
                Kind.INTERNAL,
                f"The fixture could not be written: {error.strerror or error}.",
                hint="Make sure that luna may write to fixtures/wire beside routes.yaml.",
            ) from error
        shortened = made.shortened
        return json(
            FixtureMade(
                made.name,
                f"{'/'.join(fixtures_of(config.recipe.routes).parts[-2:])}/{made.name}",
                made.trait.failure or made.trait.outcome,
                shortened.before if shortened is not None else 0,
                shortened.after if shortened is not None else 0,
                shortened.whole if shortened is not None else True,
            )
        )

    about = "Keep a recorded flow as a fixture, about nobody, with what luna makes of it today."
    return [Operation("POST", "/flows/{id}/fixture", keep, about, takes=FixtureBody, gives=FixtureMade)]


async def _make(recording: Recording, config: LiveConfig, body: FixtureBody, secrets: tuple[str, ...]) -> Made:
    snapshot = without_pauses(config.cell.current)
    return await make(recording, snapshot, body.name, minimise=body.minimise, secrets=secrets)
