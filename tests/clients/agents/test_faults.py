"""Real agents whose answer goes wrong once: those that can go on do so, each in its own way."""

import pytest

from luna.demo.faults import Fault
from tests.clients.agents.clients import AGENTS, Agent
from tests.clients.agents.running import Surroundings
from tests.support.agent_model import AgentModel, reading_task, shell_task
from tests.support.house import Running

NAMES = ("claude-code reads", "codex", "opencode on messages")
CHOSEN = tuple(agent for agent in AGENTS if agent.name in NAMES)
FAULTS = {"a cut": Fault("cut", 1500), "an end in the middle of a frame": Fault("half-frame")}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("agent", CHOSEN, ids=lambda agent: agent.name.replace(" ", "-"))
async def test_an_agent_gets_over_an_answer_that_breaks_off(
    agent: Agent, fault: str, luna: Running, model: AgentModel, around: Surroundings, secret: str
) -> None:
    if agent.install.unavailable:
        pytest.skip(agent.install.unavailable)
    luna.lookalike.faults.push(FAULTS[fault])
    task = (shell_task if agent.shell else reading_task)(around.work / "secret.txt")
    outcome = await around.run(agent, task)
    said = f"\nmodel: {model!r}\noutput: {outcome.output[-4000:]}\nerrors: {outcome.errors[-4000:]}"
    assert len(luna.lookalike.faults) == 0, said
    assert outcome.code == 0, said
    assert secret in agent.answer(outcome), said
    await luna.settled()
