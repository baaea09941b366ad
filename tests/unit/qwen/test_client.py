"""The calls to Qwen: what goes out, what comes back, what is refused."""

import pytest

from luna.model.ambient import Ids, ManualClock
from luna.model.errors import Kind, LunaError
from luna.qwen.authority import Authority
from luna.qwen.client import QwenClient
from luna.qwen.credentials import Credentials
from luna.qwen.endpoints import Site
from luna.upstream.exchange import Timeouts
from tests.support.scripted import Says, ScriptedBackend, answer, body_of, document, header, refusal, stream, success
from tests.support.tokens import access_token

COMPLETIONS = "/api/v2/chat/completions"
NEW, REFRESH = "/api/v2/chats/new", "/api/v2/auths/refresh"
UNAUTHORIZED = refusal("Unauthorized", "Token has expired.", 401)


class Desk:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.backend = ScriptedBackend()
        fields = {"token": access_token(self.clock.wall()), "cookies": "token=s; refresh_token=r"}
        self.authority = Authority(Credentials.read(fields), site=Site(), backend=self.backend, clock=self.clock)
        self.client = QwenClient(self.authority, self.clock.wall(), Ids(b"test"))
        self.backend.on("GET", REFRESH, success({"access_token": access_token(self.clock.wall(), mark="new")}))

    async def complete(self) -> LunaError:
        with pytest.raises(LunaError) as caught:
            await self.client.complete("c1", b"{}", Timeouts())
        assert self.backend.open_responses == 0, "the response was closed"
        return caught.value


async def test_a_new_chat() -> None:
    desk = Desk()
    desk.backend.on("POST", NEW, success({"id": "c1"}))
    assert await desk.client.create_chat("qwen3.7-plus") == "c1"
    (request,) = desk.backend.requests
    assert body_of(request)["models"] == ["qwen3.7-plus"]
    assert header(request, "content-type") == "application/json"
    assert header(request, "authorization").startswith("Bearer ")
    assert header(request, "cookie") == "token=s; refresh_token=r"
    assert desk.backend.open_responses == 0


async def test_a_chat_without_an_id() -> None:
    desk = Desk()
    desk.backend.on("POST", NEW, success({}))
    with pytest.raises(LunaError, match="without saying which"):
        await desk.client.create_chat("m")


async def test_ids_of_requests_come_from_the_flow() -> None:
    desk, again = Desk(), Desk()
    for one in (desk, again):
        one.backend.on("POST", NEW, success({"id": "c1"}))
        await one.client.create_chat("m")
    ids = {header(one.backend.requests[0], "x-request-id") for one in (desk, again)}
    assert ids == {Ids(b"test").uuid()}


async def test_an_accepted_completion() -> None:
    desk = Desk()
    desk.backend.on("POST", COMPLETIONS, answer("Hi"))
    response = await desk.client.complete("c1", b'{"x": 1}', Timeouts(head=5))
    assert desk.backend.open_responses == 1
    (request,) = desk.backend.requests
    assert request.url.endswith("/api/v2/chat/completions?chat_id=c1")
    assert request.body == b'{"x": 1}'
    assert request.timeouts.head == 5
    assert header(request, "x-accel-buffering") == "no"
    assert header(request, "accept") == "application/json"
    assert header(request, "referer") == "https://chat.qwen.ai/c/c1"
    await response.aclose()


@pytest.mark.parametrize(
    ("says", "kind"),
    [
        (UNAUTHORIZED, Kind.UPSTREAM_LOGIN),
        (refusal("RateLimited", "limit", 429, num=2), Kind.RATE_LIMITED),
        (success({"messages": []}), Kind.UPSTREAM_BROKEN),
        (Says((b"<html>aliyun_waf_aa</html>",), 200, (("content-type", "text/html"),)), Kind.UPSTREAM_BLOCKED),
        (Says((), 302, (("location", "/auth"),)), Kind.UPSTREAM_LOGIN),
        (Says((b"Internal Server Error",), 500, (("content-type", "text/plain"),)), Kind.UPSTREAM_TRANSIENT),
        (stream(b'data: {"success": false, "data": {"code": "RateLimited"}}\n', actual=429), Kind.RATE_LIMITED),
        (stream(b"data: nonsense\n\n", actual=401), Kind.UPSTREAM_LOGIN),
        (stream(actual=503), Kind.UPSTREAM_TRANSIENT),
    ],
)
async def test_a_refused_completion(says: Says, kind: Kind) -> None:
    desk = Desk()
    desk.backend.on("POST", COMPLETIONS, says)
    assert (await desk.complete()).kind is kind


