"""An account at the look-alike that can upload: real pool, real signatures, and a sleep that costs no time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio.lowlevel

from luna.demo.serve import Lookalike
from luna.model.ambient import Ids, ManualClock
from luna.qwen.authority import Authority
from luna.qwen.client import QwenClient
from luna.qwen.credentials import Credentials
from luna.qwen.endpoints import Site
from luna.qwen.file_types import FileKind
from luna.qwen.files import Content
from luna.state.store import Store
from luna.state.uploads import Uploads
from luna.upstream.exchange import Backend
from luna.upstream.pool import PoolBackend
from tests.support.lookalike import running


@dataclass
class Desk:
    """Site, clock and what was slept."""

    site: Lookalike
    clock: ManualClock
    backend: Backend
    slept: list[float] = field(default_factory=list)

    def client(self, label: str = "anna", backend: Backend | None = None) -> QwenClient:
        """The voice of the user `label@example.com`."""
        session = self.site.login(label)
        authority = Authority(
            Credentials.read({"token": session.token, "cookies": session.cookie_header}),
            site=Site(self.site.url, self.site.url),
            backend=backend or self.backend,
            clock=self.clock,
        )
        return QwenClient(authority, self.clock.wall(), Ids(b"client"))

    def uploads(self, store: Store | None = None, *, at_once: int = 8, patience: float = 60.0) -> Uploads:
        """The service of one process."""
        return Uploads(self.clock, store, at_once=at_once, patience=patience, sleep=self.sleep)

    async def sleep(self, seconds: float) -> None:
        """Let the clock go on instead."""
        self.slept.append(seconds)
        self.clock.advance(seconds)
        await anyio.lowlevel.checkpoint()


@asynccontextmanager
async def upload_desk(*, parse_polls: int = 0) -> AsyncIterator[Desk]:
    """A look-alike with a clock that stands still, and everything around it."""
    clock = ManualClock()
    async with running(clock=clock, parse_polls=parse_polls) as site:
        backend = PoolBackend(clock=clock)
        try:
            yield Desk(site, clock, backend)
        finally:
            await backend.aclose()


def text_file(name: str = "a.txt", text: str = "some words") -> Content:
    """A document."""
    return Content(name, "document", "text/plain", text.encode())


def media_file(kind: FileKind, media_type: str, data: bytes = b"bytes", name: str = "x") -> Content:
    """A picture, a film or a sound."""
    return Content(name, kind, media_type, data)
