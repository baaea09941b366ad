"""Recordings in memory: a recorder whose lines stay where a test can see them, and read back."""

from collections.abc import Iterable, Mapping

from luna.model.ambient import ManualClock
from luna.wire.ledger import BUDGET, Ledger
from luna.wire.reader import Recording, read
from luna.wire.recorder import Recorder
from luna.wire.redact import Redactor


class MemorySink:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.spills = 0
        self.outcome: str | None = None

    def spill(self, lines: list[bytes]) -> None:
        self.spills += 1
        self.lines += lines

    def finish(self, lines: list[bytes], outcome: str) -> None:
        self.lines += lines
        self.outcome = outcome


class MemoryRecording:
    """A recorder, its clock and its lines."""

    def __init__(
        self,
        *,
        secrets: Iterable[str] = (),
        budget: int = BUDGET,
        options: Mapping[str, Mapping[str, object]] | None = None,
    ) -> None:
        self.clock = ManualClock()
        self.sink = MemorySink()
        redactor = Redactor(secrets)
        self.recorder = Recorder(Ledger("flow_1", clock=self.clock, redactor=redactor, sink=self.sink, budget=budget))
        self.recorder.head(
            luna="0.3.0",
            born=self.clock.wall(),
            seed=b"\x00\xff",
            route="all",
            pipeline="agent",
            snapshot="9f2c",
            options=options or {},
        )

    def __repr__(self) -> str:
        return f"<MemoryRecording {self.recorder!r}>"

    @property
    def text(self) -> str:
        """All lines as they would stand in the file, once the flow has ended."""
        return b"\n".join(self.sink.lines).decode()

    def read(self) -> Recording:
        """What a reader makes of them."""
        return read(self.sink.lines)
