"""The keys that clients of the model endpoints must show. Kept as digests, compared in constant time."""

import hashlib
import hmac
from collections.abc import Iterable


class ProxyKeys:
    """All keys that are accepted; falsy when there are none, which means that no key is asked for."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._digests = tuple(hashlib.sha256(key.encode()).digest() for key in keys)

    def __repr__(self) -> str:
        return f"<ProxyKeys {len(self._digests)}>"

    def __bool__(self) -> bool:
        return bool(self._digests)

    def admit(self, key: str) -> bool:
        """True for a known key. Takes as long for any wrong one."""
        shown = hashlib.sha256(key.encode()).digest()
        matches = [hmac.compare_digest(shown, digest) for digest in self._digests]
        return any(matches)
