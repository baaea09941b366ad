"""`/api/config-files`: the files of the configuration, read and changed as the texts that they are.

Owns the routes and how a refusal is told: 409 when somebody else has changed the file, 422 with every mistake at its
place when the configuration would not compile. What may be edited is `luna.config.editing`'s.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from luna.admin.envelope import FieldError, Unprocessable, json, read
from luna.admin.operation import Operation
from luna.admin.paging import query_of
from luna.config.diagnostics import Diagnostic, count
from luna.config.editing import ConfigFiles, DoesNotCompile, EditPlan, FileSaved, FilesView, FileText
from luna.model.errors import Kind, LunaError


class FileBody(msgspec.Struct, rename="camel"):
    """`PUT /api/config-files/{path}`: the whole text, and the `hash` of the one that was edited ("" for a new file).
    A `draft` is only tried: nothing is saved."""

    text: str
    hash: str
    draft: bool = False


class FileEdit(msgspec.Struct, rename="camel"):
    """An edit that is not saved: the text that the file at `path` would have; without `text` it would be deleted."""

    path: str
    text: str | None = None


class FileDeleteQuery(msgspec.Struct, rename="camel"):
    """Which text is deleted."""

    hash: Annotated[str, msgspec.Meta(description="Of the file as it was read.")]


class FilesChecked(msgspec.Struct, rename="camel"):
    """What is wrong with an edit, errors and warnings of all files. `ok`: it compiles."""

    ok: bool
    diagnostics: list[Diagnostic]


def routes(files: ConfigFiles) -> list[Operation]:
    """The routes of this subject."""

    async def listing(_: Request) -> Response:
        return json(await files.listing())

    async def show(request: Request) -> Response:
        return json(await files.text(request.path_params["path"]))

    async def put(request: Request) -> Response:
        body = await read(request, FileBody)
        return await _change(files, request.path_params["path"], body.text, body.hash, draft=body.draft)

    async def delete(request: Request) -> Response:
        return await _change(files, request.path_params["path"], None, query_of(request, FileDeleteQuery).hash)

    async def check(request: Request) -> Response:
        body = await read(request, FileEdit)
        plan = await files.plan(body.path, body.text)
        return json(FilesChecked(plan.ok, plan.diagnostics))

    async def plan(request: Request) -> Response:
        body = await read(request, FileEdit)
        return json(await files.plan(body.path, body.text))

    async def eject(_: Request) -> Response:
        try:
            return json(await files.eject())
        except OSError as error:
            raise _unwritable("The copy", error) from error

    save = "Save a text and take it over; never what does not compile over something that does."
    tried = "What is wrong with an edit that is not saved."
    planned = "What an edit that is not saved would alter."
    copied = "Copy the files that came with luna to where it was started, and go on with those."
    deleted = "Delete a file, if all compiles without it."
    one = "/config-files/{path:path}"
    return [
        Operation("GET", "/config-files", listing, "The files of the configuration.", gives=FilesView),
        Operation("POST", "/config-files/check", check, tried, takes=FileEdit, gives=FilesChecked, reads=True),
        Operation("POST", "/config-files/plan", plan, planned, takes=FileEdit, gives=EditPlan, reads=True),
        Operation("POST", "/config-files/eject", eject, copied, gives=FilesView),
        Operation("GET", one, show, "One file's text.", gives=FileText),
        Operation("PUT", one, put, save, takes=FileBody, gives=FileSaved),
        Operation("DELETE", one, delete, deleted, asks=FileDeleteQuery, gives=FileSaved),
    ]


async def _change(files: ConfigFiles, name: str, text: str | None, known: str, *, draft: bool = False) -> Response:
    try:
        return json(await (files.rehearse(name, text) if draft else files.save(name, text, known)))
    except DoesNotCompile as refused:
        raise _refused(refused.diagnostics) from None
    except OSError as error:
        raise _unwritable(name, error) from error


def _refused(diagnostics: Sequence[Diagnostic]) -> Unprocessable:
    errors = [each for each in diagnostics if each.severity == "error"]
    fields = [
        FieldError(
            f"{each.file}:{each.line}:{each.col}", f"{each.message} — {each.hint}" if each.hint else each.message
        )
        for each in errors
    ]
    first, more = errors[0], f", and {count(len(errors) - 1, 'more error')}" if len(errors) > 1 else ""
    said = f"{first.file}:{first.line}:{first.col}: {first.message}{more}."
    return Unprocessable(said, fields, hint="Nothing was changed.")


def _unwritable(what: str, error: OSError) -> LunaError:
    return LunaError(
        Kind.INTERNAL,
        f"{what} could not be saved: {error.strerror or error}.",
        hint="Make sure that luna may write to the folder of routes.yaml, or edit the file yourself.",
    )
