"""Real agents against a whole luna: each must call a tool, run it, send back the result, and show the answer.

The look-alike plays the model. The marker stands in a file, of which the model knows only the path; so a final answer
with the marker has come through the tool.
"""

from pathlib import Path

import pytest

from tests.clients.agents.clients import AGENTS, Agent
from tests.clients.agents.running import Surroundings
from tests.support.agent_model import (
    DELIVERY,
    OUT,
    OUT_BEFORE,
    PATCHER,
    READERS,
    SEARCHERS,
    SECRET,
    SHELLS,
    AgentModel,
    Form,
    named_tool_task,
    patching_task,
    reading_task,
    shell_task,
)
from tests.support.house import Running

ENOUGH = 6
"""So many different clients must have made their round."""

QUICKEST = tuple(agent for agent in AGENTS if agent.name in ("claude-code reads", "pi on chat", "pi on responses"))
"""One for each protocol."""

_finished: set[str] = set()


def named(agent: Agent) -> str:
    """For test ids."""
    return agent.name.replace(" ", "-")


@pytest.mark.parametrize("agent", AGENTS, ids=named)
async def test_an_agent_makes_a_full_round(
    agent: Agent, luna: Running, model: AgentModel, around: Surroundings, secret: str
) -> None:
    await _round(agent, model, around, secret)
    await luna.settled()


@pytest.mark.parametrize("form", ["native", "hermes"])
@pytest.mark.parametrize("agent", QUICKEST, ids=named)
async def test_a_model_that_calls_in_its_own_way_makes_the_same_round(
    agent: Agent, form: Form, luna: Running, model: AgentModel, around: Surroundings, secret: str
) -> None:
    model.form = form
    await _round(agent, model, around, secret)
    await luna.settled()


async def _round(agent: Agent, model: AgentModel, around: Surroundings, secret: str) -> None:
    if agent.install.unavailable:
        pytest.skip(agent.install.unavailable)
    outcome = await around.run(agent, _task(agent, around.work))
    if "gave up" in model.acts:
        # The agent's own terminal may give up on a busy machine; what luna gets wrong, it gets wrong twice.
        model.acts.clear()
        model.prompts.clear()
        outcome = await around.run(agent, _task(agent, around.work))
    said = f"\nmodel: {model!r}\noutput: {outcome.output[-4000:]}\nerrors: {outcome.errors[-4000:]}"
    assert outcome.code == 0, said
    if agent.edits:
        assert agent.answer(outcome) == f"{OUT_BEFORE}{secret}\n", said
        assert model.acts == ["edit"]
    else:
        assert secret in agent.answer(outcome), said
        assert not any(markup in outcome.output for markup in ("<ml_", "<tool_call>", "does not exist")), said
        _assert_one_round(agent, model, secret)
        assert not agent.patches or (around.work / OUT).read_text() == f"{secret}\n"
    _finished.add(agent.install.name)


def _assert_one_round(agent: Agent, model: AgentModel, secret: str) -> None:
    """Calls of the wanted kind, then the answer; and nobody told the model before."""
    acts = [(act, prompt) for act, prompt in zip(model.acts, model.prompts, strict=True) if act != "side request"]
    *calls, (last, _) = acts
    assert last == (f"call {DELIVERY}" if agent.delivers else "answer"), model
    match [act.removeprefix("call ") for act, _ in calls]:
        case [shell, patcher] if agent.patches:
            assert shell in SHELLS
            assert patcher == PATCHER
        case [search, tool] if agent.tool:
            assert search in SEARCHERS
            assert tool == agent.tool
        case [tool]:
            assert tool in (SHELLS if agent.shell else READERS)
        case _:
            raise AssertionError(model)
    unknowing = calls[:1] if agent.patches else calls
    assert not any(secret in prompt for _, prompt in unknowing)


def _task(agent: Agent, work: Path) -> str:
    secret = work / SECRET
    if agent.edits:
        (work / OUT).write_text(OUT_BEFORE)
        return f"Add the marker of {SECRET} to {OUT}, as a line at its end."
    if agent.patches:
        return patching_task(secret)
    if agent.tool:
        return named_tool_task(secret, agent.tool)
    return shell_task(secret) if agent.shell else reading_task(secret)


def test_enough_different_agents_ran(request: pytest.FixtureRequest) -> None:
    """Six; of fewer, where somebody chose fewer, all."""
    agents = [agent for item in request.session.items if (agent := _agent_of(item)) is not None]
    chosen = {agent.install.name: agent.install for agent in agents}.values()
    missing = [f"{one.unavailable or f'{one.name}: failed'}" for one in chosen if one.name not in _finished]
    assert len(_finished) >= min(ENOUGH, len(chosen)), f"{len(_finished)} made their round; not {', '.join(missing)}"


def _agent_of(item: pytest.Item) -> Agent | None:
    parameters = getattr(item, "callspec", None)
    agent = parameters.params.get("agent") if parameters is not None else None
    return agent if isinstance(agent, Agent) else None
