"""`/api/runtime` and `/api/provider-runtime`: LunaProxy's shapes, with what is really so."""

from typing import Any

import pytest

from luna.admin.openapi import document as openapi
from luna.admin.runtime import WorkerState, routes
from luna.state.runs import Runs
from luna.state.store import Store
from tests.support.panel import Panel
from tests.support.waiting_room import WaitingRoom


@pytest.fixture
def room() -> WaitingRoom:
    return WaitingRoom("a", global_max_concurrent_runs=5, default_account_max_concurrent_runs=1)


async def seen(room: WaitingRoom, path: str = "/runtime", **more: Any) -> Any:
    told = await Panel(routes(room.scheduler, **more))("GET", f"/api{path}")
    assert told.status == 200
    return told.document


async def test_nothing_runs(room: WaitingRoom) -> None:
    told = await seen(room)
    assert (told["locks"], told["activeRuns"], told["leases"], told["workers"], told["queue"]) == ({}, [], [], [], [])


async def test_the_limits_in_force_are_shown_and_not_the_built_in_ones(room: WaitingRoom) -> None:
    """There it was what had been compiled in (W15)."""
    told = await seen(room)
    assert told["config"]["globalMaxConcurrentRuns"] == 5
    assert {"queueTimeoutMs", "runTimeoutMs", "sameProviderChatPolicy", "enabled"} <= set(told["config"])
    room.limit(global_max_concurrent_runs=7)
    assert (await seen(room, "/provider-runtime"))["config"]["globalMaxConcurrentRuns"] == 7


async def test_who_runs_who_waits_and_for_what(room: WaitingRoom) -> None:
    seat = room.seat("one", run="run-1", chat="c1", session="s1", model="m")
    room.ask("two", run="run-2", chat="c1", patience=60)
    told = await seen(room)
    assert told["locks"] == {
        "global": {"capacity": 1, "capacityMax": 5, "queued": 0},
        "provider:qwen-ai": {"capacity": 1, "capacityMax": 0, "queued": 0},
        "model:m": {"capacity": 1, "capacityMax": 0, "queued": 0},
        "provider-chat:qwen-ai:c1": {
            "capacity": 1,
            "capacityMax": 1,
            "queued": 1,
            "locked": True,
            "ownerId": "run-1",
        },
        "session-write:s1": {"capacity": 1, "capacityMax": 0, "queued": 0},
        "account:qwen-ai:a": {"capacity": 1, "capacityMax": 1, "queued": 1},
    }
    now = room.clock.wall() * 1000
    assert told["activeRuns"] == [
        {
            "id": "run-1",
            "status": "running",
            "providerId": "qwen-ai",
            "accountId": "a",
            "providerChatId": "c1",
            "sessionId": "s1",
            "workerId": "",
            "model": "m",
            "startedAt": now,
        },
        {
            "id": "run-2",
            "status": "queued",
            "providerId": "qwen-ai",
            "accountId": "",
            "providerChatId": "c1",
            "sessionId": "",
            "workerId": "",
            "model": "",
            "startedAt": None,
        },
    ]
    assert told["leases"] == [
        {
            "runId": "run-1",
            "capacityKeys": ["global", "provider:qwen-ai", "model:m", "account:qwen-ai:a"],
            "lockKeys": ["provider-chat:qwen-ai:c1", "session-write:s1"],
            "released": False,
        }
    ]
    (waiting,) = told["queue"]
    assert (waiting["runId"], waiting["client"], waiting["since"], waiting["until"]) == (
        "run-2",
        "two",
        now,
        now + 60e3,
    )
    assert waiting["waitsFor"] == ["provider-chat:qwen-ai:c1", "account:qwen-ai:a"]
    assert waiting["reason"] == "the chat is answering another request, account a: 1 of 1"
    seat.streaming = True
    assert (await seen(room, "/provider-runtime"))["activeRuns"][0]["status"] == "streaming"


async def test_a_worker_is_shown_as_it_is(room: WaitingRoom) -> None:
    worker = WorkerState("w1", "qwen-ai", "healthy", "192.0.2.1")
    told = await seen(room, workers=lambda: [worker])
    assert told["workers"] == [
        {"id": "w1", "providerId": "qwen-ai", "status": "healthy", "lastVerifiedIp": "192.0.2.1"}
    ]


async def test_runs_know_more_of_themselves(room: WaitingRoom, store: Store) -> None:
    runs = Runs(store, room.clock)
    run = runs.begin("run-1", model="gpt-4o")
    run.running("a")
    run.chat("chat-1")
    (shown,) = (await seen(room, runs=runs))["activeRuns"]
    assert (shown["id"], shown["status"], shown["providerChatId"]) == ("run-1", "running", "chat-1")
    assert (shown["model"], shown["startedAt"]) == ("gpt-4o", room.clock.wall() * 1000)


def test_every_route_is_described(room: WaitingRoom) -> None:
    assert {"/api/runtime", "/api/provider-runtime"} == set(openapi(routes(room.scheduler))["paths"])
