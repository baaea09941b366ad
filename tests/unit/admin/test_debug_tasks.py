"""`/debug/tasks`: where every task is, and whose it is."""

from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from tests.support.house import ADMIN_KEY, Running, running_luna

KEY = {"authorization": f"Bearer {ADMIN_KEY}"}
SLOW = "[[pace:100]] [[count:3000]] canary-in-a-prompt"
BOTH = pytest.mark.parametrize("path", ["/api/debug/tasks", "/debug/tasks"])


async def dump(luna: Running, path: str = "/api/debug/tasks") -> dict[str, Any]:
    answer = await luna.request("GET", path, headers=KEY)
    assert answer.status == 200, answer.content
    found: dict[str, Any] = msgspec.json.decode(answer.content)
    return found


async def ask(luna: Running) -> None:
    body = {"model": "qwen3.7-plus", "stream": True, "messages": [{"role": "user", "content": SLOW}]}
    await luna.request("POST", "/v1/chat/completions", msgspec.json.encode(body))


@BOTH
async def test_a_flow_is_seen_with_its_tasks_down_to_where_they_wait(tmp_path: Path, path: str) -> None:
    async with running_luna(tmp_path, environ={"LUNA_RECORD": "all"}) as luna, anyio.create_task_group() as tasks:
        tasks.start_soon(ask, luna)
        with anyio.fail_after(60):
            while not any(run.status == "streaming" for run in luna.house.state.runs.active()):
                await anyio.sleep(0.005)
        seen = await dump(luna, path)
        [flow] = luna.house.live
        [told] = seen["flows"]
        assert (told["id"], told["status"], told["pipeline"]) == (flow.id, "streaming", "chat")
        assert told["account"] == luna.house.accounts.all()[0].id and told["age"] >= 0
        assert told["snapshot"] == flow.snapshot.version
        own = [task for task in seen["tasks"] if task["flow"] == flow.id]
        assert len(own) == told["tasks"] >= 2
        deep = max((task["stack"] for task in own), key=len)
        walked = "\n".join(deep)
        for place in ("luna/server/gateway.py", "luna/core/engine.py", "luna/stages/schedule.py", "luna/stages/qwen"):
            assert place in walked, f"{place} is missing:\n{walked}"
        assert not any(place.startswith("/") for place in deep), "nothing of this machine"
        assert [task["state"] for task in seen["tasks"]].count("running") == 1
        names = {task["name"] for task in seen["tasks"]}
        assert {"the log", "the runs", "the chats"} <= names, "what goes on beside the requests has a name"
        counts = seen["open"]
        assert (counts["flows"], counts["leases"], counts["exchanges"]) == (1, 1, 1)
        assert counts["connections"] >= 1 and counts["tasks"] == len(seen["tasks"])
        assert counts["threads"] == len(seen["threads"]) and counts["memory"] > 10_000_000
        version = luna.house.config.cell.current.version
        assert seen["snapshots"] == [{"version": version, "flows": 1, "current": True}]
        assert any("debug_tasks" in place for thread in seen["threads"] for place in thread["stack"])
        tasks.cancel_scope.cancel()


async def test_as_text_it_says_the_same(tmp_path: Path) -> None:
    async with running_luna(tmp_path) as luna, anyio.create_task_group() as tasks:
        tasks.start_soon(ask, luna)
        with anyio.fail_after(60):
            while not any(run.status == "streaming" for run in luna.house.state.runs.active()):
                await anyio.sleep(0.005)
        answer = await luna.request("GET", "/debug/tasks?format=text", headers=KEY)
        [flow] = luna.house.live
        tasks.cancel_scope.cancel()
    said = answer.content.decode()
    assert dict(answer.headers)[b"content-type"].startswith(b"text/plain")
    assert said.count(flow.id) >= 3 and "luna/core/engine.py:" in said and "leases" in said
    assert "canary-in-a-prompt" not in said and ADMIN_KEY not in said


async def test_once_nothing_goes_on_nothing_is_told(tmp_path: Path) -> None:
    async with running_luna(tmp_path) as luna:
        seen = await dump(luna)
        assert seen["flows"] == [] and not any(task["flow"] for task in seen["tasks"])
        assert seen["open"]["leases"] == seen["open"]["exchanges"] == 0


@BOTH
async def test_it_needs_the_admin_key(tmp_path: Path, path: str) -> None:
    async with running_luna(tmp_path) as luna:
        for headers in ({}, {"authorization": "Bearer wrong"}):
            answer = await luna.request("GET", path, headers=headers)
            assert answer.status == 401 and b"stack" not in answer.content
        wrong = await luna.request("GET", f"{path}?format=xml", headers=KEY)
        assert wrong.status == 400
