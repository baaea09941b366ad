"""What has changed in what Qwen sends: shapes that luna did not know, each reported once.

Owns the queue of what is to be looked at, the findings and their file. Flows only leave word here (a few bytes that
they hold anyway); decoding and comparing happen in a thread afterwards. Traffic of a sort that has been judged before
is judged again only now and then; of a new sort always. A finding holds names and types, never a value
(`luna.qwen.shapes`), and the flow in which it was seen first. What was found stays found over a restart.
"""

import hashlib
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Set
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import msgspec

from luna.disk.private import PrivateFile, json_decoder, json_encoder
from luna.model.ambient import FLOW, Clock
from luna.qwen.errors import real_status
from luna.qwen.known import Known
from luna.qwen.shapes import (
    Kind,
    Shape,
    of_answer,
    of_frame,
    of_status,
    of_stream,
    of_unread,
    place_of,
    without_details,
)
from luna.upstream.chaos import MARK
from luna.upstream.exchange import InResponse, OutRequest
from luna.upstream.watching import Look

log = logging.getLogger("luna.state.drift")

VERSION = 1
WAITING, WAITING_BYTES = 200, 16 * 1024 * 1024
"""What may wait to be looked at; what is beyond it is not looked at this time."""
OFTEN = 5
"""How many of the sorts that were judged before are judged again, in a second."""
SORTS = 2_000
"""Sorts that are remembered as judged."""
MOST = 1_000
"""Findings that are kept. After that luna says so, once, and keeps no more."""
NAMED = 8
"""Shapes that one line of the log names."""


class Finding(msgspec.Struct, rename="camel"):
    """A shape that was new. `at` is milliseconds since the epoch; `flow` is empty for what no flow asked for."""

    id: str
    kind: Kind
    place: str
    name: str
    type: str = ""
    flow: str = ""
    at: int = 0
    known: bool = False
    """Somebody has taken note of it."""

    @property
    def shape(self) -> Shape:
        """What was found."""
        return Shape(self.kind, self.place, self.name, self.type)


class _Document(msgspec.Struct):
    version: int
    findings: list[Finding]


class _Job(msgspec.Struct, frozen=True):
    """Something to look at."""

    flow: str
    payloads: tuple[bytes, ...] = ()
    place: str = ""
    body: bytes = b""
    streamed: bool = False
    """The body is a stream that was refused."""
    shapes: frozenset[Shape] = msgspec.field(default_factory=frozenset)

    @property
    def size(self) -> int:
        return len(self.body) + sum(map(len, self.payloads))


