"""Between an account and what the credentials file keeps of it.

Owns the names that accounts may have, and what is written of an account out of the environment: nothing that stands in
the environment, but what the site has renewed of it since, and what a person said of it.
"""

import hashlib

from luna.model.errors import Kind, LunaError
from luna.qwen.credentials import Credentials
from luna.qwen.tokens import read_claims
from luna.state.account import PROVIDER, Account
from luna.state.credentials import Record

ENV, DEMO = "env", "demo"
RESERVED = (ENV, DEMO)
ENV_LABEL = "environment"


def digest(*values: str) -> str:
    """A name for these values that does not give them away."""
    return hashlib.sha256("\0".join(values).encode()).hexdigest()


def checked_id(text: str) -> str:
    """A name that a new account may have. Raises LunaError(BAD_REQUEST)."""
    fits = 0 < len(text) <= 64 and text.isascii() and all(letter.isalnum() or letter in "._-" for letter in text)
    if text in RESERVED or not fits:
        raise LunaError(
            Kind.BAD_REQUEST,
            f"An account cannot be called {text[:40]!r}.",
            hint="Use up to 64 letters, digits, dots, dashes and underscores; 'env' and 'demo' are taken.",
            param="accountId",
        )
    return text


def user_of(credentials: Credentials) -> str:
    """A stable id for the user that the credentials name; "" when they name none."""
    values = [credentials.token, *(cookie.value for cookie in credentials.cookies if cookie.name == "token")]
    for value in values:
        claims = read_claims(value)
        if claims is not None and (claims.user or claims.email):
            return user_id(claims.user or claims.email)
    return ""


def user_id(user: str) -> str:
    """The id of the account of that user of Qwen's; "" of nobody."""
    return "qwen-" + digest(user)[:8] if user else ""


def apply(record: Record, account: Account) -> None:
    """What a person said of the account holds."""
    account.label = record.label or account.label
    account.enabled = record.enabled
    account.max_concurrent_runs = record.max_concurrent_runs
    account.network_profile = record.network_profile


def record_of(account: Account) -> Record:
    """All of an account of the file."""
    return Record(
        account.id,
        PROVIDER,
        account.authority.credentials,
        label=account.label,
        enabled=account.enabled,
        max_concurrent_runs=account.max_concurrent_runs,
        network_profile=account.network_profile,
    )


def record_of_environment(account: Account, environment: Credentials, basis: str) -> Record | None:
    """What is kept of the account of the environment; None when everything stands there."""
    record = record_of(account)
    if record.credentials == environment:
        record.credentials = Credentials()
    else:
        record.basis = basis
    record.label = "" if record.label == ENV_LABEL else record.label
    return None if record == Record(ENV, PROVIDER, Credentials()) else record
