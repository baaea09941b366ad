"""`POST /api/login`, `POST /api/logout`, `GET /login`: a browser's way in and out.

Owns the three routes, which stand before the lock, and that every sign-in, every wrong key and every sign-out is
written down, without the key. What opens the door and for how long is `luna.admin.door`'s.
"""

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from luna.admin.door import Door, remote_of
from luna.admin.envelope import json, read, refusal
from luna.admin.operation import Operation
from luna.model.errors import Kind, LunaError
from luna.state.audit import Audit


class LoginBody(msgspec.Struct, forbid_unknown_fields=True):
    """The admin key."""

    key: str


class SignedIn(msgspec.Struct):
    """Whether this browser is signed in now."""

    ok: bool


class _Porter:
    """The routes' work."""

    def __init__(self, door: Door, audit: Audit | None) -> None:
        self._door = door
        self._audit = audit

    def _admit(self, request: Request, key: str, response: Response) -> Response:
        """The response, with a fresh session in it. Raises LunaError."""
        try:
            self._door.try_key(key, remote_of(request.scope))
        except LunaError as error:
            if error.kind is Kind.UNAUTHORIZED:  # who has to wait is not written down each time
                self._note(request, "", refusal(error).status_code)
            raise
        self._note(request, self._door.admit(response), response.status_code)
        return response

    def _note(self, request: Request, actor: str, status: int) -> None:
        if self._audit is not None:
            self._audit.note(
                actor=actor,
                remote=remote_of(request.scope),
                method=request.method,
                path=request.url.path,
                status=status,
                body=b"",
            )

    async def login(self, request: Request) -> Response:
        body = await read(request, LoginBody)
        return self._admit(request, body.key, json(SignedIn(ok=True)))

    async def logout(self, request: Request) -> Response:
        session = request.cookies.get(self._door.cookie, "")
        actor = self._door.who(session)
        await self._door.end(session)
        if actor:
            self._note(request, actor, 200)
        response = json(SignedIn(ok=False))
        response.delete_cookie(self._door.cookie, path="/", httponly=True, samesite="strict")
        return response

    async def by_url(self, request: Request) -> Response:
        """The URL is printed once, at the first start."""
        home = RedirectResponse("/", status_code=303, headers={"cache-control": "no-store"})
        return self._admit(request, request.query_params.get("key", ""), home)


def routes(door: Door, audit: Audit | None = None) -> list[Operation]:
    """The routes of this subject below /api."""
    porter = _Porter(door, audit)
    return [
        Operation("POST", "/api/login", porter.login, "Sign in.", takes=LoginBody, gives=SignedIn, open=True),
        Operation("POST", "/api/logout", porter.logout, "Sign out.", gives=SignedIn, open=True),
    ]


def by_url(door: Door, audit: Audit | None = None) -> Route:
    """`GET /login?key=…`: trade the key for a session cookie."""
    return Route("/login", _Porter(door, audit).by_url, methods=["GET"])
