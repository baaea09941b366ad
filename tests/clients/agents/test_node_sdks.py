"""The official SDKs for Node against a whole luna: their own loops for tools, and hand-made ones, streamed and not."""

from pathlib import Path

import pytest

from tests.clients.agents.installs import NODE, NODE_SDKS
from tests.clients.agents.running import Surroundings, run
from tests.support.agent_model import SECRET, AgentModel, reading_task
from tests.support.house import Running

SCRIPTS = Path(__file__).with_name("node")
CASES = (
    ("openai", "chat"),
    ("openai", "chat-streamed"),
    ("openai", "responses"),
    ("openai", "responses-streamed"),
    ("anthropic", "messages"),
    ("anthropic", "messages-streamed"),
    ("anthropic", "runner"),
    ("anthropic", "runner-streamed"),
)


@pytest.mark.parametrize(("sdk", "case"), CASES)
async def test_a_tool_makes_a_full_round(
    sdk: str, case: str, luna: Running, model: AgentModel, around: Surroundings, secret: str
) -> None:
    if NODE_SDKS.unavailable:
        pytest.skip(NODE_SDKS.unavailable)
    script = around.work / f"{sdk}.mjs"
    script.write_bytes((SCRIPTS / script.name).read_bytes())
    (around.work / "node_modules").symlink_to(NODE_SDKS.folder / "node_modules")
    task = reading_task(around.work / SECRET)
    environment = around.environment(
        {"LUNA_URL": "$url", "LUNA_KEY": "$key", "LUNA_MODEL": "$model", "LUNA_TASK": task}
    )
    outcome = await run([NODE.program("node"), str(script), case], around.work, environment)
    assert (outcome.code, outcome.output) == (0, f"The marker is {secret}.\n"), (outcome, model)
    assert model.acts == ["call read_file", "answer"]
    await luna.settled()
