"""Who the accounts are: what no file that leaves this machine may show besides their secrets."""

from collections.abc import Iterable, Iterator

from luna.qwen.tokens import read_claims
from luna.state.account import Account


def identities(accounts: Iterable[Account]) -> list[str]:
    """E-mail addresses and user numbers, as their tokens and labels tell them."""
    return list(dict.fromkeys(name for account in accounts for name in _of(account) if name))


def _of(account: Account) -> Iterator[str]:
    credentials = account.authority.credentials
    for token in (credentials.token, *(cookie.value for cookie in credentials.cookies)):
        claims = read_claims(token)
        if claims is not None:
            yield claims.email
            yield claims.user
    if "@" in account.label:
        yield account.label
