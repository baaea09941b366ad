"""`/auth/*`: where LunaProxy had a generic OAuth redirect, luna says where login is.

Owns the two answers, which stand before the lock and change nothing: no query is read, so no page can plant a
credential by a link (ADR 18).
"""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from luna.admin.operation import Operation
from luna.model.errors import Kind, LunaError
from luna.state.account import PROVIDER

PAGE = "/accounts"


def routes() -> list[Operation]:
    """The routes of this subject."""

    async def start(request: Request) -> Response:
        if request.path_params["provider"] != PROVIDER:
            raise LunaError(Kind.NOT_FOUND, "There is no such provider.", hint=f"luna has one: {PROVIDER}.")
        return RedirectResponse(PAGE, 303, headers={"cache-control": "no-store"})

    async def callback(_: Request) -> Response:
        raise LunaError(
            Kind.NOT_FOUND,
            "luna takes no credentials from a redirect.",
            hint="Log in on the page Accounts, with `luna login`, or by POST /api/provider/oauth/capture.",
        )

    here, nothing = "To the page on which accounts log in.", "Nothing: no redirect brings credentials."
    return [
        Operation("GET", "/auth/start/{provider}", start, here, status=303, open=True),
        Operation("GET", "/auth/callback/{provider}", callback, nothing, status=303, open=True),
    ]
