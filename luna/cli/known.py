"""What the files of a data directory know to be secret, without a luna that runs: for commands that hand something on.

Owns where secrets lie. Reads, and writes nothing.
"""

from luna.admin.door import admin_key_file
from luna.config.settings import Settings
from luna.disk.private import Damaged
from luna.model.ambient import SystemClock
from luna.qwen.endpoints import Site
from luna.state.accounts import Accounts
from luna.state.credentials import CredentialStore
from luna.state.identities import identities
from luna.state.network import Network
from luna.upstream.replay import ReplayBackend


def secrets_of(settings: Settings) -> list[str]:
    """Tokens, cookies, keys, proxy passwords, and the addresses of the accounts. Raises OSError."""
    data = settings.data_dir
    accounts = Accounts(
        store=CredentialStore(data / "credentials.json"),
        backend=ReplayBackend(()),
        clock=SystemClock(),
        site=Site(settings.qwen_base_url, settings.qwen_auth_url),
        env_token=settings.qwen_token,
        env_cookies=settings.qwen_cookies,
    )
    try:
        admin = settings.admin_key or admin_key_file(data).look() or ""
    except Damaged:
        admin = ""
    fixed = [admin, settings.worker_key, *settings.proxy_keys]
    found = [*accounts.secrets(), *Network(data / "network.json").secrets(), *identities(accounts.all()), *fixed]
    return [secret for secret in dict.fromkeys(found) if secret]
