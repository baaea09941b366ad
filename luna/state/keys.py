"""The keys that clients of the model endpoints must show.

Owns which there are: those of the environment, and named ones that are made, stored and revoked while luna runs. A
key is kept as its SHA-256 alone (256 bits of randomness need no salt) and compared in constant time. Where a key
stands in a request is the `auth` stage's business.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import anyio
import anyio.to_thread
import msgspec
from msgspec import Meta

from luna.disk.private import PrivateFile, json_decoder, json_encoder
from luna.model.ambient import Clock, SystemClock
from luna.model.errors import Kind, LunaError

VERSION = 1
ENVIRONMENT = "environment"
DEFAULT = "default"
"""The name of the one key that LunaProxy knew."""
MOST = 1000
"""Keys that may be stored; every request compares its own with each."""
KEEP_EVERY = 60.0
"""Seconds after which it is written down when a key was last used."""


class _Stored(msgspec.Struct):
    name: str
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    created_at: float
    last_used_at: float | None = None


class _Document(msgspec.Struct):
    version: int
    keys: list[_Stored]


class ProxyKey:
    """One key, without the key itself."""

    def __init__(
        self,
        name: str,
        digest: bytes,
        source: Literal["environment", "file"],
        created_at: float | None = None,
        last_used_at: float | None = None,
    ) -> None:
        self.name = name
        self.digest = digest
        self.source = source
        self.created_at = created_at
        self.last_used_at = last_used_at

    def __repr__(self) -> str:
        return f"<ProxyKey {self.name} {self.source}>"

    @property
    def fingerprint(self) -> str:
        """Eight digits by which a person can tell two keys apart."""
        return self.digest.hex()[:8]


class ProxyKeys:
    """All keys that are accepted; falsy when no key is asked for. `required`: one is asked for even when there is
    none, and then nobody passes. Without a path nothing is stored. Raises OSError where the file cannot be read."""

    def __init__(
        self,
        environment: Iterable[str] = (),
        path: Path | None = None,
        *,
        clock: Clock | None = None,
        required: bool = False,
    ) -> None:
        self._clock = clock or SystemClock()
        self._required = required
        self._turn = anyio.Lock()
        self._unwritten = False
        self._file = (
            PrivateFile(
                path, json_decoder(_Document, VERSION), json_encoder, advice="Make the keys again on /api/keys."
            )
            if path is not None
            else None
        )
        self._keys: dict[str, ProxyKey] = {}
        for number, key in enumerate(environment, 1):
            name = ENVIRONMENT if number == 1 else f"{ENVIRONMENT}-{number}"
            self._keys[name] = ProxyKey(name, _digest(key), "environment")
        document = self._file.load() if self._file is not None else None
        for stored in document.keys if document is not None else ():
            digest = bytes.fromhex(stored.sha256)
            self._keys[stored.name] = ProxyKey(stored.name, digest, "file", stored.created_at, stored.last_used_at)

    def __repr__(self) -> str:
        return f"<ProxyKeys {', '.join(self._keys) or 'none'}>"

    def __bool__(self) -> bool:
        return self._required or bool(self._keys)

    @property
    def problems(self) -> list[str]:
        """What went wrong with the file so far, for people to read."""
        return self._file.problems if self._file is not None else []

    def all(self) -> list[ProxyKey]:
        """Every key: those of the environment, then the others by the time they were made."""
        return list(self._keys.values())

    def find(self, name: str) -> ProxyKey | None:
        """The key of that name."""
        return self._keys.get(name)

    def admit(self, key: str) -> ProxyKey | None:
        """The known key that this is, used as of now; None for any other, after as long as for a known one."""
        shown = _digest(key)
        matches = [known for known in self._keys.values() if hmac.compare_digest(shown, known.digest)]
        if not matches:
            return None
        matches[0].last_used_at = self._clock.wall()
        self._unwritten = self._unwritten or matches[0].source == "file"
        return matches[0]

    async def create(self, name: str) -> tuple[ProxyKey, str]:
        """A new key, and its text, which nobody can ever see again. Valid and on disk when this returns. Raises
        LunaError(CONFLICT) where the name is taken, LunaError(BAD_REQUEST) where it cannot be, OSError."""
        text = "sk-luna-" + secrets.token_urlsafe(32)
        async with self._turn:
            if name in self._keys:
                raise LunaError(
                    Kind.CONFLICT, f"There is a key '{name}' already.", hint="Revoke it first.", param="name"
                )
            return await self._put(name, text), text

    async def store(self, name: str, text: str) -> ProxyKey:
        """Take over a key that somebody else has made, instead of the one of that name. Valid and on disk when this
        returns. Raises LunaError(BAD_REQUEST), OSError."""
        async with self._turn:
            return await self._put(name, text)

    async def _put(self, name: str, text: str) -> ProxyKey:
        _check(name, text)
        others = [known for known in self._stored() if known.name != name]
        if len(others) >= MOST:
            raise LunaError(Kind.BAD_REQUEST, f"There are {MOST} keys already.", hint="Revoke some.", param="name")
        key = ProxyKey(name, _digest(text), "file", self._clock.wall())
        await self._write([*others, key])
        self._keys.pop(name, None)
        self._keys[name] = key
        return key

    async def revoke(self, name: str) -> None:
        """No request that begins after this call passes with it. Raises LunaError(NOT_FOUND, FORBIDDEN), OSError when
        it cannot be written down: then it is refused until luna is started again."""
        key = self._keys.get(name)
        if key is None:
            known = ", ".join(self._keys) or "none"
            raise LunaError(Kind.NOT_FOUND, f"There is no key {name[:80]!r}.", hint=f"There are: {known}.")
        if key.source == "environment":
            raise LunaError(
                Kind.FORBIDDEN,
                f"The key '{name}' is one of LUNA_PROXY_KEY.",
                hint="Take it out of that variable and start luna again.",
            )
        del self._keys[name]
        async with self._turn:
            await self._write(self._stored())

    async def keep_used(self) -> None:
        """Write down when the keys were last used, if they were. Raises OSError."""
        async with self._turn:
            if self._unwritten:
                await self._write(self._stored())

    async def watch(self, every: float = KEEP_EVERY) -> None:
        """Write down from time to time when the keys were last used, and once more at the end. Runs until
        cancelled."""
        try:
            while True:
                await anyio.sleep(every)
                await self._try_to_keep()
        finally:
            with anyio.CancelScope(shield=True):
                await self._try_to_keep()

    async def _try_to_keep(self) -> None:
        try:
            await self.keep_used()
        except OSError:  # not worth a word: the next change of a key says it loudly
            return

    def _stored(self) -> list[ProxyKey]:
        return [key for key in self._keys.values() if key.source == "file"]

    async def _write(self, keys: list[ProxyKey]) -> None:
        self._unwritten = False
        if self._file is None:
            return
        stored = [_Stored(key.name, key.digest.hex(), key.created_at or 0.0, key.last_used_at) for key in keys]
        await anyio.to_thread.run_sync(self._file.save, _Document(VERSION, stored))


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def key_problem(text: str) -> str:
    """Why this cannot be a key; "" when it can."""
    if 0 < len(text) <= 1000 and all("\x21" <= letter <= "\x7e" for letter in text):
        return ""
    return "must be one word of printable ASCII characters"


def _check(name: str, text: str) -> None:
    if not 0 < len(name) <= 64 or not name.isprintable() or name != name.strip() or "/" in name:
        raise LunaError(
            Kind.BAD_REQUEST,
            "A key needs a name of up to 64 printable characters, without a slash.",
            hint="Call it after the client that is to use it.",
            param="name",
        )
    if name == ENVIRONMENT or name.startswith(f"{ENVIRONMENT}-"):
        raise LunaError(
            Kind.BAD_REQUEST,
            f"The name '{name}' is that of keys of LUNA_PROXY_KEY.",
            hint="Take another.",
            param="name",
        )
    problem = key_problem(text)
    if problem:
        raise LunaError(Kind.BAD_REQUEST, f"A key {problem}.", hint="Use at least 32 random ones.", param="key")
