"""Makes what luna remembers of long conversations: summaries, compaction, and the archive that people look into.

Owns which services these are made of. What they do is `luna.state`'s.
"""

from pathlib import Path

import msgspec

from luna.core.services import Services
from luna.model.ambient import Clock
from luna.model.preferences import LivePreferences
from luna.protocols.tokens import weight
from luna.qwen.catalogue import Catalogue
from luna.state.asides import Asides
from luna.state.chats import ChatLedger
from luna.state.compaction import Compaction
from luna.state.overflow_files import OverflowFiles
from luna.state.scheduler import Scheduler
from luna.state.session_archive import SessionArchive
from luna.state.session_memory import SessionMemory
from luna.state.session_upkeep import Upkeep
from luna.state.sessions import Sessions
from luna.state.store import Store
from luna.state.summaries import Say, Summaries
from luna.state.uploads import Uploads


class Remembrance(msgspec.Struct, frozen=True):
    """What the process needs of it. `upkeep.run` and `files.keep_tidy` run beside the requests."""

    archive: SessionArchive
    upkeep: Upkeep
    files: OverflowFiles
    """The copies of what sessions were compacted from."""


async def open_memory(services: Services, store: Store, clock: Clock, data_dir: Path, say: Say) -> Remembrance:
    """Make it of the services that are there, and add those that stages ask for. `say` fills in a prompt of the
    configuration in force. Raises LunaError(INTERNAL) when the database cannot be read."""
    live, sessions = services[LivePreferences], services[Sessions]
    memory = SessionMemory(store)
    asides = Asides(services[Scheduler], services[Catalogue], services[ChatLedger], services[Uploads], clock)
    files = OverflowFiles(data_dir / "compact", store, clock, live)
    await files.start()
    summaries = Summaries(memory, asides, live, clock, say=say, weigh=weight)
    compaction = Compaction(sessions, memory, asides, files, live, clock, say=say, weigh=weight)
    upkeep = Upkeep(summaries, compaction, live)
    services.provide(SessionMemory, memory)
    services.provide(Upkeep, upkeep)
    return Remembrance(SessionArchive(store, sessions), upkeep, files)
