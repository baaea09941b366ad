"""A real agent whose call a person changes at a breakpoint: it runs the changed call, and says what that gave."""

import secrets

import anyio
import pytest

from tests.clients.agents.clients import AGENTS, Agent, Outcome
from tests.clients.agents.running import Surroundings
from tests.support.agent_model import AgentModel, marker, reading_task
from tests.support.halting import Debugger
from tests.support.house import Running

CHOSEN = tuple(agent for agent in AGENTS if agent.name in ("claude-code reads", "pi on responses"))
OTHER = "other.txt"


@pytest.mark.parametrize("agent", CHOSEN, ids=lambda agent: agent.name.replace(" ", "-"))
async def test_an_agent_runs_the_changed_call(
    agent: Agent, luna: Running, model: AgentModel, around: Surroundings, secret: str
) -> None:
    if agent.install.unavailable:
        pytest.skip(agent.install.unavailable)
    changed = marker(secrets.token_hex(6))
    (around.work / OTHER).write_text(f"{changed}\n")
    debugger, outcomes = Debugger(luna), list[Outcome]()
    await debugger.arm(boundary="tools.intercept", filter="~args secret.txt")

    async def run() -> None:
        outcomes.append(await around.run(agent, reading_task(around.work / "secret.txt")))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        halted = await debugger.halted(patience=100)
        opened, delta, closed = halted["events"]
        assert str(around.work / "secret.txt") in delta["json"]
        delta["json"] = delta["json"].replace("secret.txt", OTHER)
        await debugger.post(f"/halted/{halted['id']}/edit", {"events": [opened, delta, closed]})
    said = f"\nmodel: {model!r}\noutput: {outcomes[0].output[-4000:]}\nerrors: {outcomes[0].errors[-4000:]}"
    assert outcomes[0].code == 0, said
    assert changed in agent.answer(outcomes[0]), said
    assert secret not in outcomes[0].output, said
    await luna.settled()
