"""`/api/workers`: the lunas that forward for this one.

Field names are LunaProxy's. A worker's key goes in and never comes out, but once: in the answer that made it, because
it has to be set on the other side.
"""

from typing import Annotated, Any

import anyio
import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from luna.admin.envelope import json, read
from luna.admin.network import Id, Text, Url, WayRemoved, findings, given, matches, named, seen
from luna.admin.operation import Operation
from luna.model.errors import Kind, LunaError
from luna.state.account import PROVIDER
from luna.state.egress import Egress
from luna.state.network import Network, Status, Worker

AT_ONCE = 4
"""Workers that are verified at the same time."""

Runs = Annotated[int, Meta(ge=0, le=10_000, description="Runs at once; 0: no limit, null: as the settings say.")]


class WorkerBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What a worker is to be. A field that is left out stays as it was. What luna found out itself (`status`,
    `lastVerifiedIp` …) may be sent back and is not read."""

    id: Id | UnsetType = UNSET
    base_url: Url | UnsetType = UNSET
    key: Annotated[str, Meta(max_length=500)] | UnsetType = UNSET
    provider_id: str | UnsetType = UNSET
    account_id: Id | UnsetType | None = UNSET
    network_profile_id: Id | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET
    max_concurrent_runs: Runs | UnsetType | None = UNSET
    expected_ip: Text | UnsetType | None = UNSET
    status: Any = None
    last_verified_ip: Any = None
    last_verified_at: Any = None
    last_checked_at: Any = None
    last_error: Any = None


class WorkerView(msgspec.Struct, rename="camel", omit_defaults=True):
    """A worker as it may be shown. Times are milliseconds since the epoch."""

    id: str
    base_url: str
    provider_id: str
    enabled: bool
    status: Status
    max_concurrent_runs: int | None = None
    account_id: str = ""
    network_profile_id: str = ""
    expected_ip: str = ""
    last_verified_ip: str = ""
    last_verified_at: int | None = None
    last_checked_at: int | None = None
    last_error: str = ""
    """Why the last check failed."""


class WorkerPut(WorkerView, rename="camel", omit_defaults=True):
    """The same, in the answer to who put it there."""

    key: str = ""
    """The one that luna made for it, shown this once."""


class WorkerChecked(msgspec.Struct, rename="camel", omit_defaults=True):
    """What a check of a worker found. `match`: it shows an address, and the expected one if there is such."""

    worker_id: str
    match: bool
    ip: str = ""
    expected_ip: str = ""
    error: str = ""


def routes(network: Network, egress: Egress) -> list[Operation]:
    """The routes of this subject."""

    async def workers(_: Request) -> Response:
        return json([WorkerView(**_fields(worker)) for worker in network.workers()])

    async def add_worker(request: Request) -> Response:
        return await _put(network, await read(request, WorkerBody), "")

    async def change_worker(request: Request) -> Response:
        return await _put(network, await read(request, WorkerBody), request.path_params["id"])

    async def remove_worker(request: Request) -> Response:
        await network.remove_worker(request.path_params["id"])
        return json(WayRemoved(ok=True))

    async def verify_worker(request: Request) -> Response:
        return json(await _check(egress, network.worker(request.path_params["id"])))

    async def verify_all(_: Request) -> Response:
        limiter, checked = anyio.CapacityLimiter(AT_ONCE), dict[str, WorkerChecked]()

        async def one(worker: Worker) -> None:
            async with limiter:
                try:
                    checked[worker.id] = await _check(egress, worker)
                except LunaError as error:  # it was removed meanwhile, or the disk is full
                    checked[worker.id] = WorkerChecked(worker.id, False, error=error.message)

        async with anyio.create_task_group() as tasks:
            for worker in network.workers():
                tasks.start_soon(one, worker)
        return json([checked[name] for name in sorted(checked)])

    one = "/workers/{id}"
    add, change = "Add or change one.", "Change or add one."
    return [
        Operation("GET", "/workers", workers, "The lunas that forward for this one.", gives=list[WorkerView]),
        Operation("POST", "/workers", add_worker, add, takes=WorkerBody, gives=WorkerPut, also=(201,)),
        Operation("POST", "/workers/verify-all", verify_all, "Ask all for their address.", gives=list[WorkerChecked]),
        Operation("PUT", one, change_worker, change, takes=WorkerBody, gives=WorkerPut, also=(201,)),
        Operation("DELETE", one, remove_worker, "Remove one.", gives=WayRemoved),
        Operation("POST", f"{one}/verify-ip", verify_worker, "Ask it for its address.", gives=WorkerChecked),
    ]


async def _check(egress: Egress, worker: Worker) -> WorkerChecked:
    verified = await egress.verify_worker(worker.id)
    match, ip = matches(verified, worker.expected_ip), seen(verified)
    return WorkerChecked(worker.id, match, ip, worker.expected_ip, verified.error)


async def _put(network: Network, body: WorkerBody, worker_id: str) -> Response:
    name = named(body.id, worker_id)
    known = network.find_worker(name)
    changes = given(body, Worker) | {"id": name}
    if changes.get("provider_id", PROVIDER) != PROVIDER:
        raise LunaError(Kind.BAD_REQUEST, f"luna has one provider: {PROVIDER}.", param="providerId")
    if body.max_concurrent_runs is None:
        changes["max_concurrent_runs"] = None
    if known is None and "base_url" not in changes:
        raise LunaError(Kind.BAD_REQUEST, "baseUrl: a worker must be somewhere.", param="baseUrl")
    put = await network.put_worker(msgspec.structs.replace(known or Worker(name, ""), **changes))
    made_here = known is None and not changes.get("key")
    shown = WorkerPut(**_fields(put), key=put.key if made_here else "")
    return json(shown, 200 if known else 201)


def _fields(worker: Worker) -> dict[str, Any]:
    return {
        "id": worker.id,
        "base_url": worker.base_url,
        "provider_id": worker.provider_id,
        "enabled": worker.enabled,
        "status": worker.status,
        "max_concurrent_runs": worker.max_concurrent_runs,
        "account_id": worker.account_id,
        "network_profile_id": worker.network_profile_id,
        "expected_ip": worker.expected_ip,
        **findings(worker.verified),
    }