async def test_a_completion_is_not_repeated_here() -> None:
    desk = Desk()
    desk.backend.on("POST", COMPLETIONS, UNAUTHORIZED)
    await desk.complete()
    assert desk.backend.calls() == [f"POST {COMPLETIONS}"]
    await desk.client.renew()
    assert desk.authority.generation == 1


async def test_other_calls_are_made_once_more_with_a_new_token() -> None:
    desk = Desk()
    desk.backend.on("POST", NEW, UNAUTHORIZED, success({"id": "c1"}))
    assert await desk.client.create_chat("m") == "c1"
    first, second = desk.backend.to(NEW)
    assert header(first, "authorization") != header(second, "authorization")


async def test_but_only_once() -> None:
    desk = Desk()
    desk.backend.on("POST", NEW, UNAUTHORIZED)
    with pytest.raises(LunaError) as caught:
        await desk.client.create_chat("m")
    assert caught.value.kind is Kind.UPSTREAM_LOGIN
    assert len(desk.backend.to(NEW)) == 2
    assert len(desk.backend.to(REFRESH)) == 1


async def test_a_stop_is_short_and_never_renews() -> None:
    desk = Desk()
    desk.backend.on("POST", f"{COMPLETIONS}/stop", success({"status": True}), UNAUTHORIZED)
    await desk.client.stop("c1", "r1")
    (request,) = desk.backend.requests
    assert body_of(request) == {"chat_id": "c1", "response_id": "r1"}
    assert request.timeouts.head <= 3
    with pytest.raises(LunaError):
        await desk.client.stop("c1")
    assert not desk.backend.to(REFRESH)


async def test_where_a_chat_stands() -> None:
    desk = Desk()
    desk.backend.on("GET", "/api/v2/chats/c1", success({"chat": {"messages": [{"id": "a", "role": "assistant"}]}}))
    assert await desk.client.current_answer("c1") == "a"


async def test_deleting_a_chat() -> None:
    desk = Desk()
    desk.backend.on("DELETE", "/api/v2/chats/c1", success({"status": True}), Says((), 204))
    await desk.client.delete_chat("c1")
    await desk.client.delete_chat("c1")


async def test_models() -> None:
    desk = Desk()
    desk.backend.on("GET", "/api/v2/models/", document({"data": [{"id": "a"}]}))
    assert [model.id for model in await desk.client.models()] == ["a"]


async def test_who_it_is() -> None:
    desk = Desk()
    desk.backend.on("GET", "/api/v1/auths/", document({"id": "u", "email": "a@b"}), success({"id": "u2"}))
    assert await desk.client.user() == {"id": "u", "email": "a@b"}
    assert await desk.client.user() == {"id": "u2"}


@pytest.mark.parametrize(
    "gone", [refusal("Not_Found", "not found", 404), Says((b"<h1>404</h1>",), 404, (("content-type", "text/html"),))]
)
async def test_when_the_newer_address_is_gone_the_older_one_is_asked(gone: Says) -> None:
    desk = Desk()
    desk.backend.on("GET", "/api/v1/auths/", gone).on("GET", "/api/v2/user/info", success({"id": "u"}))
    assert await desk.client.user() == {"id": "u"}


async def test_a_refused_user_is_not_asked_for_twice() -> None:
    desk = Desk()
    desk.backend.on("GET", "/api/v1/auths/", refusal("RateLimited", "limit", 429))
    with pytest.raises(LunaError, match="limit"):
        await desk.client.user()


async def test_cookies_are_taken_in_from_every_reply() -> None:
    desk = Desk()
    cookie = (("set-cookie", "acw_tc=7; Path=/; Max-Age=60"),)
    desk.backend.on("POST", NEW, success({"id": "c1"}, more=cookie))
    await desk.client.create_chat("m")
    assert desk.authority.changed
    await desk.client.create_chat("m")
    assert header(desk.backend.requests[1], "cookie").endswith("acw_tc=7")
