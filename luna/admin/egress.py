"""`GET /api/egress`: by which way each account leaves now, or why by none.

Owns the view. The decision is `luna.state.ways`'; the ways themselves are `luna.admin.network`'s and
`luna.admin.workers`'.
"""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from luna.admin.envelope import json
from luna.admin.operation import Operation
from luna.model.errors import LunaError
from luna.state.account import Account
from luna.state.egress import Egress
from luna.state.roster import Roster


class WayView(msgspec.Struct, rename="camel", omit_defaults=True):
    """By which way an account leaves now. Without profile and worker: straight out."""

    account_id: str
    open: bool
    network_profile_id: str = ""
    worker_id: str = ""
    ip: str = ""
    """The address that the way was last seen to have."""
    reason: str = ""
    """Why nothing may leave."""


class EgressView(msgspec.Struct, rename="camel"):
    """How accounts leave, as the settings and the checks have it."""

    isolated: bool
    strict: bool
    fallback_to_direct: bool
    ways: list[WayView]


def routes(egress: Egress, accounts: Roster) -> list[Operation]:
    """The routes of this subject."""

    async def show(_: Request) -> Response:
        rules = egress.ways.rules
        ways = [_way(egress, account) for account in accounts.all()]
        return json(EgressView(rules.enabled, rules.strict, rules.fallback_to_direct, ways))

    about = "By which way each account leaves, or why by none."
    return [Operation("GET", "/egress", show, about, gives=EgressView)]


def _way(egress: Egress, account: Account) -> WayView:
    if account.source == "demo":  # it is in this process, and nothing leaves for it
        return WayView(account.id, open=True)
    try:
        way = egress.ways.take(account.id, account.network_profile)
    except LunaError as error:
        return WayView(account.id, open=False, network_profile_id=account.network_profile, reason=error.message)
    return WayView(account.id, True, way.profile, way.worker, way.ip)
