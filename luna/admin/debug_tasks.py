"""`GET /api/debug/tasks` and `/debug/tasks`: what the process is doing this moment, for whoever asks why it hangs.

Owns what is in the dump and its form as text. It holds names, numbers and places in the source; no value of a request.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import anyio
import msgspec
from anyio import TaskInfo
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from luna.admin.debug_stacks import flow_of, frames_of, places, threads
from luna.admin.door import Door, remote_of
from luna.admin.envelope import json
from luna.admin.operation import Operation
from luna.admin.paging import milliseconds, query_of
from luna.core.flow import Flow
from luna.core.live import LiveFlows
from luna.core.snapshot import SnapshotCell
from luna.model.ambient import Clock
from luna.state.accounts import Accounts
from luna.state.metrics import open_descriptors, resident_memory
from luna.state.runs import Runs
from luna.upstream.exchange import Usage

ABOUT = "Every task and thread with its stack, the flows at work, and what is open: for whoever asks why luna hangs."


class DumpQuery(msgspec.Struct, forbid_unknown_fields=True):
    """`text`: the same, for reading."""

    format: Literal["json", "text"] = "json"


class TaskSeen(msgspec.Struct, rename="camel"):
    """A task of the event loop. `flow` is the one that it works for, `age` that flow's in milliseconds; `stack` leads
    from the outermost place to the one where it waits."""

    id: int
    name: str
    state: Literal["running", "waiting", "cancelling"]
    flow: str
    age: int | None
    stack: list[str]


class ThreadSeen(msgspec.Struct):
    """A thread."""

    name: str
    stack: list[str]


class FlowSeen(msgspec.Struct, rename="camel"):
    """A flow at work, the oldest first."""

    id: str
    age: int
    stage: str
    status: str
    """Of its run; empty where it has none."""
    account: str
    pipeline: str
    snapshot: int
    events: int
    tasks: int


class SnapshotSeen(msgspec.Struct):
    """A configuration that flows were born under."""

    version: int
    flows: int
    current: bool


class Open(msgspec.Struct, rename="camel"):
    """How many there are of each."""

    flows: int
    leases: int
    exchanges: int
    """With Qwen or a worker."""
    exchanges_waiting: int
    connections: int
    connections_idle: int
    tasks: int
    threads: int
    descriptors: int | None
    """Open files and sockets; None where the system does not say."""
    memory: int
    """Bytes."""


class Dump(msgspec.Struct, rename="camel"):
    """What goes on. `at`: milliseconds since the epoch."""

    at: int
    process: int
    draining: bool
    open: Open
    snapshots: list[SnapshotSeen]
    flows: list[FlowSeen]
    tasks: list[TaskSeen]
    threads: list[ThreadSeen]


@dataclass(frozen=True)
class Workings:
    """Whom to ask what goes on."""

    live: LiveFlows
    runs: Runs
    accounts: Accounts
    cell: SnapshotCell
    pools: Callable[[], list[Usage]]
    clock: Clock

    def dump(self) -> Dump:
        """What goes on now."""
        current = anyio.get_current_task().id
        seen = _tasks(anyio.get_running_tasks())
        tasks = [self._task(info, flow, stack, current) for info, flow, stack in seen]
        pools, running = self.pools(), list(threads())
        descriptors = open_descriptors()
        return Dump(
            at=milliseconds(self.clock.wall()) or 0,
            process=os.getpid(),
            draining=self.live.draining,
            open=Open(
                flows=len(self.live),
                leases=self.accounts.leases,
                exchanges=sum(one.exchanges for one in pools),
                exchanges_waiting=sum(one.waiting for one in pools),
                connections=sum(one.connections for one in pools),
                connections_idle=sum(one.idle for one in pools),
                tasks=len(tasks),
                threads=len(running),
                descriptors=None if descriptors is None else int(descriptors),
                memory=int(resident_memory()),
            ),
            snapshots=self._snapshots(),
            flows=[self._flow(flow, tasks) for flow in sorted(self.live, key=lambda one: one.born_monotonic)],
            tasks=tasks,
            threads=[ThreadSeen(name, stack) for name, stack in running],
        )

    def _age(self, flow: Flow) -> int:
        return milliseconds(self.clock.monotonic() - flow.born_monotonic) or 0

    def _task(self, info: TaskInfo, flow: Flow | None, stack: list[str], current: int) -> TaskSeen:
        state: Literal["running", "waiting", "cancelling"] = "waiting"
        if info.id == current:
            state = "running"
        elif info.has_pending_cancellation():
            state = "cancelling"
        age = None if flow is None else self._age(flow)
        return TaskSeen(info.id, info.name or "", state, "" if flow is None else flow.id, age, stack)

    def _flow(self, flow: Flow, tasks: list[TaskSeen]) -> FlowSeen:
        run = self.runs.find_active(flow.id)
        return FlowSeen(
            id=flow.id,
            age=self._age(flow),
            stage=flow.stage,
            status=run.status if run is not None else "",
            account=run.record.account_id if run is not None else "",
            pipeline=flow.route.pipeline.name,
            snapshot=flow.snapshot.version,
            events=flow.events,
            tasks=sum(task.flow == flow.id for task in tasks),
        )

    def _snapshots(self) -> list[SnapshotSeen]:
        now, carried = self.cell.current.version, self.live.by_snapshot()
        return [SnapshotSeen(one, carried.get(one, 0), one == now) for one in sorted({now, *carried})]


def _tasks(infos: list[TaskInfo]) -> list[tuple[TaskInfo, Flow | None, list[str]]]:
    """Each with its flow, or that of the task that started it, and its stack."""
    frames = {info.id: frames_of(info) for info in infos}
    flows = {id: flow_of(found) for id, found in frames.items()}
    return [
        (info, flows[info.id] or flows.get(info.parent_id or 0), places(frames[info.id]))
        for info in sorted(infos, key=lambda one: (flows[one.id] is None, one.name or "", one.id))
    ]


def text_of(dump: Dump) -> str:
    """The same for a person: counts, then flows, then tasks by flow, then threads."""
    lines = [f"luna, process {dump.process}{', draining' if dump.draining else ''}", ""]
    lines += [f"{name:<20}{value}" for name, value in msgspec.to_builtins(dump.open).items()]
    lines += ["", "snapshots"]
    lines += [f"  {one.version}: {one.flows} flows{', in force' if one.current else ''}" for one in dump.snapshots]
    lines += ["", f"flows ({len(dump.flows)})"]
    for flow in dump.flows:
        about = f"{flow.age / 1000:.1f} s, at {flow.stage or 'birth'}, {flow.status or 'no run'}, {flow.events} events"
        lines.append(f"  {flow.id}  {about}, account {flow.account or 'none'}, pipeline {flow.pipeline}")
    lines += ["", f"tasks ({len(dump.tasks)})"]
    for task in dump.tasks:
        lines.append(f"  {task.name} [{task.state}]{f'  {task.flow}' if task.flow else ''}")
        lines += [f"      {place}" for place in task.stack]
    lines += ["", f"threads ({len(dump.threads)})"]
    for thread in dump.threads:
        lines.append(f"  {thread.name}")
        lines += [f"      {place}" for place in thread.stack]
    return "\n".join([*lines, ""])


def routes(workings: Workings) -> list[Operation]:
    """The route of this subject."""

    async def show(request: Request) -> Response:
        return _answer(workings, request)

    return [Operation("GET", "/debug/tasks", show, ABOUT, asks=DumpQuery, gives=Dump, text=True)]


def at_the_root(workings: Workings, door: Door) -> list[Route]:
    """The same at `/debug/tasks`, where people look for it; it needs the key all the same."""

    async def show(request: Request) -> Response:
        door.check(request.headers, remote_of(request.scope))
        return _answer(workings, request)

    return [Route("/debug/tasks", show, methods=["GET"])]


def _answer(workings: Workings, request: Request) -> Response:
    wanted, dump = query_of(request, DumpQuery), workings.dump()
    if wanted.format == "text":
        return Response(text_of(dump), media_type="text/plain", headers={"cache-control": "no-store"})
    return json(dump)
