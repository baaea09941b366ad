"""`/api/prompts`: what luna says to the model, and texts set over it at run time.

Field names are LunaProxy's (`id`, `default`, `current`, `description`, `value`). What is set lasts, comes into
force at once, and holds for flows born from then on.
"""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from luna.admin.envelope import FieldError, Unprocessable, json, read, unwritable
from luna.admin.operation import Operation
from luna.config.diagnostics import Diagnostic
from luna.config.live import LiveConfig
from luna.config.overrides import PromptOverrides
from luna.config.samples import samples


class PromptBody(msgspec.Struct):
    """`POST /api/prompts`. Without a `value` the prompt is what its file says again."""

    id: str
    value: str | None = None


class PromptEntry(msgspec.Struct, rename="camel"):
    """One prompt. `default` is its file's text, `current` the one in force, `override` the one that was set over the
    file's, in force or not (`problem` says why not); `variables` what it must use, with a sample value of each."""

    id: str
    default: str
    current: str
    description: str
    file: str
    variables: tuple[str, ...]
    samples: dict[str, str]
    overridden: bool
    override: str | None
    problem: str


class Changed(msgspec.Struct, rename="camel"):
    """The answer to a change. `inForce` is false when the configuration on disk does not compile: then the change
    waits until it does."""

    ok: bool
    in_force: bool
    prompts: list[PromptEntry]


class PromptPreviewBody(msgspec.Struct):
    """`POST /api/prompts/preview`: a text that is not saved. Variables that are not given have their sample values."""

    id: str
    value: str
    variables: dict[str, str] = {}


class PromptPreview(msgspec.Struct, rename="camel"):
    """The text as the model would get it, with what its variables were filled with."""

    text: str
    variables: dict[str, str]
    warnings: list[Diagnostic]
    """What is probably not meant. Lines count from the text's first."""


def routes(overrides: PromptOverrides, config: LiveConfig) -> list[Operation]:
    """The routes of this subject."""

    def listing() -> list[PromptEntry]:
        in_force = config.cell.current.prompts
        entries: list[PromptEntry] = []
        for state in overrides.states():
            current, shipped = in_force.find(state.name), state.shipped
            entries.append(
                PromptEntry(
                    id=state.name,
                    default=shipped.text if shipped is not None else "",
                    current=current.text if current is not None else "",
                    description=shipped.about if shipped is not None else "",
                    file=state.file,
                    variables=shipped.variables if shipped is not None else (),
                    samples=samples(shipped, in_force) if shipped is not None else {},
                    overridden=state.override is not None,
                    override=state.override,
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
            raise unwritable("The prompts", error) from error
        return await changed()

    async def reset(_: Request) -> Response:
        try:
            await overrides.reset()
        except OSError as error:
            raise unwritable("The prompts", error) from error
        return await changed()

    async def preview(request: Request) -> Response:
        body = await read(request, PromptPreviewBody)
        prompt, found = overrides.proofread(body.id, body.value)
        errors = [each for each in found if each.severity == "error"]
        if errors:
            fields = [FieldError(f"value:{each.line}:{each.col}", each.sentence) for each in errors]
            first = errors[0]
            where = f"Line {first.line}, column {first.col}: " if first.line else ""
            said = f"{where}{first.message}."
            raise Unprocessable(said[:1].upper() + said[1:], fields, hint=first.hint)
        usual = samples(prompt, config.cell.current.prompts)
        values = usual | {name: value for name, value in body.variables.items() if name in usual}
        return json(PromptPreview(prompt.render(**values), values, list(found)))

    shown = "Every prompt: its file's text, the one in force, its variables."
    set_one = "Set a text over a prompt's file; without a value, the file's text again."
    looked_at = "A text as the model would get it; 422 with line and column where it cannot be used."
    return [
        Operation("GET", "/prompts", show, shown, gives=list[PromptEntry]),
        Operation("POST", "/prompts", put, set_one, takes=PromptBody, gives=Changed),
        Operation("POST", "/prompts/reset", reset, "The files' texts again, all of them.", gives=Changed),
        Operation(
            "POST", "/prompts/preview", preview, looked_at, takes=PromptPreviewBody, gives=PromptPreview, reads=True
        ),
    ]
