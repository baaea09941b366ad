"""At which stage how many flows are now, told while somebody looks on.

Owns the counting and its rhythm: four times a second at most, nothing when nobody listens, nothing when nothing has
changed. Flows themselves say nothing of it, so that who is not looked at pays nothing.
"""

from collections import Counter

import anyio
import msgspec

from luna.core.live import LiveFlows
from luna.state.bulletin import Bulletin, Onlooker

TOPIC = "stages"
EVERY = 0.25
IDLE = 1.0
"""Seconds between two looks whether somebody listens."""


class StageCounts(msgspec.Struct, rename="camel"):
    """Running flows by pipeline and stage; those that have not reached their first stage count under "". Also what an
    event of the topic `stages` says."""

    pipelines: dict[str, dict[str, int]]


def count_stages(live: LiveFlows) -> StageCounts:
    """As of now."""
    counts: dict[str, Counter[str]] = {}
    for flow in live:
        counts.setdefault(flow.route.pipeline.name, Counter())[flow.stage] += 1
    return StageCounts({name: dict(stages) for name, stages in counts.items()})


class StageWatch:
    """Tells the counts as they change."""

    def __init__(self, live: LiveFlows, bulletin: Bulletin) -> None:
        self._live = live
        self._bulletin = bulletin

    def __repr__(self) -> str:
        return f"<StageWatch {self._live!r}>"

    async def run(self) -> None:
        """Until cancelled."""
        told: StageCounts | None = None
        known: frozenset[Onlooker] = frozenset()
        while True:
            onlookers = self._bulletin.onlookers(TOPIC)
            if onlookers:
                counts = count_stages(self._live)
                if counts != told or onlookers - known:  # who has just come knows nothing yet
                    self._bulletin.publish(TOPIC, counts)
                told = counts
            known = onlookers
            await anyio.sleep(EVERY if onlookers else IDLE)
