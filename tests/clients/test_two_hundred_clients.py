"""Limits as Qwen sees them, under two hundred clients at once; what is cancelled in the queue never reaches it."""

from pathlib import Path

import msgspec
from anyio import create_task_group, fail_after, sleep

from luna.demo.serve import Lookalike
from tests.support.house import ADMIN_KEY, Running, running_luna

CLIENTS = 200
LIMIT = 6
ADMIN = {"authorization": f"Bearer {ADMIN_KEY}"}


def asking(text: str) -> bytes:
    return msgspec.json.encode({"model": "qwen3.7-plus", "messages": [{"role": "user", "content": text}]})


async def limit_to(luna: Running, most: int) -> None:
    settings = {"multiThread": {"defaultAccountMaxConcurrentRuns": most, "globalMaxConcurrentRuns": 0}}
    settings["multiThread"]["defaultProviderMaxConcurrentRuns"] = 0
    response = await luna.request("PATCH", "/api/config", msgspec.json.encode({"settings": settings}), ADMIN)
    assert response.status == 200, response.content


async def test_an_accounts_limit_holds_and_everybody_is_answered(tmp_path: Path) -> None:
    async with running_luna(tmp_path) as luna:
        await limit_to(luna, LIMIT)
        statuses: list[int] = []

        async def client(number: int) -> None:
            text = f"[[count:3]] [[pace:2]] client {number}"
            statuses.append((await luna.request("POST", "/v1/chat/completions", asking(text))).status)

        with fail_after(60):
            async with create_task_group() as tasks:
                for number in range(CLIENTS):
                    tasks.start_soon(client, number)
        assert statuses == [200] * CLIENTS
        assert luna.lookalike.streams("test").peak == LIMIT
        assert luna.lookalike.state.counters.completions == CLIENTS
        await luna.settled()


async def test_what_is_cancelled_in_the_queue_never_reaches_qwen(tmp_path: Path) -> None:
    async with running_luna(tmp_path) as luna:
        await limit_to(luna, 1)
        ended: dict[str, int] = {}

        async def client(name: str, text: str) -> None:
            ended[name] = (await luna.request("POST", "/v1/chat/completions", asking(text))).status

        async with create_task_group() as tasks:
            tasks.start_soon(client, "first", "[[count:40]] [[pace:20]] first")
            queued = await _queued_behind(luna, lambda: tasks.start_soon(client, "second", "second"))
            response = await luna.request("POST", f"/api/runs/{queued}/cancel", b"{}", ADMIN)
            assert response.status == 200, response.content
        assert ended["first"] == 200
        assert ended["second"] >= 400
        assert luna.lookalike.state.counters.completions == 1
        shown = msgspec.json.decode((await luna.request("GET", f"/api/runs/{queued}", headers=ADMIN)).content)
        assert shown["status"] == "cancelled"
        await luna.settled()


async def _queued_behind(luna: Running, start_another) -> str:  # type: ignore[no-untyped-def]
    """Wait until the first streams, start another, wait until it queues; its id."""
    with fail_after(10):
        while luna.lookalike.state.counters.completions == 0:
            await sleep(0.01)
        start_another()
        while True:
            runs = msgspec.json.decode((await luna.request("GET", "/api/runs?status=queued", headers=ADMIN)).content)
            if runs:
                return str(runs[0]["id"])
            await sleep(0.01)


async def test_the_other_account_takes_over_from_a_limited_one(tmp_path: Path) -> None:
    async with running_luna(tmp_path) as luna:
        await _add(luna, luna.lookalike, "second")
        luna.lookalike.limit("test", hours=5)
        served: list[str] = []
        for number in range(6):
            response = await luna.request("POST", "/v1/chat/completions", asking(f"question {number}"))
            assert response.status == 200, response.content
            served.append(dict(response.headers)[b"x-luna-account-id"].decode())
        assert set(served) == {"second"}
        accounts = msgspec.json.decode((await luna.request("GET", "/api/accounts", headers=ADMIN)).content)
        states = {account["id"]: account["state"] for account in _listed(accounts)}
        assert states == {"env": "cooling", "second": "ready"}


def _listed(answer: object) -> list[dict[str, str]]:
    found = answer["accounts"] if isinstance(answer, dict) else answer
    assert isinstance(found, list)
    return found


async def _add(luna: Running, lookalike: Lookalike, name: str) -> None:
    login = lookalike.login(name)
    body = {"id": name, "credentials": {"token": login.token, "cookies": login.cookie_header}}
    response = await luna.request("POST", "/api/accounts", msgspec.json.encode(body), ADMIN)
    assert response.status in (200, 201), response.content
