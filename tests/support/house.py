"""A whole luna in this process: real granian, real pool, and the look-alike of Qwen as its upstream."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import anyio
import httpcore

from luna.config.settings import Settings
from luna.demo.serve import Lookalike
from luna.model.ambient import Clock
from luna.server.assemble import House, assemble
from luna.server.embedded import embedded_server
from tests.support.ports import free_port

ADMIN_KEY = "test-admin-key"


@dataclass
class Running:
    """A luna that serves, and the look-alike behind it."""

    house: House
    lookalike: Lookalike
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def settled(self) -> None:
        """Wait until no flow is left, then check that nothing else is."""
        with anyio.fail_after(30):
            while len(self.house.live):
                await anyio.sleep(0.005)
        assert self.house.accounts.leases == 0

    async def request(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> httpcore.Response:
        """One request on a connection of its own, body read."""
        named = {"content-type": "application/json", **(headers or {})} if body else headers or {}
        async with httpcore.AsyncConnectionPool() as pool:
            return await pool.request(method, f"{self.url}{path}", headers=[*named.items()], content=body or None)


@asynccontextmanager
async def running_luna(
    data_dir: Path,
    *,
    environ: dict[str, str] | None = None,
    account: bool = True,
    demo: bool = False,
    beside: Lookalike | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[Running]:
    """Start both, with an account of the look-alike's unless told otherwise; stop both at the end. `beside`: one that
    runs already, and outlives this luna."""
    async with nullcontext(beside) if beside is not None else Lookalike() as lookalike:
        login = lookalike.login("test")
        port = free_port()
        values = {
            "LUNA_PORT": str(port),
            "LUNA_DATA_DIR": str(data_dir),
            "LUNA_ADMIN_KEY": ADMIN_KEY,
            "LUNA_QWEN_BASE_URL": lookalike.url,
            "LUNA_QWEN_AUTH_URL": lookalike.url,
        }
        if account:
            values |= {"QWEN_AI_TOKEN": login.token, "QWEN_AI_COOKIES": login.cookie_header}
        settings = Settings.from_environment(environ=values | (environ or {}), demo=demo)
        async with assemble(settings, clock=clock) as house:
            server = embedded_server(house.app, "127.0.0.1", port)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(server.serve)
                await _until_listening(port)
                try:
                    yield Running(house, lookalike, port)
                finally:
                    with anyio.CancelScope(shield=True):
                        await house.live.drain(grace=1)
                        house.hang_up()
                        server.stop()  # type: ignore[no-untyped-call]
        assert house.state.store.describe()["lost"] == 0, "a write was dropped; the log says which"


async def _until_listening(port: int) -> None:
    with anyio.fail_after(30):
        while True:
            try:
                await (await anyio.connect_tcp("127.0.0.1", port)).aclose()
            except OSError:
                await anyio.sleep(0.002)
            else:
                return
