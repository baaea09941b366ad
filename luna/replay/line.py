"""The client of a replay: takes what it gets, and leaves where the recorded one left."""

import anyio
import anyio.lowlevel

from luna.model.dialect import Headers


class ReplayLine:
    """A `Line` to nobody. With `leaves_after`, the client is gone once it has got so many bytes."""

    def __init__(self, leaves_after: int | None = None) -> None:
        self._leaves_after = leaves_after
        self._left = anyio.Event()
        self._got = 0
        self._look()

    def __repr__(self) -> str:
        return f"<ReplayLine got={self._got}>"

    async def start(self, status: int, headers: Headers) -> None:
        """Nothing to do: the recorder sees it."""

    async def send(self, data: bytes, *, last: bool) -> None:
        self._got += len(data)
        self._look()
        await anyio.lowlevel.checkpoint()

    async def gone(self) -> None:
        await self._left.wait()

    def _look(self) -> None:
        if self._leaves_after is not None and self._got >= self._leaves_after:
            self._left.set()
