"""Tests of the configuration see no setting of the machine they run on."""

import os

import pytest


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("LUNA_", "QWEN_AI_"))]:
        monkeypatch.delenv(name)
