"""By which way a browser goes that somebody logs in with: the same as its account, or not at all.

Owns what a browser can do of it (a proxy, or straight out). Which way an account may take is `luna.state.ways`'.
"""

from luna.model.errors import Kind, LunaError
from luna.qwen.browser import PASTE
from luna.state.accounts import Accounts
from luna.state.egress import Egress
from luna.upstream.proxy_address import ProxyAddress


def browser_way(accounts: Accounts, egress: Egress, account_id: str) -> ProxyAddress | None:
    """The proxy for the account's browser; None: straight out. Raises LunaError(EGRESS_CLOSED)."""
    account = accounts.find(account_id)
    way = egress.ways.take(account_id, account.network_profile if account is not None else "")
    if way.worker:
        raise _impossible(f"through worker '{way.worker}'")
    if not way.profile:
        return None
    profile = egress.network.profile(way.profile)
    if profile.mode == "local-address":
        raise _impossible("from one of this machine's addresses alone")
    return ProxyAddress.parse(profile.proxy_url)


def _impossible(how: str) -> LunaError:
    return LunaError(
        Kind.EGRESS_CLOSED,
        f"The account goes out {how}, and a browser here cannot.",
        hint=f"Log in where it can, or give the account a network profile with a proxy. {PASTE}",
    )
