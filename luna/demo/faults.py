"""The queue from which faults are drawn, and the gate at which stalled responses wait.

`lookalike.faults.push(Fault("cut", 120), times=2)` makes the next two completions break off after
120 bytes. What each fault does stands in `luna.demo.misbehave`.
"""

import fnmatch
import inspect
from collections.abc import Sequence

import anyio

from luna.demo.file_faults import FILE_FAULTS
from luna.demo.http import Delivery
from luna.demo.misbehave import FAULTS, Deliver, Effect

COMPLETIONS = "/api/v2/chat/completions"
EVERY_FAULT = {**FAULTS, **FILE_FAULTS}


class Fault:
    """A fault by name, with its arguments. Raises ValueError when there is no such fault, or no such argument."""

    def __init__(self, name: str, *arguments: float) -> None:
        entry = EVERY_FAULT.get(name)
        if entry is None:
            raise ValueError(f"there is no fault '{name}' (have: {', '.join(EVERY_FAULT)})")
        try:
            inspect.signature(entry.build).bind(*arguments)
        except TypeError:
            takes = ", ".join(inspect.signature(entry.build).parameters) or "none"
            raise ValueError(f"fault '{name}' takes these arguments: {takes}") from None
        self.name = name
        self.arguments = arguments
        self.once = entry.once

    def __repr__(self) -> str:
        return f"<Fault {':'.join((self.name, *map(str, self.arguments)))}>"

    def effect(self) -> Effect:
        """What it does."""
        return EVERY_FAULT[self.name].build(*self.arguments)


class Faults:
    """Faults that wait for a request."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, Fault]] = []
        self._had: set[int] = set()
        self._released = anyio.Event()

    def __repr__(self) -> str:
        return f"<Faults {', '.join(repr(fault) for _, fault in self._waiting) or 'none'}>"

    def __len__(self) -> int:
        return len(self._waiting)

    def push(self, fault: Fault, *, times: int = 1, path: str = COMPLETIONS) -> None:
        """Let `fault` happen to the next `times` requests whose path matches `path` (`*` for any characters), after
        those that were pushed before it."""
        self._waiting.extend([(path, fault)] * times)

    def clear(self) -> None:
        """Forget those that still wait."""
        self._waiting.clear()

    def release(self) -> None:
        """Let everything go on that stalls now."""
        self._released.set()
        self._released = anyio.Event()

    def take(self, path: str) -> Effect | None:
        """The effect that the next fault for that path has, if there is one."""
        for position, (wanted, fault) in enumerate(self._waiting):
            if fnmatch.fnmatchcase(path, wanted):
                del self._waiting[position]
                return fault.effect()
        return None

    def named(self, name: str, arguments: Sequence[float], prompt: str) -> Effect | None:
        """The effect of a prompt's directive. Raises ValueError."""
        if name in FILE_FAULTS:
            raise ValueError(f"fault '{name}' is for uploads: no prompt can ask for it")
        fault = Fault(name, *arguments)
        if fault.once:
            key = hash((name, prompt))
            if key in self._had:
                return None
            self._had.add(key)
        return fault.effect()

    def delivery(self, effect: Deliver) -> Delivery:
        """A delivery that obeys `release`."""
        return effect.make(self._released)
