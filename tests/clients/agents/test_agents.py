"""Real agents against a whole luna: each must call a tool, run it, send back the result, and show the answer.

The look-alike plays the model. The marker stands in a file, of which the model knows only the path; so a final answer
with the marker has come through the tool.
"""

from pathlib import Path

import pytest

from tests.clients.agents.clients import AGENTS, Agent
from tests.clients.agents.installs import NODE
from tests.clients.agents.running import Surroundings
from tests.support.agent_model import (
    OUT,
    OUT_BEFORE,
    READERS,
    SEARCHER,
    SECRET,
    SHELLS,
    AgentModel,
    named_tool_task,
    reading_task,
    shell_task,
)
from tests.support.house import Running

ENOUGH = 6
"""So many different clients must have made their round."""

_finished: set[str] = set()


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name.replace(" ", "-"))
async def test_an_agent_makes_a_full_round(
    agent: Agent, luna: Running, model: AgentModel, around: Surroundings, secret: str
) -> None:
    for needed in (NODE, agent.install):
        if needed.failure:
            pytest.skip(f"{needed.name}: {needed.failure}")
    outcome = await around.run(agent, _task(agent, around.work))

    said = f"\nmodel: {model!r}\noutput: {outcome.output[-4000:]}\nerrors: {outcome.errors[-4000:]}"
    assert outcome.code == 0, said
    if agent.edits:
        assert agent.answer(outcome) == f"{OUT_BEFORE}{secret}\n", said
        assert model.acts == ["edit"]
    else:
        assert secret in agent.answer(outcome), said
        assert "<ml_" not in outcome.output
        _assert_one_round(agent, model, secret)
    await luna.settled()
    _finished.add(agent.install.name)


def _assert_one_round(agent: Agent, model: AgentModel, secret: str) -> None:
    """Calls of the wanted kind, then the answer; and nobody told the model before."""
    assert [act for act in model.acts if act != "side request"] == [*(f"call {tool}" for tool in model.calls), "answer"]
    match model.calls:
        case [search, tool] if agent.tool:
            assert (search, tool) == (SEARCHER, agent.tool)
        case [tool]:
            assert tool in (SHELLS if agent.shell else READERS)
        case _:
            raise AssertionError(model)
    assert not any(secret in prompt for prompt in model.prompts[: model.acts.index("answer")])


def _task(agent: Agent, work: Path) -> str:
    secret = work / SECRET
    if agent.edits:
        (work / OUT).write_text(OUT_BEFORE)
        return f"Add the marker of {SECRET} to {OUT}, as a line at its end."
    if agent.tool:
        return named_tool_task(secret, agent.tool)
    return shell_task(secret) if agent.shell else reading_task(secret)


def test_enough_different_agents_ran(request: pytest.FixtureRequest) -> None:
    """Six; of fewer, where somebody chose fewer, all."""
    agents = [agent for item in request.session.items if (agent := _agent_of(item)) is not None]
    chosen = {agent.install.name: agent.install for agent in agents}.values()
    missing = [f"{one.name} ({one.failure or 'failed'})" for one in chosen if one.name not in _finished]
    assert len(_finished) >= min(ENOUGH, len(chosen)), f"{len(_finished)} made their round; not {', '.join(missing)}"


def _agent_of(item: pytest.Item) -> Agent | None:
    parameters = getattr(item, "callspec", None)
    agent = parameters.params.get("agent") if parameters is not None else None
    return agent if isinstance(agent, Agent) else None
