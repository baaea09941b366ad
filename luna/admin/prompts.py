"""`/api/prompts`: what luna says to the model, and texts set over it at run time.

Field names are LunaProxy's (`id`, `default`, `current`, `description`, `value`). What is set lasts, comes into
force at once, and holds for flows born from then on.
"""

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from luna.admin.envelope import json, read
from luna.config.live import LiveConfig
from luna.config.overrides import PromptOverrides
from luna.model.errors import Kind, LunaError


class PromptBody(msgspec.Struct):
    """`POST /api/prompts`. Without a `value` the prompt is what its file says again."""

    id: str
    value: str | None = None


class PromptEntry(msgspec.Struct, rename="camel"):
    """One prompt. `default` is its file's text, `current` the one in force, `variables` what it must use."""

    id: str
    default: str
    current: str
    description: str
    variables: tuple[str, ...]
    overridden: bool
    problem: str


class Changed(msgspec.Struct, rename="camel"):
    """The answer to a change. `inForce` is false when the configuration on disk does not compile: then the change
    waits until it does."""

    ok: bool
    in_force: bool
    prompts: list[PromptEntry]


def routes(overrides: PromptOverrides, config: LiveConfig) -> list[Route]:
    """The routes of this subject."""

    def listing() -> list[PromptEntry]:
        in_force = config.cell.current.prompts
        entries: list[PromptEntry] = []
        for state in overrides.states():
            current = in_force.find(state.name)
            entries.append(
                PromptEntry(
                    id=state.name,
                    default=state.shipped.text if state.shipped is not None else "",
                    current=current.text if current is not None else "",
                    description=state.shipped.about if state.shipped is not None else "",
                    variables=state.shipped.variables if state.shipped is not None else (),
                    overridden=state.override is not None,
                    problem=state.problem,
                )
            )
        return entries

    async def changed() -> Response:
        in_sync = await config.reload()
        return json(Changed(ok=True, in_force=in_sync, prompts=listing()))

    async def show(_: Request) -> Response:
        return json(listing())

    async def put(request: Request) -> Response:
        body = await read(request, PromptBody)
        try:
            await overrides.set(body.id, body.value or "")
        except OSError as error:
            raise _unwritable(error) from error
        return await changed()

    async def reset(_: Request) -> Response:
        try:
            await overrides.reset()
        except OSError as error:
            raise _unwritable(error) from error
        return await changed()

    return [
        Route("/prompts", show, methods=["GET"]),
        Route("/prompts", put, methods=["POST"]),
        Route("/prompts/reset", reset, methods=["POST"]),
    ]


def _unwritable(error: OSError) -> LunaError:
    return LunaError(
        Kind.INTERNAL,
        f"The prompts could not be saved: {error.strerror or type(error).__name__}.",
        hint="Make sure that luna can write to its data directory.",
    )
