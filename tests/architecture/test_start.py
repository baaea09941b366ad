"""What `luna serve` does without until somebody asks for it: each of these costs time at the start, and memory at rest.

Whoever imports one of them at the head of a file finds it here.
"""

import subprocess
import sys
from pathlib import Path

import pytest

LATE = {
    "sqlalchemy": "luna.state.store.sql says what is asked of SQLite every day without it",
    "luna.state.store.schema": "it brings SQLAlchemy",
    "starlette.applications": "only the control plane needs it: luna.server.controls",
    "starlette.responses": "only the control plane needs it",
    "luna.server.controls": "it comes with the first request to the control plane",
    "luna.admin.operation": "it comes with the control plane",
    "luna.demo": "for --demo alone",
    "luna.replay": "for the inspector, and for the gate of reloads",
    "luna.doctor": "another command",
    "luna.traces": "for LUNA_TRACES alone",
    "opentelemetry": "for LUNA_TRACES alone",
    "playwright": "for a login in the browser",
    "jsonschema": "for a schema that luna.tools cannot judge by itself",
    "importlib.metadata": "luna.core.installed finds stages without it",
    "lxml": "for values in XML",
    "psycopg": "for PostgreSQL",
    "difflib": "for the first mistake",
    "email": "for the first cookie with a date",
    "httpcore": "luna.upstream.pools has connections with the first exchange",
    "html": "for the first reference in a tag",
    "mimetypes": "luna.model.media_names reads its tables with the first file",
    "ruamel": "for YAML that is not plain (luna.config.plain_yaml); the shipped files are",
    "tiktoken": "for counting, when somebody counts",
}
"""Modules, and why they are not there."""

SERVE = """
import sys
import anyio
from luna.cli.main import parser
parser("serve")
from luna.config.settings import Settings
from luna.server.assemble import assemble
async def start():
    async with assemble(Settings.from_environment()):
        modules = dict(sys.modules)
        print(*modules)
        print(*[f"{name}.{each}" for name, module in modules.items() if name.startswith("luna.")
                for each, value in vars(module).items()
                if isinstance(value, type) and value.__module__ == name and "__dataclass_fields__" in vars(value)])
anyio.run(start)
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Of a luna that is about to serve, in a new data directory: all modules, and luna's dataclasses in them."""
    environ = {"LUNA_DATA_DIR": str(tmp_path_factory.mktemp("data")), "PATH": ""}
    root = Path(__file__).parents[2]
    ran = subprocess.run([sys.executable, "-c", SERVE], env=environ, cwd=root, capture_output=True, check=True)
    return ran.stdout.decode().splitlines()


@pytest.fixture(scope="module")
def imported(told: list[str]) -> set[str]:
    return set(told[0].split())


@pytest.mark.parametrize("name", LATE)
def test_serving_begins_without(name: str, imported: set[str]) -> None:
    found = sorted(module for module in imported if module == name or module.startswith(f"{name}."))
    assert found == [], LATE[name]


def test_these_modules_are_there_to_be_found(imported: set[str]) -> None:
    assert {"luna.server.assemble", "luna.state.store.local", "luna.stages.qwen"} <= imported


def test_what_is_made_then_is_no_dataclass(told: list[str]) -> None:
    """A dataclass is written and compiled when it is made, which takes half a millisecond; a struct takes a fiftieth
    of that."""
    assert told[1].split() == []
