"""The flows that are running now: who they are, how many each snapshot still has, and how they are drained."""

from collections import Counter
from collections.abc import Callable, Iterator

import anyio

from luna.core.flow import Flow, Outcome
from luna.model.errors import Kind, LunaError


class LiveFlows:
    """Every flow from its birth until its cleanup is done."""

    def __init__(self) -> None:
        self._flows: dict[str, Flow] = {}
        self._idle: anyio.Event | None = None
        """Set once the last one is gone; there while somebody drains."""
        self._greeters: list[Callable[[Flow], None]] = []
        self._farewells: list[Callable[[], None]] = []
        self.draining = False

    def __repr__(self) -> str:
        return f"<LiveFlows {len(self._flows)}{' draining' if self.draining else ''}>"

    def __len__(self) -> int:
        return len(self._flows)

    def __iter__(self) -> Iterator[Flow]:
        return iter(tuple(self._flows.values()))

    def add(self, flow: Flow) -> None:
        """A flow is born. Raises LunaError(DRAINING) when no more may be."""
        if self.draining:
            raise LunaError(Kind.DRAINING, "luna is shutting down.", hint="Try again in a moment.", retry_after=5)
        self._flows[flow.id] = flow
        for greet in self._greeters:
            greet(flow)

    def watch(self, *, born: Callable[[Flow], None], draining: Callable[[], None]) -> None:
        """Call `born` with every flow before its first stage, and `draining` when no more may be born."""
        self._greeters.append(born)
        self._farewells.append(draining)

    def remove(self, flow: Flow) -> None:
        """A flow is over and cleaned up."""
        self._flows.pop(flow.id, None)
        if self._idle is not None and not self._flows:
            self._idle.set()

    def find(self, flow_id: str) -> Flow | None:
        """The running flow of that id."""
        return self._flows.get(flow_id)

    def by_snapshot(self) -> dict[int, int]:
        """How many flows each snapshot version still carries."""
        return dict(Counter(flow.snapshot.version for flow in self._flows.values()))

    async def drain(self, grace: float, cleanup: float = 7.0) -> int:
        """Take no new flows, let the running ones finish for `grace` seconds, then tell the rest and end them;
        returns how many had to be ended. Waits for their cleanup, at most `cleanup` seconds."""
        self.draining = True
        for farewell in self._farewells:
            farewell()
        self._idle = idle = self._idle or anyio.Event()
        if not self._flows:
            idle.set()
        with anyio.move_on_after(grace):
            await idle.wait()
        left = list(self._flows.values())
        for flow in left:
            flow.cancel(
                Outcome.CANCELLED,
                LunaError(Kind.DRAINING, "luna is shutting down.", hint="Send the request again.", retry_after=5),
            )
        with anyio.move_on_after(cleanup):
            await idle.wait()
        return len(left)
