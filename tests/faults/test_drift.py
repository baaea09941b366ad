"""A whole luna, and an upstream that begins to say something new: everybody hears of it, once."""

from pathlib import Path
from typing import Any

import anyio
import msgspec

from luna.demo.faults import Fault
from luna.state.drift import Drift
from tests.support.house import ADMIN_KEY, Running, running_luna

KEY = {"authorization": f"Bearer {ADMIN_KEY}"}
TOOLS = [{"type": "function", "function": {"name": "Bash", "parameters": {"type": "object", "properties": {}}}}]


async def ask(luna: Running, prompt: str, **more: Any) -> str:
    body = {"model": "qwen3.7-plus", "messages": [{"role": "user", "content": prompt}], **more}
    response = await luna.request("POST", "/v1/chat/completions", msgspec.json.encode(body))
    await luna.settled()
    with anyio.fail_after(10):
        await luna.house.services[Drift].settled()
    return dict(response.headers)[b"x-luna-flow"].decode()


async def test_the_look_alikes_ordinary_traffic_is_all_known(tmp_path: Path) -> None:
    async with running_luna(tmp_path) as luna:
        for prompt in ("Hello", "[[think:Hm.]][[say:Yes.]]", "[[fault:internal-once]] Hello", "[[fault:rate-limit]]"):
            await ask(luna, prompt, stream=True)
        await ask(luna, "Call Bash", tools=TOOLS)
        await luna.request("GET", "/v1/models")
        await ask(luna, "bye")
        assert luna.house.services[Drift].findings() == []


async def test_a_new_phase_is_told_everywhere_and_once(tmp_path: Path) -> None:
    async with running_luna(tmp_path) as luna:
        with luna.house.state.bulletin.listening(["drift"]) as onlooker:
            luna.lookalike.faults.push(Fault("unknown-phase"), times=2)
            flow = await ask(luna, "Hello", stream=True)
            await ask(luna, "Hello again", stream=True)
            told = [msgspec.json.decode(one.data) for one in await onlooker.take()]
        assert told == [{"open": 1}]
        listed = msgspec.json.decode((await luna.request("GET", "/api/drift", headers=KEY)).content)
        assert [(one["kind"], one["name"], one["flow"]) for one in listed["findings"]] == [
            ("phase", "research_notes", flow)
        ]
        figures = (await luna.request("GET", "/metrics")).content.decode()
        assert 'luna_upstream_drift_total{kind="phase"} 1' in figures
    async with running_luna(tmp_path) as luna:
        luna.lookalike.faults.push(Fault("unknown-phase"))
        await ask(luna, "Hello", stream=True)
        assert [one.flow for one in luna.house.services[Drift].findings()] == [flow]
        assert luna.house.state.metrics.drift.value("phase") == 0