class Drift:
    """Compares what comes with what is known. Without a path nothing is stored. Raises OSError where the file cannot
    be read."""

    def __init__(self, clock: Clock, known: Known | None = None, path: Path | None = None) -> None:
        self._clock = clock
        self._known = known or Known.shipped()
        self._findings: dict[str, Finding] = {}
        self._jobs: deque[_Job] = deque()
        self._bytes = 0
        self._wanted = anyio.Event()
        self._idle = anyio.Event()
        self._judged: set[str] = set()
        self._second = (0, 0)
        self._full = False
        self._turn = anyio.Lock()
        self._file = (
            PrivateFile(path, json_decoder(_Document, VERSION), json_encoder, advice="Old shapes are reported again.")
            if path is not None
            else None
        )
        self.passed_over = 0
        """What was not looked at because too much was waiting."""
        self.watchers: list[Callable[[list[Finding]], None]] = []
        """Are told of what was found, and of nothing where only marks have changed."""
        document = self._file.load() if self._file is not None else None
        for finding in document.findings if document is not None else ():
            self._findings[finding.id] = finding
            self._known.add(finding.shape)

    def __repr__(self) -> str:
        return f"<Drift findings={len(self._findings)} waiting={len(self._jobs)}>"

    # Leaving word: cheap, and never raises

    def saw_frames(self, flow: str, samples: Mapping[str, bytes], unread: Iterable[str] = ()) -> None:
        """Payloads of a stream, by their sort, and the phases that its reader made nothing of."""
        if samples and self._worth(samples.keys()):
            self._queue(_Job(flow, tuple(samples.values()), shapes=frozenset(map(of_unread, unread))))

    def saw(self, request: OutRequest, response: InResponse) -> Look | None:
        """A response, as `luna.upstream.watching` shows it."""
        fields = response.fields
        place = _place(request.method, request.url.partition("?")[0])
        if not place or MARK in fields:  # not of the API, or made to happen
            return None
        kind, actual = fields.get("content-type", ""), fields.get("x-actual-status-code")
        real = real_status(response.status, actual) if actual else response.status
        if not self._worth({f"{place} {response.status} {real} {kind}"}):
            return None
        shapes = frozenset((of_status(response.status, real, kind),))
        return lambda body: self._queue(_Job(FLOW.get(), (), place, body or b"", "event-stream" in kind, shapes))

    def _worth(self, sorts: Set[str]) -> bool:
        """Whether traffic of these sorts is to be looked at this time."""
        if not sorts <= self._judged and len(self._judged) < SORTS:
            self._judged.update(sorts)
            return True
        second = int(self._clock.monotonic())
        count = self._second[1] + 1 if self._second[0] == second else 1
        self._second = (second, count)
        return count <= OFTEN

    def _queue(self, job: _Job) -> None:
        if len(self._jobs) >= WAITING or self._bytes + job.size > WAITING_BYTES:
            self.passed_over += 1
            return
        self._jobs.append(job)
        self._bytes += job.size
        self._wanted.set()

    # Looking

    async def run(self) -> None:
        """Look at what comes, until cancelled."""
        while True:
            while self._jobs:
                job = self._jobs[0]
                found = await anyio.to_thread.run_sync(self._judge, job)
                self._jobs.popleft()
                self._bytes -= job.size
                if found:
                    await self._report(job.flow, found)
            self._idle.set()
            self._wanted = anyio.Event()
            await self._wanted.wait()
            self._idle = anyio.Event()

    async def settled(self) -> None:
        """Return when nothing waits any more; `run` must be running."""
        while self._jobs or not self._idle.is_set():
            await self._idle.wait()

    def _judge(self, job: _Job) -> list[Shape]:
        """In a thread; only reads what is known."""
        return without_details(self._known.new(_shapes_of(job)))

    async def _report(self, flow: str, shapes: list[Shape]) -> None:
        fresh = [shape for shape in shapes if shape not in self._known]
        room = MOST - len(self._findings)
        if len(fresh) > room and not self._full:
            self._full = True
            log.warning("Qwen's traffic has more new shapes than the %d that are kept; see GET /api/drift", MOST)
        found = []
        for shape in fresh[: max(room, 0)]:
            self._known.add(shape)
            finding = Finding(_id(shape), *shape, flow=flow, at=round(self._clock.wall() * 1000))
            self._findings[finding.id] = finding
            found.append(finding)
        if not found:
            return
        named = "; ".join(str(finding.shape) for finding in found[:NAMED])
        more = f"; and {len(found) - NAMED} more" if len(found) > NAMED else ""
        where = f"flow {flow}" if flow else "a call of luna's own"
        extra = {"flow": flow} if flow else {}
        log.warning("new in what Qwen sends (%s): %s%s; see GET /api/drift", where, named, more, extra=extra)
        self._tell(found)
        await self._save()

    # What was found

    def findings(self) -> list[Finding]:
        """All of them, the latest first."""
        return sorted(self._findings.values(), key=lambda finding: (-finding.at, finding.id))

    @property
    def open(self) -> int:
        """How many nobody has taken note of."""
        return sum(not finding.known for finding in self._findings.values())

    async def mark(self, ids: Iterable[str] | None = None) -> int:
        """Somebody has taken note of these, or of all; returns of how many. Unknown ids are passed over. Raises OSError
        when that cannot be written down."""
        wanted = self._findings.keys() if ids is None else set(ids)
        marked = [one for one in self._findings.values() if one.id in wanted and not one.known]
        for finding in marked:
            finding.known = True
        if marked:
            self._tell([])
            await self._save()
        return len(marked)

    def _tell(self, found: list[Finding]) -> None:
        for watcher in self.watchers:
            watcher(found)

    async def _save(self) -> None:
        if self._file is None:
            return
        async with self._turn:
            document = _Document(VERSION, [msgspec.structs.replace(one) for one in self._findings.values()])
            await anyio.to_thread.run_sync(self._file.save, document)


def wanted(request: OutRequest) -> bool:
    """Calls of Qwen's API; not what goes to the store of files."""
    return _place(request.method, request.url.partition("?")[0]) != ""


@lru_cache(maxsize=256)
def _place(method: str, url: str) -> str:
    """In the API; "" for what is elsewhere. Most calls have the same few addresses."""
    path = urlsplit(url).path
    return place_of(method, path) if path[:5] == "/api/" else ""


def _shapes_of(job: _Job) -> set[Shape]:
    shapes = set(job.shapes)
    for payload in job.payloads:
        shapes |= of_frame(payload)
    if job.streamed:
        shapes |= of_stream(job.body)
    elif job.body:
        try:
            document: Any = msgspec.json.decode(job.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            shapes.add(Shape("word", job.place, "a body that is no JSON"))
        else:
            shapes |= of_answer(job.place, document)
    return shapes


def _id(shape: Shape) -> str:
    return f"drift_{hashlib.blake2b(chr(0).join(shape).encode(), digest_size=8).hexdigest()}"
