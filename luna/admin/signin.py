"""`POST /api/login`, `POST /api/logout`: a browser's way in and out.

Owns the two routes, which stand before the lock. What opens the door and for how long is `luna.admin.door`'s.
"""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from luna.admin.door import Door, remote_of
from luna.admin.envelope import json, read
from luna.admin.operation import Operation


class LoginBody(msgspec.Struct, forbid_unknown_fields=True):
    """The admin key."""

    key: str


class SignedIn(msgspec.Struct):
    """Whether this browser is signed in now."""

    ok: bool


def routes(door: Door) -> list[Operation]:
    """The routes of this subject."""

    async def login(request: Request) -> Response:
        body = await read(request, LoginBody)
        door.try_key(body.key, remote_of(request.scope))
        return door.admit(json(SignedIn(ok=True)))

    async def logout(request: Request) -> Response:
        await door.end(request.cookies.get(door.cookie, ""))
        response = json(SignedIn(ok=False))
        response.delete_cookie(door.cookie, path="/", httponly=True, samesite="strict")
        return response

    return [
        Operation("POST", "/api/login", login, "Sign in.", takes=LoginBody, gives=SignedIn, open=True),
        Operation("POST", "/api/logout", logout, "Sign out.", gives=SignedIn, open=True),
    ]
