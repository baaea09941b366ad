"""What the routes that list things have in common: a query as a struct, milliseconds, and the way to the next page.

A page is an array, as LunaProxy's scripts expect it; where it goes on stands in the headers `x-next-cursor` and
`Link` (RFC 8288).
"""

from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from luna.admin.envelope import json
from luna.model.errors import Kind, LunaError

Q = TypeVar("Q", bound=msgspec.Struct)


def query_of(request: Request, kind: type[Q]) -> Q:
    """The query as `kind`. Raises LunaError(BAD_REQUEST) naming the field."""
    try:
        return msgspec.convert(dict(request.query_params), kind, strict=False)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at ")
        field = path.strip("`$.") or None
        where = f" (field {field})" if field else ""
        raise LunaError(
            Kind.BAD_REQUEST, f"The query is not what this route takes: {message}{where}.", param=field
        ) from None


def words_of(text: str, known: frozenset[str], field: str) -> frozenset[str]:
    """One or several of the known words, separated by commas. Raises LunaError(BAD_REQUEST)."""
    words = frozenset(word.strip() for word in text.split(",") if word.strip())
    unknown = sorted(words - known)
    if unknown:
        raise LunaError(
            Kind.BAD_REQUEST,
            f"There is no {field} {unknown[0][:40]!r}.",
            hint=f"Known are: {', '.join(sorted(known))}.",
            param=field,
        )
    return words


def page(request: Request, documents: list[Q], cursor: str) -> Response:
    """A page of documents; `cursor` is "" on the last one."""
    response = json(documents)
    if cursor:
        following = request.url.include_query_params(before=cursor)
        response.headers["x-next-cursor"] = cursor
        response.headers["link"] = f'<{following.path}?{following.query}>; rel="next"'
    return response


def milliseconds(seconds: float | None) -> int | None:
    """Of a time or a duration."""
    return None if seconds is None else round(seconds * 1000)


def seconds(milliseconds: float | None) -> float | None:
    """The way back."""
    return None if milliseconds is None else milliseconds / 1000
