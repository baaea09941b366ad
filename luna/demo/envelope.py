"""The site's envelope: `{"success": bool, "request_id": uuid, "data": …}`, and the headers around it.

Owns how a call is read and how an answer is dressed. The wire document, section 1: the status
on the wire is nearly always 200, the real one stands in `x-actual-status-code`.
"""

from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from luna.demo.answers import Script
from luna.demo.faults import Faults
from luna.demo.http import Exchange, Headers, Reply, Request
from luna.demo.misbehave import Rewrite
from luna.demo.refusal import Refusal
from luna.demo.replay import Fixtures
from luna.demo.state import State, User

T = TypeVar("T")

ACW_SECONDS = 1800


@dataclass
class Site:
    """What all endpoints share."""

    state: State
    faults: Faults
    scripts: list[Script]
    fixtures: Fixtures
    pace: float
    """Seconds between two frames of an answer; 0 for as fast as the client reads."""
    origin: str = ""
    """`http://127.0.0.1:port`."""


@dataclass
class Call:
    """One request to the site."""

    site: Site
    exchange: Exchange
    request_id: str
    params: tuple[str, ...] = ()
    """What the path's variable parts are."""
    rewrites: list[Rewrite] = field(default_factory=list)
    """Faults that change the stream this call may lead to."""

    @property
    def request(self) -> Request:
        return self.exchange.request

    @property
    def state(self) -> State:
        return self.site.state

    def user(self) -> User:
        """Who is calling. Raises Refusal."""
        request = self.request
        return self.state.authenticate(request.header("authorization"), request.cookies.get("token", ""))

    def body(self, kind: type[T]) -> T:
        """The JSON body. Raises Refusal."""
        try:
            return msgspec.json.decode(self.request.body, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Refusal("RequestValidationError", str(error), 400) from None

    def headers(self, content_type: str, status: int) -> Headers:
        """The headers of every answer. A client without the firewall's cookie gets one."""
        headers = (
            ("content-type", content_type),
            ("cache-control", "no-cache"),
            ("x-request-id", self.request_id),
            ("x-actual-status-code", str(status)),
            ("ga-ap", "ap-southeast-1"),
        )
        if "acw_tc" in self.request.cookies:
            return headers
        cookie = f"acw_tc={self.state.ids.token('acw_')}; Path=/; HttpOnly; Max-Age={ACW_SECONDS}"
        return (*headers, ("set-cookie", cookie))

    def json(self, document: Any, *, status: int = 200, wire_status: int = 200, more: Headers = ()) -> Reply:
        """A document as it stands."""
        return Reply(wire_status, msgspec.json.encode(document), (*self.headers("application/json", status), *more))

    def success(self, data: Any, more: Headers = ()) -> Reply:
        """The envelope of an answer."""
        return self.json({"success": True, "request_id": self.request_id, "data": data}, more=more)

    def failure(self, refusal: Refusal, wire_status: int = 200) -> Reply:
        """The envelope of a refusal."""
        self.state.counters.refused += 1
        document = {"success": False, "request_id": self.request_id, "data": refusal.data}
        return self.json(document, status=refusal.status, wire_status=wire_status)
