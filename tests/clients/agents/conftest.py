"""A luna whose upstream is played by a model that uses tools, and a file that only a tool can read."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clients.agents.running import Surroundings
from tests.support.agent_model import SECRET, AgentModel, marker
from tests.support.house import Running, running_luna

MODEL = "qwen3.7-plus"
KEY = "sk-agents"


@pytest.fixture
def model() -> AgentModel:
    return AgentModel()


@pytest.fixture
async def luna(tmp_path: Path, model: AgentModel) -> AsyncIterator[Running]:
    async with running_luna(tmp_path / "data", environ={"LUNA_PROXY_KEY": KEY}) as running:
        running.lookalike.scripts.insert(0, model.script)
        yield running


@pytest.fixture
def around(tmp_path: Path, luna: Running) -> Surroundings:
    """A fresh home and a working folder with the secret file in it."""
    surroundings = Surroundings(tmp_path / "client", luna.url, MODEL, KEY)
    surroundings.make()
    (surroundings.work / SECRET).write_text(f"{marker(secrets.token_hex(6))}\n")
    return surroundings


@pytest.fixture
def secret(around: Surroundings) -> str:
    """The marker in it."""
    return (around.work / SECRET).read_text().strip()
