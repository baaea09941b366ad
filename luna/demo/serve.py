"""The look-alike as one thing to start and stop: `async with Lookalike() as lookalike`.

Owns the listener and the task group of its connections.
"""

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import anyio
from anyio.abc import ByteStream, TaskGroup

from luna.demo import api
from luna.demo.answers import SCRIPTS, Script
from luna.demo.envelope import Site
from luna.demo.faults import Faults
from luna.demo.http import Connection, Exchange
from luna.demo.replay import Fixtures
from luna.demo.state import Credentials, State
from luna.demo.streams import Streams
from luna.model.ambient import Clock, Ids, SystemClock

HOST = "127.0.0.1"
BACKLOG = 1024


class Lookalike:
    """A site on loopback. Enter and leave it in the same task.

    `pace` is in seconds between two frames, 0 for as fast as the client reads. `linger`: how long, in
    seconds, a chat stays locked after its client left in the middle of an answer; `settle`: after an
    answer that was read to its end. `fixtures`: the folder that `[[replay:NAME]]` reads. Port 0 takes a
    free one. `max_streams`: how many answers one user may be given at a time, None for any number.
    `parse_polls`: how often an uploaded document is still being read when it is asked after.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        ids: Ids | None = None,
        pace: float = 0.0,
        linger: float = 30.0,
        settle: float = 0.0,
        fixtures: Path | None = None,
        scripts: Iterable[Script] = SCRIPTS,
        port: int = 0,
        max_streams: int | None = None,
        parse_polls: int = 0,
    ) -> None:
        self.state = State(
            clock or SystemClock(),
            ids or Ids(),
            linger=linger,
            settle=settle,
            max_streams=max_streams,
            parse_polls=parse_polls,
        )
        self.faults = Faults()
        self.scripts = list(scripts)
        self.url = ""
        """`http://127.0.0.1:port`, once it runs."""
        self._site = Site(self.state, self.faults, self.scripts, Fixtures(fixtures), pace)
        self._port = port
        self._tasks: TaskGroup | None = None

    def __repr__(self) -> str:
        return f"<Lookalike {self.url or 'not running'} {self.state!r}>"

    async def __aenter__(self) -> Self:
        listener = await anyio.create_tcp_listener(local_host=HOST, local_port=self._port, backlog=BACKLOG)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - anyio's, not Django's
        self.url = self._site.origin = f"http://{HOST}:{port}"
        self._tasks = await anyio.create_task_group().__aenter__()
        self._tasks.start_soon(self._listen, listener)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        tasks, self._tasks = self._tasks, None
        assert tasks is not None, "entered"
        tasks.cancel_scope.cancel()
        if isinstance(error, anyio.get_cancelled_exc_class()):
            return await tasks.__aexit__(kind, error, trace)
        await tasks.__aexit__(None, None, None)  # an error of the body goes on as it is, in no group
        return None

    async def _listen(self, listener: anyio.abc.Listener[ByteStream]) -> None:
        async with listener:
            await listener.serve(self._connected)

    async def _connected(self, socket: ByteStream) -> None:
        await Connection(socket, self._answer).run()

    async def _answer(self, exchange: Exchange) -> None:
        await api.answer(self._site, exchange)

    def login(self, label: str = "demo") -> Credentials:
        """A fresh session of the user `label@example.com`."""
        return self.state.sign_in(self.state.user_named(label))

    def limit(self, label: str, hours: float) -> None:
        """Let the cap for the day of the user `label@example.com` be reached for so many hours; 0 lifts it."""
        self.state.limit(self.state.user_named(label), hours)

    def streams(self, label: str) -> Streams:
        """How many answers that user is being given now, and the most there ever were; of all users, see
        `state.streams`."""
        return self.state.streams.of(self.state.user_named(label).id)

    def expire(self, token: str) -> None:
        """Make a token, of any type, worthless from now on."""
        self.state.expire(token)
