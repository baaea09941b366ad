"""The site's routes: which call goes where, and what is said when it goes nowhere.

Owns the table of routes, and the moment at which a pushed fault takes effect: before everything else.
One table serves all hosts: chat.qwen.ai, auth.qwen.ai and the store of the uploads.
"""

import re
from collections.abc import Awaitable, Callable

from luna.demo import auths, catalogue, completions, files, library, media, pages
from luna.demo.envelope import Call, Site
from luna.demo.http import Exchange, Reply
from luna.demo.misbehave import Deliver, Instead, Rewrite
from luna.demo.refusal import Refusal
from luna.demo.shelf import BUCKET

Endpoint = Callable[[Call], Awaitable[Reply | None]]

EXACT: dict[tuple[str, str], Endpoint] = {
    ("GET", "/"): pages.front,
    ("GET", "/auth"): pages.form,
    ("POST", "/lookalike/signin"): pages.sign_in,
    ("POST", "/lookalike/signout"): pages.sign_out,
    ("GET", "/api/v2/auths/refresh"): auths.refresh,
    ("POST", "/api/v2/auths/signin"): auths.sign_in,
    ("GET", "/api/v2/auths/"): auths.whoami,
    ("GET", "/api/v1/auths/"): auths.whoami,
    ("GET", "/api/v2/user/info"): auths.user_info,
    ("GET", "/api/v2/user"): auths.user_name,
    ("POST", "/api/v2/users/status"): auths.users_status,
    ("GET", "/api/v2/users/user/settings"): auths.settings,
    ("POST", "/api/v2/users/user/settings/update"): auths.update_settings,
    ("GET", "/api/v2/models/"): catalogue.registry,
    ("GET", "/api/models"): catalogue.old_registry,
    ("POST", "/api/v2/chats/new"): library.new,
    ("GET", "/api/v2/chats/"): library.listing,
    ("GET", "/api/v2/chats"): library.listing,
    ("DELETE", "/api/v2/chats/"): library.delete_all,
    ("POST", "/api/v2/chats/batch_delete"): library.delete_some,
    ("POST", "/api/v2/chat/completions"): completions.complete,
    ("POST", "/api/v2/chat/completions/stop"): completions.stop,
    ("POST", "/api/v2/files/getstsToken"): files.permit,
    ("POST", "/api/v1/files/getstsToken"): files.old_permit,
    ("POST", "/api/v2/files/parse"): files.parse,
    ("POST", "/api/v2/files/parse/status"): files.parse_status,
    ("POST", "/api/v2/files/getfilelink"): files.file_link,
}

SHAPED: tuple[tuple[str, re.Pattern[str], Endpoint], ...] = (
    ("GET", re.compile(r"/api/v2/chats/([^/]+)"), library.read),
    ("DELETE", re.compile(r"/api/v2/chats/([^/]+)"), library.delete),
    ("POST", re.compile(r"/api/v2/chats/([^/]+)/title"), library.rename),
    ("GET", re.compile(r"/api/v2/task/status/([^/]+)"), media.task_status),
    ("GET", re.compile(r"/api/v1/tasks/status/([^/]+)"), media.old_task_status),
    ("PUT", re.compile(rf"/{BUCKET}/(.+)", re.DOTALL), files.put),
    ("GET", re.compile(rf"/{BUCKET}/(.+)", re.DOTALL), files.get),
    ("GET", re.compile(r"/output/[^/]+/t2i/[^/]+/IMG\d\.png"), media.picture),
    ("GET", re.compile(r"/output/[^/]+/[ti]2v/[^/]+/[^/]+\.mp4"), media.film),
)


async def answer(site: Site, exchange: Exchange) -> None:
    """Answer one request."""
    request = exchange.request
    call = Call(site, exchange, request.header("x-request-id") or site.state.ids.uuid())
    site.state.counters.requests += 1
    effect = site.faults.take(request.path)
    site.state.counters.faults += effect is not None
    match effect:
        case Instead():
            await exchange.reply(effect.reply(call))
            return
        case Rewrite():
            call.rewrites.append(effect)
        case Deliver():
            exchange.delivery = site.faults.delivery(effect)
        case None:
            pass
    endpoint = _find(call)
    if endpoint is None:
        await exchange.reply(call.failure(Refusal("Not_Found", f"{request.path} not found", 404), wire_status=404))
        return
    try:
        reply = await endpoint(call)
    except Refusal as refusal:
        reply = call.failure(refusal)
    if reply is not None:
        await exchange.reply(reply)


def _find(call: Call) -> Endpoint | None:
    method, path = call.request.method, call.request.path
    endpoint = EXACT.get((method, path))
    if endpoint is not None:
        return endpoint
    for wanted, shape, endpoint in SHAPED:
        found = shape.fullmatch(path)
        if found is not None and wanted == method:
            call.params = found.groups()
            return endpoint
    return None
