"""`/api/provider/oauth/capture`: log in by the user's own browser.

Owns the routes of the job. The path and `providerId`, `timeout` (milliseconds) are LunaProxy's; its answer held the
credentials, this one never does: it names a job, whose end names the account.
"""

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from luna.admin.envelope import json, read
from luna.admin.operation import Operation
from luna.model.errors import Kind, LunaError
from luna.state.accounts import PROVIDER
from luna.state.capture import LIMIT, Captures, Job


class CaptureBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Which account is to be logged in, and how long the window stays open."""

    provider_id: str = PROVIDER
    account_id: str = ""
    """Gets the credentials; empty: the account that the login belongs to."""
    timeout: Annotated[int, Meta(ge=1_000, le=3_600_000, description="Milliseconds.")] = round(LIMIT * 1000)
    headless: bool = False
    """Without a window: for a profile in which somebody is logged in already."""


def routes(captures: Captures) -> list[Operation]:
    """The routes of this subject."""

    async def begin(request: Request) -> Response:
        body = await read(request, CaptureBody)
        if body.provider_id != PROVIDER:
            raise LunaError(Kind.BAD_REQUEST, f"luna has one provider: {PROVIDER}.", param="providerId")
        job = captures.begin(account_id=body.account_id, seconds=body.timeout / 1000, headless=body.headless)
        return json(job, 202)

    async def listed(_: Request) -> Response:
        return json(captures.jobs())

    async def show(request: Request) -> Response:
        return json(captures.job(request.path_params["id"]))

    async def cancel(request: Request) -> Response:
        return json(await captures.cancel(request.path_params["id"]))

    base = "/provider/oauth/capture"
    return [
        Operation(
            "POST", base, begin, "Open the browser for somebody to log in.", takes=CaptureBody, gives=Job, status=202
        ),
        Operation("GET", base, listed, "The logins so far, the latest first.", gives=list[Job]),
        Operation("GET", f"{base}/{{id}}", show, "How a login is getting on.", gives=Job),
        Operation("DELETE", f"{base}/{{id}}", cancel, "Close the window.", gives=Job),
    ]
