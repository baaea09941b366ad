"""What is taken of each slot, and what is left.

Owns the counts. How much there is belongs to `luna.state.slots`, who gets it to `luna.state.scheduler`.
"""

from collections.abc import Collection, Iterable

from luna.state.queue_words import Full
from luna.state.slots import Limits, Slot

NOTHING: frozenset[Slot] = frozenset()
ENDLESS = 1 << 30


class Occupancy:
    """Counts by slot; a slot of which nothing is taken is not kept."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._taken: dict[Slot, int] = {}

    def __repr__(self) -> str:
        return f"<Occupancy {', '.join(f'{slot.key}={taken}' for slot, taken in self._taken.items()) or 'nothing'}>"

    def __bool__(self) -> bool:
        return bool(self._taken)

    def taken(self, slot: Slot) -> int:
        """How many runs hold it."""
        return self._taken.get(slot, 0)

    def room(self, slot: Slot, kept: Collection[Slot] = NOTHING) -> int:
        """How many more may have it; `kept`: of these one is kept for somebody else."""
        limit = self.limits.of(slot)
        return (limit or ENDLESS) - self._taken.get(slot, 0) - (limit > 0 and slot in kept)

    def has_room(self, slots: Iterable[Slot], kept: Collection[Slot] = NOTHING) -> bool:
        """Whether all of them can be had."""
        fixed, taken = self.limits.fixed, self._taken
        for slot in slots:
            limit = fixed[slot.kind] if slot.kind in fixed else self.limits.of(slot)
            if limit and limit - taken.get(slot, 0) - (slot in kept) <= 0:
                return False
        return True

    def least(self, slots: Iterable[Slot]) -> int:
        """The room of the one that has the least."""
        fixed, taken, least = self.limits.fixed, self._taken, ENDLESS
        for slot in slots:
            limit = fixed[slot.kind] if slot.kind in fixed else self.limits.of(slot)
            room = (limit or ENDLESS) - taken.get(slot, 0)
            if room < least:
                least = room
        return least

    def take(self, slots: Iterable[Slot]) -> None:
        """One of each."""
        taken = self._taken
        for slot in slots:
            taken[slot] = taken[slot] + 1 if slot in taken else 1

    def give(self, slots: Iterable[Slot]) -> None:
        """One of each goes back."""
        taken = self._taken
        for slot in slots:
            left = taken[slot] - 1
            if left:
                taken[slot] = left
            else:
                del taken[slot]

    def full(self, slots: Iterable[Slot]) -> list[Full]:
        """Which of them cannot be had."""
        return [Full(slot, self.taken(slot), self.limits.of(slot)) for slot in slots if self.room(slot) <= 0]

    def slots(self) -> list[Slot]:
        """All of which something is taken."""
        return list(self._taken)
