"""How the control plane answers: one shape for documents, one for errors.

error: {"error": {"kind": "bad-request", "message": "…", "hint": "…", "param": "…", "fields": [{"path", "message"}]}}
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

import msgspec

from luna.model.errors import Kind, LunaError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

T = TypeVar("T")

STATUS: dict[Kind, int] = {
    Kind.BAD_REQUEST: 400,
    Kind.UNAUTHORIZED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.METHOD_NOT_ALLOWED: 405,
    Kind.UPGRADE_REQUIRED: 426,
    Kind.REQUEST_TIMEOUT: 408,
    Kind.TOO_LARGE: 413,
    Kind.UNSUPPORTED_MEDIA_TYPE: 415,
    Kind.CONTEXT_OVERFLOW: 400,
    Kind.CONTENT_FILTERED: 400,
    Kind.RATE_LIMITED: 429,
    Kind.QUOTA_EXHAUSTED: 429,
    Kind.OVERLOADED: 503,
    Kind.NO_ACCOUNT: 503,
    Kind.EGRESS_CLOSED: 503,
    Kind.UPSTREAM_LOGIN: 502,
    Kind.UPSTREAM_BLOCKED: 502,
    Kind.UPSTREAM_REJECTED: 502,
    Kind.UPSTREAM_BROKEN: 502,
    Kind.UPSTREAM_TRANSIENT: 502,
    Kind.CHAT_BUSY: 409,
    Kind.CHAT_GONE: 404,
    Kind.MODEL_GONE: 404,
    Kind.TIMEOUT: 504,
    Kind.CANCELLED: 499,
    Kind.DRAINING: 503,
    Kind.INTERNAL: 500,
}


class FieldError(msgspec.Struct, frozen=True):
    """One wrong field of a body: its path (`session.historyLimit`) and what is wrong with it."""

    path: str
    message: str


class Unprocessable(LunaError):
    """A body that is well formed and says something that cannot be: 422, with every wrong field."""

    def __init__(self, message: str, fields: Sequence[FieldError], *, hint: str = "") -> None:
        super().__init__(Kind.BAD_REQUEST, message, hint=hint, param=fields[0].path if fields else None)
        self.fields = list(fields)


class ErrorBody(msgspec.Struct, omit_defaults=True):
    """What went wrong and what to do."""

    kind: str
    message: str
    hint: str = ""
    param: str | None = None
    fields: list[FieldError] = []


class ErrorDocument(msgspec.Struct):
    """The one error shape of `/api`."""

    error: ErrorBody


def json(document: object, status: int = 200) -> "Response":
    """A document; never cached, for it may hold a person's prompts."""
    from starlette.responses import Response  # with the first answer of the control plane, and not at the start

    return Response(
        msgspec.json.encode(document),
        status,
        media_type="application/json",
        headers={"cache-control": "no-store"},
    )


def error_document(error: LunaError) -> ErrorDocument:
    """The body that tells `error`."""
    fields = error.fields if isinstance(error, Unprocessable) else []
    return ErrorDocument(ErrorBody(error.kind.value, error.message, error.hint, error.param, fields))


def refusal(error: LunaError) -> "Response":
    """An error as an answer."""
    status = 422 if isinstance(error, Unprocessable) else STATUS[error.kind]
    response = json(error_document(error), status)
    if error.retry_after is not None:
        response.headers["retry-after"] = str(int(error.retry_after) + 1)
    return response


def unwritable(what: str, error: OSError) -> LunaError:
    """`what` ("The settings") could not be saved. Names no path."""
    return LunaError(
        Kind.INTERNAL,
        f"{what} could not be saved: {error.strerror or error}.",
        hint="Make sure that luna can write to its data directory.",
    )


async def read(request: "Request", kind: type[T]) -> T:
    """The request's body as `kind`. Raises LunaError(BAD_REQUEST)."""
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        message, _, path = str(error).partition(" - at ")
        field = path.strip("`$.") or None
        where = f" (field {field})" if field else ""
        raise LunaError(
            Kind.BAD_REQUEST, f"The body is not what this route takes: {message}{where}.", param=field
        ) from None
