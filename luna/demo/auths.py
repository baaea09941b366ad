"""Who you are: refresh, sign-in, the user's own data and settings. Plays auth.qwen.ai too.

The wire document, sections 1.1 and 1.4.
"""

import hmac
from typing import Any

import msgspec

from luna.demo.envelope import Call
from luna.demo.http import Headers, Reply
from luna.demo.refusal import Refusal
from luna.demo.state import Credentials, User

_COOKIE = "Domain=.qwen.ai; Path=/; HttpOnly; Secure"

BUILT_IN_TOOLS = (
    "web_extractor",
    "web_search_image",
    "web_search",
    "image_gen_tool",
    "code_interpreter",
    "history_retriever",
    "image_edit_tool",
    "bio",
    "image_zoom_in_tool",
)


class SignIn(msgspec.Struct):
    """`password` is SHA-256 of the password, hexadecimal."""

    email: str
    password: str
    login_type: str = "email"


class SettingsUpdate(msgspec.Struct):
    """A part of the user's settings."""

    tools_enabled: dict[str, bool] = {}


async def refresh(call: Call) -> Reply:
    """A new access token for the cookies; the refresh token changes with it."""
    request = call.request
    if not request.header("x-request-origin"):
        raise Refusal("Unauthorized", "401 Unauthorized", 401)
    cookies = request.cookies
    access, following = call.state.rotate(cookies.get("refresh_token", ""), cookies.get("token", ""))
    cookie: Headers = (("set-cookie", f"refresh_token={following}; {_COOKIE}"),)
    return call.success({"access_token": access, "refresh_token": following}, cookie)


async def sign_in(call: Call) -> Reply:
    """A new session for e-mail and password."""
    session, person = signed_in(call)
    jar = (("token", session.cookies["token"]), ("refresh_token", session.refresh_token))
    cookies: Headers = tuple(("set-cookie", f"{name}={value}; {_COOKIE}") for name, value in jar)
    return call.success({**person, "token": session.token}, cookies)


def signed_in(call: Call) -> tuple[Credentials, dict[str, Any]]:
    """The session that e-mail and password give, and whose it is."""
    given = call.body(SignIn)
    for user in call.state.users.values():
        if user.email == given.email and hmac.compare_digest(user.password.encode(), given.password.encode()):
            break
    else:
        raise Refusal("InvalidPassword", "The email or password provided is incorrect.", 400)
    session = call.state.sign_in(user)
    call.state.counters.signins += 1
    call.state.note("signin", user.id, "")
    return session, _person(user)


async def whoami(call: Call) -> Reply:
    """The user, without an envelope (`auths/`)."""
    return call.json(_person(call.user()))


async def user_info(call: Call) -> Reply:
    """The user."""
    return call.success({**_person(call.user()), "is_guest": False})


async def user_name(call: Call) -> Reply:
    """The user's name and address."""
    user = call.user()
    return call.success({"name": user.name, "email": user.email})


async def users_status(call: Call) -> Reply:
    """The page's sign of life; any body will do."""
    call.user()
    return call.json({"success": True})


async def settings(call: Call) -> Reply:
    """The user's settings."""
    return call.success(_settings(call.user()))


async def update_settings(call: Call) -> Reply:
    """Change a part of the user's settings."""
    user = call.user()
    user.tools_enabled.update(call.body(SettingsUpdate).tools_enabled)
    return call.success(_settings(user))


def _settings(user: User) -> dict[str, Any]:
    return {"tools_enabled": {**dict.fromkeys(BUILT_IN_TOOLS, True), **user.tools_enabled}}


def _person(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "role": "user",
        "profile_image_url": "",
        "created_at": user.created_at,
    }
